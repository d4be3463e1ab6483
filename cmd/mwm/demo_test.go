package main

import "testing"

// What the demo says can be opened.
func TestPageURL(t *testing.T) {
	for _, tt := range []struct{ http, https, want string }{
		{"127.0.0.1:8080", "[::]:8443", "http://127.0.0.1:8080"},
		{"[::]:8080", "", "http://localhost:8080"},
		{"0.0.0.0:8080", "", "http://localhost:8080"},
		{"[fe80::1%eth0]:8080", "", "http://[fe80::1%eth0]:8080"},
		{"", "[::]:8443", "https://localhost:8443"},
		{"", "", ""},
	} {
		if got := pageURL(tt.http, tt.https); got != tt.want {
			t.Errorf("of %q and %q the page is at %q, not %q", tt.http, tt.https, got, tt.want)
		}
	}
}
