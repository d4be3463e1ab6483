package link

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
)

// Secret is a password: it is not shown where it is printed or logged.
type Secret string

// String implements [fmt.Stringer].
func (Secret) String() string { return "[secret]" }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return "[secret]" }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Access is how a client shows who it is, and the server to it. The zero value is for a server without accounts and TLS.
type Access struct {
	User     string
	Password Secret
	TLS      *tls.Config // nil: none; ServerName is that of the address if it is empty
}

// TLSFiles are the settings of a client's TLS.
type TLSFiles struct {
	CA          string // certificates to trust beside those of the system, in PEM form
	Fingerprint string // SHA-256 of the one certificate to trust, in hexadecimal, with or without colons
	Cert, Key   string // of this client, in PEM form
}

// Config reads the files.
func (f TLSFiles) Config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, err
		}
		if c.RootCAs, err = x509.SystemCertPool(); err != nil {
			c.RootCAs = x509.NewCertPool()
		}
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s has no certificates in PEM form", f.CA)
		}
	}
	if (f.Cert == "") != (f.Key == "") {
		return nil, errors.New("a client certificate has two files: the certificate and its key")
	}
	if f.Cert != "" {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if f.Fingerprint != "" {
		want, err := hex.DecodeString(strings.ReplaceAll(f.Fingerprint, ":", ""))
		if err != nil || len(want) != sha256.Size {
			return nil, fmt.Errorf("the fingerprint %q is not 32 bytes in hexadecimal", f.Fingerprint)
		}
		// The very certificate is known: who signed it, and for which name, does not matter.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if got := sha256.Sum256(s.PeerCertificates[0].Raw); string(got[:]) != string(want) {
				return fmt.Errorf("the server shows another certificate, with the fingerprint %x", got)
			}
			return nil
		}
	}
	return c, nil
}

// over puts TLS on a connection, if there is to be any. The library gets what it returns; its end is still noticed below.
func (a Access) over(ctx context.Context, nc *conn, addr string) (net.Conn, error) {
	if a.TLS == nil {
		return nc, nil
	}
	cfg := a.TLS
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	s := &secure{Conn: tls.Client(nc, cfg)}
	if err := s.HandshakeContext(ctx); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("TLS: %w", reason(err))
	}
	return s, nil
}

// doubt adds to an error what most likely is the matter when a server has not said a word of the protocol.
func (a Access) doubt(protocol string, err error) error {
	with := "without"
	if a.TLS != nil {
		with = "with"
	}
	return fmt.Errorf("%w; is this a port of %s %s TLS?", reason(err), protocol, with)
}

// secure is a connection with TLS that paho can lock around each packet, see conn.Lock.
type secure struct {
	*tls.Conn
	sync.Mutex
}
