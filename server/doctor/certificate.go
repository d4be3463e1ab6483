package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"mwm/server"
)

// soon is when a certificate's end is near enough to say so.
const soon = 21 * 24 * time.Hour

// leaf is the certificate that TLS listeners show; nil if there is none.
func (d *Doctor) leaf() *x509.Certificate {
	pair, err := d.pair()
	if err != nil {
		return nil
	}
	return pair.Leaf
}

func (d *Doctor) pair() (tls.Certificate, error) {
	cert, key := d.cfg.CertificateFiles()
	return tls.LoadX509KeyPair(cert, key)
}

// certificate looks whether clients will take it.
func (d *Doctor) certificate() {
	if !slices.ContainsFunc(d.cfg.Listeners(), func(l server.Listener) bool { return l.TLS }) {
		return
	}
	const about = "certificate"
	cert, key := d.cfg.CertificateFiles()
	pair, err := d.pair()
	switch {
	case d.cfg.TLSSelfSigned && (cert == "" || errors.Is(err, fs.ErrNotExist)):
		d.note(OK, about, "", "will be made at the start")
		return
	case err != nil:
		d.note(Fail, about, "--tls-cert is the chain with the server's certificate first, --tls-key its key, both in PEM form", "%v", err)
		return
	}
	c, now := pair.Leaf, time.Now()
	names := append(slices.Clone(c.DNSNames), ipNames(c)...)
	text := fmt.Sprintf("for %s, until %s", strings.Join(names, ", "), c.NotAfter.Format(time.DateOnly))
	switch {
	case now.After(c.NotAfter):
		d.note(Fail, about, "renew it; a running server takes changed files by itself", "%s: it has expired", text)
	case now.Before(c.NotBefore):
		d.note(Fail, about, "look at the clock, or wait", "%s: it is good only from %s", text, c.NotBefore.Format(time.DateTime))
	case len(names) == 0:
		d.note(Fail, about, "it needs subject alternative names; browsers look at nothing else", "it is for no name or address")
	case readableByAll(key):
		d.note(Warn, about, "chmod o= "+key, "%s; everybody on this machine can read its key", text)
	case c.NotAfter.Sub(now) < soon && !d.cfg.TLSSelfSigned:
		d.note(Warn, about, "renew it; a running server takes changed files by itself", "%s: that is soon", text)
	case d.unnamed(c) != "":
		d.note(Warn, about, "get one for that name or address, or use a name that it has", "%s; not for %s, at which others reach this machine", text, d.unnamed(c))
	case !d.cfg.TLSSelfSigned && !complete(pair):
		d.note(Warn, about, "put the intermediate certificates behind the server's in --tls-cert; your own authority has to be known to the clients",
			"%s; it does not lead to an authority that this machine knows", text)
	default:
		d.note(OK, about, "", "%s", text)
	}
}

// complete reports whether the chain leads to an authority that is known here.
func complete(pair tls.Certificate) bool {
	between := x509.NewCertPool()
	for _, der := range pair.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(c)
		}
	}
	_, err := pair.Leaf.Verify(x509.VerifyOptions{Intermediates: between})
	return err == nil
}

func ipNames(c *x509.Certificate) (names []string) {
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// unnamed is the best address of this machine, if the certificate is for none of
// those at which others reach it.
func (d *Doctor) unnamed(c *x509.Certificate) string {
	first := ""
	for _, text := range d.cfg.PhoneURLs(c) {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" {
			continue
		}
		if c.VerifyHostname(u.Hostname()) == nil {
			return ""
		}
		if first == "" {
			first = u.Hostname()
		}
	}
	return first
}
