package broker

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// inUse is how much memory is in use.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what has finalizers, too
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// What a message on a queue takes is about what is booked for it, and a queue takes
// little beside its messages: many of either are no more than their number.
func TestWeight(t *testing.T) {
	for _, c := range []struct{ queues, each int }{{1, 50_000}, {5000, 1}, {1000, 20}} {
		b := New(Options{})
		p := b.NewPublisher(nil)
		body := make([]byte, 100)
		before := inUse()
		for q := range c.queues {
			name := fmt.Sprintf("device.%d.text", q)
			for range c.each {
				p.Enqueue(name, func(m *Message) { m.Head, m.Body = []byte("destination:/queue/x\n"), body }, nil)
			}
		}
		held, size := inUse()-before, 0
		for _, q := range b.Queues(">") {
			size += q.Bytes
		}
		n := c.queues * c.each
		t.Logf("%d queues, %d messages each: %d bytes, of which messages %d", c.queues, c.each, held, size)
		const queue = 2 << 10
		if limit := size + n*entryCost*3/2 + c.queues*queue; held > limit {
			t.Errorf("%d queues with %d messages each hold %d bytes, want at most %d", c.queues, c.each, held, limit)
		}
		runtime.KeepAlive(b)
	}
}

// Of long names nothing is remembered, of topics and of queues: a client may use very many.
func TestLongNamesAreForgotten(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(&Client{ID: "truck", Protocol: STOMP})
	name := func(i int) string { return fmt.Sprintf("%0*d", 30_000, i) }
	before := inUse()
	for i := range 500 {
		r, err := p.Topic([]byte(name(i)))
		if err != nil {
			t.Fatal(err)
		}
		p.Add(r).Body = []byte("x")
		p.Flush()
		p.Enqueue(name(i), func(m *Message) { m.Body = []byte("x") }, nil)
		p.Flush()
		if _, _, err := b.Purge(Ref{Queue: name(i)}, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if grown := inUse() - before; grown > 2<<20 {
		t.Errorf("%d bytes are held", grown)
	}
	runtime.KeepAlive(b)
	runtime.KeepAlive(p)
}
