package httpd

import (
	"strings"
	"testing"

	"mwm/server/broker"
)

func TestPreview(t *testing.T) {
	long := strings.Repeat("트럭 ", 100)
	for in, want := range map[string]string{
		"": "", "hello": "hello", " two\n lines\t ": "two lines", "\x00\x01": "(none)", "\xff": "(none)", long: previewOf(long),
		strings.Repeat("x", 121): strings.Repeat("x", 119) + "…", strings.Repeat("x", 120): strings.Repeat("x", 120),
	} {
		got := "(none)"
		if p := preview([]byte(in)); p != nil {
			got = *p
		}
		if got != want {
			t.Errorf("%.40q: %q, want %q", in, got, want)
		}
	}
}

// previewOf is the plain definition for text without controls.
func previewOf(s string) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	return string(r[:previewLength-1]) + "…"
}

func TestViewBody(t *testing.T) {
	for _, c := range []struct {
		body, encoding string
		limit          int
		want           bodyView
	}{
		{"hi", "auto", 10, bodyView{"text", "hi", 2, false}},
		{"hi", "hex", 1, bodyView{"hex", "68", 2, true}},
		{"\x00\x01", "auto", 10, bodyView{"base64", "AAE=", 2, false}},
		{"\xff", "text", 10, bodyView{"text", "\uFFFD", 1, false}},
		{"트럭", "auto", 4, bodyView{"text", "트", 6, true}},
		{"", "auto", 0, bodyView{"text", "", 0, false}},
	} {
		if got := viewBody([]byte(c.body), bodyForm{c.encoding, c.limit}); got != c.want {
			t.Errorf("%q as %s: %+v, want %+v", c.body, c.encoding, got, c.want)
		}
	}
}

func TestKeys(t *testing.T) {
	for s, want := range map[string]broker.Place{"4-17": {Priority: 4, Seq: 17}, "0-0": {}, "9-18446744073709551615": {Priority: 9, Seq: 1<<64 - 1}} {
		if got, ok := parseKey(s); !ok || got != want || key(got) != s {
			t.Errorf("%s: %v %t", s, got, ok)
		}
	}
	for _, s := range []string{"", "4", "4-", "-1", "10-1", "4-x", "4-1-1", "4--1", "4-18446744073709551616"} {
		if got, ok := parseKey(s); ok {
			t.Errorf("%s: %v", s, got)
		}
	}
}
