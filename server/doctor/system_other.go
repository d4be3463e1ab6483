//go:build !linux

package doctor

// unfit names the kind of a file system that a database does not belong on; it is
// not known here.
func unfit(string) (kind string, bad bool) { return "", false }

// synchronised reports whether the clock follows others; known is false if the
// system does not say.
func synchronised() (yes, known bool) { return false, false }

// lockID is how a file is named where the system lists locks; that is not known here.
func lockID(string) string { return "" }
