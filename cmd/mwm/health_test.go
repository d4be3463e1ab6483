package main

import (
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A server on this machine is asked over HTTPS whatever its certificate is; it has
// to answer 200.
func TestHealth(t *testing.T) {
	code := http.StatusOK
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
	s.Config.ErrorLog = log.New(t.Output(), "", 0)
	s.StartTLS()
	defer s.Close()
	ask := HealthCmd{URL: s.URL + "/healthz", patience: 20 * time.Second}
	if err := ask.Run(t.Context()); err != nil {
		t.Error(err)
	}
	code = http.StatusServiceUnavailable
	if err := ask.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a server that stops: %v", err)
	}
	for _, address := range []string{"localhost:8080", "127.0.0.1:8080", ":8080", "localhost"} {
		err := (&HealthCmd{URL: address}).Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), "is not a URL like http://") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for text, own := range map[string]bool{
		"https://127.0.0.1:8443": true, "https://[::1]": true, "https://localhost": true,
		"https://fleet.test": false, "https://10.0.0.1": false, "https://127.0.0.1.evil.test": false, "https://localhost.evil.test": false,
	} {
		u, err := url.Parse(text)
		if err != nil || ownMachine(u) != own {
			t.Errorf("%s is this machine: %t, %v", text, !own, err)
		}
	}
}
