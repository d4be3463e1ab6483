package server_test

import (
	"crypto/tls"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"mwm/server"
	"mwm/web"
)

// Every page, and whatever else the HTTP ports answer, says the same to browsers:
// nothing from elsewhere, no frames, no guessing of types, no telling where one
// comes from; over TLS, nothing but TLS.
func TestHeadersOfEverything(t *testing.T) {
	file, _ := accountsFile(t, "BBB")
	s := secure(t, newAuthority(t, "somebody"), server.Config{Accounts: file})
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	paths := []string{"/", "/phone", "/phone/", "/signin", "/nothing", "/healthz", "/readyz", "/metrics", "/stomp", "/mqtt", "/api/v1/session", "/api/v1/status", "/api/v1/nothing", "/api/v1/feed"}
	err := fs.WalkDir(web.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(name, "map/") {
			paths = append(paths, "/"+name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	for _, base := range []string{"http://" + s.Addresses().HTTP, "https://" + s.Addresses().HTTPS} {
		for _, path := range paths {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
			req.Host = "fleet.example.com"
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && res.StatusCode == http.StatusOK {
				pages++
			}
			checkHeaders(t, base+path, res.Header, strings.HasPrefix(base, "https"))
		}
	}
	if pages < 6 {
		t.Errorf("only %d pages were seen", pages)
	}
}

func checkHeaders(t *testing.T, what string, h http.Header, secure bool) {
	t.Helper()
	want := map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "", "Server": "", "Access-Control-Allow-Origin": ""}
	if secure {
		want["Strict-Transport-Security"], want["Cross-Origin-Opener-Policy"] = "max-age=31536000", "same-origin"
	}
	for name, value := range want {
		if got := h.Values(name); strings.Join(got, "|") != value {
			t.Errorf("%s: %s is %q, want %q", what, name, got, value)
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp+";", part) {
			t.Errorf("%s: the policy lacks %s: %q", what, part, csp)
		}
	}
	if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") {
		t.Errorf("%s: the policy is %q", what, csp)
	}
}

// Browsers are told to come over TLS alone only where that breaks nothing: no
// port without TLS is for other machines, and the certificate is one that they
// can check.
func TestOnlyTLS(t *testing.T) {
	a := newAuthority(t, "somebody")
	file, _ := accountsFile(t, "BBB")
	for name, c := range map[string]struct {
		cfg  server.Config
		host string
		want bool
	}{
		"all on this machine":  {server.Config{}, "fleet.example.com", true},
		"another page":         {server.Config{HTTP: "0.0.0.0:0"}, "fleet.example.com", false},
		"another WebSocket":    {server.Config{MQTTWS: "0.0.0.0:0"}, "fleet.example.com", false},
		"self-signed":          {server.Config{TLSSelfSigned: true}, "fleet.example.com", false},
		"called as this host":  {server.Config{}, "localhost:8443", false},
		"called as loopback":   {server.Config{}, "127.0.0.1:8443", false},
		"called by an address": {server.Config{}, "192.0.2.1", true},
	} {
		cfg := c.cfg
		cfg.Accounts, cfg.HTTPS = file, "127.0.0.1:0"
		if !cfg.TLSSelfSigned {
			cfg.TLSCert, cfg.TLSKey = a.server(t.TempDir(), "server")
		}
		s, stop := start(t, cfg)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+s.Addresses().HTTPS+"/signin", nil)
		req.Host = c.host
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Strict-Transport-Security") != ""; got != c.want {
			t.Errorf("%s: %t", name, got)
		}
		client.CloseIdleConnections()
		stop()
	}
}

// The cookie of the session, over TLS and without.
func TestCookieFlags(t *testing.T) {
	file, _ := accountsFile(t, "BBB")
	s := secure(t, newAuthority(t, "somebody"), server.Config{Accounts: file})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(client.CloseIdleConnections)
	for _, base := range []string{"http://" + s.Addresses().HTTP, "https://" + s.Addresses().HTTPS} {
		res, err := client.Post(base+"/api/v1/session", "application/json", strings.NewReader(`{"user":"olga","password":"`+password+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if len(res.Cookies()) != 1 {
			t.Fatalf("%s: %d cookies", base, len(res.Cookies()))
		}
		c, secure := res.Cookies()[0], strings.HasPrefix(base, "https")
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure {
			t.Errorf("%s: %s", base, c.Raw)
		}
	}
}
