package stomp

import (
	"io"
	"net"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp/frame"
)

// A replay that waits for its client is to be told once that there is room, however
// often the client makes it look, and what it has noted counts as memory until the
// session ends.
func TestReplayThatWaits(t *testing.T) {
	b := retaining(t, "a.1", "a.2", "a.3")
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	s := &session{srv: &Server{b: b}, out: netx.NewOutbound(near, 1000, 0, nil)}
	defer s.out.Close()
	s.out.Send(make([]byte, 900)) // and nobody writes it
	before := quiet()
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

// retaining returns a broker with a last value of each name.
func retaining(t *testing.T, names ...string) *broker.Broker {
	t.Helper()
	b := broker.New(broker.Options{})
	p := b.NewPublisher(nil)
	for _, name := range names {
		r, err := p.Topic([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		m := p.Add(r)
		m.Body, m.Retain = []byte("x"), true
	}
	p.Flush()
	return b
}

// quiet waits until what the tests before have left running writes no more in the books,
// which are the process's, and returns what stands there.
func quiet() (used int64) {
	looks := time.NewTicker(time.Millisecond)
	defer looks.Stop()
	for same := 0; same < 50; same++ {
		if now := netx.MemoryUsed(); now != used {
			used, same = now, 0
		}
		<-looks.C
	}
	return used
}

// What a subscription that has ended was to be sent is forgotten, also while another one,
// which does not acknowledge, is in the way: whoever subscribes and unsubscribes for ever
// leaves nothing behind, and who stays gets the last values in the end.
func TestReplayOfThoseWhoLeft(t *testing.T) {
	b := retaining(t, "a.1", "a.2")
	near, far := net.Pipe()
	defer near.Close()
	s := &session{srv: &Server{b: b}, out: netx.NewOutbound(near, 0, 0, nil)}
	defer s.out.Close()
	go io.Copy(io.Discard, far)
	subscribe := func(acks bool) *subscription {
		sub := &subscription{s: s, to: destination{name: "a.*"}, topic: &broker.Subscription{}}
		if sub.enc = newEncoder(frame.V12, "x", broker.TopicKind, &s.srv.stats.LostHeaders); acks {
			sub.mode, sub.ledger = ackIndividual, newLedger(1)
		}
		s.replays.add(s, sub)
		return sub
	}
	first := subscribe(true) // has got one, and does not acknowledge it
	for range 100 {
		sub := subscribe(false)
		sub.gone.Store(true)
		s.replays.drop(s, sub)
	}
	if n := len(s.replays.waiting); n != 1 {
		t.Errorf("%d subscriptions wait, want the one that stays", n)
	}
	subscribe(false)
	first.gone.Store(true)
	s.replays.drop(s, first)
	if n := s.out.Messages(); n != 3 || len(s.replays.waiting) != 0 {
		t.Errorf("%d last values were sent, and %d subscriptions wait, want 1 and 2, and none", n, len(s.replays.waiting))
	}
}
