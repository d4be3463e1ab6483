// Package lasting makes changes of files that outlast a power cut.
package lasting

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Rename puts a file in the place of another one, or gives it its name. When it
// returns that is on disk, and so is all that was written to the file; a power cut
// before leaves the one or the other, whole.
func Rename(from, to string) error {
	f, err := os.OpenFile(from, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// syncDir makes a name in a directory last. Not every system can.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}
