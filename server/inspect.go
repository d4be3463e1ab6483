package server

import (
	"crypto/x509"
	"net"
	"net/netip"
	"path/filepath"
)

// What follows tells others about a configuration, without a server.

// Check reports the first setting that cannot be, by its name.
func (c *Config) Check() error { return c.check() }

// Listener is one address that a server listens on.
type Listener struct {
	Flag string // the setting's name
	Addr string
	TLS  bool
}

// Listeners are those that are not off.
func (c *Config) Listeners() (all []Listener) {
	for _, l := range c.listeners() {
		if l.addr != "" {
			all = append(all, Listener{l.flag, l.addr, l.tls})
		}
	}
	return all
}

// KeepFree is how much of the disk stays free, in bytes.
func (c *Config) KeepFree() int64 { return c.minFree() }

// CertificateFiles are where the TLS listeners' certificate and key are; empty if
// they have none yet, or it is kept nowhere.
func (c *Config) CertificateFiles() (cert, key string) {
	if c.TLSSelfSigned && c.Data != "" {
		file := filepath.Join(c.Data, selfSignedFile)
		return file, file
	}
	return c.TLSCert, c.TLSKey
}

// PhoneURLs say under which addresses other machines reach the page for phones,
// best first. cert is the certificate of the TLS listeners, if there is one.
func (c *Config) PhoneURLs(cert *x509.Certificate) (urls []string) {
	where := reach{addrs: localAddrs(), certificate: cert, selfSigned: c.TLSSelfSigned}
	where.origins.Patterns = c.WSOrigin
	for _, l := range []struct{ scheme, addr string }{{"https", c.HTTPS}, {"http", c.HTTP}} {
		host, port, err := net.SplitHostPort(l.addr)
		if err != nil {
			continue // it is off
		}
		if host == "" {
			host = "::"
		}
		if at, err := netip.ParseAddrPort(net.JoinHostPort(host, port)); err == nil {
			urls = append(urls, where.urls(l.scheme, at)...)
		}
	}
	return urls
}
