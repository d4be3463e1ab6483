package stomp_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp"
)

// bystanders are two honest clients; what is returned fails unless they reach each
// other over a topic and a queue.
func (w *world) bystanders() (unharmed func()) {
	from, to := w.connect("1.2"), w.connect("1.2")
	to.send("SUBSCRIBE\nid:t\ndestination:/topic/honest\n\n^@SUBSCRIBE\nid:q\ndestination:/queue/honest\nack:client\n\n^@")
	to.sync()
	n := 0
	return func() {
		w.t.Helper()
		n++
		from.send(fmt.Sprintf("SEND\ndestination:/topic/honest\n\n%d^@", n))
		to.want("MESSAGE", "subscription:t", fmt.Sprintf("=%d", n))
		from.send(fmt.Sprintf("SEND\ndestination:/queue/honest\nreceipt:%d\n\n%d^@", n, n))
		from.want("RECEIPT", fmt.Sprintf("receipt-id:%d", n))
		to.send(answerTo("1.2", "ACK", to.want("MESSAGE", "subscription:q", fmt.Sprintf("=%d", n))))
	}
}

// held is what peers make the process hold beyond what they did when it was called.
func held() func() int64 {
	before := netx.MemoryUsed()
	return func() int64 { return netx.MemoryUsed() - before }
}

// Whatever a peer goes on with for ever, it gets to read what was wrong with it, and
// no more of it is kept than a frame may have.
func TestEndless(t *testing.T) {
	w := serve(t, stomp.Options{})
	unharmed := w.bystanders()
	mib := strings.Repeat("x", 1<<20)
	for i, c := range []struct{ name, begin, more, words string }{
		{"command", "", mib, "unknown command"},
		{"command after CONNECT", "CONNECT\n\n\x00", mib, "unknown command"},
		{"header line before CONNECT", "CONNECT\nlogin:", mib, "header line too long"},
		{"header line", "CONNECT\n\n\x00SEND\nx:", mib, "header line too long"},
		{"header name", "CONNECT\n\n\x00SEND\n", mib, "header line too long"},
		{"headers before CONNECT", "CONNECT\n", strings.Repeat("x:y\n", 1000), "too many headers"},
		{"headers", "CONNECT\n\n\x00SEND\n", strings.Repeat("x:y\n", 1000), "too many headers"},
		{"large headers", "CONNECT\n\n\x00SEND\n", "x:" + strings.Repeat("y", 4000) + "\n", "headers too long"},
		{"body before CONNECT", "CONNECT\n\n", mib, "body too large"},
		{"body without NUL", "CONNECT\n\n\x00SEND\ndestination:/topic/a\n\n", mib, "body too large"},
		{"body of 2^63", "CONNECT\n\n\x00SEND\ndestination:/topic/a\ncontent-length:9223372036854775808\n\n", mib, "malformed content-length"},
		{"body of 2^63-1", "CONNECT\n\n\x00SEND\ndestination:/topic/a\ncontent-length:9223372036854775807\n\n", mib, "body too large"},
		{"body of 2^64+1", "CONNECT\n\n\x00SEND\ndestination:/topic/a\ncontent-length:18446744073709551617\n\n", mib, "malformed content-length"},
		{"body of -1", "CONNECT\n\n\x00SEND\ndestination:/topic/a\ncontent-length:-1\n\n", mib, "malformed content-length"},
	} {
		t.Run(c.name, func(t *testing.T) {
			held := held()
			p := w.dial()
			most, said := int64(0), make(chan string)
			go func() {
				words := p.lastWords()
				if i > 0 { // the first one waits until the server has enough of it
					p.nc.Close()
				}
				said <- words
			}()
			p.nc.SetWriteDeadline(time.Now().Add(patience))
			_, err := io.WriteString(p.nc, c.begin)
			for err == nil {
				_, err = io.WriteString(p.nc, c.more)
				most = max(most, held())
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("it may go on for ever")
			}
			if got := <-said; !strings.Contains(got, c.words) {
				t.Errorf("it is told %.200q, want %q", got, c.words)
			}
			if most > 32<<20 { // a frame of 8 MiB, its buffer growing to twice that
				t.Errorf("%d bytes are held", most)
			}
			unharmed()
		})
	}
	eventually(t, "all are gone", func() bool { return w.server.Sessions() == 2 })
}

// lastWords reads all that comes, and returns it.
func (p *peer) lastWords() string {
	p.nc.SetReadDeadline(time.Now().Add(patience))
	b, _ := io.ReadAll(p.nc) // a reset after the last words is none of theirs
	return string(b)
}

