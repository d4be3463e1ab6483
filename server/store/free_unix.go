//go:build linux || darwin

package store

import "golang.org/x/sys/unix"

// Free is how many bytes of the disk that dir is on can be used; ok is false if
// that cannot be found out.
func Free(dir string) (bytes int64, ok bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(min(st.Bavail, 1<<50/uint64(st.Bsize))) * int64(st.Bsize), true
}
