package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"mwm/server"
)

// Profiles are served where --pprof says, to this machine's own tools; not at all
// without it, nor on the port that everybody may reach.
func TestProfiles(t *testing.T) {
	s, _ := start(t, server.Config{PProf: "127.0.0.1:0"})
	ask := func(addr, host string, headers ...string) (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/debug/pprof/goroutine?debug=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	at := s.Profiles()
	if status, body := ask(at, at); status != http.StatusOK || !strings.Contains(body, "serveProfiles") {
		t.Errorf("%d %.200s", status, body)
	}
	if status, _ := ask(at, "evil.example:80"); status != http.StatusForbidden {
		t.Errorf("a foreign name that points here: %d", status)
	}
	if status, _ := ask(at, at, "Origin", "https://evil.example"); status != http.StatusForbidden {
		t.Errorf("a foreign page: %d", status)
	}
	if status, body := ask(s.Addresses().HTTP, ""); status == http.StatusOK && strings.Contains(body, "goroutine") {
		t.Error("the port of the dashboard serves profiles")
	}
}
