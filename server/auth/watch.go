package auth

import (
	"io/fs"
	"os"
)

// FileWatch tells when a file has changed, by looking at it: that works with
// every file system, and with replaced files, links and mounts. It belongs to one
// goroutine at a time.
type FileWatch struct {
	name                 string
	taken, seen, changed fs.FileInfo
}

// NewFileWatch watches a file as it is now. What is to follow a file begins before
// it is read for the first time: else a change between the two is never seen.
func NewFileWatch(name string) *FileWatch {
	w := &FileWatch{name: name}
	w.taken, _ = os.Stat(name) // if it is not there, its coming is a change
	return w
}

// Changed reports whether the file is another one than the one that was taken
// last, and has been the same at two looks: one that is being written is not taken
// yet, nor one that is away just now. It does so until the file is taken.
func (w *FileWatch) Changed() bool {
	now, err := os.Stat(w.name)
	if err != nil || same(now, w.taken) {
		w.seen, w.changed = nil, nil
		return false
	}
	if w.changed = nil; same(now, w.seen) {
		w.changed = now
	}
	w.seen = now
	return w.changed != nil
}

// Take says that the file has been read since Changed reported it; one that could
// not be read is still to be taken. If Changed did not report it, Take does nothing.
func (w *FileWatch) Take() {
	if w.changed != nil {
		w.taken, w.seen, w.changed = w.changed, nil, nil
	}
}

func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Follower has files read anew when one of them has changed. If that fails it tries
// again for as long as it takes: it may be that there was no descriptor left just
// then, and what was taken away must not stay for that. It belongs to one goroutine
// at a time.
type Follower struct {
	files  []*FileWatch
	failed string // why the last attempt did
}

// Follow follows files as they are now; empty names are none. It comes before the
// files are read for the first time.
func Follow(names ...string) *Follower {
	f := &Follower{}
	for _, name := range names {
		if name != "" {
			f.files = append(f.files, NewFileWatch(name))
		}
	}
	return f
}

// Look calls read if a file has changed, or if that is due for another reason. It
// reports whether it succeeded, and why it failed, if it did not just before for the
// same reason.
func (f *Follower) Look(due bool, read func() error) (taken bool, err error) {
	for _, w := range f.files {
		due = w.Changed() || due
	}
	if !due {
		return false, nil
	}
	if err = read(); err != nil {
		again := err.Error() == f.failed
		if f.failed = err.Error(); again {
			err = nil
		}
		return false, err
	}
	f.failed = ""
	for _, w := range f.files {
		w.Take()
	}
	return true, nil
}
