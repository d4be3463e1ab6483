package stomp

import (
	"slices"
	"sync"

	"mwm/server/broker"
	"mwm/server/netx"
)

// replays are the retained messages that new subscriptions are still to be sent
// (activemq.retroactive). They are sent at the pace of the client, and none is
// lost: what is noted are names, of one subscription at a time, and each message is
// looked up when its turn comes, so that it is never older than what the client has
// got meanwhile.
type replays struct {
	mu      sync.Mutex
	waiting []*subscription // the first one is under way
	names   []string        // of the first one, still to be sent
	booked  int             // for names, in bytes
	noticed bool            // run will be called when there is room
}

// add plans the replay for a subscription.
func (r *replays) add(s *session, sub *subscription) {
	r.mu.Lock()
	r.waiting = append(r.waiting, sub)
	first := len(r.waiting) == 1
	if first {
		r.note(s)
	}
	r.mu.Unlock()
	if first {
		r.run(s)
	}
}

// drop forgets what a subscription that has ended is still to be sent: it may have been
// in the way of others.
func (r *replays) drop(s *session, sub *subscription) {
	r.mu.Lock()
	if i := slices.Index(r.waiting, sub); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
		if i == 0 {
			r.note(s)
		}
	}
	r.mu.Unlock()
	r.run(s)
}

// note lists what the first one is to be sent. r.mu is held.
func (r *replays) note(s *session) {
	netx.Unbook(r.booked)
	r.names, r.booked = nil, 0
	if len(r.waiting) == 0 || s.ending.Load() {
		r.waiting = nil
		return
	}
	s.srv.b.Retained(r.waiting[0].to.name, func(m *broker.Message) {
		r.names = append(r.names, m.Name)
		r.booked += nameCost + len(m.Name)
	})
	netx.Book(r.booked)
}

// nameCost is what a name takes beside its characters, which outlive the message, in
// bytes, roughly: lists grow ahead.
const nameCost = 24

// end forgets what is still to be sent by a session that is ending.
func (r *replays) end(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = nil
	r.note(s)
}

// run sends what there is room for, and goes on when there is more.
func (r *replays) run(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.waiting) > 0 && !s.ending.Load() {
		sub := r.waiting[0]
		if len(r.names) == 0 || sub.gone.Load() {
			r.waiting = r.waiting[1:]
			r.note(s)
			continue
		}
		if s.out.Pending() >= s.out.Limit()/2 && r.notice(s) {
			return
		}
		if sub.ledger != nil && sub.ledger.free() <= 0 {
			return // an ACK comes first
		}
		name := r.names[0]
		r.names = r.names[1:]
		s.srv.b.Retained(name, sub.sendRetained)
	}
}

// notice reports whether run will be called when there is room. r.mu is held.
func (r *replays) notice(s *session) bool {
	if !r.noticed {
		r.noticed = s.out.NotifyRoom(func() {
			r.mu.Lock()
			r.noticed = false
			r.mu.Unlock()
			r.run(s)
		})
	}
	return r.noticed
}

// sendRetained sends a last value. No topic is given a new one meanwhile.
func (sub *subscription) sendRetained(m *broker.Message) {
	if sub.enc.match != nil && !sub.enc.match(m) {
		return
	}
	var wake bool
	if sub.ledger != nil {
		wake = (*ackReceiver)(sub).give(m)
	} else {
		_, wake = sub.s.out.SendMessages(sub.enc.Append(nil, m), 1)
	}
	if wake {
		sub.s.out.Wake()
	}
}
