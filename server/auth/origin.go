package auth

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path"
	"strings"
)

// ErrOrigin is what a request is refused with that comes from a page that may
// not make it, or that was sent to a name that is not the server's.
var ErrOrigin = errors.New("refused because of where the request comes from")

// OriginPolicy says which web pages may make requests. Its methods may be called
// concurrently; its zero value is the policy of a server without credentials.
type OriginPolicy struct {
	// Credentials says that the protocols ask for credentials, which a foreign
	// page does not have: then any page may connect to their endpoints.
	Credentials bool

	// Patterns are further origins: hosts ("example.org", "*.example.org:8080")
	// or origins ("https://*.example.org"), with the wildcards of path.Match.
	// Their hosts count as names of the server, too.
	Patterns []string
}

// Check reports a pattern that cannot match anything.
func (p *OriginPolicy) Check() error {
	for _, pattern := range p.Patterns {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("origin %q: not a host or origin with the wildcards * and ?", pattern)
		}
	}
	return nil
}

// AllowProtocol checks a request to an endpoint of STOMP or MQTT. Without
// credentials these may connect: what is no browser (it sends no Origin), a page
// opened from a file ("null", or in WebKit's web views "file://"), pages of the
// server's own host and of any loopback host, and what Patterns add.
func (p *OriginPolicy) AllowProtocol(r *http.Request) error {
	if p.Credentials {
		return nil
	}
	if err := p.AllowHost(r); err != nil {
		return err
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" || origin == "file://" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return refuse("origin", origin)
	}
	if IsLoopback(u.Hostname()) || strings.EqualFold(u.Hostname(), hostname(r.Host)) || p.matches(u.Scheme, u.Host) {
		return nil
	}
	return refuse("origin", origin)
}

// AllowAmbient checks a request to an endpoint of STOMP or MQTT that comes with
// something that a browser adds by itself: a client certificate is no proof that
// the page may use it.
func (p *OriginPolicy) AllowAmbient(r *http.Request) error {
	open := OriginPolicy{Patterns: p.Patterns}
	return open.AllowProtocol(r)
}

// AllowPage checks a request to what only the server's own page may use.
func (p *OriginPolicy) AllowPage(r *http.Request) error {
	if err := p.AllowHost(r); err != nil {
		return err
	}
	// Fetch metadata tells what Origin does not: which site a plain GET is from.
	switch site := r.Header.Get("Sec-Fetch-Site"); site {
	case "", "same-origin", "none":
	default:
		return refuse("request from a page that is", site)
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if u, err := url.Parse(origin); err != nil || u.Host == "" || !sameHost(u, r.Host) {
		return refuse("origin", origin)
	}
	return nil
}

// AllowHost checks the name by which the server was called. Without credentials
// it has to be one that no stranger can point at this machine: otherwise a page
// of evil.example could, by changing that name's address to 127.0.0.1, be of the
// same origin as the server ("DNS rebinding"). Addresses, loopback names, names
// that public DNS does not hold and the machine's own are safe.
func (p *OriginPolicy) AllowHost(r *http.Request) error {
	if p.Credentials {
		return nil
	}
	name := strings.TrimSuffix(hostname(r.Host), ".")
	if _, err := netip.ParseAddr(name); err == nil || IsLoopback(name) || !strings.Contains(name, ".") {
		return nil
	}
	for _, suffix := range []string{".local", ".lan", ".home.arpa", ".internal", ".test"} {
		if len(name) > len(suffix) && strings.EqualFold(name[len(name)-len(suffix):], suffix) {
			return nil
		}
	}
	if own, err := os.Hostname(); err == nil && strings.EqualFold(own, name) {
		return nil
	}
	if p.matches("http", r.Host) || p.matches("https", r.Host) || p.matches("", name) {
		return nil
	}
	return refuse("host", r.Host)
}

func refuse(what, value string) error {
	const shown = 100
	if len(value) > shown {
		value = value[:shown]
	}
	return fmt.Errorf("%w: %s %q is not allowed; the server's option --ws-origin can allow it", ErrOrigin, what, value)
}

func (p *OriginPolicy) matches(scheme, host string) bool {
	host = strings.ToLower(host)
	for _, pattern := range p.Patterns {
		target := host
		if strings.Contains(pattern, "://") {
			target = scheme + "://" + host
		}
		if ok, _ := path.Match(strings.ToLower(pattern), target); ok {
			return true
		}
	}
	return false
}

// sameHost compares an origin's host and port with those of a Host header, whose
// port may be left out. The scheme is not compared: in front of a proxy that ends
// TLS it differs.
func sameHost(origin *url.URL, host string) bool {
	if strings.EqualFold(origin.Host, host) {
		return true
	}
	standard := map[string]string{"http": "80", "https": "443"}[origin.Scheme]
	return standard != "" && strings.EqualFold(withPort(origin.Host, standard), withPort(host, standard))
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// IsLoopback reports whether browsers take a host, as URLs have it, for the machine
// that they run on (W3C Secure Contexts §3.1).
func IsLoopback(host string) bool {
	name := hostname(host)
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.IsLoopback()
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
