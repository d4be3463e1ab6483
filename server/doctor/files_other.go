//go:build !unix

package doctor

// fileLimit is how many files this process may have open; there is no such limit
// here.
func fileLimit() (n uint64, known bool) { return 0, false }
