package broker

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/netx"
)

// A durable subscriber gets what was sent while it was away, on disk if it is
// persistent, and the sender's answer waits for that.
func TestDurable(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	publish := func(b *Broker, body string) {
		t.Helper()
		p := b.NewPublisher(&Client{ID: "HQ"})
		r, err := p.Topic([]byte("news.fr"))
		if err != nil {
			t.Fatal(err)
		}
		answer := make(chan error, 1)
		m := p.AddConfirmed(r, func(err error) { answer <- err })
		m.Body, m.Persistent = []byte(body), true
		p.Flush()
		if err := answered(t, answer); err != nil {
			t.Fatal(err)
		}
	}
	subscribe := func(b *Broker, opt DurableOptions) *inbox {
		t.Helper()
		in := &inbox{}
		made := make(chan error, 1)
		c, err := b.ConsumeDurable("paper", opt, nil, in.options(t, "reader"), func(err error) { made <- err })
		if err != nil {
			t.Fatal(err)
		}
		if err := answered(t, made); err != nil {
			t.Fatal(err)
		}
		in.Consumer = c
		return in
	}
	opt := DurableOptions{Filter: "news.>"}
	publish(b, "before")
	in := subscribe(b, opt)
	publish(b, "one")
	if err := in.Ack(in.got[0].Tag, false, nil); err != nil {
		t.Fatal(err)
	}
	in.Leave()
	publish(b, "two")
	publish(b, "three")
	want(t, "on disk", stored(s), "two", "three")

	boxes, records := s.contents()
	again := newMemoryStore()
	b = running(t, again)
	if err := b.Restore(boxes, records, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.RestoreDurables(nil); err != nil {
		t.Fatal(err)
	}
	publish(b, "four")
	in = subscribe(b, opt)
	want(t, "after a restart", in.bodies(), "two", "three", "four")
	in.Leave()
	if in = subscribe(b, DurableOptions{Filter: "news.fr"}); len(in.got) != 0 {
		t.Errorf("with another filter it begins with %q", in.bodies())
	}
	in.Leave()
	gone := make(chan error, 1)
	if err := b.Forget("reader", "paper", func(err error) { gone <- err }); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, gone); err != nil {
		t.Fatal(err)
	}
	if boxes, records := again.contents(); len(boxes)+len(records) != 0 {
		t.Errorf("left on disk: %v %v", boxes, records)
	}
	if err := b.Forget("reader", "paper", nil); !errors.Is(err, ErrUnknownSubscriber) {
		t.Errorf("forgetting it again: %v", err)
	}
}

// A consumer that selects little looks at each message once, and does not hold up
// the others.
func TestSelectiveConsumer(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(nil)
	rare := &inbox{}
	looked := 0
	opt := rare.options(t, "")
	opt.Match = func(m *Message) bool { looked++; return strings.HasSuffix(string(m.Body), "77") }
	c, err := b.Consume("q", opt)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		p.Enqueue("q", func(m *Message) { m.Body = fmt.Append(nil, i) }, nil)
		p.Flush()
	}
	if len(rare.got) != 10 || looked != 1000 {
		t.Errorf("%d messages selected, %d looked at", len(rare.got), looked)
	}
	all := &inbox{}
	opt = all.options(t, "")
	opt.Window = 2000
	if _, err := b.Consume("q", opt); err != nil {
		t.Fatal(err)
	}
	if len(all.got) != 990 || string(all.got[77].Body) != "78" {
		t.Errorf("%d messages for the other", len(all.got))
	}
	c.Leave()
	if len(all.got) != 1000 || string(all.got[990].Body) != "77" {
		t.Errorf("%d messages after the first one left, the first of them %q", len(all.got), all.got[990].Body)
	}
}

// What another consumer gives back is looked at once more, and not all that waits
// behind it.
func TestSelectiveConsumerBesideNacks(t *testing.T) {
	b := New(Options{})
	looked := 0
	opt := (&inbox{}).options(t, "")
	opt.Match = func(m *Message) bool { looked++; return string(m.Body) == "rare" }
	if _, err := b.Consume("q", opt); err != nil {
		t.Fatal(err)
	}
	p := b.NewPublisher(nil)
	for range 1000 {
		p.Enqueue("q", func(m *Message) {}, nil)
	}
	p.Flush()
	all := &inbox{}
	opt = all.options(t, "")
	opt.Window = 1
	c, err := b.Consume("q", opt)
	if err != nil {
		t.Fatal(err)
	}
	looked = 0
	for tag := range uint64(5) {
		if err := c.Nack(tag+1, false); err != nil {
			t.Fatal(err)
		}
	}
	if looked != 5 || len(all.got) != 6 {
		t.Errorf("%d messages are looked at when 5 come back, %d are delivered", looked, len(all.got))
	}
}

