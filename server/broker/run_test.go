package broker

import (
	"fmt"
	"slices"
	"testing"

	"mwm/server/netx"
)

// Whatever a read brings arrives whole and in order, and a publisher holds about
// as much memory as its reads need: thousands may wait at a time.
func TestRunSizes(t *testing.T) {
	b := New(Options{})
	l := &listener{}
	b.Subscribe(&Subscription{Filter: "a", Receiver: l})
	p := b.NewPublisher(nil)
	before := netx.MemoryUsed()
	for _, c := range []struct{ messages, capacity int }{
		{1, 4}, {4, 4}, {5, 64}, {1, 64}, {1, 4}, {64, 64}, {65, maxRun}, {3000, maxRun}, {64, maxRun}, {64, 64}, {1, 64}, {1, 4},
	} {
		r, err := p.Topic([]byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range c.messages {
			want = append(want, fmt.Sprint(i))
			p.Add(r).Body = []byte(want[i])
		}
		if got := cap(p.batch.Messages); got != c.capacity {
			t.Errorf("%d messages are gathered in room for %d, want %d", c.messages, got, c.capacity)
		}
		if got := netx.MemoryUsed() - before; got != int64(c.capacity*messageSize) {
			t.Errorf("%d bytes are booked for %d messages", got, c.capacity)
		}
		p.Flush()
		if got := l.take(); !slices.Equal(got, want) {
			t.Errorf("of %d messages came %d: %.60s", c.messages, len(got), got)
		}
	}
	if got := netx.MemoryUsed() - before; got != 0 {
		t.Errorf("an idle publisher holds %d bytes", got)
	}
}
