package httpd

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/topic"
)

// FuzzForwarded: whatever a client claims in front of what our proxies add, it
// does not become another's address, nor come over TLS.
func FuzzForwarded(f *testing.F) {
	f.Add("203.0.113.9", "https")
	f.Add("10.0.0.1, 192.0.2.7,, ::1%eth0", "HTTPS, http")
	f.Add("\"[2001:db8::1]:1\";", "")
	proxies, err := ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, claim, proto string) {
		for peer, last := range map[string]string{"192.0.2.1:1000": "", "10.0.0.1:1000": ", 198.51.100.7"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", claim+last)
			r.Header.Set("X-Forwarded-Proto", proto)
			proxies.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				want := peer
				if last != "" {
					want = "198.51.100.7:0"
				}
				if r.RemoteAddr != want {
					t.Errorf("%q from %s is taken for %s", claim, peer, r.RemoteAddr)
				}
				if isSecure(r) && (last == "" || !strings.EqualFold(proto, "https")) {
					t.Errorf("%q from %s is taken for TLS", proto, peer)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		}
		if addr, ok := proxies.client(claim); ok && (addr.Zone() != "" || addr.Is4In6() || addr == netip.Addr{}) {
			t.Errorf("%q is taken for %v", claim, addr)
		}
	})
}

// FuzzOutgoing: what the API lets through is a message that the broker may have.
func FuzzOutgoing(f *testing.F) {
	f.Add([]byte(`{"destination":"/queue/orders","headers":[["x","y"]],"body":"one","priority":9,"persistent":true,"expires":4102444800000}`))
	f.Add([]byte(`{"destination":"/topic/.mwm.A.motion","base64":"AAECAw==","retain":true}`))
	f.Add([]byte(`{"destination":"/topic/$SYS.x","headers":[["destination","/queue/a"],["",""]]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var o outgoing
		if json.Unmarshal(in, &o) != nil {
			return
		}
		m, err := o.message(time.UnixMilli(1_700_000_000_000))
		if err != nil {
			return
		}
		if topic.CheckName(m.Name) != nil || strings.HasPrefix(m.Name, "$") || m.Kind != broker.QueueKind && m.Kind != broker.TopicKind {
			t.Errorf("%s goes to %q", in, m.Name)
		}
		if len(m.Body) > maxBody || m.Priority > 9 || m.Retain && m.Kind == broker.QueueKind || len(m.Headers) > maxHeaders {
			t.Errorf("%s becomes %+v", in, m)
		}
		for _, h := range m.Headers {
			if h.Name == "" || fixedHeaders[h.Name] || strings.ContainsRune(h.Name+h.Value, 0) {
				t.Errorf("%s has the header %q: %q", in, h.Name, h.Value)
			}
		}
	})
}
