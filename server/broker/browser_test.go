package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mwm/server/netx"
)

// A browser sees what waited when it was made, by priority, and takes nothing.
func TestBrowser(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(nil)
	put := func(queue, body string, priority uint8) {
		p.Enqueue(queue, func(m *Message) { m.Body, m.Priority = []byte(body), priority }, nil)
		p.Flush()
	}
	for i := range 2500 {
		put("b", fmt.Sprint("b", i), uint8(4+i%2))
	}
	put("a", "a1", 4)
	put("other", "x", 4)
	in := consume(t, b, "a") // has a1
	put("a", "a2", 4)
	in.Nack(1, false)
	in.Leave()
	see := func(filter string, match func(*Message) bool, meanwhile func()) (all []string) {
		t.Helper()
		w, err := b.NewBrowser(filter, match)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if meanwhile != nil {
			meanwhile()
		}
		for page := w.Next(7); len(page) > 0; page = w.Next(7) {
			if len(page) > 7 {
				t.Fatalf("%d messages at once", len(page))
			}
			for _, d := range page {
				mark := ""
				if d.Redelivered > 0 {
					mark = "!"
				}
				all = append(all, string(d.Body)+mark)
			}
		}
		return all
	}
	want(t, "a", see("a", nil, nil), "a1!", "a2!")
	want(t, "none", see("none", nil, nil))
	all := see("*", func(m *Message) bool { return !strings.HasPrefix(string(m.Body), "x") }, func() { put("b", "new", 9); put("a", "new", 0) })
	if len(all) != 2502 || all[0] != "a1!" || all[2] != "b1" || all[2+1250] != "b0" || all[2501] != "b2498" {
		t.Errorf("%d messages: %q … %q", len(all), all[:4], all[len(all)-1])
	}
	want(t, "selected late", see("b", func(m *Message) bool { return string(m.Body) == "b2498" }, nil), "b2498")
	want(t, "gone meanwhile", see("a", nil, func() {
		c := consume(t, b, "a")
		c.Ack(3, true, nil)
		c.Leave()
	}))
	if q := b.Queues("b")[0]; q.Waiting != 2501 || q.Unacknowledged != 0 {
		t.Errorf("%+v", q)
	}
	if _, err := b.NewBrowser("a.>.b", nil); err == nil {
		t.Error("a filter that is none")
	}
}

// What a browser has still to look at counts as held, and there is none while memory
// is short.
func TestBrowsersAreBooked(t *testing.T) {
	const queues, browsers = 100, 10
	b := New(Options{})
	p := b.NewPublisher(nil)
	for i := range queues {
		p.Enqueue(fmt.Sprint("q.", i), func(m *Message) { m.Body = []byte("x") }, nil)
	}
	p.Flush()
	before := netx.MemoryUsed()
	var open []*Browser
	for range browsers {
		w, err := b.NewBrowser("q.>", nil)
		if err != nil {
			t.Fatal(err)
		}
		w.Next(1)
		open = append(open, w)
	}
	if n := netx.MemoryUsed() - before; n < queues*browsers*40 {
		t.Errorf("%d bytes are booked for %d browsers of %d queues", n, browsers, queues)
	}
	netx.SetMemoryLimit(1)
	defer netx.SetMemoryLimit(0)
	if _, err := b.NewBrowser("q.>", nil); !errors.Is(err, netx.ErrMemory) {
		t.Errorf("while memory is short: %v", err)
	}
	for _, w := range open {
		w.Close()
		w.Close()
	}
	if n := netx.MemoryUsed() - before; n != 0 {
		t.Errorf("%d bytes are still booked", n)
	}
	for i := range queues {
		b.DeleteQueue(fmt.Sprint("q.", i))
	}
}
