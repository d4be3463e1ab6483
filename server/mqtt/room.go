package mqtt

import (
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// A session takes what its queue, the disk and the memory have room for. What it
// does not take is lost to its client, who is told; and so are those publishers who
// can be.

// Why a session does not take a message.
var (
	errFull   error = sessionFull{}
	errNoDisk error = newFault(packets.ErrQuotaExceeded, "the disk is nearly full")
)

// sessionFull is a [broker.ErrQueueFull].
type sessionFull struct{}

func (sessionFull) Error() string   { return "the queue of a session is full" }
func (sessionFull) Is(x error) bool { return x == broker.ErrQueueFull }

// roomFor reports why the queue is not to take a message, whose sender waits for a
// confirmation or not. s.mu is held.
func (s *session) roomFor(m *broker.Message, waits bool) error {
	if s.stores(m) && s.srv.b.Room() != nil {
		return errNoDisk
	}
	return s.queueRoom(m, waits)
}

// stores reports whether the session has a message on disk. s.mu is held.
func (s *session) stores(m *broker.Message) bool { return m.QoS > 0 && s.box.Load() != 0 }

// queueRoom is roomFor for what is on disk already. s.mu is held.
func (s *session) queueRoom(m *broker.Message, waits bool) error {
	opt := &s.srv.opt
	count, bytes := opt.MaxQueued, opt.MaxQueuedBytes
	if s.stores(m) {
		count, bytes = opt.MaxStored, opt.MaxStoredBytes
	} else if waits && s.conn != nil {
		count *= windowed
	}
	if !s.fits(m, count, bytes) {
		return errFull
	}
	if m.QoS == 0 && netx.Scarce() {
		return netx.ErrMemory
	}
	if netx.Pressed() && !s.fits(m, count, min(bytes, pressedQueue)) {
		return netx.ErrMemory
	}
	return nil
}

// roomInFlight reports whether there is memory for one more message that may have to be
// sent again. s.mu is held.
func (s *session) roomInFlight() bool {
	held := s.flights.held
	return held < s.srv.opt.MaxQueuedBytes && (held < pressedQueue || !netx.Pressed())
}

// pressedQueue is how many bytes may wait for a session, and how many it may have in
// flight, while memory is short.
const pressedQueue = 64 << 10

// fits reports whether a message fits into the queue, beside what is staged and without
// those that are not delivered any more. These are looked for when there may be some, and
// not for each message that there is no room for: the queue may be long. s.mu is held.
func (s *session) fits(m *broker.Message, count, bytes int) bool {
	count -= s.promised
	bytes -= s.promisedBytes
	if s.queue.n < count && s.queue.bytes+m.Size() <= bytes {
		return true
	}
	j := s.srv.b.Journal()
	now, failed := s.srv.b.Clock().Due(time.Now()), j.Stats().Failed.Load()
	if due := s.queue.expires != 0 && now.UnixMilli() >= s.queue.expires; !due && failed == s.failed {
		return false
	}
	s.failed = failed
	j.Remove(nil, s.queue.drop(func(it *item) bool { return s.dead(it, now) })...)
	return s.queue.n < count && s.queue.bytes+m.Size() <= bytes
}

// dead reports whether a message that waits is not to be delivered any more, and
// counts it if its time is over.
func (s *session) dead(it *item, now time.Time) bool {
	if it.msg.Expired(now) {
		s.srv.stats.Expired.Add(1)
		return true
	}
	return it.once && s.srv.b.Journal().Refused(it.rec)
}

// drop counts a message that there was no room for. s.mu is held.
func (s *session) drop(why error) {
	s.dropped++
	s.missed++
	if why != errFull { // the server's trouble, which it tells about
		s.srv.stats.Unkept.Add(1)
		return
	}
	s.srv.stats.Overflowed.Add(1)
	if !s.full {
		s.full = true
		s.save() // that the client has missed something
		s.srv.log.Warn("messages are discarded: the queue of a session is full",
			"client", s.id, "queued", s.queue.n, "bytes", s.queue.bytes, "online", s.conn != nil)
	}
}

// tellMissed returns how many messages the client has missed since it was told
// last. It may know that there are some, not that these are gone.
func (s *session) tellMissed() (n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, s.missed = s.missed, 0
	return n
}
