package mqtt

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"mwm/server/broker"
	"mwm/server/topic"
)

// What a kept session has on disk is a box of the broker's journal. Its Meta is a
// storedSession, its records are the messages that wait or are in flight, in
// order, and the packet identifiers of QoS 2 messages that were taken and are not
// released. What must not be lost, or come twice, is on disk before it is told:
//
//	the client is told     once this is on disk
//	SUBACK, UNSUBACK       the subscriptions
//	PUBACK                 the message, in all kept sessions and durable subscribers
//	PUBREC                 the same, and with it the packet identifier in the sender's session
//	PUBCOMP                that this identifier is free
//	PUBLISH at QoS 2       the packet identifier
//	PUBREL                 that PUBREC has come
//
// A PUBLISH at QoS 1 goes out at once, and what it is acknowledged with is noted
// when the disk has time: after a crash it may come again.

// recordState is what a record says beside its message.
type recordState struct {
	id       uint16 // of the packet; 0: it waits
	qos      byte
	retain   bool
	released bool // PUBREC has come
	inbound  bool // an identifier of the client's, not a message for it
	shared   bool // it came by a shared subscription
	subID    uint32
}

const (
	stateQoS      = 16 // bits from here
	stateRetain   = 1 << 18
	stateReleased = 1 << 19
	stateInbound  = 1 << 20
	stateShared   = 1 << 21
	stateSubID    = 32 // bits from here
)

func (r recordState) pack() uint64 {
	s := uint64(r.id) | uint64(r.qos)<<stateQoS | uint64(r.subID)<<stateSubID
	for _, f := range []struct {
		set bool
		bit uint64
	}{{r.retain, stateRetain}, {r.released, stateReleased}, {r.inbound, stateInbound}, {r.shared, stateShared}} {
		if f.set {
			s |= f.bit
		}
	}
	return s
}

func unpackState(s uint64) recordState {
	return recordState{
		id: uint16(s), qos: byte(s >> stateQoS & 3), retain: s&stateRetain != 0, released: s&stateReleased != 0,
		inbound: s&stateInbound != 0, shared: s&stateShared != 0, subID: uint32(s >> stateSubID),
	}
}

// storedSession is a session without its messages.
type storedSession struct {
	Principal     string               `json:",omitempty"`
	Expiry        time.Duration        // how long it outlives its connection
	Until         int64                `json:",omitempty"` // ms since 1970; 0: the client is connected
	Subscriptions []storedSubscription `json:",omitempty"`
	Will          *storedWill          `json:",omitempty"`
	WillAt        int64                `json:",omitempty"` // ms since 1970; 0: it is not due
	Missed        uint64               `json:",omitempty"` // messages that there was no room for, at least
}

type storedSubscription struct {
	Filter  string
	QoS     byte   `json:",omitempty"`
	NoLocal bool   `json:",omitempty"`
	Keep    bool   `json:",omitempty"` // retain as published
	SubID   uint32 `json:",omitempty"`
	Replay  bool   `json:",omitempty"` // retained messages are still to be sent
}

type storedWill struct {
	Name       string
	Body       []byte
	QoS        byte `json:",omitempty"`
	Retain     bool `json:",omitempty"`
	Delay      time.Duration
	Expiry     time.Duration
	Properties *broker.Properties `json:",omitempty"`
}

// whenSynced calls f when all that was planned is on disk. A disk that fails is
// asked again: f is not called before it works.
func (s *Server) whenSynced(f func()) {
	s.b.Journal().Sync(func(err error) {
		if err != nil {
			s.whenSynced(f)
			return
		}
		f()
	})
}

