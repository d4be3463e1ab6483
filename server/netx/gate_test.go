package netx

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestGatePerAddress(t *testing.T) {
	g := NewGate(GateOptions{PerAddress: 2})
	now := time.Unix(1000, 0)
	a, b := prefix("203.0.113.1/32"), prefix("203.0.113.2/32")
	for i, want := range []bool{true, true, false, false} {
		if got := g.enter(a, now); got != want {
			t.Errorf("connection %d: %t", i+1, got)
		}
	}
	if !g.enter(b, now) {
		t.Error("another address is refused")
	}
	g.leave(a, now)
	if !g.enter(a, now) {
		t.Error("after one has gone, no other may come")
	}
	g.leave(a, now)
	g.leave(a, now)
	g.leave(b, now)
	if len(g.byAddr) != 0 {
		t.Errorf("%d addresses are remembered", len(g.byAddr))
	}
}

func TestGateRate(t *testing.T) {
	g := NewGate(GateOptions{Rate: 10})
	now := time.Unix(1000, 0)
	a := prefix("203.0.113.1/32")
	come := func(n int) (in int) {
		for range n {
			if g.enter(a, now) {
				in++
				g.leave(a, now)
			}
		}
		return in
	}
	if n := come(500); n != 100 {
		t.Errorf("%d came at once, want 100", n)
	}
	now = now.Add(2 * time.Second)
	if n := come(500); n != 20 {
		t.Errorf("%d came in two seconds, want 20", n)
	}
	now = now.Add(time.Hour)
	if n := come(500); n != 100 {
		t.Errorf("%d came after an hour, want 100", n)
	}
}

// Whoever has many addresses fills no memory.
func TestGateIsBounded(t *testing.T) {
	g := NewGate(GateOptions{Rate: 1000})
	now := time.Unix(1000, 0)
	for i := range 200_000 {
		now = now.Add(time.Millisecond)
		key := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		g.enter(key, now)
		g.mu.Lock()
		g.byAddr[key].open--
		g.mu.Unlock()
	}
	if len(g.byAddr) > 25_000 {
		t.Errorf("%d addresses are remembered", len(g.byAddr))
	}
}

// Who leaves makes room for one more, of its address and of the listener; whoever
// is refused takes none away.
func TestGateLeave(t *testing.T) {
	g := NewGate(GateOptions{PerAddress: 2, Rate: 1000})
	l := g.Listener(nil, 3).(*gatedListener)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for range 10 {
		a1, a2 := l.admit(a), l.admit(a)
		if a1 == nil || a2 == nil || l.admit(a) != nil {
			t.Fatal("two of an address are not what there is room for")
		}
		b1 := l.admit(b)
		if b1 == nil || l.admit(b) != nil {
			t.Fatal("three are not what the listener has room for")
		}
		a1()
		if a1 = l.admit(a); a1 == nil {
			t.Fatal("there is no room although one has left")
		}
		a1()
		a2()
		b1()
	}
	if n := l.open.Load(); n != 0 {
		t.Errorf("%d are open after all have left", n)
	}
}

// Loopback is exempt, and what comes through can still be read without a buffer.
func TestGateListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := NewGate(GateOptions{PerAddress: 1})
	gated := g.Listener(ln, 3)
	defer gated.Close()
	var first net.Conn
	for range 3 {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		in, err := gated.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		first = in
	}
	// A fourth one is closed; when one goes, another may come.
	over, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer over.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		if nc, err := gated.Accept(); err == nil {
			accepted <- nc
		}
		close(accepted)
	}()
	over.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := over.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many: %v", err)
	}
	first.Close()
	again, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if nc := <-accepted; nc != nil {
		nc.Close()
	}
	left := 0
	c := &gatedConn{TCPConn: &net.TCPConn{}, leave: func() { left++ }}
	if _, ok := net.Conn(c).(syscall.Conn); !ok {
		t.Error("a gated connection hides its descriptor")
	}
	for range 3 {
		c.Close()
	}
	if left != 1 {
		t.Errorf("it left %d times", left)
	}
	if g.Refused() != 1 {
		t.Errorf("%d were refused", g.Refused())
	}
}

// A connection that comes by way of a proxy counts for its client until it is closed,
// and the proxy's own for nobody.
func TestGateAdmit(t *testing.T) {
	proxy, client := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("203.0.113.1")
	g := NewGate(GateOptions{PerAddress: 1, Exempt: func(a netip.Addr) bool { return a == proxy }})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gated := g.Listener(ln, 0)
	defer gated.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	nc, err := gated.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	leave := g.Admit(client)
	if leave == nil || !OnClose(tls.Server(nc, nil), leave) {
		t.Fatal("the first one is refused")
	}
	if g.Admit(client) != nil || g.Refused() != 1 {
		t.Errorf("a second one may come; %d are refused", g.Refused())
	}
	for range 2 {
		if g.Admit(proxy) == nil || g.Admit(netip.MustParseAddr("::1")) == nil {
			t.Error("the proxy, or this machine, is refused")
		}
	}
	nc.Close()
	again := g.Admit(client)
	if again == nil {
		t.Fatal("when it is closed, no other may come")
	}
	if !OnClose(nc, again) || g.Admit(client) == nil {
		t.Error("one that is closed already stays on the books")
	}
	if OnClose(peer, func() { t.Error("called") }) {
		t.Error("a connection that came through no gate is taken for one")
	}
}
