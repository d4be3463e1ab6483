package server

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"mwm/server/auth"
	"mwm/server/clock"
	"mwm/server/httpd"
)

// certificates are what the TLS listeners show and ask for. The files are read
// again when they change, and connections that are made from then on use the new
// ones.
type certificates struct {
	cfg   Config
	log   *slog.Logger
	files *auth.Follower // of run
	clock *clock.Clock   // by which one of our own is made: a clock that is wrong for a moment replaces none
	now   atomic.Pointer[shown]
}

// shown is one state of the files. It is immutable.
type shown struct {
	certificate tls.Certificate
	clientCA    *x509.CertPool // nil: no client certificates are asked for
	configs     map[string]*tls.Config
}

// Application protocols of the listeners (RFC 7301). A client that offers others
// alone is refused: whoever sends a browser to the port of a broker gets nowhere.
// One that offers none is served.
var appProtocols = map[string][]string{
	"https": {"h2", "http/1.1"}, "stomps": {"stomp", "v12.stomp", "v11.stomp", "v10.stomp"}, "mqtts": {"mqtt", "mqttv5.0", "mqttv3.1.1"},
}

// suites are the cipher suites of TLS 1.2: authenticated encryption with forward
// secrecy. Those of 1.3 are not to be chosen.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// openCertificates reads the files, or makes a certificate; nil if there is no
// TLS listener.
func openCertificates(cfg Config, clock *clock.Clock, log *slog.Logger) (*certificates, error) {
	if !cfg.hasTLS() {
		return nil, nil
	}
	t := &certificates{cfg: cfg, clock: clock, log: log.With("component", "tls"), files: auth.Follow(cfg.TLSCert, cfg.TLSKey, cfg.TLSClientCA)}
	if err := t.load(); err != nil {
		return nil, err
	}
	return t, nil
}

// load takes the files as they are.
func (t *certificates) load() (err error) {
	s := &shown{configs: map[string]*tls.Config{}}
	if t.cfg.TLSSelfSigned {
		s.certificate, err = selfSigned(t.cfg.Data, t.cfg.tlsHosts(), t.clock.At(time.Now()))
		if err != nil {
			return fmt.Errorf("--tls-self-signed: %w", err)
		}
	} else if s.certificate, err = tls.LoadX509KeyPair(t.cfg.TLSCert, t.cfg.TLSKey); err != nil {
		return fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	if t.cfg.TLSClientCA != "" {
		if s.clientCA, err = readPool(t.cfg.TLSClientCA); err != nil {
			return fmt.Errorf("--tls-client-ca: %w", err)
		}
	}
	for flag, protocols := range appProtocols {
		s.configs[flag] = s.config(protocols, t.cfg.TLSClientRequired && flag != "https")
	}
	t.now.Store(s)
	t.log.Info("certificate", "selfSigned", t.cfg.TLSSelfSigned, "expires", s.certificate.Leaf.NotAfter.Format(time.DateOnly), "sha256", fingerprint(s.certificate.Leaf))
	return nil
}

func readPool(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificates in PEM form", file)
	}
	return pool, nil
}

func (s *shown) config(protocols []string, required bool) *tls.Config {
	c := &tls.Config{
		Certificates: []tls.Certificate{s.certificate}, MinVersion: tls.VersionTLS12, CipherSuites: suites, NextProtos: protocols,
	}
	if s.clientCA != nil {
		c.ClientCAs, c.ClientAuth = s.clientCA, tls.VerifyClientCertIfGiven
		// A ticket would be good although its certificate is not any more.
		c.SessionTicketsDisabled = true
		if required {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	return c
}

// config returns the configuration of a listener, which follows the files.
func (t *certificates) config(flag string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: appProtocols[flag],
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.now.Load().configs[flag], nil },
	}
}

// leaf is the certificate that is shown; nil if there is none.
func (t *certificates) leaf() *x509.Certificate {
	if t == nil {
		return nil
	}
	return t.now.Load().certificate.Leaf
}

// status is what the server tells about its certificate.
func (t *certificates) status() *httpd.TLS {
	c := t.leaf()
	if c == nil {
		return nil
	}
	return &httpd.TLS{SelfSigned: t.cfg.TLSSelfSigned, SHA256: fingerprint(c), Expires: c.NotAfter}
}

// run follows the files until ctx ends.
func (t *certificates) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// The certificate may have come before its key: then both are taken when
		// the key comes.
		if _, err := t.files.Look(t.cfg.TLSSelfSigned && t.outdated(), t.load); err != nil {
			t.log.Error("the changed certificate is not taken, the old one stays; trying again", "err", err)
		}
	}
}

// outdated reports whether the certificate ends soon, or has not begun: it was made
// when the clock was ahead.
func (t *certificates) outdated() bool {
	now, c := t.clock.At(time.Now()), t.leaf()
	return c.NotAfter.Sub(now) < renewBefore/2 || now.Before(c.NotBefore)
}

// fingerprint is the SHA-256 of a certificate, as browsers show it.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

// checkTLS reports settings of TLS that cannot be, or contradict each other.
func (c *Config) checkTLS() error {
	files := c.TLSCert != "" || c.TLSKey != ""
	switch {
	case c.TLSSelfSigned && files:
		return errors.New("--tls-self-signed and --tls-cert exclude each other: a certificate is either made here or brought along")
	case files && (c.TLSCert == "" || c.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key come together")
	case c.TLSClientRequired && c.TLSClientCA == "":
		return errors.New("--tls-client-required needs --tls-client-ca: who signs the certificates of clients")
	case c.hasTLS() && !files && !c.TLSSelfSigned:
		return fmt.Errorf("--%s needs --tls-cert and --tls-key, or --tls-self-signed", c.firstTLS())
	case c.hasTLS():
		return nil
	}
	for flag, given := range map[string]bool{
		"tls-cert": files, "tls-self-signed": c.TLSSelfSigned, "tls-client-ca": c.TLSClientCA != "",
	} {
		if given {
			return fmt.Errorf("--%s has no use without --https, --stomps or --mqtts", flag)
		}
	}
	return nil
}

// onlyTLS reports whether browsers may be told to come over TLS alone, to whatever
// port of this host (RFC 6797): not if one without is for other machines, too, and
// not with a certificate that they cannot check.
func (c *Config) onlyTLS() bool {
	for _, addr := range []string{c.HTTP, c.STOMPWS, c.MQTTWS} {
		if host, _, _ := net.SplitHostPort(addr); addr != "" && !isLoopback(host) {
			return false
		}
	}
	return !c.TLSSelfSigned
}

func (c *Config) hasTLS() bool { return c.firstTLS() != "" }

// firstTLS is the first setting of a TLS listener.
func (c *Config) firstTLS() string {
	for _, l := range c.listeners() {
		if l.tls && l.addr != "" {
			return l.flag
		}
	}
	return ""
}
