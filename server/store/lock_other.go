//go:build !unix

package store

import (
	"errors"
	"os"
)

// lock makes sure that one process uses the directory at a time: here an open
// file cannot be removed.
func lock(file string) (unlock func() error, err error) {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errInUse
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}

// locked reports whether another process holds the lock.
func locked(file string) (bool, error) {
	err := os.Remove(file)
	return err != nil && !errors.Is(err, os.ErrNotExist), nil
}
