//go:build !unix

package netx

// initRaw has nothing to do where connections cannot be read without blocking.
func (r *Reader) initRaw() {}
