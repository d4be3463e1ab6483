package mqtt

import "mwm/server/broker"

// A transaction of STOMP is on disk whole or not at all: what sessions keep of it is
// written with the rest, before anybody sees it.

// Stage implements [broker.Stager].
func (s *subscription) Stage(m *broker.Message) (*broker.Staged, error) {
	t := s.terms.Load()
	if t == nil {
		return nil, nil
	}
	return s.sess.stage(s, t, m)
}

// Stage implements [broker.Stager]: one member keeps the message.
func (g *group) Stage(m *broker.Message) (*broker.Staged, error) {
	s := g.pick(*g.members.Load(), m)
	if s == nil {
		return nil, nil
	}
	return s.Stage(m)
}

// stage returns where the session is to have a message on disk; nil if it is to have it
// in memory at most.
func (s *session) stage(sub *subscription, t *terms, m *broker.Message) (*broker.Staged, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := item{msg: m, subID: t.subID, qos: t.qosOf(m), retain: t.keep && m.Retain, shared: sub.group}
	if s.ended || it.qos == 0 || !s.stores(m) {
		return nil, nil
	}
	if err := s.roomFor(m, true); err != nil {
		return nil, err
	}
	s.promised++
	s.promisedBytes += m.Size()
	place := broker.Placed{Box: s.box.Load(), State: it.state(0), Message: m}
	return &broker.Staged{Placed: place, Settle: func(rec *broker.Record) {
		it.rec = rec
		s.settleStaged(sub, it, place.Box)
	}}, nil
}

// settleStaged takes what was staged and is on disk, in a box that was the session's,
// or nothing if it has no record.
func (s *session) settleStaged(sub *subscription, it item, box uint64) {
	j := s.srv.b.Journal()
	s.mu.Lock()
	s.promised--
	s.promisedBytes -= it.msg.Size()
	if it.rec == nil {
		s.mu.Unlock()
		return
	}
	if s.ended || sub.terms.Load() == nil { // since then
		s.mu.Unlock()
		if it.shared == nil || !it.shared.adopt(&it) {
			j.Remove(nil, it.rec)
		}
		return
	}
	if s.box.Load() != box {
		j.Remove(nil, it.rec)
		it.rec = nil
	}
	s.queue.push(it)
	s.pumpUnlock()
}
