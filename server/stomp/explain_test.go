package stomp

import (
	"fmt"
	"strings"
	"testing"

	"mwm/server/stomp/frame"
)

func explained(d *frame.Dialect, p string) string {
	s := &session{}
	s.dialect.Store(d)
	var out []string
	for _, f := range s.explain([]byte(p), true) {
		body := ""
		if f.BodySize > 0 {
			body = string(f.Raw[f.BodyAt:min(f.BodyAt+f.BodySize, len(f.Raw))])
		}
		out = append(out, fmt.Sprintf("%s %q %q %d/%d %s", f.Type, f.Fields, body, len(f.Raw), f.Size, f.Err))
	}
	return strings.Join(out, "; ")
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		d              *frame.Dialect
	}{
		{"frames and heart-beats", "SEND\ndestination:/topic/a\\cb\n\nhi\x00\n\nDISCONNECT\n\n\x00",
			`SEND [{"destination" "/topic/a:b"}] "hi" 33/33 ; heart-beat [] "" 2/2 ; DISCONNECT [] "" 13/13 `, frame.V12},
		{"a body with NUL", "SEND\ncontent-length:3\n\na\x00b\x00", `SEND [{"content-length" "3"}] "a\x00b" 27/27 `, frame.V12},
		{"CR LF, and no escapes in 1.0", "SEND\r\nx:a\\cb\r\n\r\nhi\x00", `SEND [{"x" "a\\cb"}] "hi" 19/19 `, frame.V10},
		{"a secret", "CONNECT\nlogin:me\npasscode:s:ecret\n\n\x00", `CONNECT [{"login" "me"} {"passcode" "*******"}] "" 36/36 `, frame.V12},
		{"the end is missing", "SEND\ncontent-length:1000\n\nabc", `SEND [{"content-length" "1000"}] "abc" 29/1027 `, frame.V12},
		{"an absurd length", "SEND\ncontent-length:9223372036854775807\n\nabc", `SEND [{"content-length" "9223372036854775807"}] "abc" 44/45 `, frame.V12},
		{"a bad escape", "SEND\na:\\t\n\n\x00", `SEND [{"a" "\\t"}] "" 12/12 `, frame.V12},
		{"no STOMP", "GET / HTTP/1.1\n\n", `unknown [] "" 16/16 no STOMP command`, frame.V12},
	} {
		if got := explained(c.d, c.in); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
	s := &session{}
	s.dialect.Store(frame.V12)
	if f := s.explain([]byte("CONNECT\npasscode:secret\n\n\x00"), true); strings.Contains(string(f[0].Raw), "secret") {
		t.Errorf("%q", f[0].Raw)
	}
}

// FuzzExplain: whatever crosses the wire, all of it is shown, once.
func FuzzExplain(f *testing.F) {
	f.Add([]byte("SEND\ndestination:/topic/a\\cb\n\nhi\x00\n\nDISCONNECT\n\n\x00"))
	f.Add([]byte("SEND\ncontent-length:9223372036854775807\n\nabc"))
	f.Add([]byte("MESSAGE\r\n\r\n"))
	f.Fuzz(func(t *testing.T, p []byte) {
		s := &session{}
		s.dialect.Store(frame.V12)
		n := 0
		for _, x := range s.explain(append([]byte(nil), p...), true) {
			n += len(x.Raw)
			if len(x.Raw) == 0 || x.Size < len(x.Raw) || x.BodyAt < 0 || x.BodySize < 0 || x.BodySize > 0 && (x.BodyAt == 0 || x.BodyAt > len(x.Raw)) {
				t.Fatalf("%+v", x)
			}
		}
		if n != len(p) {
			t.Errorf("%d of %d bytes are shown", n, len(p))
		}
	})
}
