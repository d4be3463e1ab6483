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

// hold keeps a publisher waiting until the queue of the session has room, at
// most for MaxHold; then the client is disconnected. So it is when it has held
// publishers for longer in total, to the harm of other subscribers.
func (s *session) hold(b *broker.Batch, sub *subscription, c *conn) {
	b.FlushWakes() // nobody may wait with wake-ups in its pocket
	start := time.Now()
	timer := time.NewTimer(s.srv.opt.MaxHold)
	defer timer.Stop()
	for {
		s.mu.Lock()
		if s.conn != c || !s.crowded() {
			s.mu.Unlock()
			break
		}
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		select {
		case <-room:
		case <-timer.C:
			s.slow(c)
			return
		}
	}
	if b.Starves(sub, c.out) && c.out.Charge(start, s.srv.opt.MaxHold) {
		s.slow(c)
	}
}

// slow disconnects a client that does not acknowledge what it is sent. If the
// session is kept, its messages wait.
func (s *session) slow(c *conn) {
	if s.unbind(c) {
		c.srv.stats.Slow.Add(1)
		c.close(errSlow)
	}
}
