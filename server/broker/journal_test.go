package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mwm/server/netx"
)

// memoryStore is a store for tests: it holds transactions back and fails as told.
type memoryStore struct {
	mu      sync.Mutex
	held    chan struct{} // closed to let transactions through; nil: they pass
	entered chan struct{} // told of each transaction that arrives
	fail    error
	boxes   map[uint64]Box
	records map[uint64]StoredRecord
	commits int
}

func newMemoryStore() *memoryStore {
	return &memoryStore{boxes: map[uint64]Box{}, records: map[uint64]StoredRecord{}, entered: make(chan struct{}, 1000)}
}

func (s *memoryStore) Apply(c *Changes) error {
	s.mu.Lock()
	held := s.held
	s.mu.Unlock()
	s.entered <- struct{}{}
	if held != nil {
		<-held
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.commits++
	for _, b := range c.Boxes {
		s.boxes[b.ID] = b
	}
	for _, r := range c.Insert {
		s.records[r.ID] = r
	}
	for _, u := range c.Update {
		if r, ok := s.records[u.ID]; ok {
			r.State = u.State
			s.records[u.ID] = r
		}
	}
	for _, id := range c.Delete {
		delete(s.records, id)
	}
	for _, id := range c.Dropped {
		delete(s.boxes, id)
	}
	return nil
}

// contents are the boxes and records in the order of their IDs.
func (s *memoryStore) contents() (boxes []Box, records []StoredRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boxes {
		boxes = append(boxes, b)
	}
	for _, r := range s.records {
		records = append(records, r)
	}
	slices.SortFunc(boxes, func(a, b Box) int { return int(a.ID) - int(b.ID) })
	slices.SortFunc(records, func(a, b StoredRecord) int { return int(a.ID) - int(b.ID) })
	return boxes, records
}

func (s *memoryStore) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// running returns a broker on the store that runs until the test ends.
func running(t *testing.T, s Store) *Broker {
	t.Helper()
	return runningWith(t, Options{Store: s})
}

func runningWith(t *testing.T, opt Options) *Broker {
	t.Helper()
	b := New(opt)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return b
}

// send enqueues a persistent message and returns where its answer comes.
func send(p *Publisher, queue, body string) chan error {
	answer := make(chan error, 1)
	p.Enqueue(queue, func(m *Message) { m.Body, m.Persistent = []byte(body), true }, func(err error) { answer <- err })
	return answer
}

func answered(t *testing.T, c chan error) error {
	t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
		return nil
	}
}

// inbox is a consumer that collects what it is given.
type inbox struct {
	*Consumer
	mu  sync.Mutex
	got []Delivery
}

func (i *inbox) append(dst []byte, d Delivery) []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, d)
	return append(dst, d.Body...)
}

func (i *inbox) bodies() (all []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, d := range i.got {
		body := string(d.Body)
		if d.Redelivered > 0 {
			body += fmt.Sprintf("(%d)", d.Redelivered)
		}
		all = append(all, body)
	}
	return all
}

