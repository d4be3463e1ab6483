package auth

import (
	"io/fs"
	"os"
)

// FileWatch tells when a file has changed, by looking at it: that works with
// every file system, and with replaced files, links and mounts. It belongs to one
// goroutine.
type FileWatch struct {
	name        string
	taken, seen fs.FileInfo
}

// NewFileWatch watches a file as it is now.
func NewFileWatch(name string) *FileWatch {
	w := &FileWatch{name: name}
	w.taken, _ = os.Stat(name) // if it is not there, its coming is a change
	return w
}

// Changed reports whether the file is another one than before, and has been the
// same at two looks: one that is being written is not taken yet, nor one that is
// away just now.
func (w *FileWatch) Changed() bool {
	now, err := os.Stat(w.name)
	if err != nil || same(now, w.taken) {
		w.seen = nil
		return false
	}
	if !same(now, w.seen) {
		w.seen = now
		return false
	}
	w.taken, w.seen = now, nil
	return true
}

func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
