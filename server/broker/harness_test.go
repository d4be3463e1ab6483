package broker

import (
	"context"
	"fmt"
	"net"
	"slices"
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
	out := netx.NewOutbound(near, 0, 0, nil)
	t.Cleanup(func() {
		near.Close()
		far.Close()
		out.Close()
		out.Join() // what it holds is on the books of other tests, too
	})
	return ConsumerOptions{Client: &Client{ID: client}, Out: out, Append: i.append}
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
