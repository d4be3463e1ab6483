package server

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A certificate of our own is for the machine's names and addresses, stays the
// same from start to start, and is replaced, with the same key, before it ends or
// when there is a new address.
func TestSelfSigned(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	hosts := []string{"localhost", "pi.local", "127.0.0.1", "::1", "192.168.1.5"}
	make := func(hosts []string, now time.Time) tls.Certificate {
		t.Helper()
		c, err := selfSigned(dir, hosts, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			if err := c.Leaf.VerifyHostname(h); err != nil {
				t.Error(err)
			}
		}
		return c
	}
	first := make(hosts, now)
	if life := first.Leaf.NotAfter.Sub(first.Leaf.NotBefore); life > 825*24*time.Hour || first.Leaf.IsCA {
		t.Errorf("it lasts for %v, and is a CA: %t", life, first.Leaf.IsCA)
	}
	if info, err := os.Stat(filepath.Join(dir, "self-signed.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(first.Leaf)
	if _, err := first.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "pi.local"}); err != nil {
		t.Errorf("who trusts it cannot verify it: %v", err)
	}
	if again := make(hosts, now.Add(200*24*time.Hour)); !again.Leaf.Equal(first.Leaf) {
		t.Error("it is another one at the next start")
	}
	moved := make(append(hosts, "10.0.0.7"), now)
	late := make(hosts, now.Add(300*24*time.Hour))
	for what, c := range map[string]tls.Certificate{"in another network": moved, "a year later": late} {
		if c.Leaf.Equal(first.Leaf) {
			t.Errorf("%s it is the same", what)
		}
		if !c.PrivateKey.(*ecdsa.PrivateKey).Equal(first.PrivateKey) {
			t.Errorf("%s its key is another", what)
		}
		if err := c.Leaf.VerifyHostname("192.168.1.5"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "self-signed.pem"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := selfSigned(dir, hosts, now); err == nil {
		t.Error("a file that is no certificate is replaced unasked")
	}
	if err := os.Truncate(filepath.Join(dir, "self-signed.pem"), 0); err != nil {
		t.Fatal(err)
	}
	if c := make(hosts, now); !c.Leaf.Equal(make(hosts, now).Leaf) {
		t.Error("after a power cut, which left an empty file, it is another one at each start")
	}
	if c, err := selfSigned("", hosts, now); err != nil || c.Leaf.VerifyHostname("pi.local") != nil {
		t.Errorf("without a directory: %v", err)
	}
}

func TestTLSHosts(t *testing.T) {
	everywhere := (&Config{HTTPS: ":8443"}).tlsHosts()
	for _, a := range localAddrs() {
		if !slices.Contains(everywhere, a.String()) {
			t.Errorf("%v lacks %s", everywhere, a)
		}
	}
	for _, want := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(everywhere, want) {
			t.Errorf("%v lacks %s", everywhere, want)
		}
	}
	one := (&Config{HTTPS: "10.1.2.3:8443", MQTTS: "fleet.test:8883", HTTP: "10.9.9.9:80"}).tlsHosts()
	if !slices.Contains(one, "10.1.2.3") || !slices.Contains(one, "fleet.test") || slices.Contains(one, "10.9.9.9") {
		t.Errorf("%v", one)
	}
	for _, h := range one {
		if a, err := netip.ParseAddr(h); err == nil && a.Zone() != "" {
			t.Errorf("%s has a zone", h)
		}
	}
}
