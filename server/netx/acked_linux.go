package netx

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acked is how many bytes the peer's side of a TCP connection has acknowledged;
// false if that cannot be found out.
func (o *Outbound) acked() (n uint64, ok bool) {
	nc := o.nc
	if t, isTLS := nc.(interface{ NetConn() net.Conn }); isTLS {
		nc = t.NetConn()
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	var info *unix.TCPInfo
	var infoErr error
	err = raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || infoErr != nil {
		return 0, false
	}
	return info.Bytes_acked, true
}
