package mqtt

import (
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// session is what the server remembers about a client identifier: the
// subscriptions, what waits for the client, and what neither side has
// acknowledged (MQTT 5.0 §4.1).
type session struct {
	srv       *Server
	id        string
	principal string

	mu        sync.Mutex
	client    *broker.Client // of the last connection
	conn      *conn          // where messages go; nil while the client is away
	owner     *conn          // the connection that ends or keeps the session when it ends
	ended     bool
	expiry    time.Duration
	absence   int         // counts how often the client has gone
	timer     *time.Timer // ends the session while the client is away
	will      *will
	willTimer *time.Timer
	subs      map[string]*subscription // by filter, as the client wrote it

	queue    fifo // not sent yet
	flights  flights
	replays  replays
	received map[uint16]struct{} // QoS 2 messages that wait for their PUBREL

	window  int           // how many messages may be in flight
	frames  []byte        // encoded, not appended to the outbound queue yet
	framed  int           // messages in frames
	noticed bool          // onRoom will be called
	room    chan struct{} // closed when the queue has room again; nil: nobody waits
	full    bool          // a message has been discarded since the queue was empty
	dropped uint64
}

// item is a message that waits.
type item struct {
	msg    *broker.Message
	subID  uint32
	qos    byte
	retain bool
}

// kept reports whether the session outlives its connection. s.mu is held.
func (s *session) kept() bool { return s.expiry > 0 }

// keepFor sets how long the session outlives its connection. s.mu is held.
func (s *session) keepFor(d time.Duration) {
	switch {
	case s.expiry == 0 && d > 0:
		s.srv.keptSessions.Add(1)
	case s.expiry > 0 && d == 0:
		s.srv.keptSessions.Add(-1)
	}
	s.expiry = d
}

// bind gives the session to a connection, which has been sent its CONNACK.
func (s *session) bind(c *conn, expiry time.Duration, w *will) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stop(&s.timer)
	stop(&s.willTimer)
	s.replays = replays{}
	s.conn, s.owner, s.client = c, c, c.client
	s.keepFor(expiry)
	s.will = w
	s.window = c.window
	s.frames, s.framed, s.noticed = nil, 0, false
	s.wakeRoom()
	s.flights.rewind()
	for f := s.flights.released.first; f != nil; f = f.next {
		s.frames = appendAck(s.frames, packets.Pubrel, f.id, 0, "")
	}
	c.unreleased = len(s.received)
	for _, sub := range s.subs {
		sub.attach(c)
	}
}

func stop(t **time.Timer) {
	if *t != nil {
		(*t).Stop()
		*t = nil
	}
}

// unbind stops the delivery to a connection: what comes from now on waits.
func (s *session) unbind(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unbindLocked(c)
}

// unbindLocked is unbind with s.mu held. It reports whether c was bound.
func (s *session) unbindLocked(c *conn) bool {
	if s.conn != c {
		return false
	}
	s.conn = nil
	s.frames, s.framed, s.noticed = nil, 0, false
	for _, sub := range s.subs {
		sub.attach(nil)
	}
	s.wakeRoom()
	return true
}

// setWill replaces the will of the connection.
func (s *session) setWill(c *conn, w *will) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner == c {
		s.will = w
	}
}

// setExpiry changes how long the session outlives the connection.
func (s *session) setExpiry(c *conn, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return nil
	}
	if s.expiry == 0 && d > 0 { // MQTT 5.0 §3.14.2.2.2
		return violation("a session expiry interval in DISCONNECT, but none in CONNECT")
	}
	s.keepFor(min(d, s.srv.opt.SessionExpiry))
	return nil
}

// receive books a PUBLISH at QoS 2 and reports whether it has been taken before.
func (s *session) receive(c *conn, id uint16) (again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return false, errTakenOver
	}
	if _, again = s.received[id]; again {
		return true, nil
	}
	if s.received == nil {
		s.received = map[uint16]struct{}{}
	}
	s.received[id] = struct{}{}
	c.unreleased++
	return false, nil
}

// release forgets a PUBLISH at QoS 2 and reports whether it was known.
func (s *session) release(c *conn, id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.received[id]
	if known && s.owner == c {
		delete(s.received, id)
		c.unreleased--
	}
	return known
}

// enqueue takes messages first to end of a batch for a subscription, those
// whose QoS is not 0. Their publisher waits while the queue is crowded.
func (s *session) enqueue(sub *subscription, t *terms, b *broker.Batch, first, end int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	overflow := false
	for i := first; i < end && !s.ended && sub.terms.Load() != nil; i++ {
		m := &b.Messages[i]
		qos := min(m.QoS, t.qos)
		if qos == 0 {
			continue
		}
		if s.conn != nil && s.crowded() {
			s.hold(b, sub)
		}
		it := item{msg: m, subID: t.subID, qos: qos, retain: t.keep && m.Retain}
		if s.conn != nil && s.queue.n == 0 && s.canSend() && s.ready() {
			if s.kept() {
				it.msg = b.Clone(i)
			}
			s.send(it)
			continue
		}
		if !s.hasRoom(m) {
			overflow = true
			s.drop()
			continue
		}
		it.msg = b.Clone(i)
		s.queue.push(it)
	}
	if s.handOver() {
		b.Wake(s.conn.out)
	}
	if overflow && s.conn != nil {
		s.slow(s.conn)
	}
}

