//go:build unix

package netx

import (
	"net"
	"syscall"
)

// rawWriter writes what a socket takes at once.
type rawWriter struct {
	raw syscall.RawConn // nil: it is no socket
	try func(fd uintptr) bool
	b   []byte
	n   int
}

func newRawWriter(nc net.Conn) *rawWriter {
	w := &rawWriter{}
	if sc, ok := nc.(syscall.Conn); ok {
		w.raw, _ = sc.SyscallConn()
	}
	w.try = w.tryWrite
	return w
}

// write returns how much of b the socket took without waiting. Errors are left
// for the write that has to follow.
func (w *rawWriter) write(b []byte) int {
	if w.raw == nil {
		return 0
	}
	w.b, w.n = b, 0
	w.raw.Write(w.try)
	w.b = nil
	return w.n
}

func (w *rawWriter) tryWrite(fd uintptr) bool {
	if n, err := syscall.Write(int(fd), w.b); err == nil {
		w.n = n
	}
	return true
}
