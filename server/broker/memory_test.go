package broker

import (
	"errors"
	"testing"

	"mwm/server/netx"
)

// When memory is short nothing more is kept, and what is given up is unbooked.
func TestShortOfMemory(t *testing.T) {
	// The books are the process's: what the tests before this one have left running may
	// still write in them.
	start, same := netx.MemoryUsed(), 0
	eventually(t, "the books are quiet", func() bool {
		if now := netx.MemoryUsed(); now != start {
			start, same = now, 0
		}
		same++
		return same > 50
	})
	netx.SetMemoryLimit((start + 768<<10) / 3 * 4) // pressed from three quarters on
	defer netx.SetMemoryLimit(0)
	b := New(Options{})
	p := b.NewPublisher(nil)
	body := make([]byte, 64<<10)
	taken := 0
	var refused error
	for refused == nil && taken < 100 {
		p.Enqueue("q", func(m *Message) { m.Body = body }, func(err error) { refused = err })
		p.Flush()
		taken++
	}
	if !errors.Is(refused, ErrQueueFull) || !errors.Is(refused, netx.ErrMemory) || taken < 10 || taken > 16 {
		t.Errorf("%v after %d messages of 64 KiB, the limit is 1 MiB", refused, taken)
	}
	r, err := p.Topic([]byte("t"))
	if err != nil {
		t.Fatal(err)
	}
	m := p.Add(r)
	m.Body, m.Retain = body, true
	p.Flush()
	if b.RetainedCount() != 0 {
		t.Error("a message is retained")
	}
	b.DeleteQueue("q")
	if used := netx.MemoryUsed() - start; used != 0 {
		t.Errorf("%d bytes are still booked", used)
	}
	p.Enqueue("q", func(m *Message) { m.Body = body }, func(err error) { refused = err })
	if refused != nil {
		t.Errorf("when there is memory again: %v", refused)
	}
	b.DeleteQueue("q")
}

// A durable subscription that ends while a message is on its way to it keeps nothing:
// neither in memory nor on disk would anybody ever find it.
func TestForgottenOnTheWay(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	in := &inbox{}
	c, err := b.ConsumeDurable("sub", DurableOptions{Filter: "a"}, nil, in.options(t, "paper"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Leave()
	before := netx.MemoryUsed()
	p, answer := b.NewPublisher(nil), make(chan error, 1)
	r, err := p.Topic([]byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	m := p.AddConfirmed(r, func(err error) { answer <- err })
	m.Body, m.Persistent = []byte("x"), true
	if err := b.Forget("paper", "sub", nil); err != nil {
		t.Fatal(err)
	}
	p.Flush()
	if err := answered(t, answer); err != nil {
		t.Error(err)
	}
	want(t, "on disk", stored(s))
	if used := netx.MemoryUsed() - before; used > 0 {
		t.Errorf("%d bytes more are booked", used)
	}
}