// hasRoom reports whether the queue may take a message. s.mu is held.
func (s *session) hasRoom(m *broker.Message) bool {
	opt := &s.srv.opt
	if s.queue.n < opt.MaxQueued && s.queue.bytes+m.Size() <= opt.MaxQueuedBytes {
		return true
	}
	s.srv.stats.Expired.Add(s.queue.dropExpired(time.Now()))
	return s.queue.n < opt.MaxQueued && s.queue.bytes+m.Size() <= opt.MaxQueuedBytes
}

// drop counts a message that the queue has no room for. s.mu is held.
func (s *session) drop() {
	s.dropped++
	s.srv.stats.Overflowed.Add(1)
	if !s.full {
		s.full = true
		s.srv.log.Warn("messages are discarded: the queue of a session is full",
			"client", s.id, "queued", s.queue.n, "bytes", s.queue.bytes, "online", s.conn != nil)
	}
}

// canSend reports whether a new message may be sent at once. s.mu is held.
func (s *session) canSend() bool { return s.flights.unsent == nil && s.flights.open < s.window }

// ready reports whether the connection has room for a packet; if not, it
// arranges for onRoom to be called. s.mu is held.
func (s *session) ready() bool {
	out := s.conn.out
	if len(s.frames) > 0 && len(s.frames) < netx.ChunkSize {
		return true
	}
	if s.handOver() {
		out.Wake()
	}
	if out.Pending() < out.Limit()/2 {
		return true
	}
	if !s.noticed {
		c := s.conn
		s.noticed = out.NotifyRoom(func() { s.onRoom(c) })
		return !s.noticed
	}
	return false
}

// handOver appends the encoded packets to the outbound queue. s.mu is held.
func (s *session) handOver() (wake bool) {
	if len(s.frames) == 0 {
		return false
	}
	_, wake = s.conn.out.SendMessages(s.frames, s.framed)
	s.frames, s.framed = s.frames[:0], 0
	if cap(s.frames) > 2*netx.ChunkSize {
		s.frames = nil
	}
	return wake
}

// send puts a message in flight. s.mu is held.
func (s *session) send(it item) {
	f := s.flights.add(it)
	if !s.encode(f, false) {
		s.flights.remove(f)
		return
	}
	if !s.kept() {
		f.msg = nil // it is never sent again
	}
}

// encode encodes a message in flight and reports whether the client takes a
// packet of that length. s.mu is held.
func (s *session) encode(f *flight, dup bool) bool {
	c := s.conn
	p := publication{
		Message: f.msg, level: c.level, qos: f.qos, dup: dup, retain: f.retain, id: f.id, subID: f.subID,
	}
	if f.msg.Expires != 0 {
		p.nowUnix = time.Now().UnixMilli()
	}
	before := len(s.frames)
	s.frames = p.append(s.frames)
	if c.maxPacket > 0 && len(s.frames)-before > c.maxPacket { // [MQTT-3.1.2-25]
		s.frames = s.frames[:before]
		s.srv.stats.TooLarge.Add(1)
		return false
	}
	s.framed++
	return true
}

// pump sends what waits, as far as window and connection allow, and reports
// whether the writer has to be woken. s.mu is held.
func (s *session) pump() (wake bool) {
	if s.conn == nil {
		return false
	}
	for s.flights.unsent != nil && s.flights.open < s.window && s.ready() {
		f := s.flights.resend()
		if !s.encode(f, true) {
			s.flights.remove(f)
		}
	}
	now := time.Now()
	for s.queue.n > 0 && s.canSend() && s.ready() {
		it := s.queue.pop()
		if it.msg.Expired(now) {
			s.srv.stats.Expired.Add(1)
			continue
		}
		s.send(it)
	}
	if s.queue.n == 0 {
		s.full = false
		s.pumpReplay()
	}
	if s.room != nil && !s.crowdedAbove(7, 16) {
		s.wakeRoom()
	}
	return s.handOver()
}

// pumpFor pumps after acknowledgements that came over c.
func (s *session) pumpFor(c *conn) {
	s.mu.Lock()
	wake := s.conn == c && s.pump()
	s.mu.Unlock()
	if wake {
		c.out.Wake()
	}
}

// onRoom is called by the connection's writer when there is room again.
func (s *session) onRoom(c *conn) {
	s.mu.Lock()
	wake := false
	if s.conn == c {
		s.noticed = false
		wake = s.pump()
	}
	s.mu.Unlock()
	if wake {
		c.out.Wake()
	}
}

// info describes the session.
func (s *session) info() SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := SessionInfo{
		ClientID: s.id, Principal: s.principal, Expiry: s.expiry,
		Queued: s.queue.n, QueuedBytes: s.queue.bytes, Inflight: len(s.flights.byID), Dropped: s.dropped,
	}
	if s.conn != nil {
		info.Client = s.client
		info.Lost = s.conn.out.Dropped()
	}
	for _, sub := range s.subs {
		info.Subscriptions = append(info.Subscriptions, SubscriptionInfo{Filter: sub.filter, QoS: sub.terms.Load().qos})
	}
	return info
}
