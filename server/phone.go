package server

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"mwm/server/auth"
	"mwm/server/httpd"
)

// phonePath is where the page for phones is.
const phonePath = "/phone"

// maxPhoneURLs bounds the list: nobody tries more.
const maxPhoneURLs = 8

// phone says under which URLs a phone in the local network finds its page. The
// interfaces are asked each time: a laptop changes networks.
func (s *Server) phone() httpd.Phone {
	where := s.reach()
	urls := []string{}
	for _, scheme := range []string{"https", "http"} {
		if at, err := netip.ParseAddrPort(s.addr(scheme)); err == nil {
			urls = append(urls, where.urls(scheme, at)...)
		}
	}
	return httpd.Phone{URLs: urls[:min(len(urls), maxPhoneURLs)], Container: where.container}
}

// securePhone says how a phone finds its page with TLS that has come to this host,
// with or without a port.
func (s *Server) securePhone(host string) httpd.SecurePhone {
	at, err := netip.ParseAddrPort(s.addr("https"))
	if err != nil {
		return httpd.SecurePhone{}
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return httpd.SecurePhone{URL: s.reach().secure(strings.Trim(host, "[]"), at), SelfSigned: s.cfg.TLSSelfSigned}
}

func (s *Server) reach() reach {
	return reach{
		addrs: localAddrs(), certificate: s.certificates.leaf(), selfSigned: s.cfg.TLSSelfSigned, origins: s.origins, container: inContainer(),
	}
}

// reach is what is known about the ways to this machine.
type reach struct {
	addrs       []netip.Addr // of its interfaces, best first
	certificate *x509.Certificate
	selfSigned  bool // by this server
	origins     auth.OriginPolicy
	container   bool // this is one, whose addresses may mean nothing outside of it
}

// secure returns the URL with TLS for one who has come to this host; empty if there
// is none. That the host leads here is known, of other names and addresses it is
// not: so it is taken where the certificate is for it, or there is nothing better.
func (r reach) secure(host string, at netip.AddrPort) string {
	guesses := r.container && len(r.names()) == 0
	if at.Addr().IsUnspecified() && (guesses || r.certificate.VerifyHostname(host) == nil) {
		return phoneURL("https", host, at.Port())
	}
	urls := r.urls("https", at)
	if len(urls) == 0 {
		return ""
	}
	return urls[0]
}

// urls returns those of a listener, best first: with TLS the names and addresses
// that the certificate is for come before others, which a browser warns of.
func (r reach) urls(scheme string, at netip.AddrPort) []string {
	hosts := r.hosts(at.Addr())
	if len(hosts) > 0 && scheme == "https" && r.certificate != nil {
		strange := func(host string) bool { return r.certificate.VerifyHostname(host) != nil }
		known := slices.DeleteFunc(slices.Clone(hosts), strange)
		hosts = slices.Concat(r.names(), known, slices.DeleteFunc(hosts, func(h string) bool { return !strange(h) }))
	}
	urls := make([]string, len(hosts))
	for i, host := range hosts {
		urls[i] = phoneURL(scheme, host, at.Port())
	}
	return urls
}

func phoneURL(scheme, host string, port uint16) string {
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(int(port))) + phonePath
}

// hosts are the addresses at which something that listens there is reached from
// other machines.
func (r reach) hosts(listening netip.Addr) []string {
	listening = listening.Unmap()
	if !listening.IsUnspecified() {
		if listening.IsLoopback() || listening.Zone() != "" {
			return nil
		}
		return []string{listening.String()}
	}
	var hosts []string
	for _, a := range r.addrs {
		if a.Is4() || listening.Is6() { // "::" takes both
			hosts = append(hosts, a.String())
		}
	}
	return hosts
}

// names are those of the certificate by which the server may be called. One that
// the server made is for the names that the machine has for itself: others seldom
// know them.
func (r reach) names() []string {
	if r.selfSigned {
		return nil
	}
	var names []string
	for _, name := range r.certificate.DNSNames {
		local := name == "localhost" || strings.HasPrefix(name, "*")
		if !local && r.origins.AllowHost(&http.Request{Host: name}) == nil {
			names = append(names, name)
		}
	}
	return names
}

// localAddrs are the addresses of this machine that others may reach: the one
// that leads out first, then IPv4, then IPv6.
func localAddrs() []netip.Addr {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var addrs []netip.Addr
	for _, i := range interfaces {
		if prefix, err := netip.ParsePrefix(i.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			addrs = append(addrs, prefix.Addr())
		}
	}
	out := outgoing()
	rank := func(a netip.Addr) int {
		switch {
		case a == out:
			return 0
		case a.Is4():
			return 1
		}
		return 2
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return rank(a) - rank(b) })
	return addrs
}

// outgoing is the address that packets to other networks would come from; the
// zero one if there is no way out. "Connecting" with UDP sends nothing.
func outgoing() netip.Addr {
	c, err := net.Dial("udp4", "192.0.2.1:9") // RFC 5737: nobody's
	if err != nil {
		return netip.Addr{}
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// inContainer reports whether this process runs in a container of Docker or Podman.
func inContainer() bool {
	for _, mark := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(mark); err == nil {
			return true
		}
	}
	return false
}
