package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/netx"
)

// enqueue sends messages to the queue q.
func enqueue(t *testing.T, b *Broker, bodies ...string) {
	t.Helper()
	p := b.NewPublisher(nil)
	for _, body := range bodies {
		p.Enqueue("q", func(m *Message) { m.Body = []byte(body) }, func(err error) {
			if err != nil {
				t.Errorf("%s: %v", body, err)
			}
		})
	}
	p.Flush()
}

// Messages expire on arrival, while they wait, and when they would be delivered;
// never while a consumer has them.
func TestQueueExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []string
		b := New(Options{Observer: &recorder{note: func(s string) { steps = append(steps, s) }}, Watch: func(string) bool { return true }})
		ctx, cancel := context.WithCancel(context.Background())
		go b.Run(ctx)
		defer func() { cancel(); synctest.Wait() }()
		p := b.NewPublisher(nil)
		for _, in := range []time.Duration{-time.Second, 2 * time.Second, 5 * time.Second, 0} {
			p.Enqueue("q", func(m *Message) {
				m.Body = []byte(in.String())
				if in != 0 {
					m.Expires = time.Now().Add(in).UnixMilli()
				}
			}, nil)
		}
		p.Flush()
		if q := b.Queues("q"); len(q) != 1 || q[0].Waiting != 3 {
			t.Errorf("after sending: %+v, want 3 waiting", q)
		}
		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()
		if q := b.Queues("q"); q[0].Waiting != 2 || q[0].Counts.Expired != 2 || b.Stats().Expired.Load() != 2 {
			t.Errorf("after 3.5 s: %+v, want 2 waiting and 2 expired, that on arrival included", q[0])
		}
		i := consume(t, b, "q")
		synctest.Wait()
		time.Sleep(time.Minute)
		want(t, "the consumer got", i.bodies(), "5s", "0s")
		if err := i.Ack(1, false, nil); err != nil {
			t.Errorf("what expired in the consumer's hands: %v", err)
		}
		i.Leave()
		synctest.Wait()
		if steps[0] != "expired -1s" {
			t.Errorf("the observer saw %q", steps)
		}
	})
}

// recorder notes the steps of messages.
type recorder struct {
	nobody
	mu   sync.Mutex
	note func(string)
}

func (r *recorder) Queued(ev QueueEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := map[QueueStep]string{Accepted: "accepted", Delivered: "delivered", Consumed: "consumed",
		Returned: "returned", Refused: "refused", Expired: "expired", Dead: "dead"}
	r.note(names[ev.Step] + " " + string(ev.Message.Body))
}

// A message's life, as the observer sees it, in order. For an auto consumer
// being delivered is the end.
func TestQueueEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []string
		b := New(Options{MaxDeliveries: 2, Observer: &recorder{note: func(s string) { steps = append(steps, s) }},
			Watch: func(q string) bool { return q == "q" }})
		enqueue(t, b, "a")
		i := consume(t, b, "q")
		synctest.Wait()
		i.Nack(1, false)
		synctest.Wait()
		i.Ack(2, false, nil)
		enqueue(t, b, "b")
		synctest.Wait()
		i.Leave()
		auto := &inbox{}
		opt := auto.options(t, "")
		opt.Auto = true
		c, err := b.Consume("q", opt)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Leave()
		want(t, "steps", steps, "accepted a", "delivered a", "refused a", "delivered a", "consumed a",
			"accepted b", "delivered b", "returned b", "delivered b")
	})
}

// stopped is a connection whose peer takes nothing.
type stopped struct {
	net.Conn
	ended chan struct{}
}

func (s stopped) Write([]byte) (int, error) {
	<-s.ended
	return 0, net.ErrClosed
}
func (stopped) SetWriteDeadline(time.Time) error { return nil }

// What was never written to a connection does not count as delivered: a consumer
// that comes and goes does not wear messages out. But it may have been written
// in part, or be so after the consumer has left, so it is marked.
func TestUnwrittenIsNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{MaxDeliveries: 2})
		enqueue(t, b, "a", "b")
		given := []string{"a", "b"}
		for range 10 {
			dead := stopped{ended: make(chan struct{})}
			i := &inbox{}
			out := netx.NewOutbound(dead, 0, 0, nil)
			c, err := b.Consume("q", ConsumerOptions{Out: out, Append: i.append})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			want(t, "given", i.bodies(), given...)
			given = []string{"a(1)", "b(1)"}
			c.Leave()
			close(dead.ended)
			out.Close()
		}
	})
}

