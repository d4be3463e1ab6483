package mqtt

import (
	"maps"
	"slices"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/topic"
)

// maxNoted bounds what a session notes for replay before subscriptions have to
// wait for their turn.
const maxNoted = 10_000

// replays are the retained messages that new subscriptions are still to be
// sent (MQTT 5.0 §3.3.1.3). Only names are noted: each message is looked up again
// when its turn comes, so that it is never older than what the client has got
// meanwhile. What a session that is kept has not been sent when its client goes, it is
// sent when the client is back.
type replays struct {
	noted   []replay
	waiting []*subscription // not noted yet, so as not to note too much
	booked  int             // of memory, until nothing is noted any more
	saved   bool            // it is on disk that there is something to be sent
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

// maxAway is how many names are noted while the client is away. Of more it is sent all
// of their subscriptions again.
const maxAway = 1000

// pause gives up what the client, which has gone, need not be sent when it is back.
func (r *replays) pause(kept bool) {
	optional := func(sub *subscription) bool {
		t := sub.terms.Load()
		return !kept || t == nil || t.qos == 0
	}
	r.noted = slices.DeleteFunc(r.noted, func(n replay) bool { return n.msg != nil || optional(n.sub) })
	r.waiting = slices.DeleteFunc(r.waiting, optional)
	if len(r.noted) > maxAway {
		r.waiting = slices.Collect(maps.Keys(r.unfinished()))
		r.noted = nil
	}
	r.noted = append([]replay(nil), r.noted...) // without the room of those that were sent
	netx.Unbook(r.booked)
	r.booked = 0
	r.book()
}

// unfinished are the subscriptions of which there is something to be sent.
func (r *replays) unfinished() map[*subscription]bool {
	subs := map[*subscription]bool{}
	for _, sub := range r.waiting {
		subs[sub] = true
	}
	var last *subscription
	for i := range r.noted { // those of one stand together
		if sub := r.noted[i].sub; sub != last {
			subs[sub], last = true, sub
		}
	}
	return subs
}

// drop forgets what a subscription that ends is still to be sent.
func (r *replays) drop(sub *subscription) {
	r.noted = slices.DeleteFunc(r.noted, func(n replay) bool { return n.sub == sub })
	r.waiting = slices.DeleteFunc(r.waiting, func(x *subscription) bool { return x == sub })
	if len(r.noted)+len(r.waiting) == 0 {
		r.discard()
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
	var sys []*broker.Message
	if slices.ContainsFunc(subs, func(sub *subscription) bool { return isSys(sub.name) }) {
		sys = s.srv.sysMessages(sysRoot + ".>") // asks all sessions: once, and without the lock
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != c {
		return // it ends
	}
	for _, sub := range subs {
		s.replays.noteSys(sub, sys)
		if !slices.Contains(s.replays.waiting, sub) {
			s.replays.waiting = append(s.replays.waiting, sub)
		}
	}
	s.noteReplays()
}

// noteSys notes what a subscription is to be sent of what is under $SYS, instead of
// what it has not been sent of that since it came last.
func (r *replays) noteSys(sub *subscription, sys []*broker.Message) {
	if !isSys(sub.name) {
		return
	}
	r.noted = slices.DeleteFunc(r.noted, func(n replay) bool { return n.sub == sub && n.msg != nil })
	for _, m := range sys {
		if topic.Match(sub.name, m.Name) {
			r.noted = append(r.noted, replay{m.Name, sub, m})
		}
	}
}

// noteReplays notes the names of waiting subscriptions. s.mu is held.
func (s *session) noteReplays() {
	r := &s.replays
	for len(r.waiting) > 0 && len(r.noted) < maxNoted {
		sub := r.waiting[0]
		r.waiting = r.waiting[1:]
		s.srv.b.Retained(sub.name, func(m *broker.Message) { r.noted = append(r.noted, replay{m.Name, sub, nil}) })
	}
	if len(r.noted) > 0 {
		r.book()
		return
	}
	saved := r.saved
	if r.discard(); saved {
		s.save()
	}
}

// pumpReplay sends retained messages, as far as window and connection allow.
// s.mu is held.
func (s *session) pumpReplay() {
	r := &s.replays
	if len(r.noted) == 0 && len(r.waiting) > 0 { // since the client was here last
		s.noteReplays()
	}
	for len(r.noted) > 0 && s.canLaunch() && s.ready() {
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
	s.syncFlights()
}

// sendRetained sends one retained message. Once it has an identifier, it is in flight
// like any other, also on disk. s.mu is held.
func (s *session) sendRetained(t *terms, m *broker.Message) {
	it := item{msg: m, subID: t.subID, qos: min(m.QoS, t.qos), retain: true}
	if it.qos > 0 {
		f := s.flights.add(it)
		if s.stores(m) && s.srv.b.Room() == nil {
			f.rec = s.srv.b.Journal().PutState(s.box.Load(), m, f.state(), nil)
		}
		s.launch(f)
		return
	}
	s.encode(&flight{retain: true, subID: t.subID, msg: m}, false)
}
