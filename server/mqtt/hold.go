package mqtt

import (
	"time"

	"mwm/server/broker"
)

// crowded reports whether those who publish to the session have to wait: its
// queue is more than half full. s.mu is held.
func (s *session) crowded() bool { return s.crowdedAbove(1, 2) }

func (s *session) crowdedAbove(num, den int64) bool {
	opt := &s.srv.opt
	return int64(s.queue.n)*den > int64(opt.MaxQueued)*num || int64(s.queue.bytes)*den > int64(opt.MaxQueuedBytes)*num
}

// wakeRoom wakes those who wait. s.mu is held.
func (s *session) wakeRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// hold keeps the publisher of a batch waiting until the queue of the session has
// room, at most for MaxHold; then the client is disconnected. So it is when it
// has held publishers for longer in total, to the harm of other subscribers.
// s.mu is held, but not while it waits.
func (s *session) hold(b *broker.Batch, sub *subscription) {
	c := s.conn
	wake := s.handOver()
	s.mu.Unlock()
	defer s.mu.Lock()
	if wake {
		b.Wake(c.out)
	}
	if b.Client() == c.client {
		return // its own reader has to take the acknowledgements
	}
	b.FlushWakes() // nobody may wait with wake-ups in its pocket
	start := time.Now()
	if !s.waitRoom(c) || b.Starves(sub) && c.out.Charge(start, s.srv.opt.MaxHold) {
		s.mu.Lock()
		s.slow(c)
		s.mu.Unlock()
	}
}

// waitRoom waits until nobody has to wait for c any more; false: it took too
// long.
func (s *session) waitRoom(c *conn) bool {
	timer := time.NewTimer(s.srv.opt.MaxHold)
	defer timer.Stop()
	for {
		s.mu.Lock()
		if s.conn != c || !s.crowded() {
			s.mu.Unlock()
			return true
		}
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		select {
		case <-room:
		case <-timer.C:
			return false
		}
	}
}

// slow disconnects a client that does not acknowledge what it is sent. If the
// session is kept, its messages wait. s.mu is held.
func (s *session) slow(c *conn) {
	if s.unbindLocked(c) {
		c.srv.stats.Slow.Add(1)
		c.close(errSlow)
	}
}
