package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"mwm/server/auth"
)

// certificate makes one for these names and addresses.
func certificate(t *testing.T, names ...string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPhoneURLs(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("fd00::5")}
	for _, c := range []struct {
		name, scheme, listen string
		certificate          []string
		want                 string
	}{
		{"this machine alone", "http", "127.0.0.1:8080", nil, ""},
		{"this machine alone, IPv6", "http", "[::1]:8080", nil, ""},
		{"one address", "http", "10.0.0.7:8080", nil, "http://10.0.0.7:8080/phone"},
		{"a link-local address has a zone that means nothing elsewhere", "http", "[fe80::1%eth0]:8080", nil, ""},
		{"all IPv4 addresses", "http", "0.0.0.0:80", nil, "http://192.168.1.5:80/phone http://10.0.0.7:80/phone"},
		{"all addresses", "http", "[::]:8080", nil, "http://192.168.1.5:8080/phone http://10.0.0.7:8080/phone http://[fd00::5]:8080/phone"},
		{"what the certificate is for comes first", "https", "0.0.0.0:8443", []string{"fleet.lan", "10.0.0.7"},
			"https://fleet.lan:8443/phone https://10.0.0.7:8443/phone https://192.168.1.5:8443/phone"},
		{"names that are refused, or name no machine", "https", "0.0.0.0:8443", []string{"*.fleet.lan", "localhost", "stranger.example"},
			"https://192.168.1.5:8443/phone https://10.0.0.7:8443/phone"},
		{"a name that --ws-origin allows", "https", "10.0.0.7:443", []string{"fleet.example"}, "https://fleet.example:443/phone https://10.0.0.7:443/phone"},
		{"a certificate does not open a closed door", "https", "127.0.0.1:8443", []string{"fleet.lan"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			where := reach{addrs: addrs, origins: auth.OriginPolicy{Patterns: []string{"fleet.example"}}}
			if c.certificate != nil {
				where.certificate = certificate(t, c.certificate...)
			}
			if got := strings.Join(where.urls(c.scheme, netip.MustParseAddrPort(c.listen)), " "); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

// A machine's own name for itself is no address to send a phone to, although the
// certificate that the server made is for it, too.
func TestPhoneURLsSelfSigned(t *testing.T) {
	where := reach{addrs: []netip.Addr{netip.MustParseAddr("192.168.1.5")}, certificate: certificate(t, "pi", "pi.local", "192.168.1.5"), selfSigned: true}
	if got := where.urls("https", netip.MustParseAddrPort("0.0.0.0:8443")); !slices.Equal(got, []string{"https://192.168.1.5:8443/phone"}) {
		t.Errorf("%v", got)
	}
}

// Who has come to one of the machine's addresses without TLS is led to the same
// with TLS, unless the certificate is for others alone.
func TestPhoneIsLedToTLS(t *testing.T) {
	const everywhere, named, numbered = "[::]:8443", "fleet.lan", "192.168.1.5 10.0.0.7 fd00::5 pi pi.local"
	for _, c := range []struct {
		name, listen, certificate string
		selfSigned, container     bool
		host, want                string
	}{
		{"the second address", everywhere, numbered, true, false, "10.0.0.7", "10.0.0.7"},
		{"an address of IPv6", everywhere, numbered, true, false, "fd00::5", "[fd00::5]"},
		{"the machine's name, which evidently is known", everywhere, numbered, true, false, "pi.local", "pi.local"},
		{"a name that the certificate is not for", everywhere, numbered, true, false, "router.lan", "192.168.1.5"},
		{"a certificate for a name", everywhere, named, false, false, "10.0.0.7", "fleet.lan"},
		{"in a container", everywhere, numbered, true, true, "10.9.9.9", "10.9.9.9"},
		{"in a container with a certificate for a name", everywhere, named, false, true, "10.9.9.9", "fleet.lan"},
		{"at one address", "10.0.0.7:8443", "10.0.0.7 pi.local", true, false, "pi.local", "10.0.0.7"},
		{"on this machine alone", "127.0.0.1:8443", numbered, true, false, "10.0.0.7", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			where := reach{
				addrs:       []netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("10.0.0.7")},
				certificate: certificate(t, strings.Fields(c.certificate)...), selfSigned: c.selfSigned, container: c.container,
			}
			want := ""
			if c.want != "" {
				want = "https://" + c.want + ":8443/phone"
			}
			if got := where.secure(c.host, netip.MustParseAddrPort(c.listen)); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// What the server says of itself: nothing when it listens on this machine only,
// else the addresses that this machine has now.
func TestPhoneStatus(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "0.0.0.0"} {
		s, err := New(Config{HTTP: host + ":0", AllowAnonymous: true}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := s.status().Phone.URLs
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if got == nil {
			t.Error("null instead of an empty list")
		}
		_, port, _ := net.SplitHostPort(s.Addresses().HTTP)
		var want []string
		if host == "0.0.0.0" {
			for _, a := range localAddrs() {
				want = append(want, "http://"+net.JoinHostPort(a.String(), port)+"/phone") // Go takes 0.0.0.0 for all of both families
			}
		}
		want = want[:min(len(want), maxPhoneURLs)]
		if !slices.Equal(got, want) {
			t.Errorf("listening on %s: %v, want %v", host, got, want)
		}
	}
}
