//go:build linux || darwin

package link

import (
	"golang.org/x/sys/unix"
)

// fileLimit raises the soft limit of open files to the hard one and returns what is then allowed; 0 if that is not known.
func fileLimit() uint64 {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	if l.Cur < l.Max {
		raised := unix.Rlimit{Cur: l.Max, Max: l.Max}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			return raised.Cur
		}
	}
	return l.Cur
}
