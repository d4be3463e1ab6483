package stomp

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"mwm/server/netx"
	"mwm/server/stomp/frame"
)

// subprotocols are STOMP's names in a WebSocket handshake, the best first. None
// is as good: CONNECT tells the version.
var subprotocols = []string{"v12.stomp", "v11.stomp", "v10.stomp"}

// ServeWS accepts a WebSocket and serves it until it has ended.
func (s *Server) ServeWS(w http.ResponseWriter, r *http.Request) {
	opt := &websocket.AcceptOptions{Subprotocols: subprotocols}
	if s.opt.Origin != nil {
		if err := s.opt.Origin(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		opt.InsecureSkipVerify = true // the policy has spoken
	}
	below := &netx.Hijacker{ResponseWriter: w}
	c, err := websocket.Accept(below, r, opt)
	if err != nil {
		return // Accept has answered
	}
	c.SetReadLimit(int64(s.opt.Limits.Frame()))
	nc := &wsConn{c: c, below: below.Conn, remote: wsAddr(r.RemoteAddr), shown: netx.VerifiedCertificate(r.TLS)}
	nc.ctx, nc.cancel = context.WithCancel(context.Background())
	s.ServeConn(nc)
}

// wsConn is a WebSocket as a stream of bytes: frames may be cut and joined into
// messages at will, text or binary. Reads and writes may be concurrent with each
// other and with everything else, not with themselves.
type wsConn struct {
	c      *websocket.Conn
	below  net.Conn
	remote net.Addr
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	r      io.Reader // of the current message
	err    error     // instead of a message
	writeD time.Time
	shown  *x509.Certificate // by the client; nil: none
}

// PeerCertificate is for [netx.PeerCertificate].
func (w *wsConn) PeerCertificate() *x509.Certificate { return w.shown }

// Await implements [netx.Awaiter]: it waits for a message to begin.
func (w *wsConn) Await() {
	if w.r == nil && w.err == nil {
		_, w.r, w.err = w.c.Reader(w.ctx)
	}
}

// Read implements [net.Conn].
func (w *wsConn) Read(p []byte) (int, error) {
	for {
		if w.Await(); w.err != nil {
			return 0, wsError(w.err)
		}
		n, err := w.r.Read(p)
		if err == io.EOF {
			w.r, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, wsError(err)
		}
	}
}

// wsError makes an ordinary close an ordinary end.
func wsError(err error) error {
	if err != nil && websocket.CloseStatus(err) >= 0 {
		return io.EOF
	}
	return err
}

// Write implements [net.Conn]. p holds whole frames. Those that are UTF-8 go as
// text: a page's STOMP library may know nothing else.
func (w *wsConn) Write(p []byte) (n int, err error) {
	if utf8.Valid(p) && p[0] != '\n' {
		return w.write(websocket.MessageText, p)
	}
	for n < len(p) && err == nil {
		m, typ := frame.Len(p[n:]), websocket.MessageText
		if !utf8.Valid(p[n : n+m]) {
			typ = websocket.MessageBinary
		}
		_, err = w.write(typ, p[n:n+m])
		n += m
	}
	return n, err
}

func (w *wsConn) write(typ websocket.MessageType, p []byte) (int, error) {
	ctx, cancel := context.WithDeadline(w.ctx, w.writeD)
	defer cancel()
	if err := w.c.Write(ctx, typ, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// hangUp closes with a code that says why, and waits for the peer's answer: not
// for longer than linger, whatever it sends instead.
func (w *wsConn) hangUp(pe *ProtocolError, linger time.Duration) {
	limit := time.AfterFunc(linger, func() { w.below.Close() })
	defer limit.Stop()
	if pe == nil {
		w.c.Close(websocket.StatusNormalClosure, "")
		return
	}
	w.c.Close(websocket.StatusPolicyViolation, pe.Message)
}

// Close implements [net.Conn], without ceremony.
func (w *wsConn) Close() error {
	w.cancel()
	w.below.Close()
	return w.c.CloseNow()
}

// SetWriteDeadline implements [net.Conn]; the writer calls it.
func (w *wsConn) SetWriteDeadline(t time.Time) error {
	w.writeD = t
	return nil
}

func (w *wsConn) SetReadDeadline(time.Time) error { return nil } // hangUp ends reading
func (w *wsConn) SetDeadline(t time.Time) error   { return w.SetWriteDeadline(t) }
func (w *wsConn) LocalAddr() net.Addr             { return wsAddr("") }
func (w *wsConn) RemoteAddr() net.Addr            { return w.remote }

// wsAddr is the address that a request came from.
type wsAddr string

func (a wsAddr) Network() string { return "websocket" }
func (a wsAddr) String() string  { return string(a) }