// Those who introduce themselves a byte at a time are ended together when the time is
// over; who has done so meanwhile is not.
func TestSlowLorisBeforeConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		var drips sync.WaitGroup
		for range 200 {
			p := w.dial()
			drips.Go(func() {
				for _, c := range "CONNECT\naccept-version:1.2\nhost:example.org\n\n\x00" {
					time.Sleep(time.Second)
					if _, err := io.WriteString(p.nc, string(c)); err != nil {
						return
					}
				}
			})
			drips.Go(func() { io.Copy(io.Discard, p.nc) })
		}
		honest := w.connect("1.2")
		time.Sleep(15 * time.Second)
		if n := w.server.Sessions(); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
		if n := w.server.Refusals()["connect timeout"]; n != 200 {
			t.Errorf("%d are counted, want 200", n)
		}
		honest.sync()
		drips.Wait()
	})
}

// Those who announce large frames and send little of them hold what they have sent,
// not what they have announced, and nobody waits for them.
func TestSlowLorisInFrames(t *testing.T) {
	w := serve(t, stomp.Options{})
	unharmed := w.bystanders()
	held := held()
	const n = 200
	var peers []*peer
	for range n {
		p := w.connect("1.2")
		p.send("SEND\ndestination:/topic/a\ncontent-length:8000000\n\n" + strings.Repeat("x", 20_000))
		peers = append(peers, p)
	}
	eventually(t, "what they sent is there", func() bool { return held() >= n*20_000 })
	if got := held(); got > n*64<<10 {
		t.Errorf("%d bytes are held for %d peers that have sent 20,000 each", got, n)
	}
	for _, p := range peers {
		p.send("x")
		unharmed()
	}
	for _, p := range peers {
		p.nc.Close()
	}
	eventually(t, "nothing is held any more", func() bool { return w.server.Sessions() == 2 && held() < 64<<10 })
}

// As many subscriptions as a connection may have, on many of them: they cost nobody
// but their owners, and end with them.
func TestThousandsOfSubscriptions(t *testing.T) {
	w := serve(t, stomp.Options{})
	unharmed := w.bystanders()
	var greedy sync.WaitGroup
	var peers []*peer
	for c := range 10 {
		p := w.connect("1.2")
		peers = append(peers, p)
		greedy.Go(func() {
			var b strings.Builder
			for i := range 1000 {
				fmt.Fprintf(&b, "SUBSCRIBE\nid:%d\ndestination:/%s/%d.*.%d.>\nselector:x%d = %d\n\n\x00", i, []string{"topic", "queue"}[i%2], c, i, i, i)
			}
			io.WriteString(p.nc, b.String())
			p.sync()
		})
	}
	unharmed()
	greedy.Wait()
	if n := w.broker.Subscriptions(); n != 1+10*500 {
		t.Errorf("%d subscriptions to topics, want 5,001", n)
	}
	for range 20 {
		unharmed()
	}
	peers[0].send("SUBSCRIBE\nid:one more\ndestination:/topic/a\n\n^@")
	peers[0].wantError("too many subscriptions")
	for _, p := range peers {
		p.nc.Close()
	}
	eventually(t, "they end", func() bool { return w.broker.Subscriptions() == 1 })
	unharmed()
}

// Open transactions hold what they may, and give it back however they end.
func TestOpenTransactions(t *testing.T) {
	w := serve(t, stomp.Options{})
	unharmed := w.bystanders()
	held := held()
	body := strings.Repeat("x", 64<<10)
	var peers []*peer
	for range 4 {
		p := w.connect("1.2")
		peers = append(peers, p)
		for i := range 99 {
			p.send(fmt.Sprintf("BEGIN\ntransaction:%d\n\n^@SEND\ndestination:/queue/q\ntransaction:%d\n\n%s^@", i, i, body))
		}
		p.sync()
	}
	if got := held(); got < 4*99*64<<10 {
		t.Errorf("%d bytes are booked", got)
	}
	unharmed()
	peers[0].send("BEGIN\ntransaction:the last\n\n^@BEGIN\ntransaction:one more\n\n^@")
	peers[0].wantError("too many transactions")
	for range 200 {
		if _, err := fmt.Fprintf(peers[1].nc, "SEND\ndestination:/queue/q\ntransaction:1\n\n%s\x00", body); err != nil {
			break
		}
	}
	peers[1].wantError("transactions too large")
	peers[2].send("DISCONNECT\n\n^@")
	peers[2].wantEnd()
	peers[3].nc.Close()
	eventually(t, "nothing is held any more", func() bool { return w.server.Sessions() == 2 && held() < 256<<10 })
	if q := w.broker.Queues("q"); len(q) != 0 {
		t.Errorf("something of them is on the queue: %+v", q)
	}
	unharmed()
}