// An auto consumer's messages are gone once written, and not before.
func TestAutoConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{})
		enqueue(t, b, "a", "b", "c")
		near, far := net.Pipe()
		i := &inbox{}
		out := netx.NewOutbound(near, 0, 0, nil)
		c, err := b.Consume("q", ConsumerOptions{Auto: true, Out: out, Append: i.append, Window: 2})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if q := b.Queues("q")[0]; q.Unacknowledged != 2 || q.Waiting != 1 {
			t.Errorf("before anything is read: %+v, want 2 in the window", q)
		}
		buf := make([]byte, 100)
		n, _ := far.Read(buf)
		synctest.Wait()
		if string(buf[:n]) != "ab" || b.Stats().Consumed.Load() != 2 {
			t.Errorf("read %q, %d consumed, want ab and 2", buf[:n], b.Stats().Consumed.Load())
		}
		far.Close()
		synctest.Wait()
		c.Leave()
		if q := b.Queues("q")[0]; q.Waiting != 1 {
			t.Errorf("after the connection broke: %+v, want c back", q)
		}
		want(t, "the next one gets", consume(t, b, "q").bodies(), "c(1)")
	})
}

// A consumer whose connection is full is not given more, and is again when it has
// taken some.
func TestConsumerBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{})
		near, far := net.Pipe()
		got := 0
		out := netx.NewOutbound(near, 1000, 0, nil)
		c, err := b.Consume("q", ConsumerOptions{Out: out, Append: func(dst []byte, d Delivery) []byte { return append(dst, d.Body...) }})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			enqueue(t, b, fmt.Sprintf("%0100d", i))
		}
		synctest.Wait()
		if q := b.Queues("q")[0]; q.Waiting < 80 {
			t.Errorf("%d wait of 100: more are on their way than the connection has room for", q.Waiting)
		}
		for got < 100*100 {
			n, err := far.Read(make([]byte, 500))
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
		synctest.Wait()
		if q := b.Queues("q")[0]; q.Unacknowledged != 100 {
			t.Errorf("after all is read: %+v", q)
		}
		c.Leave()
		near.Close()
	})
}

// A queue's limits, and those of their number.
func TestQueueLimits(t *testing.T) {
	b := New(Options{MaxQueues: 2, MaxQueueMessages: 3, MaxQueueBytes: 1000})
	p := b.NewPublisher(nil)
	try := func(queue string, size int) (err error) {
		p.Enqueue(queue, func(m *Message) { m.Body = make([]byte, size) }, func(e error) { err = e })
		return err
	}
	for range 3 {
		if err := try("a", 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := try("a", 1); !errors.Is(err, ErrQueueFull) {
		t.Errorf("the fourth of three: %v", err)
	}
	if err := try("b", 2000); !errors.Is(err, ErrQueueFull) {
		t.Errorf("2,000 bytes of 1,000: %v", err)
	}
	if err := try("b", 900); err != nil {
		t.Error(err)
	}
	if err := try("c", 1); !errors.Is(err, ErrQueues) {
		t.Errorf("a third queue of two: %v", err)
	}
	if err := try("x.*", 1); err == nil {
		t.Error("a queue with a wildcard in its name")
	}
	if n := b.Stats().Refused.Load(); n != 3 {
		t.Errorf("%d counted as refused, want 3", n)
	}
	i := consume(t, b, "a")
	i.Ack(3, true, nil)
	i.Leave()
	if n := len(b.Queues("a")); n != 0 {
		t.Errorf("an empty queue without consumers is kept")
	}
	b.DeleteQueue("b")
	if n := len(b.Queues(">")); n != 0 {
		t.Errorf("%d queues are left", n)
	}
}

// That a message was perhaps delivered is known after an orderly stop, too.
func TestDoubtSurvivesAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryStore()
		b := New(Options{Store: s})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		if err := answered(t, send(b.NewPublisher(nil), "q", "b")); err != nil {
			t.Fatal(err)
		}
		dead := stopped{ended: make(chan struct{})}
		out := netx.NewOutbound(dead, 0, 0, nil)
		c, err := b.Consume("q", ConsumerOptions{Out: out, Append: (&inbox{}).append})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.Leave()
		close(dead.ended)
		out.Close()
		cancel()
		<-ended
		again := New(Options{Store: newMemoryStore()})
		boxes, records := s.contents()
		if err := again.Restore(boxes, records, 0); err != nil {
			t.Fatal(err)
		}
		want(t, "after the stop", consume(t, again, "q").bodies(), "b(1)")
	})
}

