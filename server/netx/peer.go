package netx

import (
	"crypto/tls"
	"crypto/x509"
	"net"
)

// PeerCertificate returns the certificate that the peer of a connection has
// shown and that was verified; nil if there is none. The TLS handshake must be
// over: something has been read.
func PeerCertificate(nc net.Conn) *x509.Certificate {
	for nc != nil {
		switch c := nc.(type) {
		case *tls.Conn:
			state := c.ConnectionState()
			return VerifiedCertificate(&state)
		case interface{ PeerCertificate() *x509.Certificate }:
			return c.PeerCertificate()
		case interface{ NetConn() net.Conn }:
			nc = c.NetConn()
		default:
			return nil
		}
	}
	return nil
}

// VerifiedCertificate is PeerCertificate for the state of a connection, which
// may be nil.
func VerifiedCertificate(state *tls.ConnectionState) *x509.Certificate {
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}
