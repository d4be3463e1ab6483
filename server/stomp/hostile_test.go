package stomp_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"mwm/server/stomp"
	"mwm/server/stomp/frame"
)

// Each limit ends the connection with an ERROR that names it.
func TestSessionLimits(t *testing.T) {
	w := serve(t, stomp.Options{
		Limits:           frame.Limits{HeaderLine: 200, Headers: 10, HeaderBytes: 500, Body: 1000},
		MaxSubscriptions: 3,
	})
	for words, frames := range map[string]string{
		"at most 200 ":                   "SEND\nx:" + strings.Repeat("y", 300) + "\n\n^@",
		"at most 10 headers":             "SEND\n" + strings.Repeat("a:b\n", 11) + "\n^@",
		"at most 500 ":                   "SEND\n" + strings.Repeat(strings.Repeat("a", 150)+":\n", 4) + "\n^@",
		"at most 1000 ":                  "SEND\ndestination:/topic/a\ncontent-length:1001\n\n",
		"bytes, at most 1000":            "SEND\ndestination:/topic/a\n\n" + strings.Repeat("x", 1100),
		"9223372036854775808":            "SEND\ndestination:/topic/a\ncontent-length:9223372036854775808\n\n",
		"has 3, no more are allowed":     subscriptions(4),
		"levels, at most 128 are allowe": "SEND\ndestination:/topic/" + strings.Repeat(".", 130) + "\n\n^@",
	} {
		t.Run(words, func(t *testing.T) {
			p := w.connect("1.2")
			p.send(frames)
			p.wantError(words)
		})
	}
	eventually(t, "subscriptions end with the session", func() bool { return w.broker.Subscriptions() == 0 })
	for message, n := range map[string]uint64{"header line too long": 1, "too many headers": 1, "headers too long": 1,
		"body too large": 2, "malformed content-length": 1, "too many subscriptions": 1, "too many levels": 1} {
		if got := w.server.Refusals()[message]; got != n {
			t.Errorf("%d sessions are counted under %q, want %d", got, message, n)
		}
	}
}

func subscriptions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "SUBSCRIBE\nid:%d\ndestination:/topic/a.%d\n\n^@", i, i)
	}
	return b.String()
}

// A client that asks for receipts and reads none is ended when its bound is
// full, and nobody waits for it.
func TestFloodOfReceipts(t *testing.T) {
	w := serve(t, stomp.Options{MaxOutbound: 64 << 10, Linger: 50 * time.Millisecond})
	p := w.connect("1.2")
	flood := strings.Repeat("SEND\ndestination:/topic/a\nreceipt:"+strings.Repeat("r", 1000)+"\n\n\x00", 1000)
	p.nc.SetWriteDeadline(time.Now().Add(patience))
	for {
		if _, err := io.WriteString(p.nc, flood); err != nil {
			break
		}
	}
	eventually(t, "the session ends", func() bool { return w.server.Sessions() == 0 })
	if n := w.server.Stats().TooSlow.Load(); n != 1 {
		t.Errorf("%d sessions are counted as too slow, want 1", n)
	}
}

// One that never reads loses messages, counted; the others get all, in order.
func TestNeverReading(t *testing.T) {
	w := serve(t, stomp.Options{MaxOutbound: 256 << 10, Linger: 50 * time.Millisecond})
	lazy := w.connect("1.2")
	lazy.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	lazy.send("SUBSCRIBE\nid:0\ndestination:/topic/>\n\n^@")
	eventually(t, "it is subscribed", func() bool { return w.broker.Subscriptions() == 1 })
	const n = 40_000
	var all sync.WaitGroup
	for i := range 3 {
		p := w.connect("1.2")
		p.send(fmt.Sprintf("SUBSCRIBE\nid:%d\ndestination:/topic/a\n\n^@", i%2))
		p.sync()
		all.Go(func() {
			for i := range n {
				m, err := p.read()
				if err != nil || !strings.HasPrefix(m.body, fmt.Sprintf("%d ", i)) {
					t.Errorf("message %d: %.20q, %v", i, m.body, err)
					return
				}
			}
		})
	}
	pub := w.connect("1.2")
	pad := strings.Repeat("x", 200)
	start := time.Now()
	for i := range n {
		fmt.Fprintf(pub.nc, "SEND\ndestination:/topic/a\n\n%d %s\x00", i, pad)
	}
	all.Wait()
	t.Logf("%d messages to three in %v, the fourth lost %d", n, time.Since(start), w.server.Dropped())
	if w.server.Dropped() == 0 {
		t.Error("nothing is counted as dropped")
	}
}

// What a queue's consumer does not take stays on the queue.
func TestNeverReadingConsumer(t *testing.T) {
	w := serve(t, stomp.Options{MaxOutbound: 64 << 10, Linger: 50 * time.Millisecond})
	lazy := w.connect("1.2")
	lazy.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	lazy.send("SUBSCRIBE\nid:0\ndestination:/queue/q\nprefetch-count:60000\n\n^@")
	eventually(t, "it consumes", func() bool { return w.broker.Consumers("q") == 1 })
	const n = 20_000
	pub := w.connect("1.2")
	pad := strings.Repeat("x", 500)
	for i := range n {
		fmt.Fprintf(pub.nc, "SEND\ndestination:/queue/q\n\n%d %s\x00", i, pad)
	}
	pub.sync()
	q := w.broker.Queues("q")[0]
	if q.Waiting < n/2 {
		t.Errorf("%d of %d messages wait: too many are on their way to a consumer that does not read", q.Waiting, n)
	}
	lazy.nc.(*net.TCPConn).SetLinger(0)
	lazy.nc.Close()
	eventually(t, "it goes", func() bool { return w.broker.Consumers("q") == 0 })
	next := w.connect("1.2")
	next.send("SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@")
	first := ""
	for last := -1; last < n-1; last++ {
		m := next.want("MESSAGE")
		i := 0
		fmt.Sscanf(m.body, "%d ", &i)
		if first == "" {
			first, last = m.body, i-1
		}
		if i != last+1 {
			t.Fatalf("after %d comes %d", last, i)
		}
	}
}

// An idle connection costs little, and a great many are no trouble.
func TestManyConnections(t *testing.T) {
	w := serve(t, stomp.Options{})
	var peers []*peer
	for range 200 {
		p := w.connect("1.2")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		peers = append(peers, p)
	}
	eventually(t, "all are subscribed", func() bool { return w.broker.Subscriptions() == 200 })
	peers[0].send("SEND\ndestination:/topic/a\n\nx^@")
	for _, p := range peers {
		p.want("MESSAGE", "=x")
		p.nc.Close()
	}
	eventually(t, "all go", func() bool {
		return w.server.Sessions() == 0 && w.broker.Subscriptions() == 0 && len(w.broker.Clients()) == 0
	})
}
