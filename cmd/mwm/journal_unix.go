//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// inJournal reports whether systemd's journal gets what is written to a file. The
// variable alone does not say so: programs that a service starts inherit it.
// (systemd.exec(5), JOURNAL_STREAM)
func inJournal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	return ok && os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", at.Dev, at.Ino)
}
