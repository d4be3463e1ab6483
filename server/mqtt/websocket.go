package mqtt

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"mwm/server/netx"
)

// Subprotocols are those of MQTT over WebSocket: 5.0 §6 and the one of 3.1.
var Subprotocols = []string{"mqtt", "mqttv3.1"}

// ServeWS upgrades a request and serves MQTT on it until the connection ends.
// A client that names no subprotocol is accepted too.
func (s *Server) ServeWS(w http.ResponseWriter, r *http.Request) {
	if err := s.opt.CheckOrigin(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	hw := &netx.Hijacker{ResponseWriter: w}
	ws, err := websocket.Accept(hw, r, &websocket.AcceptOptions{
		Subprotocols:       Subprotocols,
		InsecureSkipVerify: true, // CheckOrigin has decided
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	nc := websocket.NetConn(context.WithoutCancel(r.Context()), ws, websocket.MessageBinary)
	// NetConn lifts the limit. A message is read piece by piece, so that packets
	// may be joined in it: the limit only ends one that never does.
	ws.SetReadLimit(16 * int64(s.opt.MaxPacket))
	s.serve(&wsConn{Conn: nc, ws: ws, raw: hw.Conn, remote: wsAddr(r.RemoteAddr), shown: netx.VerifiedCertificate(r.TLS)})
}

// wsConn is a connection over WebSocket.
type wsConn struct {
	net.Conn
	ws  *websocket.Conn
	raw net.Conn

	remote wsAddr
	shown  *x509.Certificate // by the client; nil: none
}

// RemoteAddr is where the request came from, which may be from behind a proxy.
func (c *wsConn) RemoteAddr() net.Addr { return c.remote }

// wsAddr is the address of a request.
type wsAddr string

func (a wsAddr) Network() string { return "websocket" }
func (a wsAddr) String() string  { return string(a) }

// PeerCertificate is for [netx.PeerCertificate].
func (c *wsConn) PeerCertificate() *x509.Certificate { return c.shown }

// Close ends the connection at once.
func (c *wsConn) Close() error {
	c.raw.Close()
	return c.ws.CloseNow()
}

func (c *wsConn) inner() net.Conn { return c.Conn }

// interrupt closes with a closing handshake, which ends the reader.
func (c *wsConn) interrupt() { c.finish() }

// finish closes with a closing handshake. MQTT has told the reason.
func (c *wsConn) finish() {
	t := time.AfterFunc(linger, func() { c.raw.Close() })
	defer t.Stop()
	c.ws.Close(websocket.StatusNormalClosure, "")
}
