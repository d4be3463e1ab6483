package netx

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// GateOptions are the limits of a gate. Zero means no limit.
type GateOptions struct {
	// PerAddress is how many connections one address may have open at a time. In
	// IPv6 the addresses of one network of 64 bits count as one.
	PerAddress int
	// Rate is how many an address may open in a second, on average; a tenfold may
	// come at once.
	Rate int
	// Exempt says for which addresses these limits are not; nil: for none.
	// Loopback addresses are always exempt.
	Exempt func(netip.Addr) bool
}

// Gate keeps one address from taking all connections, over all listeners
// together. What is too much is closed at once and counted. Those that come by way
// of a proxy are booked for their clients with [Gate.Admit].
type Gate struct {
	opt     GateOptions
	refused atomic.Uint64

	mu      sync.Mutex
	byAddr  map[netip.Prefix]*visitor
	sweepAt int // how many there may be before those are forgotten that matter no more
}

// visitor is an address.
type visitor struct {
	open int
	paid time.Time // when all that it has opened is paid for (GCRA)
}

// connectBurst is how many seconds' worth of connections may come at once.
const connectBurst = 10

// NewGate returns a gate.
func NewGate(opt GateOptions) *Gate {
	return &Gate{opt: opt, byAddr: map[netip.Prefix]*visitor{}, sweepAt: 10_000}
}

// Refused is how many connections were.
func (g *Gate) Refused() uint64 { return g.refused.Load() }

// enter books a connection and reports whether it may stay.
func (g *Gate) enter(key netip.Prefix, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.byAddr[key]
	if v == nil {
		if len(g.byAddr) >= g.sweepAt {
			g.sweep(now)
		}
		v = &visitor{}
		g.byAddr[key] = v
	}
	if g.opt.PerAddress > 0 && v.open >= g.opt.PerAddress {
		return false
	}
	if g.opt.Rate > 0 {
		each := time.Second / time.Duration(g.opt.Rate)
		if v.paid.Before(now) {
			v.paid = now
		}
		if v.paid.Sub(now) > connectBurst*time.Second-each {
			return false
		}
		v.paid = v.paid.Add(each)
	}
	v.open++
	return true
}

func (g *Gate) leave(key netip.Prefix, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.byAddr[key]
	if v.open--; v.open == 0 && !v.paid.After(now) {
		delete(g.byAddr, key)
	}
}

// sweep forgets those who have nothing open and nothing to pay. g.mu is held.
func (g *Gate) sweep(now time.Time) {
	for key, v := range g.byAddr {
		if v.open == 0 && !v.paid.After(now) {
			delete(g.byAddr, key)
		}
	}
	g.sweepAt = max(10_000, 2*len(g.byAddr))
}

// Listener lets the connections of a listener through the gate, of which max may
// be open at a time; 0 means 100,000.
func (g *Gate) Listener(ln net.Listener, max int) net.Listener {
	if max <= 0 {
		max = 100_000
	}
	return &gatedListener{Listener: ln, gate: g, max: int64(max)}
}

type gatedListener struct {
	net.Listener
	gate *Gate
	max  int64
	open atomic.Int64
}

// Accept implements [net.Listener].
func (l *gatedListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		tcp, ok := nc.(*net.TCPConn)
		if !ok {
			return nc, nil
		}
		addr := tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
		if leave := l.admit(addr.Unmap().WithZone("")); leave != nil {
			return &gatedConn{TCPConn: tcp, leave: leave}, nil
		}
		l.gate.refused.Add(1)
		nc.Close()
	}
}

// connectionCost is what a connection takes beside its buffers, in bytes, roughly:
// what serves it, and its part of the kernel's structures not counted.
const connectionCost = 12 << 10

// admit books a connection from an address; what it returns takes it off the
// books, nil refuses it.
func (l *gatedListener) admit(addr netip.Addr) func() {
	free := func() {
		l.open.Add(-1)
		Unbook(connectionCost)
	}
	Book(connectionCost)
	if l.open.Add(1) > l.max || Exhausted() {
		free()
		return nil
	}
	leave := l.gate.place(addr)
	if leave == nil {
		free()
		return nil
	}
	return func() {
		free()
		leave()
	}
}

// Admit books a connection for an address that it does not come from itself, but by
// way of a proxy, whose own connections are exempt. What it returns takes it off the
// books; nil refuses it.
func (g *Gate) Admit(addr netip.Addr) (leave func()) {
	if leave = g.place(addr); leave == nil {
		g.refused.Add(1)
	}
	return leave
}

// place books a connection of an address that the limits are for.
func (g *Gate) place(addr netip.Addr) (leave func()) {
	if g.opt.PerAddress <= 0 && g.opt.Rate <= 0 || addr.IsLoopback() || g.opt.Exempt != nil && g.opt.Exempt(addr) {
		return func() {}
	}
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	key, _ := addr.Prefix(bits) // of a valid address always
	if !g.enter(key, time.Now()) {
		return nil
	}
	return func() { g.leave(key, time.Now()) }
}

// gatedConn leaves the gate when it is closed. It embeds the concrete type, so
// that what reads without a buffer and writes several at once still can.
type gatedConn struct {
	*net.TCPConn
	mu    sync.Mutex
	leave func() // nil once it is closed
}

// Close implements [net.Conn].
func (c *gatedConn) Close() error {
	c.mu.Lock()
	leave := c.leave
	c.leave = nil
	c.mu.Unlock()
	if leave != nil {
		leave()
	}
	return c.TCPConn.Close()
}

// OnClose has f called when a connection that came through a gate is closed on this
// side, perhaps with TLS around it; at once if it is already. It reports whether it
// is such a connection.
func OnClose(nc net.Conn, f func()) bool {
	if around, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = around.NetConn()
	}
	c, ok := nc.(*gatedConn)
	if !ok {
		return false
	}
	c.mu.Lock()
	before := c.leave
	if before != nil {
		c.leave = func() {
			before()
			f()
		}
	}
	c.mu.Unlock()
	if before == nil {
		f()
	}
	return true
}
