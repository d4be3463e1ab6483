package faults

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between clients and a server, and is a bad network.
type proxy struct {
	target string
	ln     net.Listener
	// delay is how late a packet comes, at most; none overtakes another.
	delay time.Duration

	mu     sync.Mutex
	links  map[*link]struct{}
	frozen chan struct{} // closed when nothing is forwarded any more
	shut   chan struct{} // closed when nobody is let in any more
	all    sync.WaitGroup
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	ended          chan struct{}
	once           sync.Once
}

// network stands before an address until the test ends.
func network(t *testing.T, target string, delay time.Duration) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, ln: ln, delay: delay, links: map[*link]struct{}{}, frozen: make(chan struct{}), shut: make(chan struct{})}
	p.all.Go(p.accept)
	t.Cleanup(func() {
		p.cut()
		p.all.Wait()
	})
	return p
}

func (p *proxy) addr() string { return p.ln.Addr().String() }

func (p *proxy) accept() {
	defer close(p.shut)
	for {
		client, err := p.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		l := &link{client: client, server: server, ended: make(chan struct{})}
		p.mu.Lock()
		p.links[l] = struct{}{}
		p.mu.Unlock()
		p.forward(l, client, server)
		p.forward(l, server, client)
	}
}

// packet is some bytes and when they arrive.
type packet struct {
	b  []byte
	at time.Time
}

// forward carries bytes in one direction until either end closes.
func (p *proxy) forward(l *link, from, to net.Conn) {
	way := make(chan packet, 1000)
	p.all.Go(func() {
		defer close(way)
		for {
			b := make([]byte, 1+rand.IntN(3000)) // packets are cut as it comes
			n, err := from.Read(b)
			select {
			case <-p.frozen:
				<-l.ended
				return
			default:
			}
			if n > 0 {
				select {
				case way <- packet{b[:n], time.Now().Add(rand.N(p.delay + 1))}:
				case <-l.ended:
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	p.all.Go(func() {
		defer p.end(l)
		for pk := range way {
			select {
			case <-time.After(time.Until(pk.at)):
			case <-l.ended:
				return
			}
			if _, err := to.Write(pk.b); err != nil {
				return
			}
		}
	})
}

// end breaks a link as a router does that has lost it.
func (p *proxy) end(l *link) {
	l.once.Do(func() {
		for _, c := range []net.Conn{l.client, l.server} {
			_ = c.(*net.TCPConn).SetLinger(0) // a reset, and what was under way is lost
			c.Close()
		}
		close(l.ended)
		p.mu.Lock()
		delete(p.links, l)
		p.mu.Unlock()
	})
}

// cut breaks all links, those too that are only being made, and lets nobody in any
// more: who comes late would stay, and be waited for.
func (p *proxy) cut() {
	p.ln.Close()
	<-p.shut
	p.mu.Lock()
	var all []*link
	for l := range p.links {
		all = append(all, l)
	}
	p.mu.Unlock()
	for _, l := range all {
		p.end(l)
	}
}

// freeze lets nothing through any more, and tells nobody: both ends are half open.
func (p *proxy) freeze() { close(p.frozen) }