// A client with many receipts that wait for the disk is not read from any more,
// while others go on; when the disk has done its work it gets them all.
func TestReceiptsThatWait(t *testing.T) {
	disk := slowStore{make(chan struct{})}
	b := broker.New(broker.Options{Store: disk})
	w := serveBroker(t, b, stomp.Options{MaxReceipts: 100})
	runs(t, b)
	release := sync.OnceFunc(func() { close(disk.release) })
	t.Cleanup(release)
	unharmed := w.bystanders()
	p := w.connect("1.2")
	const n = 20_000
	sent := make(chan error)
	go func() {
		pad := strings.Repeat("x", 200)
		var err error
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(p.nc, "SEND\ndestination:/queue/q\npersistent:true\nreceipt:%d\n\n%s\x00", i, pad)
		}
		sent <- err
	}()
	waiting := func() int {
		if q := b.Queues("q"); len(q) == 1 {
			return q[0].Waiting
		}
		return 0
	}
	eventually(t, "it is held back", func() bool { return waiting() == 100 })
	for range 20 {
		unharmed()
	}
	if got := waiting(); got != 100 {
		t.Errorf("%d messages were taken meanwhile", got)
	}
	release()
	for i := range n {
		p.want("RECEIPT", fmt.Sprintf("receipt-id:%d", i))
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// Nor is one whose receipts wait behind one that does, however little they are about,
// once they are too many, or too long.
func TestReceiptsBehindOne(t *testing.T) {
	for _, c := range []struct {
		opt            stomp.Options
		id, sent, most int
	}{
		{stomp.Options{MaxReceipts: 100}, 10, 1000, 110},
		{stomp.Options{}, 8000, 1000, 150},
	} {
		synctest.Test(t, func(t *testing.T) {
			disk := slowStore{make(chan struct{})}
			b := broker.New(broker.Options{Store: disk})
			w := pipeWorld(t, b, c.opt)
			p := w.connect("1.2")
			p.send("SEND\ndestination:/queue/q\npersistent:true\nreceipt:0\n\nx^@")
			sent := 0
			go func() {
				for sent < c.sent {
					sent++
					if _, err := fmt.Fprintf(p.nc, "SEND\ndestination:/topic/t\nreceipt:%0*d\n\nx\x00", c.id, sent); err != nil {
						t.Error(err)
						return
					}
				}
			}()
			time.Sleep(time.Second)
			synctest.Wait()
			if sent > c.most {
				t.Errorf("%d frames are read while the first one waits, want at most %d", sent, c.most)
			}
			close(disk.release)
			p.want("RECEIPT", "receipt-id:0")
			for i := range c.sent {
				p.want("RECEIPT", fmt.Sprintf("receipt-id:%0*d", c.id, i+1))
			}
		})
	}
}

// Nor is one whose durable subscriptions come and go, each of which the disk is to be
// told about.
func TestDurablesWaitForAHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := slowStore{make(chan struct{})}
		w := pipeWorld(t, broker.New(broker.Options{Store: disk}), stomp.Options{})
		p := w.connect("1.2", "client-id:A")
		const many = 10_000
		var taken atomic.Int32
		go func() {
			for range many {
				if _, err := fmt.Fprint(p.nc, "SUBSCRIBE\nid:0\ndestination:/topic/t\nactivemq.subscriptionName:n\n\n\x00",
					"UNSUBSCRIBE\nid:0\nactivemq.subscriptionName:n\n\n\x00"); err != nil {
					return
				}
				taken.Add(1)
			}
			p.send("DISCONNECT\nreceipt:end\n\n^@")
		}()
		synctest.Wait()
		if n := taken.Load(); n < 1000 || n == many {
			t.Errorf("%d of %d are taken while the disk hangs", n, many)
		}
		close(disk.release)
		p.want("RECEIPT", "receipt-id:end")
	})
}

// Acknowledgements of what never was end their sender, whatever the numbers.
func TestForgedAcknowledgements(t *testing.T) {
	w := serve(t, stomp.Options{})
	unharmed := w.bystanders()
	for _, id := range []string{"1-2", "1-0", "1-18446744073709551615", "1-99999999999999999999", "2-1", "0-1", "18446744073709551615-1", "-", "1", "", "1--1", "1-1-1", "a-b", "+1-1"} {
		for _, ack := range []string{"client", "client-individual"} {
			for _, destination := range []string{"/queue/forged", "/queue/forged.>", "/topic/forged"} {
				w.broker.DeleteQueue("forged")
				p := w.connect("1.2")
				p.send("SUBSCRIBE\nid:0\ndestination:" + destination + "\nack:" + ack + "\n\n^@SEND\ndestination:/" + strings.Split(destination, "/")[1] + "/forged\n\nx^@")
				p.want("MESSAGE", "ack:1-1", "=x")
				p.send("ACK\nid:" + id + "\n\n^@")
				p.wantError("unknown message")
			}
		}
	}
	unharmed()
}

