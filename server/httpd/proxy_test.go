package httpd

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"mwm/server/netx"
)

// asked is where the requests of ask come from.
var asked = Proxies{netip.MustParsePrefix("192.0.2.1/32")}

// WebSockets that come over a proxy count for their clients: one of them cannot take
// all the connections that there are.
func TestWebSocketsOverAProxy(t *testing.T) {
	before := netx.MemoryUsed()
	gate := netx.NewGate(netx.GateOptions{PerAddress: 2})
	opts, _ := options(t)
	opts.Admit, opts.Proxies = gate.Admit, asked
	opts.STOMP = waiting{}
	s := newServer(t, opts)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, stop := serveOn(t, s, gate.Listener(l, 0))
	dial := func(client string) (*websocket.Conn, int) {
		t.Helper()
		c, res, err := websocket.Dial(t.Context(), "ws://"+addr+"/stomp", &websocket.DialOptions{HTTPHeader: http.Header{"X-Forwarded-For": {client}}})
		if err != nil && res == nil {
			t.Fatal(err)
		}
		return c, res.StatusCode
	}
	var open []*websocket.Conn
	for i, want := range []int{101, 101, 429} {
		c, status := dial("203.0.113.1")
		if status != want {
			t.Errorf("WebSocket %d: %d", i+1, status)
		}
		if c != nil {
			open = append(open, c)
		}
	}
	if c, status := dial("203.0.113.2"); status != 101 {
		t.Errorf("another client: %d", status)
	} else {
		open = append(open, c)
	}
	for range 5 { // these last for a moment only, or are none
		if res := ask(s, "GET", "/healthz", "", "X-Forwarded-For: 203.0.113.1"); res.Code == http.StatusTooManyRequests {
			t.Error("a request is refused")
		}
	}
	_ = open[0].CloseNow()
	until(t, "when one has gone, another may come", func() bool {
		c, status := dial("203.0.113.1")
		if c != nil {
			open = append(open, c)
		}
		return status == 101
	})
	for _, c := range open {
		_ = c.CloseNow()
	}
	_ = stop()
	until(t, "all are off the books", func() bool { return netx.MemoryUsed() <= before })
}

// What is booked for a request that only looks like a WebSocket's is given back, also
// when its answer is cut off.
func TestBrokenOffAnswerOverAProxy(t *testing.T) {
	gate := netx.NewGate(netx.GateOptions{PerAddress: 1})
	opts, _ := options(t)
	opts.Admit, opts.Proxies = gate.Admit, asked
	opts.STOMP = breaking{}
	s := newServer(t, opts)
	for range 2 {
		func() {
			defer func() {
				if cut := recover(); cut != http.ErrAbortHandler {
					t.Errorf("the answer is not cut off: %v", cut)
				}
			}()
			res := ask(s, "GET", "/stomp", "", "X-Forwarded-For: 203.0.113.1", "Upgrade: websocket")
			t.Errorf("answered %d", res.Code)
		}()
	}
}

// breaking is a protocol front end that breaks off what it has begun.
type breaking struct{}