// A wildcard consumer takes from all queues that match, later ones too, within
// one window.
func TestWildConsumer(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(nil)
	put := func(queue, body string) {
		p.Enqueue(queue, func(m *Message) { m.Body = []byte(body) }, nil)
		p.Flush()
	}
	put("device.A.text", "a1")
	put("other", "x")
	in := &inbox{}
	opt := in.options(t, "")
	opt.Window = 3
	w, err := b.ConsumeWild("device.*.text", opt)
	if err != nil {
		t.Fatal(err)
	}
	put("device.B.text", "b1")
	put("device.A.text", "a2")
	put("device.C.text", "c1")
	want(t, "within the window", in.bodies(), "a1", "b1", "a2")
	if err := in.got[1].Consumer.Ack(in.got[1].Tag, false, nil); err != nil {
		t.Fatal(err)
	}
	want(t, "after an acknowledgement", in.bodies(), "a1", "b1", "a2", "c1")
	put("device.C.text", "c2")
	if n := len(b.Queues("device.B.text")); n != 0 {
		t.Error("an empty queue is kept by a wildcard consumer")
	}
	opt.Out.Flush(10 * time.Second)
	w.Leave()
	want(t, "for the next one", consume(t, b, "device.A.text").bodies(), "a1(1)", "a2(1)")
	want(t, "and in the other queue", consume(t, b, "device.C.text").bodies(), "c1(1)", "c2")
}

// What a wildcard consumer takes for a queue is given back when the queue goes, not
// when the consumer does.
func TestWildConsumerBooks(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(nil)
	in := &inbox{}
	opt := in.options(t, "")
	w, err := b.ConsumeWild("device.*.text", opt)
	if err != nil {
		t.Fatal(err)
	}
	before := netx.MemoryUsed()
	for i := range 1000 {
		p.Enqueue(fmt.Sprintf("device.%d.text", i), func(m *Message) { m.Body = []byte("x") }, nil)
		p.Flush()
		if err := in.got[i].Consumer.Ack(in.got[i].Tag, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	opt.Out.Flush(10 * time.Second)
	if got := netx.MemoryUsed() - before; got != 0 || len(w.members) != 0 {
		t.Errorf("%d bytes are booked for %d queues that have gone", got, len(w.members))
	}
	w.Leave()
	if got := netx.MemoryUsed() - before; got != 0 {
		t.Errorf("%d bytes are booked after it has left", got)
	}
}

// A queue that finds the window of a wildcard consumer full is either asked again or
// sees that it is not any more, when the acknowledgement comes in between.
func TestWildConsumerIsAsked(t *testing.T) {
	w, q := &WildConsumer{opt: ConsumerOptions{Window: 1}}, &Queue{}
	for range 1000 {
		w.given.Store(1)
		begun, room := make(chan struct{}), make(chan bool)
		w.mu.Lock() // until it has found that, mostly
		go func() {
			close(begun)
			room <- w.hasRoom(q)
		}()
		<-begun
		for range 10 {
			runtime.Gosched()
		}
		w.given.Store(0) // and those who wait have been asked
		w.mu.Unlock()
		if !<-room {
			t.Fatal("the queue waits for nothing")
		}
	}
}

// A consumer that finds nothing for itself in a long queue does not keep the queue
// locked while it looks.
func TestSearchInParts(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(nil)
	for range 5*looks + 1 {
		p.Enqueue("q", func(m *Message) {}, nil)
	}
	p.Flush()
	q, err := b.find(Ref{Queue: "q"})
	if err != nil {
		t.Fatal(err)
	}
	looked, last := 0, 0
	in := &inbox{}
	opt := in.options(t, "")
	opt.Match = func(*Message) bool { looked++; return false }
	q.mu.Lock()
	q.join(opt)
	for part := (turn{cut: true}); part.cut; last = looked {
		part = turn{now: time.Now()}
		if q.serve(&part); looked-last > looks {
			t.Errorf("%d messages are looked at under one lock", looked-last)
		}
	}
	q.mu.Unlock()
	if looked != 5*looks+1 {
		t.Errorf("%d messages are looked at, want all", looked)
	}
	looked = 0
	if _, err := b.Consume("q", opt); err != nil {
		t.Fatal(err)
	}
	if looked != 5*looks+1 || q.searching {
		t.Errorf("%d messages are looked at for the next consumer, searching: %v", looked, q.searching)
	}
}

// What is kept for a durable subscriber that is away expires, too.
func TestDurableExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runningWith(t, Options{})
		in := &inbox{}
		c, err := b.ConsumeDurable("paper", DurableOptions{Filter: "news"}, nil, in.options(t, "reader"), nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Leave()
		p := b.NewPublisher(nil)
		for _, at := range []time.Duration{time.Hour, time.Minute} {
			publish(t, p, "news", func(m *Message) { m.Expires = time.Now().Add(at).UnixMilli() }, "x")
		}
		for _, kept := range []struct {
			after time.Duration
			n     int
		}{{59 * time.Second, 2}, {2 * time.Second, 1}, {time.Hour, 0}} {
			time.Sleep(kept.after)
			synctest.Wait()
			if got := b.Durables()[0].Waiting; got != kept.n {
				t.Errorf("%d messages wait after %v more, want %d", got, kept.after, kept.n)
			}
		}
	})
}
