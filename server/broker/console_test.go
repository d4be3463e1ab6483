package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mwm/server/netx"
	"mwm/server/topic"
)

// fill puts messages "0", "1", … on a queue, of the priorities in turn.
func fill(b *Broker, queue string, n int, priorities ...uint8) {
	p := b.NewPublisher(nil)
	for i := range n {
		p.Enqueue(queue, func(m *Message) {
			m.Body = fmt.Append(nil, i)
			m.Persistent = true
			if len(priorities) > 0 {
				m.Priority = priorities[i%len(priorities)]
			}
		}, nil)
	}
	p.Flush()
}

func bodies(page []Browsed) (all []string) {
	for _, x := range page {
		all = append(all, string(x.Message.Body))
	}
	return all
}

// Browsing shows the order of delivery, by position or by place, whatever
// consumers have taken out of the middle.
func TestBrowse(t *testing.T) {
	b := New(Options{})
	fill(b, "q", 10, 4, 9, 0)
	for _, c := range []struct {
		position, limit int
		want            string
		more            bool
	}{
		{0, 100, "1 4 7 0 3 6 9 2 5 8", false}, {0, 3, "1 4 7", true}, {2, 3, "7 0 3", true}, {6, 3, "9 2 5", true},
		{7, 3, "2 5 8", false}, {10, 3, "", false}, {1000, 3, "", false}, {-5, 1, "1", true},
	} {
		page, more, err := b.Browse(Ref{Queue: "q"}, c.position, nil, c.limit)
		if got := strings.Join(bodies(page), " "); got != c.want || more != c.more || err != nil {
			t.Errorf("from %d, %d at most: %s, more: %t, %v; want %s", c.position, c.limit, got, more, err, c.want)
		}
		for i, x := range page {
			if x.Position != max(0, c.position)+i {
				t.Errorf("%s is at %d", x.Message.Body, x.Position)
			}
		}
	}
	if _, _, err := b.Browse(Ref{Queue: "none"}, 0, nil, 1); !errors.Is(err, ErrNoQueue) {
		t.Errorf("a queue that is not there: %v", err)
	}
}

// Random pages of a queue with holes agree with all of it at once.
func TestBrowsePages(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		b := New(Options{})
		fill(b, "q", rnd.IntN(300), 4, 4, 4, 9, 0)
		q, err := b.find(Ref{Queue: "q"})
		if err != nil {
			continue
		}
		all, _, _ := b.Browse(Ref{Queue: "q"}, 0, nil, 1000)
		var left []Browsed
		for _, x := range all {
			if rnd.IntN(3) == 0 {
				q.take(q.waitingAt(x.Place))
			} else {
				left = append(left, x)
			}
		}
		for range 20 {
			from, limit := rnd.IntN(len(left)+2), 1+rnd.IntN(20)
			want := left[min(from, len(left)):]
			want = want[:min(limit, len(want))]
			page, _, _ := b.Browse(Ref{Queue: "q"}, from, nil, limit)
			if !slices.Equal(bodies(page), bodies(want)) || len(page) > 0 && page[0].Position != from {
				t.Fatalf("from %d, %d at most: %q, want %q", from, limit, bodies(page), bodies(want))
			}
			if from == 0 || from > len(left) {
				continue
			}
			page, more, _ := b.Browse(Ref{Queue: "q"}, 0, &left[from-1].Place, limit)
			if !slices.Equal(bodies(page), bodies(want)) || len(page) > 0 && page[0].Position != from || more != (from+len(want) < len(left)) {
				t.Fatalf("behind %+v: %q, want %q", left[from-1].Place, bodies(page), bodies(want))
			}
		}
	}
}

// What a consumer has is shown as such, and cannot be deleted.
func TestUnacknowledged(t *testing.T) {
	b := New(Options{})
	i := consume(t, b, "q")
	fill(b, "q", 3, 4, 9)
	page, more, err := b.Unacknowledged(Ref{Queue: "q"}, nil, 2)
	if got := bodies(page); err != nil || !more || !slices.Equal(got, []string{"1", "0"}) {
		t.Fatalf("%q, more: %t, %v", got, more, err)
	}
	page, more, _ = b.Unacknowledged(Ref{Queue: "q"}, &page[1].Place, 2)
	if got := bodies(page); more || !slices.Equal(got, []string{"2"}) || page[0].Position != -1 || page[0].Holder != i.opt.Client {
		t.Errorf("%q, more: %t", got, more)
	}
	at := page[0].Place
	if n, err := b.Discard(Ref{Queue: "q"}, []Place{at}); n != 0 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	if x, err := b.Look(Ref{Queue: "q"}, at); err != nil || x.Position != -1 || string(x.Message.Body) != "2" {
		t.Errorf("%+v, %v", x, err)
	}
	i.Leave()
	if x, err := b.Look(Ref{Queue: "q"}, at); err != nil || x.Position != 2 || x.Deliveries != 0 {
		t.Errorf("%+v, %v", x, err)
	}
	for _, at := range []Place{{4, 99}, {9, at.Seq}, {200, 1}} {
		if _, err := b.Look(Ref{Queue: "q"}, at); !errors.Is(err, ErrNoMessage) {
			t.Errorf("at %v: %v", at, err)
		}
	}
}

