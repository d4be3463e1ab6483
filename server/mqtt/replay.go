package mqtt

import (
	"slices"

	"mwm/server/broker"
)

// replays are the retained messages that new subscriptions are still to be
// sent (MQTT 5.0 §3.3.1.3). Only names are noted, of one subscription at a time:
// each message is looked up again when its turn comes, so that it is never older
// than what the client has got meanwhile.
type replays struct {
	waiting []*subscription
	sub     *subscription // whose turn it is
	names   []string
}

// wantRetained plans the replay for new subscriptions.
func (s *session) wantRetained(subs []*subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range subs {
		if !slices.Contains(s.replays.waiting, sub) {
			s.replays.waiting = append(s.replays.waiting, sub)
		}
	}
}

// nextReplay turns to the next subscription when all of the last one has been
// sent, and reports whether there is something to send. s.mu is held.
func (s *session) nextReplay() bool {
	r := &s.replays
	for len(r.names) == 0 {
		if len(r.waiting) == 0 {
			*r = replays{}
			return false
		}
		r.sub, r.waiting = r.waiting[0], r.waiting[1:]
		s.srv.b.Retained(r.sub.name, func(m *broker.Message) { r.names = append(r.names, m.Name) })
	}
	return true
}

// pumpReplay sends retained messages, as far as window and connection allow.
// s.mu is held.
func (s *session) pumpReplay() {
	for s.nextReplay() && s.canSend() && s.ready() {
		r := &s.replays
		name := r.names[0]
		r.names = r.names[1:]
		t := r.sub.terms.Load()
		if t == nil {
			continue
		}
		s.srv.b.Retained(name, func(m *broker.Message) {
			it := item{msg: m, subID: t.subID, qos: min(m.QoS, t.qos), retain: true}
			if it.qos > 0 {
				s.send(it)
			} else {
				s.encode(&flight{retain: true, subID: t.subID, msg: m}, false)
			}
		})
	}
}
