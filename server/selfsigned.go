package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mwm/server/internal/lasting"
)

const (
	// selfSignedFor is how long a certificate of our own is good. Apple's systems
	// take none that lasts longer than 825 days.
	selfSignedFor = 365 * 24 * time.Hour
	// renewBefore is when a new one is made at a start.
	renewBefore = 60 * 24 * time.Hour
	// selfSignedFile is where it is kept in the data directory.
	selfSignedFile = "self-signed.pem"
)

// selfSigned returns the certificate that is kept in the data directory; a new
// one if there is none, if it soon ends, or if it is not for all the hosts. Without
// a directory it is made for this run.
func selfSigned(dir string, hosts []string, now time.Time) (tls.Certificate, error) {
	if dir == "" {
		text, err := makeCertificate(hosts, now, nil)
		if err != nil {
			return tls.Certificate{}, err
		}
		return tls.X509KeyPair(text, text)
	}
	name := filepath.Join(dir, selfSignedFile)
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return tls.Certificate{}, err
	}
	var key *ecdsa.PrivateKey
	if len(text) > 0 { // a power cut once left empty ones
		old, err := tls.X509KeyPair(text, text)
		if err != nil {
			return old, fmt.Errorf("%s: %w; remove it to get a new one", name, err)
		}
		if covers(old.Leaf, hosts) && now.Before(old.Leaf.NotAfter.Add(-renewBefore)) && now.After(old.Leaf.NotBefore) {
			return old, nil
		}
		key, _ = old.PrivateKey.(*ecdsa.PrivateKey) // who has pinned the key need not notice
		hosts = union(hosts, namesOf(old.Leaf))
	}
	if text, err = makeCertificate(hosts, now, key); err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	if err := lasting.Rename(name+".new", name); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(text, text)
}

func covers(c *x509.Certificate, hosts []string) bool {
	for _, h := range hosts {
		if c.VerifyHostname(h) != nil {
			return false
		}
	}
	return true
}

func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// maxNames bounds what a machine that changes networks collects.
const maxNames = 50

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(all, x) && len(all) < maxNames {
			all = append(all, x)
		}
	}
	return all
}

// makeCertificate returns certificate and key in PEM form.
func makeCertificate(hosts []string, now time.Time, key *ecdsa.PrivateKey) ([]byte, error) {
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, err
		}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "mwm " + hosts[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	for _, b := range []pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: private}} {
		if err := pem.Encode(&text, &b); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// tlsHosts are the names and addresses by which the TLS listeners are called in
// the local network.
func (c *Config) tlsHosts() []string {
	hosts := []string{"localhost"}
	add := func(h string) {
		if h != "" && !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	if name, err := os.Hostname(); err == nil {
		// What cannot stand in a certificate is no name to be called by.
		if name = strings.ToLower(name); strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == "" {
			add(name)
			if !strings.Contains(name, ".") {
				add(name + ".local")
			}
		}
	}
	everywhere := false
	for _, l := range c.listeners() {
		if !l.tls || l.addr == "" {
			continue
		}
		host, _, _ := net.SplitHostPort(l.addr)
		addr, err := netip.ParseAddr(host)
		switch {
		case host == "" || err == nil && addr.IsUnspecified():
			everywhere = true
		case err == nil:
			add(addr.WithZone("").String())
		default:
			add(host)
		}
	}
	add("127.0.0.1")
	add("::1")
	if everywhere {
		for _, a := range localAddrs() {
			add(a.String())
		}
	}
	return hosts[:min(len(hosts), maxNames)]
}