// meta is what the session has on disk of itself. s.mu is held.
func (s *session) meta() []byte {
	m := storedSession{Principal: s.principal, Expiry: s.expiry, Until: s.srv.unixMilli(s.until), WillAt: s.srv.unixMilli(s.willAt), Missed: s.missed}
	due := s.replays.unfinished()
	s.replays.saved = false
	for _, sub := range s.subs {
		t := sub.terms.Load()
		replay := due[sub] && t.qos > 0
		s.replays.saved = s.replays.saved || replay
		m.Subscriptions = append(m.Subscriptions, storedSubscription{sub.filter, t.qos, t.noLocal, t.keep, t.subID, replay})
	}
	if w := s.will; w != nil {
		m.Will = &storedWill{w.name, w.body, w.qos, w.retain, w.delay, w.expiry, w.props}
	}
	p, _ := json.Marshal(m) // strings and bytes always marshal
	return p
}

// unixMilli is what the disk says of a moment, and moment the inverse. It is
// by the broker's clock, which somebody who sets the machine's does not move.
func (s *Server) unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return s.b.Clock().At(t).UnixMilli()
}

func (s *Server) moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return s.b.Clock().Moment(time.UnixMilli(ms))
}

// ClockSet writes anew until when sessions are kept whose clients are away, and when
// their wills are due: how long that is has not changed, but the broker's clock is
// another one.
func (s *Server) ClockSet() {
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.sessions))
	s.mu.Unlock()
	for _, sess := range all {
		sess.mu.Lock()
		if !sess.until.IsZero() {
			sess.save()
		}
		sess.mu.Unlock()
	}
}

// save brings the session's box up to date: a session that is kept has one, others
// have none. s.mu is held.
func (s *session) save() {
	j, box := s.srv.b.Journal(), s.box.Load()
	switch {
	case !j.Durable() || s.ended:
	case s.kept() && box == 0:
		s.box.Store(j.NewBox(broker.SessionBox, s.id, s.meta()))
	case s.kept():
		j.SetBox(broker.Box{ID: box, Kind: broker.SessionBox, Name: s.id, Meta: s.meta()}, nil)
	case box != 0:
		s.forget()
	}
}

// whenSaved calls answer when the subscriptions are on disk, if the session is kept,
// and then sends what waits.
func (s *session) whenSaved(c *conn, answer func()) {
	s.mu.Lock()
	s.save()
	kept := s.box.Load() != 0
	s.mu.Unlock()
	if !kept {
		answer()
		c.pumpDue = true
		return
	}
	s.srv.whenSynced(func() {
		answer()
		if s.pumpFor(c) {
			c.out.Wake()
		}
	})
}

// forget removes the session from the disk. s.mu is held.
func (s *session) forget() {
	box := s.box.Swap(0)
	if box == 0 {
		return
	}
	records := s.inbound.forget()
	for i := range s.queue.n {
		it := s.queue.at(i)
		records = append(records, it.rec)
		it.rec = nil
	}
	for _, f := range s.flights.byID {
		records = append(records, f.rec)
		f.rec, f.waits = nil, false
	}
	j := s.srv.b.Journal()
	j.Remove(nil, records...)
	j.DropBox(box, nil)
}

// record plans to write message i of a batch for the session, if it is kept and the
// message persistent. s.mu is held.
func (s *session) record(it *item, id uint16, b *broker.Batch, i int) {
	if !s.stores(it.msg) {
		return
	}
	it.once = it.qos == 2 && b.Waits(i)
	it.rec = s.srv.b.Journal().PutState(s.box.Load(), it.msg, it.state(id), b.Keeping(i))
}

// willGrace is how long a will waits at least whose client was connected when the
// server crashed: most clients come back.
const willGrace = 10 * time.Second

// restore makes the sessions that were on disk. What was due while the server was
// down is done.
func (s *Server) restore() error {
	now := time.Now()
	byName := map[string]*broker.Kept{}
	j := s.b.Journal()
	for _, k := range s.b.Claim(broker.SessionBox) {
		if old := byName[k.Box.Name]; old != nil { // it was about to be dropped
			for _, r := range old.Records {
				j.Remove(nil, r.Record)
			}
			j.DropBox(old.Box.ID, nil)
		}
		byName[k.Box.Name] = k
	}
	for _, k := range byName {
		sess, err := s.restoreSession(k, now)
		if err != nil {
			return fmt.Errorf("session of client %q on disk: %w", k.Box.Name, err)
		}
		sess.mu.Lock()
		s.awaitReturn(sess, now)
		sess.mu.Unlock()
	}
	if len(byName) > 0 {
		s.log.Info("sessions restored", "sessions", len(byName), "took", time.Since(now).Round(time.Millisecond))
	}
	return nil
}

