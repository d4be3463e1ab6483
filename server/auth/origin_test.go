package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func request(host, origin string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = host
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	return r
}

func TestAllowProtocol(t *testing.T) {
	open := &OriginPolicy{}
	added := &OriginPolicy{Patterns: []string{"https://*.example.org", "Pages.example.net:*"}}
	for _, c := range []struct {
		name         string
		policy       *OriginPolicy
		host, origin string
		ok           bool
	}{
		{"no browser", open, "127.0.0.1:61614", "", true},
		{"a file", open, "localhost:61614", "null", true},
		{"a file, in a web view", open, "localhost:61614", "file://", true},
		{"a file of another machine", open, "localhost:61614", "file://evil.example", false},
		{"own host, another port", open, "192.168.1.5:61614", "http://192.168.1.5:8000", true},
		{"loopback at any port", open, "192.168.1.5:61614", "http://localhost:3000", true},
		{"loopback address", open, "server:61614", "http://127.0.0.2", true},
		{"loopback in IPv6", open, "[::1]:61614", "http://[::1]:8000", true},
		{"subdomain of localhost", open, "localhost", "http://app.localhost:1", true},
		{"a stranger", open, "127.0.0.1:61614", "https://evil.example", false},
		{"a stranger that looks like localhost", open, "127.0.0.1:61614", "https://localhost.evil.example", false},
		{"not an origin", open, "127.0.0.1", "evil", false},
		{"opaque", open, "127.0.0.1", "javascript:1", false},
		{"added with its scheme", added, "127.0.0.1", "https://app.example.org", true},
		{"added, other scheme", added, "127.0.0.1", "http://app.example.org", false},
		{"added host at any port", added, "127.0.0.1", "http://pages.example.net:81", true},
		{"rebound name", open, "evil.example:61614", "http://evil.example:61614", false},
		{"with credentials any", &OriginPolicy{Credentials: true}, "mwm.example.org", "https://evil.example", true},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, c.policy.AllowProtocol(request(c.host, c.origin)), c.ok) })
	}
}

func TestAllowPage(t *testing.T) {
	p := &OriginPolicy{Patterns: []string{"mwm.example.org"}}
	for _, c := range []struct {
		name, host, origin, site string
		ok                       bool
	}{
		{"no browser", "127.0.0.1:8080", "", "", true},
		{"own page", "127.0.0.1:8080", "http://127.0.0.1:8080", "same-origin", true},
		{"typed by the user", "localhost:8080", "", "none", true},
		{"standard port left out", "server", "http://server:80", "", true},
		{"behind a proxy with TLS", "mwm.example.org", "https://mwm.example.org", "", true},
		{"another port", "127.0.0.1:8080", "http://127.0.0.1:8000", "same-site", false},
		{"another port, old browser", "127.0.0.1:8080", "http://127.0.0.1:8000", "", false},
		{"a file", "127.0.0.1:8080", "null", "", false},
		{"a stranger", "127.0.0.1:8080", "https://evil.example", "", false},
		{"a stranger's link", "127.0.0.1:8080", "", "cross-site", false},
		{"rebound name", "evil.example:8080", "http://evil.example:8080", "same-origin", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request(c.host, c.origin)
			if c.site != "" {
				r.Header.Set("Sec-Fetch-Site", c.site)
			}
			check(t, p.AllowPage(r), c.ok)
		})
	}
}

func TestAllowHost(t *testing.T) {
	p := &OriginPolicy{Patterns: []string{"*.example.org"}}
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:8080": true, "127.0.0.1": true, "[::1]:8080": true, "[fe80::1]": true, "10.0.0.1:80": true,
		"mwm": true, "pi.local:8080": true, "box.home.arpa": true, "mwm.example.org": true, "mwm.example.org:8080": true,
		"evil.example": false, "127.0.0.1.evil.example": false, "local.evil.example": false, ".local": false,
	} {
		check(t, p.AllowHost(request(host, "")), ok)
	}
}

func check(t *testing.T, err error, ok bool) {
	t.Helper()
	if ok != (err == nil) {
		t.Errorf("got %v, want allowed: %t", err, ok)
	}
	if err != nil && (!errors.Is(err, ErrOrigin) || !strings.Contains(err.Error(), "--ws-origin")) {
		t.Errorf("%v names no remedy", err)
	}
}

func TestCheckPatterns(t *testing.T) {
	for pattern, ok := range map[string]bool{"*.example.org": true, "https://x:*": true, "[": false, "": false} {
		if err := (&OriginPolicy{Patterns: []string{pattern}}).Check(); ok != (err == nil) {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("127.0.0.1:8080", "http://127.0.0.1:8080")
	f.Add("[::1", "http://[::1%25lo]:x")
	p := &OriginPolicy{Patterns: []string{"*.example.org"}}
	f.Fuzz(func(t *testing.T, host, origin string) {
		r := request(host, origin)
		if p.AllowPage(r) == nil && p.AllowProtocol(r) != nil {
			t.Errorf("host %q, origin %q: the page's own may not use the protocols", host, origin)
		}
	})
}