// options consumes over a connection that somebody reads.
func (i *inbox) options(t *testing.T, client string) ConsumerOptions {
	near, far := net.Pipe()
	go func() {
		buf := make([]byte, 1<<10)
		for {
			if _, err := far.Read(buf); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { near.Close(); far.Close() })
	return ConsumerOptions{Client: &Client{ID: client}, Out: netx.NewOutbound(near, 0, 0, nil), Append: i.append}
}

func consume(t *testing.T, b *Broker, queue string) *inbox {
	t.Helper()
	i := &inbox{}
	c, err := b.Consume(queue, i.options(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	i.Consumer = c
	return i
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func stored(s *memoryStore) (all []string) {
	_, records := s.contents()
	for _, r := range records {
		all = append(all, string(r.Message.Body))
	}
	return all
}

// The answer to a persistent message comes when it is on disk, and what waits
// meanwhile goes into one transaction.
func TestAnswerWaitsForTheDisk(t *testing.T) {
	s := newMemoryStore()
	s.held = make(chan struct{})
	b := running(t, s)
	p := b.NewPublisher(nil)
	first := send(p, "q", "1")
	<-s.entered
	second, third := send(p, "q", "2"), send(p, "q", "3")
	for _, c := range []chan error{first, second, third} {
		if len(c) > 0 {
			t.Fatal("an answer came before the disk had the message")
		}
	}
	close(s.held)
	for _, c := range []chan error{first, second, third} {
		if err := answered(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if s.commits != 2 {
		t.Errorf("%d transactions, want 2", s.commits)
	}
	want(t, "on disk", stored(s), "1", "2", "3")
}

// A message that is acknowledged before it was written never is, and its sender
// has its answer.
func TestAcknowledgedBeforeWritten(t *testing.T) {
	s := newMemoryStore()
	s.held = make(chan struct{})
	b := running(t, s)
	p := b.NewPublisher(nil)
	blocker := send(p, "other", "x")
	<-s.entered
	in := consume(t, b, "q")
	answer := send(p, "q", "fast")
	p.Flush()
	acked := make(chan error, 1)
	if err := in.Ack(in.got[0].Tag, false, func(err error) { acked <- err }); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, answer); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, acked); err != nil {
		t.Fatal(err)
	}
	close(s.held)
	if err := answered(t, blocker); err != nil {
		t.Fatal(err)
	}
	want(t, "on disk", stored(s), "x")
}

// An acknowledgement of a message on disk is answered when it is gone from there.
func TestAckWaitsForTheDisk(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "1")); err != nil {
		t.Fatal(err)
	}
	in := consume(t, b, "q")
	acked := make(chan error, 1)
	if err := in.Ack(in.got[0].Tag, false, func(err error) { acked <- err }); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, acked); err != nil {
		t.Fatal(err)
	}
	want(t, "on disk", stored(s))
}

// A disk that refuses is an answer, not a crash: the message is not on the queue,
// what needs no disk goes on, and when the disk is well again so is everything.
func TestDiskFails(t *testing.T) {
	s := newMemoryStore()
	full := errors.New("the disk is full")
	s.fail = full
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "lost")); !errors.Is(err, full) {
		t.Errorf("answer %v", err)
	}
	memory := make(chan error, 1)
	p.Enqueue("q", func(m *Message) { m.Body = []byte("memory") }, func(err error) { memory <- err })
	if err := answered(t, memory); err != nil {
		t.Error(err)
	}
	s.set(func() { s.fail = nil })
	if err := answered(t, send(p, "q", "kept")); err != nil {
		t.Error(err)
	}
	in := consume(t, b, "q")
	want(t, "delivered", in.bodies(), "memory", "kept")
	want(t, "on disk", stored(s), "kept")
	if boxes, _ := s.contents(); len(boxes) != 1 {
		t.Errorf("boxes %v: the queue's was not written when the disk was well again", boxes)
	}
}

// After a restart each queue has its messages in their order; they may have been
// delivered before a crash, and say so; after an orderly stop they know.
func TestRestore(t *testing.T) {
	for _, clean := range []bool{true, false} {
		s := newMemoryStore()
		b := running(t, s)
		p := b.NewPublisher(nil)
		for i := range 5 {
			if err := answered(t, send(p, "q", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		in := consume(t, b, "q")
		acked := make(chan error, 1)
		if err := in.Ack(in.got[2].Tag, false, func(err error) { acked <- err }); err != nil {
			t.Fatal(err)
		}
		if err := answered(t, acked); err != nil {
			t.Fatal(err)
		}
		again := New(Options{Store: newMemoryStore()})
		boxes, records := s.contents()
		doubtful := uint64(0)
		if !clean {
			doubtful = records[len(records)-1].ID
		}
		if err := again.Restore(boxes, records, doubtful); err != nil {
			t.Fatal(err)
		}
		next := again.NewPublisher(nil)
		next.Enqueue("q", func(m *Message) { m.Body = []byte("new") }, nil)
		got := consume(t, again, "q").bodies()
		if clean {
			want(t, "after a stop", got, "0", "1", "3", "4", "new")
		} else {
			want(t, "after a crash", got, "0(1)", "1(1)", "3(1)", "4(1)", "new")
		}
	}
}

// A message that nobody acknowledges ends in the dead letter queue, on disk as in
// memory, with the reason.
func TestDeadLetters(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "poison")); err != nil {
		t.Fatal(err)
	}
	in := consume(t, b, "q")
	for i := range 6 {
		if err := in.Nack(in.got[i].Tag, false); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "delivered", in.bodies(), "poison", "poison(1)", "poison(2)", "poison(3)", "poison(4)", "poison(5)")
	dead := consume(t, b, "DLQ.q")
	want(t, "dead", dead.bodies(), "poison")
	if user := dead.got[0].Properties.User; len(user) != 1 || user[0].Name != causeHeader || !strings.Contains(user[0].Value, "6 times") {
		t.Errorf("reason %v", user)
	}
	if err := answered(t, send(p, "other", "fence")); err != nil {
		t.Fatal(err)
	}
	_, records := s.contents()
	if len(records) != 2 || records[0].Message.Name != "DLQ.q" {
		t.Errorf("on disk %+v", records)
	}
}

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
