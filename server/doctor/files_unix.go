//go:build unix

package doctor

import "golang.org/x/sys/unix"

// fileLimit is how many files this process may have open, once it asks for all it
// may, as Go does.
func fileLimit() (n uint64, known bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	return uint64(limit.Max), true
}