func (s *Server) restoreSession(k *broker.Kept, now time.Time) (*session, error) {
	var m storedSession
	if err := json.Unmarshal(k.Box.Meta, &m); err != nil {
		return nil, err
	}
	sess := &session{srv: s, id: k.Box.Name, principal: m.Principal, missed: m.Missed}
	sess.client = &broker.Client{ID: sess.id, Protocol: broker.MQTT, Principal: m.Principal} // whose will it is
	sess.box.Store(k.Box.ID)
	sess.keepFor(m.Expiry)
	crashed := m.Until == 0
	if w := m.Will; w != nil {
		sess.putWill(&will{w.Name, w.Body, w.QoS, w.Retain, w.Delay, w.Expiry, w.Properties})
	}
	if crashed {
		sess.until = now.Add(m.Expiry)
		sess.willAt = now.Add(max(willGrace, sess.willDelay()))
	} else {
		sess.until, sess.willAt = s.moment(m.Until), s.moment(m.WillAt)
	}
	for _, x := range m.Subscriptions {
		sub, err := newSubscription(sess, x.Filter)
		if err != nil {
			return nil, err
		}
		sub.terms.Store(&terms{qos: x.QoS, noLocal: x.NoLocal, keep: x.Keep, subID: x.SubID})
		if err := sub.begin(); err != nil {
			return nil, err
		}
		if sess.subs == nil {
			sess.subs = map[string]*subscription{}
		}
		sess.subs[x.Filter] = sub
		sess.filterBytes += len(x.Filter)
		if x.Replay {
			sess.replays.waiting = append(sess.replays.waiting, sub)
			sess.replays.saved = true
		}
	}
	for _, r := range k.Records {
		sess.recall(r, crashed)
	}
	s.mu.Lock()
	s.sessions[sess.id] = sess
	s.mu.Unlock()
	return sess, nil
}

// recall takes a record back. crashed says that the client was connected when the
// server ended.
func (s *session) recall(r broker.KeptRecord, crashed bool) {
	state := unpackState(r.State)
	switch {
	case state.inbound:
		s.inbound.set(state.id, arrival{safe: true, rec: r.Record})
		return
	case state.id == 0:
		// One at QoS 2 is never sent without its identifier on disk.
		doubtful := crashed && r.Doubtful && state.qos == 1
		s.queue.push(item{
			msg: r.Message, rec: r.Record, qos: state.qos, retain: state.retain, subID: state.subID,
			doubtful: doubtful, shared: s.groupOf(r.Message, state.shared),
		})
		return
	}
	if old := s.flights.byID[state.id]; old != nil { // acknowledged, and the identifier used again
		s.land(old)
	}
	s.flights.lastID = state.id
	f := &flight{
		id: state.id, qos: state.qos, retain: state.retain, subID: state.subID,
		msg: r.Message, rec: r.Record, sent: true, shared: s.groupOf(r.Message, state.shared),
	}
	s.flights.put(f)
	s.flights.hold(f)
	if state.released {
		s.flights.release(f)
	}
}

// groupOf finds the group by which a restored message came.
func (s *session) groupOf(m *broker.Message, shared bool) *group {
	if !shared {
		return nil
	}
	for _, sub := range s.subs {
		if sub.group != nil && topic.Match(sub.name, m.Name) {
			return sub.group
		}
	}
	return nil // it has unsubscribed
}

// willDelay is how long the will waits for the client to come back. s.mu is held.
func (s *session) willDelay() time.Duration {
	if s.will == nil {
		return 0
	}
	return s.will.delay
}
