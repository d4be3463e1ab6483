package httpd

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"mwm/server/netx"
)

// Proxies are the addresses of reverse proxies in front of the server: what they
// say about who asks, and whether it was over TLS, is believed. Those of this
// machine always are.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks, "10.0.0.1" and "10.0.0.0/8".
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if addr, aerr := netip.ParseAddr(s); aerr == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no address or network, such as 10.0.0.1 or 10.0.0.0/8", s)
		}
		p = append(p, prefix.Masked())
	}
	return p, nil
}

// Trust reports whether an address is that of a proxy.
func (p Proxies) Trust(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return true
	}
	for _, prefix := range p {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// forwardedKey is under what a request has the address that a proxy says it is from.
type forwardedKey struct{}

// secureKey marks requests that came to a proxy over TLS.
type secureKey struct{}

// isSecure reports whether a request came over TLS, all the way or to the proxy.
func isSecure(r *http.Request) bool {
	return r.TLS != nil || r.Context().Value(secureKey{}) != nil
}

// handler takes over what a proxy says about a request: RemoteAddr becomes the
// address that the last proxy not believed, or the client, has. What others claim
// is taken away.
func (p Proxies) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forwarded, proto := r.Header.Values("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto")
		for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip"} {
			r.Header.Del(name)
		}
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !p.Trust(peer.Addr()) {
			next.ServeHTTP(w, r)
			return
		}
		if client, ok := p.client(strings.Join(forwarded, ",")); ok {
			r.RemoteAddr = net.JoinHostPort(client.String(), "0")
			r = r.WithContext(context.WithValue(r.Context(), forwardedKey{}, client))
		}
		if strings.EqualFold(proto, "https") {
			r = r.WithContext(context.WithValue(r.Context(), secureKey{}, true))
		}
		next.ServeHTTP(w, r)
	})
}

// front is what all requests pass first: what proxies say about them is taken over,
// and the connections that last, which are WebSockets, count for those whose they are
// and not for the proxy.
func (s *Server) front(next http.Handler) http.Handler {
	return s.opts.Proxies.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, forwarded := r.Context().Value(forwardedKey{}).(netip.Addr)
		if !forwarded || s.opts.Admit == nil || r.Header.Get("Upgrade") == "" {
			next.ServeHTTP(w, r)
			return
		}
		leave := s.opts.Admit(client)
		if leave == nil {
			w.Header().Set("Retry-After", "1")
			problem(w, http.StatusTooManyRequests, "too many connections of your address, or too many at once")
			return
		}
		taken := &netx.Hijacker{ResponseWriter: w}
		defer func() { // also when what answers breaks off
			if taken.Conn == nil || !netx.OnClose(taken.Conn, leave) {
				leave()
			}
		}()
		next.ServeHTTP(taken, r)
	}))
}

// client returns the last address of a list to which each proxy has appended
// whom it was asked by, and that is not a proxy's: what comes before it, anybody
// may have written.
func (p Proxies) client(list string) (client netip.Addr, ok bool) {
	parts := strings.Split(list, ",")
	for i := len(parts) - 1; i >= 0; i-- {
		part := strings.TrimSpace(parts[i])
		addr, err := netip.ParseAddr(part)
		if err != nil {
			ap, err := netip.ParseAddrPort(part)
			if err != nil {
				return client, ok
			}
			addr = ap.Addr()
		}
		client, ok = addr.Unmap().WithZone(""), true
		if !p.Trust(client) {
			return client, true
		}
	}
	return client, ok
}
