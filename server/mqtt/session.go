package mqtt

import (
	"sync"
	"sync/atomic"
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
	until     time.Time   // when the session ends; zero while the client is connected
	timer     *time.Timer // ends the session then
	will      *will
	willAt    time.Time // when it is to be published; zero: not while the session lasts
	willTimer *time.Timer
	subs      map[string]*subscription // by filter, as the client wrote it

	filterBytes int // of subs

	queue    fifo      // not sent yet
	took     time.Time // when something left it last
	flights  flights
	unsynced []*flight // whose identifiers are planned to be written
	rels     []byte    // PUBRELs to be sent once it is on disk that they are due
	replays  replays

	window  int    // how many messages may be in flight
	frames  []byte // encoded, not appended to the outbound queue yet
	framed  int    // messages in frames
	noticed bool   // onRoom will be called
	full    bool   // a message has been discarded since the queue was empty
	dropped uint64 // since the server was started
	missed  uint64 // since the client was told
	failed  uint64 // transactions of the disk, when the queue was searched for what it refused

	// See hold.go.
	before    struct{ n, bytes uint64 } // of the queue, when the client came
	debts     []debt
	debtTimer *time.Timer
	room      chan struct{} // closed when the queue has room again; nil: nobody waits

	inbound inbound
	box     atomic.Uint64 // on disk; 0: there is none

	// What has been staged and is not on disk yet (see stage.go) has its room.
	promised      int
	promisedBytes int
}

// bind gives the session to a connection, which has been sent its CONNACK.
func (s *session) bind(c *conn, expiry time.Duration, w *will) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stop(&s.timer)
	stop(&s.willTimer)
	s.replays.pause(true)
	s.conn, s.owner, s.client = c, c, c.client
	s.keepFor(expiry)
	s.putWill(w)
	s.until, s.willAt = time.Time{}, time.Time{}
	s.save()
	s.window = c.window
	s.frames, s.framed, s.rels, s.noticed = nil, 0, nil, false
	s.before.n, s.before.bytes = s.queue.pushed, s.queue.pushedBytes
	s.wakeRoom()
	s.flights.rewind()
	for f := s.flights.released.first; f != nil; f = f.next {
		if f.rec == nil {
			s.frames = appendAck(s.frames, packets.Pubrel, f.id, 0, "")
		} else { // that PUBREC came may still be on its way to the disk
			s.rels = appendAck(s.rels, packets.Pubrel, f.id, 0, "")
		}
	}
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
	s.replays.pause(s.kept())
	for _, sub := range s.subs {
		sub.attach(nil)
	}
	s.wakeRoom()
	s.settle()
	return true
}

// setWill replaces the will of the connection.
func (s *session) setWill(c *conn, w *will) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner == c {
		s.putWill(w)
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

// arrive books a PUBLISH at QoS 2 that owes its PUBREC. again: it is the repetition
// of one that is waiting for its PUBREL (MQTT 5.0 §4.3.3).
func (s *session) arrive(c *conn, id uint16) (again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return false, errTakenOver
	}
	a, known := s.inbound.find(id)
	switch {
	case !known:
		s.inbound.set(id, arrival{})
		return false, nil
	case a.again == c: // who asks again and again is told once
		return true, nil
	}
	ticket, err := c.owed.add(answer{id: id, kind: packets.Pubrec, ready: a.safe})
	if err == nil && !a.safe {
		switch waits, ok := s.inbound.askAgain(id, c, ticket); {
		case ok:
			c.conclude(ticket, nil)
		case !waits:
			c.conclude(ticket, errRefused)
		}
	}
	return true, err
}

// release frees the identifier of a PUBLISH at QoS 2 and reports whether it was
// known. rec is what has to be removed from the disk before PUBCOMP is sent.
func (s *session) release(c *conn, id uint16) (rec *broker.Record, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return nil, false
	}
	return s.inbound.release(id)
}

// enqueue takes messages first to end of a batch for a subscription, those
// whose QoS is not 0. It reports whether the subscription has lasted until then.
func (s *session) enqueue(sub *subscription, t *terms, b *broker.Batch, first, end int, wait waiting) (lasts bool) {
	withheld, lasts := s.take(sub, t, b, first, end, wait)
	if withheld > 0 && b.Starves(sub.receiver()) { // asks other sessions: without the lock
		s.noteHarm(withheld)
	}
	return lasts
}

// take does that, and returns the number of the first message whose confirmation
// is withheld; 0: none.
func (s *session) take(sub *subscription, t *terms, b *broker.Batch, first, end int, wait waiting) (withheld uint64, lasts bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	overflow := false
	i := first
	for ; i < end && !s.ended && sub.terms.Load() != nil; i++ {
		m := &b.Messages[i]
		qos := t.qosOf(m)
		if qos == 0 {
			continue
		}
		if wait != noWait && s.mayHold(b, i) {
			if wait == waitLater {
				b.Later(func() { s.enqueue(sub, t, b, i, end, waitNow) })
				break
			}
			s.hold(b, sub)
			if s.ended {
				break
			}
		}
		if b.Kept(i, sub.receiver()) {
			continue
		}
		if err := s.roomFor(m, b.Waits(i)); err != nil {
			overflow = overflow || err != errNoDisk
			s.drop(err)
			b.Keeping(i)(err)
			continue
		}
		s.push(item{msg: m, subID: t.subID, qos: qos, retain: t.keep && m.Retain, shared: sub.group}, b, i)
		if b.Waits(i) && s.crowded() {
			s.withhold(b, i)
			if withheld == 0 {
				withheld = s.queue.pushed
			}
		}
	}
	s.syncFlights()
	if s.handOver() {
		b.Wake(s.conn.out)
	}
	if overflow && s.conn != nil {
		s.slow(s.conn)
	}
	return withheld, i == end
}