func (breaking) ServeWS(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// waiting is a protocol front end that says nothing until its client goes.
type waiting struct{}

func (waiting) ServeWS(w http.ResponseWriter, r *http.Request) {
	if c, err := websocket.Accept(w, r, nil); err == nil {
		_, _, _ = c.Read(r.Context())
		_ = c.CloseNow()
	}
}

// A front end may return while its WebSocket goes on: that counts until it is closed.
func TestWebSocketThatIsHandedOn(t *testing.T) {
	gate := netx.NewGate(netx.GateOptions{PerAddress: 1})
	opts, _ := options(t)
	opts.Admit = gate.Admit
	var front handing
	opts.STOMP = &front
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr, stop := serveOn(t, newServer(t, opts), gate.Listener(l, 0))
	dial := func() (*websocket.Conn, int) {
		c, res, err := websocket.Dial(t.Context(), "ws://"+addr+"/stomp", &websocket.DialOptions{HTTPHeader: http.Header{"X-Forwarded-For": {"203.0.113.1"}}})
		if err != nil && res == nil {
			t.Fatal(err)
		}
		return c, res.StatusCode
	}
	first, _ := dial()
	for range 10 { // the first of them may come before the front end has returned
		if c, status := dial(); status != http.StatusTooManyRequests {
			t.Errorf("a second WebSocket: %d", status)
			_ = c.CloseNow()
		}
	}
	_ = first.CloseNow()
	until(t, "when it has gone, another may come", func() bool {
		c, status := dial()
		if c != nil {
			_ = c.CloseNow()
		}
		return status == 101
	})
	until(t, "all have gone", func() bool { return front.clients.Load() == 0 })
	_ = stop()
}

// handing is a protocol front end that serves its clients elsewhere.
type handing struct{ clients atomic.Int32 }

func (h *handing) ServeWS(w http.ResponseWriter, r *http.Request) {
	h.clients.Add(1)
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		h.clients.Add(-1)
		return
	}
	go func() {
		defer h.clients.Add(-1)
		_, _, _ = c.Read(context.WithoutCancel(r.Context()))
		_ = c.CloseNow()
	}()
}

func TestProxies(t *testing.T) {
	p, err := ParseProxies([]string{"10.0.0.1", "192.168.0.0/16", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.5:7", "", "203.0.113.5:7"},
		{"203.0.113.5:7", "198.51.100.1", "203.0.113.5:7"}, // no proxy: it may say what it likes
		{"10.0.0.1:7", "", "10.0.0.1:7"},
		{"10.0.0.1:7", "198.51.100.1", "198.51.100.1:0"},
		{"127.0.0.1:7", "198.51.100.1", "198.51.100.1:0"},
		{"10.0.0.1:7", "1.1.1.1, 198.51.100.1", "198.51.100.1:0"},         // the client wrote the first
		{"10.0.0.1:7", "198.51.100.1, 192.168.7.7", "198.51.100.1:0"},     // over two proxies
		{"10.0.0.1:7", "198.51.100.1, 1.1.1.1, 192.168.7.7", "1.1.1.1:0"}, // of which the first is not one
		{"10.0.0.1:7", "192.168.1.1", "192.168.1.1:0"},
		{"10.0.0.1:7", "evil", "10.0.0.1:7"},
		{"10.0.0.1:7", "evil, 198.51.100.1:99", "198.51.100.1:0"},
		{"10.0.0.1:7", "2001:db9::1", "[2001:db9::1]:0"},
		{"[::ffff:10.0.0.1]:7", "198.51.100.1", "198.51.100.1:0"},
	} {
		var got *http.Request
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		r.Header.Set("X-Forwarded-Proto", "https")
		p.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })).ServeHTTP(nil, r)
		if got.RemoteAddr != c.want {
			t.Errorf("%s forwards for %q: %s, want %s", c.peer, c.forwarded, got.RemoteAddr, c.want)
		}
		if isSecure(got) != p.Trust(netip.MustParseAddrPort(c.peer).Addr()) || got.Header.Get("X-Forwarded-For") != "" {
			t.Errorf("%s: secure %t, %v", c.peer, isSecure(got), got.Header)
		}
	}
	for _, bad := range []string{"", "proxy", "10.0.0.1/33", "10.0.0.1:80"} {
		if _, err := ParseProxies([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// The address behind the proxy is what guesses are counted by.
func TestRemoteBehindProxy(t *testing.T) {
	s, who, _ := withAccounts(t)
	r := httptest.NewRequest("POST", "/api/v1/session", strings.NewReader(`{"user":"olga","password":"x"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	r.RemoteAddr = "127.0.0.1:5"
	s.ServeHTTP(httptest.NewRecorder(), r)
	if !slices.Equal(who.remotes, []string{"198.51.100.1:0"}) {
		t.Errorf("%v", who.remotes)
	}
}