// A crowd that subscribes and never reads makes the server hold its bound for each,
// and no more; the honest get everything.
func TestCrowdNeverReading(t *testing.T) {
	const bound, crowd = 128 << 10, 50
	w := serve(t, stomp.Options{MaxOutbound: bound, Linger: 50 * time.Millisecond})
	held := held()
	for range crowd {
		p := w.connect("1.2")
		p.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/flood\n\n^@")
	}
	eventually(t, "they are subscribed", func() bool { return w.broker.Subscriptions() == crowd })
	unharmed := w.bystanders()
	pub, pad := w.connect("1.2"), strings.Repeat("x", 10_000)
	most := int64(0)
	for i := range 2000 {
		if pub.send("SEND\ndestination:/topic/flood\n\n" + pad + "^@"); i%100 == 0 {
			most = max(most, held())
			unharmed()
		}
	}
	pub.sync()
	if most > crowd*bound+8<<20 {
		t.Errorf("%d bytes are held for %d that do not read", most, crowd)
	}
	if w.server.Dropped() == 0 {
		t.Error("nothing is counted as dropped")
	}
}

// One that reads what a topic brings and acknowledges nothing is held for what is
// remembered for it, and disconnected when memory is short: its window may be as wide
// as it likes.
func TestHoardedAcknowledgements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room, burst, window = 3 << 20, 500, 60_000
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		held := held()
		hoarder, pub := w.connect("1.2"), w.connect("1.2")
		hoarder.send(fmt.Sprintf("SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client-individual\nprefetch-count:%d\n\n^@", window))
		hoarder.sync()
		netx.SetMemoryLimit((netx.MemoryUsed() + room) / 3 * 4) // short from three quarters on
		defer netx.SetMemoryLimit(0)
		got, end := 0, make(chan message, 1)
		go func() {
			for {
				m, err := hoarder.read()
				if err != nil || m.command != "MESSAGE" {
					end <- m
					return
				}
				got++
			}
		}()
		most := int64(0)
		for range window / burst {
			pub.send(strings.Repeat("SEND\ndestination:/topic/a\n\nx^@", burst))
			pub.sync()
			most = max(most, held())
		}
		if m := <-end; m.get("message") != "too slow" || got < 1000 {
			t.Errorf("after %d messages: %s %q", got, m.command, m.body)
		}
		if most > room+1<<20 {
			t.Errorf("%d bytes were held, memory was short from %d on", most, room)
		}
		hoarder.nc.Close()
		pub.nc.Close()
		synctest.Wait()
		if n := held(); n != 0 {
			t.Errorf("%d bytes are still booked", n)
		}
	})
}

// What a selector is parsed into counts as memory, for as long as the subscription lasts:
// that of a durable one also while its client is away.
func TestSelectorsAreMemory(t *testing.T) {
	const each = 10
	w := serve(t, stomp.Options{})
	held := held()
	selector := strings.Repeat("a = 1 OR ", 800) + "b"
	size := int64(each * broker.SelectorCost(selector))
	p := w.connect("1.2", "client-id:A")
	for i := range each {
		p.send(fmt.Sprintf("SUBSCRIBE\nid:t%d\ndestination:/topic/a\nselector:%s\n\n^@", i, selector))
		p.send(fmt.Sprintf("SUBSCRIBE\nid:d%d\ndestination:/topic/a\nactivemq.subscriptionName:d%d\nselector:%s\n\n^@", i, i, selector))
	}
	p.sync()
	if n := held(); n < 3*size-size/2 { // a durable subscription, and what consumes it
		t.Errorf("%d bytes are booked, want about %d", n, 3*size)
	}
	for i := range each {
		p.send(fmt.Sprintf("UNSUBSCRIBE\nid:t%d\n\n^@", i))
	}
	p.sync()
	p.nc.Close()
	eventually(t, "the connection has ended", func() bool { return w.server.Sessions() == 0 })
	if n := held(); n < size/2 || n > 2*size {
		t.Errorf("%d bytes are booked while the client is away, want about %d", n, size)
	}
	p = w.connect("1.2", "client-id:A")
	for i := range each {
		p.send(fmt.Sprintf("UNSUBSCRIBE\nid:none\nactivemq.subscriptionName:d%d\n\n^@", i))
	}
	p.sync()
	p.nc.Close()
	eventually(t, "the connection has ended", func() bool { return w.server.Sessions() == 0 })
	if n := held(); n > size/10 {
		t.Errorf("%d bytes are booked in the end", n)
	}
}