// push sends message i of a batch at once if nothing is before it, else it puts it
// on the queue. s.mu is held.
func (s *session) push(it item, b *broker.Batch, i int) {
	direct := s.conn != nil && s.queue.n == 0 && s.canLaunch() && s.ready()
	if !direct || s.kept() || it.shared != nil {
		it.msg = b.Clone(i)
	}
	if !direct {
		s.record(&it, 0, b, i)
		s.queue.push(it)
		return
	}
	f := s.flights.add(it)
	s.record(&it, f.id, b, i)
	f.rec, f.once = it.rec, it.once
	s.launch(f)
	if !f.sent { // the connection is full by now
		f.msg = b.Clone(i)
	}
}

// launch sends a message that has an identifier, in its turn. s.mu is held.
func (s *session) launch(f *flight) {
	if s.kept() || f.shared != nil {
		s.flights.hold(f)
	}
	if f.rec != nil && f.qos == 2 && !f.sent {
		f.waits = true
		s.unsynced = append(s.unsynced, f)
	}
	s.transmit()
}

// syncFlights sends messages at QoS 2 once their identifiers are on disk: after a
// crash another message would come under the same identifier, and be taken for a
// repetition. What the disk has refused is given up if its sender sends it again: it
// would come twice. s.mu is held.
func (s *session) syncFlights() {
	if len(s.unsynced) == 0 {
		return
	}
	synced := s.unsynced
	s.unsynced = nil
	s.srv.whenSynced(func() {
		s.mu.Lock()
		for _, f := range synced {
			f.waits = false
			if f.once && s.flights.byID[f.id] == f && s.srv.b.Journal().Refused(f.rec) {
				s.flights.remove(f)
			}
		}
		s.pumpUnlock()
	})
}

// canLaunch reports whether one more message may get an identifier: the window is
// not full, nor the memory for what is in it, and what is before it has been sent or
// waits for the disk. s.mu is held.
func (s *session) canLaunch() bool {
	fs := &s.flights
	return len(fs.byID) < s.window && s.roomInFlight() && (fs.unsent == nil || fs.unsent.waits)
}

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

// transmit sends what has an identifier and was not sent on this connection, as
// far as window and connection allow. s.mu is held.
func (s *session) transmit() {
	fs := &s.flights
	for fs.unsent != nil && !fs.unsent.waits && fs.open < s.window && s.ready() {
		f := fs.next()
		if !s.encode(f, f.sent) {
			s.land(f)
			continue
		}
		f.sent = true
		if !s.kept() && f.shared == nil {
			f.msg = nil // it is never sent again
		}
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
		p.nowUnix = s.srv.b.Clock().At(time.Now()).UnixMilli()
	}
	sent := false
	if c.sent == nil {
		sent = s.frame(&p)
	} else {
		sent = s.frameAliased(&p)
	}
	if !sent {
		s.srv.stats.TooLarge.Add(1)
	}
	return sent
}

// frame encodes a packet, unless the client does not take one of that length. s.mu
// is held.
func (s *session) frame(p *publication) bool {
	before := len(s.frames)
	s.frames = p.append(s.frames)
	if limit := s.conn.maxPacket; limit > 0 && len(s.frames)-before > limit { // [MQTT-3.1.2-25]
		s.frames = s.frames[:before]
		return false
	}
	if p.lost > 0 {
		s.srv.stats.LostHeaders.Add(uint64(p.lost))
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
	s.transmit()
	j := s.srv.b.Journal()
	now := time.Now()
	due := s.srv.b.Clock().Due(now)
	for s.queue.n > 0 && s.canLaunch() && (s.flights.unsent != nil || s.ready()) {
		it := s.queue.pop()
		if s.dead(&it, due) {
			j.Remove(nil, it.rec)
			continue
		}
		s.took = now
		f := s.flights.add(it)
		j.SetState(f.rec, f.state())
		s.launch(f)
	}
	s.syncFlights()
	s.settle()
	if s.conn == nil { // it has held others too long
		return false
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

// pumpFor pumps after acknowledgements that came over c, and reports whether its
// writer has to be woken.
func (s *session) pumpFor(c *conn) (wake bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rels) > 0 && s.owner == c {
		s.sendReleases(c)
	}
	return s.conn == c && s.pump()
}

// pumpUnlock sends what can be sent, and lets s.mu go, which is held.
func (s *session) pumpUnlock() {
	c := s.conn
	wake := c != nil && s.pump()
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
		Will: s.will.info(),
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
