package stomp

import (
	"net"
	"testing"

	"mwm/server/broker"
	"mwm/server/netx"
)

// A replay that waits for its client is to be told once that there is room, however
// often the client makes it look, and what it has noted counts as memory until the
// session ends.
func TestReplayThatWaits(t *testing.T) {
	b := broker.New(broker.Options{})
	p := b.NewPublisher(nil)
	for _, name := range []string{"a.1", "a.2", "a.3"} {
		r, err := p.Topic([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		m := p.Add(r)
		m.Body, m.Retain = []byte("x"), true
	}
	p.Flush()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	s := &session{srv: &Server{b: b}, out: netx.NewOutbound(near, 1000, 0, nil)}
	defer s.out.Close()
	s.out.Send(make([]byte, 900)) // and nobody writes it
	before := netx.MemoryUsed()
	s.replays.add(s, &subscription{s: s, to: destination{name: "a.*"}})
	if got := netx.MemoryUsed() - before; got != 3*(nameCost+3) {
		t.Errorf("%d bytes are booked for three names", got)
	}
	if n := testing.AllocsPerRun(100, func() { s.replays.run(s) }); n > 0 {
		t.Errorf("each look makes it remember %v more things", n)
	}
	s.ending.Store(true)
	s.replays.end(s)
	if got := netx.MemoryUsed() - before; got != 0 {
		t.Errorf("%d bytes are still booked", got)
	}
}
