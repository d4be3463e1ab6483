package doctor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// unfit names the kind of a file system that a database does not belong on.
func unfit(dir string) (kind string, bad bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", false
	}
	kind, bad = map[int64]string{
		unix.TMPFS_MAGIC:           "a disk in memory: nothing there outlives a restart of the machine",
		unix.NFS_SUPER_MAGIC:       "a network file system, which cannot keep a database from damage",
		unix.SMB_SUPER_MAGIC:       "a network file system, which cannot keep a database from damage",
		unix.CIFS_SUPER_MAGIC:      "a network file system, which cannot keep a database from damage",
		unix.SMB2_SUPER_MAGIC:      "a network file system, which cannot keep a database from damage",
		unix.OVERLAYFS_SUPER_MAGIC: "the file system of a container, which ends with it: mount a volume",
	}[int64(st.Type)]
	return kind, bad
}

// synchronised reports whether the clock follows others; known is false if the
// system does not say.
func synchronised() (yes, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, true
}

// lockID is how a file is named where the system lists locks; empty if that is not
// known.
func lockID(file string) string {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return ""
	}
	return fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
}
