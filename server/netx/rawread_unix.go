//go:build unix

package netx

import "syscall"

// initRaw lets a TCP connection be read only when it has input, so that an idle
// one holds no buffer. Other connections (TLS, WebSocket) are read as usual.
func (r *Reader) initRaw() {
	sc, ok := r.nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	r.raw = raw
	r.try = r.tryRead
}

// tryRead is called by the runtime when there may be input. False: wait for it.
func (r *Reader) tryRead(fd uintptr) bool {
	r.acquire()
	for {
		n, err := syscall.Read(int(fd), r.buf[r.have:])
		switch err {
		case nil:
			r.n = n
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			if r.have == 0 {
				r.release()
			}
			return false
		default:
			r.err = err
		}
		return true
	}
}