// The end of the server wears no message out: what one connection gives back does
// not go round all others before they end, too, and the next server marks it.
func TestStopDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryStore()
		b := New(Options{Store: s, MaxDeliveries: 2})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		if err := answered(t, send(b.NewPublisher(nil), "q", "a")); err != nil {
			t.Fatal(err)
		}
		var all []*inbox
		for range 3 {
			all = append(all, consume(t, b, "q"))
		}
		b.StopDelivery()
		given := 0
		for _, in := range all {
			in.Leave()
			given += len(in.got)
		}
		cancel()
		<-ended
		if dead := b.Stats().Dead.Load(); given != 1 || dead != 0 {
			t.Errorf("given %d times, %d dead", given, dead)
		}
		again := New(Options{Store: newMemoryStore()})
		boxes, records := s.contents()
		if err := again.Restore(boxes, records, 0); err != nil {
			t.Fatal(err)
		}
		want(t, "after the stop", consume(t, again, "q").bodies(), "a(1)")
	})
}

// The observer is told all about a message or nothing; of a flood about the first
// ones, and about what the server itself sends.
func TestFloodIsNotWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := map[string]int{}
		b := New(Options{Watch: func(string) bool { return true }, Observer: &recorder{note: func(s string) { steps[strings.Fields(s)[0]]++ }}})
		truck, own := b.NewPublisher(&Client{ID: "truck", Protocol: STOMP}), b.NewPublisher(nil)
		put := func(p *Publisher) {
			p.Begin(time.Now())
			p.Enqueue("q", func(m *Message) { m.Body = []byte("x") }, nil)
			p.Flush()
		}
		for range 3 * maxWatched {
			put(truck)
		}
		put(own)
		time.Sleep(time.Second)
		put(truck)
		i := consume(t, b, "q")
		for len(i.bodies()) < 3*maxWatched+2 {
			synctest.Wait()
			i.Ack(uint64(len(i.bodies())), true, nil)
		}
		synctest.Wait()
		i.Ack(uint64(len(i.bodies())), true, nil)
		i.Leave()
		if want := map[string]int{"accepted": maxWatched + 2, "delivered": maxWatched + 2, "consumed": maxWatched + 2}; !maps.Equal(steps, want) {
			t.Errorf("%v, want %v", steps, want)
		}
	})
}

// A queue whose messages have all expired goes, in memory and on disk, watched or not;
// also when a consumer had one of them at the time and gives it back.
func TestExpiredQueuesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryStore()
		b := New(Options{Store: s})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		p := b.NewPublisher(nil)
		for i := range 100 {
			p.Enqueue(fmt.Sprintf("reply.%d", i), func(m *Message) {
				m.Persistent, m.Expires = true, time.Now().Add(time.Minute).UnixMilli()
			}, nil)
		}
		p.Flush()
		in := consume(t, b, "reply.7")
		time.Sleep(50 * time.Second)
		if n := len(b.Queues(">")); n != 100 {
			t.Errorf("%d queues before their messages' time is over", n)
		}
		time.Sleep(12 * time.Second)
		if n := len(b.Queues(">")); n != 1 {
			t.Errorf("%d queues after it, want the one that is consumed", n)
		}
		in.Leave()
		time.Sleep(2 * time.Second)
		if n := len(b.Queues(">")); n != 0 {
			t.Errorf("%d queues when it is consumed no more", n)
		}
		cancel()
		<-ended
		if boxes, records := s.contents(); len(boxes)+len(records) != 0 {
			t.Errorf("%d boxes and %d records are on disk", len(boxes), len(records))
		}
	})
}