// durable runs a broker on a store until the test ends.
func onStore(t *testing.T, o Options) (*Broker, *memoryStore) {
	t.Helper()
	s := newMemoryStore()
	o.Store = s
	b := New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b, s
}

func synced(t *testing.T, b *Broker) {
	t.Helper()
	done := make(chan error, 1)
	b.Journal().Sync(func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// What is deleted and moved is so on disk, too.
func TestOperate(t *testing.T) {
	var steps []string
	o := Options{Watch: func(string) bool { return true }, Observer: &recorder{note: func(s string) { steps = append(steps, s) }}, MaxQueueMessages: 7}
	b, s := onStore(t, o)
	fill(b, "q", 6)
	synced(t, b)
	steps = nil
	page, _, _ := b.Browse(Ref{Queue: "q"}, 0, nil, 10)
	if n, err := b.Discard(Ref{Queue: "q"}, []Place{page[1].Place, page[1].Place, {4, 999}}); n != 1 || err != nil {
		t.Errorf("%d deleted, %v", n, err)
	}
	if n, err := b.MoveTo(Ref{Queue: "q"}, []Place{page[4].Place, page[0].Place}, "other"); n != 2 || err != nil {
		t.Errorf("%d moved, %v", n, err)
	}
	synced(t, b)
	want(t, "on disk", stored(s), "2", "3", "5", "4", "0")
	want(t, "steps", steps, " 1", "accepted 4", "accepted 0", " 4", " 0")
	moved, _, _ := b.Browse(Ref{Queue: "other"}, 0, nil, 10)
	if moved[0].Message.Name != "other" || moved[0].Message.ID == page[4].Message.ID || moved[0].Message.ID == moved[1].Message.ID || !moved[0].OnDisk {
		t.Errorf("%+v", moved[0].Message)
	}
	fill(b, "other", 4)
	if n, more, err := b.MoveAll(Ref{Queue: "q"}, "other", time.Minute); n != 1 || !more || !errors.Is(err, ErrQueueFull) {
		t.Errorf("to a queue with room for one: %d, more: %t, %v", n, more, err)
	}
	if n, more, err := b.Purge(Ref{Queue: "q"}, time.Minute); n != 2 || more || err != nil {
		t.Errorf("%d purged, more: %t, %v", n, more, err)
	}
	synced(t, b)
	want(t, "on disk", stored(s), "4", "0", "0", "1", "2", "3", "2")
	if info, err := b.Queue(Ref{Queue: "q"}); err != nil || info.Counts != (QueueCounts{Enqueued: 6, Removed: 6}) || info.Waiting != 0 {
		t.Errorf("of a queue that has gone: %+v, %v", info, err)
	}
	for _, c := range []struct {
		err  error
		want error
	}{
		{func() error { _, err := b.MoveTo(Ref{Queue: "other"}, nil, "other"); return err }(), topic.ErrInvalid},
		{func() error { _, err := b.MoveTo(Ref{Queue: "other"}, nil, "a.*"); return err }(), topic.ErrInvalid},
		{func() error { _, _, err := b.Purge(Ref{Queue: "none"}, 0); return err }(), ErrNoQueue},
		{func() error { _, _, err := b.Purge(Ref{Client: "c", Durable: "none"}, 0); return err }(), ErrUnknownSubscriber},
		{b.ForgetQueue("other"), ErrConsumed}, {b.ForgetQueue("none"), ErrNoQueue}, {b.ForgetQueue("q"), nil}, {b.ForgetQueue("q"), ErrNoQueue},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%v, want %v", c.err, c.want)
		}
	}
}

// A dead message is sent again by moving it back: it is as it was, and it reaches
// a consumer that waits.
func TestRevive(t *testing.T) {
	b := New(Options{MaxDeliveries: 1})
	p := b.NewPublisher(nil)
	for _, head := range []string{"destination:/queue/a\\cb\nk:v\n", ""} {
		p.Enqueue("a:b", func(m *Message) {
			if m.Body = []byte("x"); head != "" {
				m.Head = []byte(head)
			}
		}, nil)
	}
	p.Flush()
	i := consume(t, b, "a:b")
	if err := i.Nack(2, true); err != nil {
		t.Fatal(err)
	}
	dead, _, err := b.Browse(Ref{Queue: "DLQ.a:b"}, 0, nil, 10)
	if err != nil || len(dead) != 2 || !strings.Contains(string(dead[0].Message.Head), causeHeader) || len(dead[1].Message.Properties.User) != 1 {
		t.Fatalf("%+v, %v", dead, err)
	}
	if n, more, err := b.MoveAll(Ref{Queue: "DLQ.a:b"}, "a:b", time.Minute); n != 2 || more || err != nil {
		t.Fatalf("%d moved, %v", n, err)
	}
	got := i.got[2:]
	if len(got) != 2 || string(got[0].Head) != "destination:/queue/a\\cb\nk:v\n" || len(got[1].Properties.User) != 0 || got[0].Redelivered != 0 {
		t.Errorf("%+v", got)
	}
}

// Topics are those that are published or subscribed to; their counts cost a
// publisher one addition a run, and their number is bounded.
func TestTopics(t *testing.T) {
	b := New(Options{})
	taker := receiverFunc(func(*Batch) {})
	for _, s := range []*Subscription{
		{Filter: "a.*", Receiver: taker}, {Filter: "a.b", Receiver: taker}, {Filter: "nothing.yet", Receiver: taker},
		{Filter: "internal", Receiver: taker, Internal: true}, {Filter: "a.>", Receiver: taker, Internal: true},
	} {
		if err := b.Subscribe(s); err != nil {
			t.Fatal(err)
		}
	}
	p := b.NewPublisher(nil)
	send := func(name string, n int, retain bool) {
		r, err := p.Topic([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			m := p.Add(r)
			m.Body, m.Retain = []byte("x"), retain
		}
		p.Flush()
	}
	send("a.b", 3, false)
	send("a.c", 2, true)
	send("lonely", 1, false)
	got, more := b.Topics(Page{Limit: 10})
	want := []TopicInfo{{"a.b", 2, 2, 3, 6, false}, {"a.c", 1, 1, 2, 2, true}, {"lonely", 0, 0, 1, 0, false}, {"nothing.yet", 1, 1, 0, 0, false}}
	if !slices.Equal(got, want) || more {
		t.Errorf("%+v, want %+v", got, want)
	}
	for _, c := range []struct {
		page Page
		want string
		more bool
	}{
		{Page{Limit: 2}, "a.b a.c", true}, {Page{After: "a.b", Limit: 2}, "a.c lonely", true}, {Page{After: "a.c", Limit: 2}, "lonely nothing.yet", false},
		{Page{Match: "ON", Limit: 1}, "lonely", false}, {Page{Match: "N", Limit: 1}, "lonely", true},
	} {
		got, more := b.Topics(c.page)
		var names []string
		for _, i := range got {
			names = append(names, i.Name)
		}
		if strings.Join(names, " ") != c.want || more != c.more {
			t.Errorf("%+v: %q, more: %t", c.page, names, more)
		}
	}
	for i := range 100_000 {
		send(fmt.Sprint("many.", i), 1, false)
	}
	send("a.b", 1, false)
	count := 0
	for i := range b.routes.cache {
		count += len(b.routes.cache[i].counts)
	}
	if count > routeShards*countsInShard {
		t.Errorf("%d topics are counted", count)
	}
	if info, ok := b.Topic("a.b"); !ok || info.Subscribers != 2 {
		t.Errorf("%+v", info)
	}
	if retained, more := b.RetainedPage(Page{Limit: 10}); len(retained) != 1 || retained[0].Name != "a.c" || more {
		t.Errorf("%d retained, more: %t", len(retained), more)
	}
}

func TestTraffic(t *testing.T) {
	b := New(Options{})
	c := &Client{ID: "x", Protocol: STOMP, Since: time.Now().Add(-10 * time.Second), Out: netx.NewOutbound(devNull{}, 0, 0, nil), Close: func(error) {}}
	if err := b.Attach(c); err != nil {
		t.Fatal(err)
	}
	p := b.NewPublisher(c)
	r, _ := p.Topic([]byte("a"))
	for range 7 {
		p.Add(r)
	}
	p.Enqueue("q", func(*Message) {}, nil)
	p.Flush()
	if _, wake := c.Out.SendMessages([]byte("xyz"), 5); wake {
		c.Out.Wake()
	}
	c.Out.Flush(time.Minute)
	if got := c.Traffic(); got != (Traffic{MessagesIn: 8, MessagesOut: 5, BytesOut: 3}) {
		t.Errorf("%+v", got)
	}
	b.measure(c.Since.Add(10 * time.Second))
	if got := c.Rates(); got != (Rates{MessagesIn: 0.8, MessagesOut: 0.5, BytesOut: 0.3}) {
		t.Errorf("%+v", got)
	}
	b.measure(c.Since.Add(15 * time.Second))
	if got := c.Rates(); got != (Rates{}) {
		t.Errorf("afterwards: %+v", got)
	}
	if b.Client(c.Num()) != c || b.Client(c.Num()+1) != nil {
		t.Error("clients are not found by their numbers")
	}
	for range 2 { // once is enough
		if b.Detach(c, nil); b.Traffic() != c.Traffic() {
			t.Errorf("of those who have gone %+v is known", b.Traffic())
		}
	}
	if err := b.Attach(c); err != nil {
		t.Fatal(err)
	}
	if got := b.Traffic().MessagesIn; got != 2*8 {
		t.Errorf("%d messages of all, gone and there, want 16", got)
	}
}

func TestPastQueues(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(nil)
	for i := range 3 * maxPast {
		p.Enqueue(fmt.Sprint("q", i), func(m *Message) { m.Expires = 1 }, nil)
		if i%3 == 0 {
			p.Enqueue("again", func(m *Message) { m.Expires = 1 }, nil)
		}
	}
	if n := len(b.past.counts); n > maxPast || len(b.past.order) > 2*maxPast {
		t.Errorf("%d queues are remembered, %d in order", n, len(b.past.order))
	}
	if info, err := b.Queue(Ref{Queue: "again"}); err != nil || info.Counts.Expired == 0 {
		t.Errorf("%+v, %v", info, err)
	}
}

// A queue of a million messages: each of these answers a click.
func BenchmarkMillion(b *testing.B) {
	const million = 1_000_000
	br := New(Options{MaxQueueMessages: 2 * million})
	fill(br, "q", million, 4, 4, 4, 9)
	q, _ := br.find(Ref{Queue: "q"})
	ref := Ref{Queue: "q"}
	deep, _, err := br.Browse(ref, million-100, nil, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("page at a position", func(b *testing.B) {
		for b.Loop() {
			if page, _, _ := br.Browse(ref, million-100, nil, 50); len(page) != 50 {
				b.Fatal(len(page))
			}
		}
	})
	b.Run("page behind a place", func(b *testing.B) {
		for b.Loop() {
			if page, _, _ := br.Browse(ref, 0, &deep[0].Place, 50); len(page) != 50 {
				b.Fatal(len(page))
			}
		}
	})
	middle, _, _ := br.Browse(ref, million/2, nil, 1)
	q.take(q.waitingAt(middle[0].Place)) // now there is a hole: positions have to be counted
	b.Run("page at a position, with holes", func(b *testing.B) {
		for b.Loop() {
			if page, _, _ := br.Browse(ref, million-100, nil, 50); len(page) != 50 {
				b.Fatal(len(page))
			}
		}
	})
	b.Run("look", func(b *testing.B) {
		for b.Loop() {
			if _, err := br.Look(ref, deep[0].Place); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("move and move back", func(b *testing.B) {
		for b.Loop() {
			if _, more, err := br.MoveAll(ref, "other", 100*time.Millisecond); err != nil {
				b.Fatal(more, err)
			}
			b.StopTimer()
			if _, _, err := br.MoveAll(Ref{Queue: "other"}, "q", time.Hour); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	})
	b.Run("purge", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			fill(br, "p", million)
			b.StartTimer()
			if n, more, err := br.Purge(Ref{Queue: "p"}, time.Hour); n != million || more || err != nil {
				b.Fatal(n, more, err)
			}
		}
	})
}

// A list of a hundred thousand names.
func BenchmarkPicker(b *testing.B) {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("device.truck-%06d.text", (i*7919)%len(names))
	}
	for b.Loop() {
		p := NewPicker(Page{After: "device.truck-050000", Limit: 100})
		for _, n := range names {
			p.Add(n)
		}
		if picked, _ := p.Picked(); len(picked) != 100 {
			b.Fatal(len(picked))
		}
	}
}
