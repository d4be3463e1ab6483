package mqtt

import (
	"slices"

	"mwm/server/broker"
	"mwm/server/netx"
)

// maxNoted bounds what a session notes for replay before subscriptions have to
// wait for their turn.
const maxNoted = 10_000

// replays are the retained messages that new subscriptions are still to be
// sent (MQTT 5.0 §3.3.1.3). Only names are noted: each message is looked up again
// when its turn comes, so that it is never older than what the client has got
// meanwhile.
type replays struct {
	noted   []replay
	waiting []*subscription // not noted yet, so as not to note too much
	booked  int             // of memory, until nothing is noted any more
}

type replay struct {
	name string
	sub  *subscription
	msg  *broker.Message // what is under $SYS is not looked up again; nil otherwise
}

// noteCost is what a name that is noted takes, in bytes, roughly.
const noteCost = 48

// book counts what is noted as memory that the client makes the server hold.
func (r *replays) book() {
	if n := len(r.noted) * noteCost; n > r.booked {
		netx.Book(n - r.booked)
		r.booked = n
	}
}

// discard gives up what is left.
func (r *replays) discard() {
	netx.Unbook(r.booked)
	*r = replays{}
}

// wantRetained plans the replay for new subscriptions of a connection. It comes
// before their SUBACK: what is published after that is new to the client, and not
// replayed.
func (s *session) wantRetained(c *conn, subs []*subscription) {
	var sys []replay
	for _, sub := range subs {
		if isSys(sub.name) {
			for _, m := range s.srv.sysMessages(sub.name) { // asks all sessions: without the lock
				sys = append(sys, replay{m.Name, sub, m})
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != c {
		return // it ends
	}
	s.replays.noted = append(s.replays.noted, sys...)
	for _, sub := range subs {
		if !slices.Contains(s.replays.waiting, sub) {
			s.replays.waiting = append(s.replays.waiting, sub)
		}
	}
	s.noteReplays()
}

// noteReplays notes the names of waiting subscriptions. s.mu is held.
func (s *session) noteReplays() {
	r := &s.replays
	for len(r.waiting) > 0 && len(r.noted) < maxNoted {
		sub := r.waiting[0]
		r.waiting = r.waiting[1:]
		s.srv.b.Retained(sub.name, func(m *broker.Message) { r.noted = append(r.noted, replay{m.Name, sub, nil}) })
	}
	if len(r.noted) == 0 {
		r.discard()
		return
	}
	r.book()
}

// pumpReplay sends retained messages, as far as window and connection allow.
// s.mu is held.
func (s *session) pumpReplay() {
	r := &s.replays
	for len(r.noted) > 0 && s.flights.unsent == nil && s.canLaunch() && s.ready() {
		next := r.noted[0]
		r.noted = r.noted[1:]
		if t := next.sub.terms.Load(); t != nil && next.msg != nil {
			s.sendRetained(t, next.msg)
		} else if t != nil {
			s.srv.b.Retained(next.name, func(m *broker.Message) { s.sendRetained(t, m) })
		}
		if len(r.noted) == 0 {
			s.noteReplays()
		}
	}
}

// sendRetained sends one retained message. s.mu is held.
func (s *session) sendRetained(t *terms, m *broker.Message) {
	it := item{msg: m, subID: t.subID, qos: min(m.QoS, t.qos), retain: true}
	if it.qos > 0 {
		s.launch(s.flights.add(it))
		return
	}
	s.encode(&flight{retain: true, subID: t.subID, msg: m}, false)
}
