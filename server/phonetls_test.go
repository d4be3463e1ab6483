package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mwm/server"
)

// A browser that has come without TLS to one of the machine's addresses is led to
// the same one with TLS, where it takes the certificate that the server made, once
// it trusts it. Nobody need have signed in for that.
func TestPhoneOverOwnCertificate(t *testing.T) {
	file, _ := accountsFile(t, "BBB")
	dir := t.TempDir()
	s, _ := start(t, server.Config{Accounts: file, Data: dir, HTTP: "[::]:0", HTTPS: "[::]:0", TLSSelfSigned: true})
	trusted, err := os.ReadFile(filepath.Join(dir, "self-signed.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	browser := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	t.Cleanup(browser.CloseIdleConnections)
	get := func(url string) string {
		t.Helper()
		res, err := browser.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s: %s %v", url, res.Status, body, err)
		}
		return string(body)
	}
	_, plain, err1 := net.SplitHostPort(s.Addresses().HTTP)
	_, overTLS, err2 := net.SplitHostPort(s.Addresses().HTTPS)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	for _, host := range ownAddresses(t) {
		want := "https://" + net.JoinHostPort(host, overTLS) + "/phone"
		if got := get("http://" + net.JoinHostPort(host, plain) + "/api/v1/phone"); got != `{"url":"`+want+`","selfSigned":true}` {
			t.Fatalf("at %s: %s, want %s", host, got, want)
		}
		if page := get(want); !strings.Contains(page, "js/phone/main.js") {
			t.Errorf("%s is %q", want, page)
		}
	}
}

// ownAddresses are those of this machine that others may reach.
func ownAddresses(t *testing.T) (hosts []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			hosts = append(hosts, prefix.Addr().String())
		}
	}
	return hosts
}
