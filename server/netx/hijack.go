package netx

import (
	"bufio"
	"net"
	"net/http"
)

// Hijacker is a [http.ResponseWriter] that remembers the connection below a
// WebSocket. A closing handshake reads on until the peer answers, and a peer may
// send without end instead: closing what is below ends that, which closing the
// WebSocket once more does not.
type Hijacker struct {
	http.ResponseWriter
	Conn net.Conn // nil before the connection is taken over
}

// Hijack implements [http.Hijacker].
func (h *Hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.Conn = nc
	return nc, rw, err
}
