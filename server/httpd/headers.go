package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"mwm/server/auth"
)

// pagePolicy is what browsers are told about the page.
type pagePolicy struct {
	csp      string
	referrer string
	onlyTLS  bool // whoever came over TLS is to come no other way
}

// newPagePolicy allows the page its own origin and nothing else; if the map has
// tiles, their images as well, whose servers want to know who asks.
func newPagePolicy(tiles string) (pagePolicy, error) {
	p := pagePolicy{referrer: "no-referrer"}
	images := "'self' data: blob:"
	if tiles != "" {
		origin, err := tilesOrigin(tiles)
		if err != nil {
			return pagePolicy{}, err
		}
		images += " " + origin
		p.referrer = "strict-origin-when-cross-origin"
	}
	p.csp = strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src " + images, "font-src 'self'", "connect-src 'self'",
		"worker-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")
	return p, nil
}

// tilesOrigin returns the source expression (CSP 3 §2.3.1) for a template such
// as https://{s}.tile.example.org/{z}/{x}/{y}.png.
func tilesOrigin(tiles string) (string, error) {
	u, err := url.Parse(strings.ReplaceAll(tiles, "{s}", "*"))
	host := ""
	if err == nil {
		host = u.Host
	}
	if host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsAny(host, "{};, '\"") || strings.Contains(strings.TrimPrefix(host, "*."), "*") {
		return "", fmt.Errorf("httpd: TilesURL is %q; it must be like https://{s}.example.org/{z}/{x}/{y}.png", tiles)
	}
	return u.Scheme + "://" + host, nil
}

func (p pagePolicy) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", p.csp)
		h.Set("Referrer-Policy", p.referrer)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		if p.onlyTLS && isSecure(r) && !auth.IsLoopback(r.Host) {
			h.Set("Strict-Transport-Security", "max-age=31536000") // a year (RFC 6797)
		}
		if trustworthy(r) {
			h.Set("Cross-Origin-Opener-Policy", "same-origin") // elsewhere browsers ignore it, and complain on the console
		}
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "geolocation=(self), accelerometer=(self), gyroscope=(self), magnetometer=(self), camera=(), microphone=()")
		next.ServeHTTP(w, r)
	})
}

// trustworthy reports whether a browser takes the request's origin for one (W3C
// Secure Contexts §3.1), as far as the server can tell.
func trustworthy(r *http.Request) bool {
	return isSecure(r) || auth.IsLoopback(r.Host)
}
