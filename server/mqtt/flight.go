package mqtt

import (
	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// flight is a message at QoS 1 or 2 that has a packet identifier and is not
// acknowledged.
type flight struct {
	id         uint16
	qos        byte
	retain     bool
	sent       bool   // it may have been, on some connection
	waits      bool   // it is sent once its identifier is on disk
	once       bool   // as in item
	released   bool   // PUBREC came: PUBREL is what is sent again
	round      uint32 // the connection it was sent on, as flights.round counts them
	subID      uint32
	msg        *broker.Message // nil if it is never sent again
	held       int             // bytes of memory booked for it
	rec        *broker.Record  // nil if it is not on disk
	shared     *group          // as in item
	prev, next *flight
}

// state is what the record says.
func (f *flight) state() uint64 {
	return recordState{
		id: f.id, qos: f.qos, retain: f.retain, released: f.released, shared: f.shared != nil, subID: f.subID,
	}.pack()
}

// flightList is a list of flights in order.
type flightList struct{ first, last *flight }

func (l *flightList) push(f *flight) {
	f.prev, f.next = l.last, nil
	if l.last == nil {
		l.first = f
	} else {
		l.last.next = f
	}
	l.last = f
}

func (l *flightList) remove(f *flight) {
	if f.prev == nil {
		l.first = f.next
	} else {
		f.prev.next = f.next
	}
	if f.next == nil {
		l.last = f.prev
	} else {
		f.next.prev = f.prev
	}
	f.prev, f.next = nil, nil
}

// flights are the messages in flight of a session. Its lock guards them.
type flights struct {
	byID      map[uint16]*flight
	published flightList // in the order of their PUBLISH
	released  flightList // in the order of their PUBREC, which that of the PUBRELs must be [MQTT-4.6.0-3]
	unsent    *flight    // first of published that was not sent on this connection; nil: none
	open      int        // those sent on this connection: what counts for the window
	held      int        // bytes of memory booked for what may have to be sent again
	round     uint32
	lastID    uint16
}

// add gives a message an identifier that is free, behind what is unsent. There is
// one: the window is at most 65535.
func (fs *flights) add(it item) *flight {
	for {
		fs.lastID++
		if fs.lastID == 0 {
			continue
		}
		if _, used := fs.byID[fs.lastID]; !used {
			break
		}
	}
	f := &flight{id: fs.lastID, qos: it.qos, retain: it.retain, subID: it.subID, msg: it.msg, rec: it.rec, once: it.once, shared: it.shared, sent: it.doubtful}
	fs.put(f)
	return f
}

// put books a flight that has an identifier.
func (fs *flights) put(f *flight) {
	if fs.byID == nil {
		fs.byID = map[uint16]*flight{}
	}
	fs.byID[f.id] = f
	f.round = fs.round - 1
	fs.published.push(f)
	if fs.unsent == nil {
		fs.unsent = f
	}
}

// hold books the memory of a message that may have to be sent again.
func (fs *flights) hold(f *flight) {
	f.held = f.msg.Size() + itemCost
	fs.held += f.held
	netx.Book(f.held)
}

// let notes that a message is never sent again.
func (fs *flights) let(f *flight) {
	fs.held -= f.held
	netx.Unbook(f.held)
	f.msg, f.held = nil, 0
}

// discard gives up all of them.
func (fs *flights) discard() {
	netx.Unbook(fs.held)
	*fs = flights{}
}

// rewind prepares for a new connection: everything is to be sent again, in
// order (MQTT 5.0 §4.4, §4.6). PUBRELs do not wait for the window.
func (fs *flights) rewind() {
	fs.unsent = fs.published.first
	fs.round++
	fs.open = 0
	for f := fs.released.first; f != nil; f = f.next {
		fs.open++
	}
}

// next takes the first unsent message.
func (fs *flights) next() *flight {
	f := fs.unsent
	fs.unsent, f.round = f.next, fs.round
	fs.open++
	return f
}

// remove forgets a message and frees its identifier.
func (fs *flights) remove(f *flight) {
	delete(fs.byID, f.id)
	fs.let(f)
	if f.released {
		fs.released.remove(f)
		fs.open--
		return
	}
	fs.unpublish(f)
}

// unpublish takes a message off the list of those whose PUBLISH may be repeated.
func (fs *flights) unpublish(f *flight) {
	switch {
	case f.round == fs.round:
		fs.open--
	case fs.unsent == f:
		fs.unsent = f.next
	}
	fs.published.remove(f)
}

// release turns a message whose PUBREC came into one that waits for its PUBCOMP.
func (fs *flights) release(f *flight) {
	fs.unpublish(f)
	fs.let(f)
	f.released = true
	fs.released.push(f)
	fs.open++
}

// reply says what an acknowledgement is answered with.
type reply int

const (
	noReply    reply = iota
	relOwed          // PUBREL
	relUnknown       // PUBREL that says that the identifier is not known
)

// acknowledged handles PUBACK, PUBREC and PUBCOMP (MQTT 5.0 §4.3).
func (s *session) acknowledged(c *conn, kind byte, id uint16, code byte) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return noReply, nil
	}
	f := s.flights.byID[id]
	if f == nil || !f.sent {
		if kind == packets.Pubrec && code < 0x80 {
			return relUnknown, nil
		}
		return noReply, nil // repeated, or of an earlier connection
	}
	switch {
	case kind == packets.Puback && f.qos != 1, kind != packets.Puback && f.qos != 2:
		return noReply, violation("%s for a message at QoS %d", packets.PacketNames[kind], f.qos)
	case kind == packets.Pubcomp && !f.released:
		return noReply, violation("PUBCOMP before PUBREC")
	case kind == packets.Pubrec && code < 0x80:
		if !f.released {
			s.flights.release(f)
			s.srv.b.Journal().SetState(f.rec, f.state())
		}
		if f.rec == nil {
			return relOwed, nil
		}
		s.rels = appendAck(s.rels, packets.Pubrel, id, 0, "")
		return noReply, nil
	}
	s.land(f)
	return noReply, nil
}

// land forgets a flight. s.mu is held.
func (s *session) land(f *flight) {
	s.flights.remove(f)
	if f.rec != nil {
		s.srv.b.Journal().Remove(nil, f.rec)
	}
}

// sendReleases sends PUBRELs once it is on disk that their PUBRECs have come:
// after a crash the messages would be sent again, and delivered twice. s.mu is held.
func (s *session) sendReleases(c *conn) {
	rels := s.rels
	s.rels = nil
	s.srv.whenSynced(func() { c.send(rels) })
}
