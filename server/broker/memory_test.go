package broker

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"mwm/server/netx"
)

// When memory is short nothing more is kept, and what is given up is unbooked.
func TestShortOfMemory(t *testing.T) {
	// The books are the process's: let the tests before this one close theirs.
	for deadline := time.Now().Add(10 * time.Second); netx.MemoryUsed() != 0 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	start := netx.MemoryUsed()
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
