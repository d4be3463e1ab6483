//go:build unix

package auth

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockFile waits until nobody else holds the lock of a file. It ends with the
// file's being closed, however the process ends.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX) }

// keepOwner gives a file the owner of the one it replaces: root may change the
// accounts of a server that runs as somebody else.
func keepOwner(f *os.File, old string) error {
	info, err := os.Stat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && (int(s.Uid) != os.Geteuid() || int(s.Gid) != os.Getegid()) {
		return f.Chown(int(s.Uid), int(s.Gid))
	}
	return nil
}
