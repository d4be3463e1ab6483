package mqtt

import (
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
)

// A session whose client does not keep up holds back those who publish to it. Who
// waits for an acknowledgement gets it late: once what is before his message is
// at most half of what may wait ([Options.MaxQueued]). Nobody else is harmed by
// that, and two clients that fill each other's queues can still acknowledge. Who
// does not wait, or does not stop sending, is held by not reading from him.

// debt is a confirmation that is withheld.
type debt struct {
	n, bytes uint64 // pushed, with its message
	since    time.Time
	harm     bool // other subscribers of the topic have nothing to do meanwhile
	done     func(error)
}

// ahead is how much of what was pushed up to a point still waits, without what
// did so when the client came: that harms nobody. s.mu is held.
func (s *session) ahead(n, bytes uint64) (int64, int64) {
	pn, pb := s.queue.popped()
	return int64(n) - int64(max(pn, s.before.n)), int64(bytes) - int64(max(pb, s.before.bytes))
}

// over reports whether more waits than a part of what may. s.mu is held.
func (s *session) over(n, bytes int64, num, den int64) bool {
	opt := &s.srv.opt
	return n*den > int64(opt.MaxQueued)*num || bytes*den > int64(opt.MaxQueuedBytes)*num
}

func (s *session) crowdedAbove(num, den int64) bool {
	n, bytes := s.ahead(s.queue.pushed, s.queue.pushedBytes)
	return s.over(n, bytes, num, den)
}

// crowded reports whether publishers are held back. s.mu is held.
func (s *session) crowded() bool { return s.conn != nil && s.crowdedAbove(1, 2) }

// withhold delays the confirmation of message i, which was pushed just now. s.mu
// is held.
func (s *session) withhold(b *broker.Batch, i int) {
	d := debt{n: s.queue.pushed, bytes: s.queue.pushedBytes, since: time.Now(), done: b.Keeping(i)}
	s.debts = append(s.debts, d)
	if s.debtTimer == nil {
		s.debtTimer = time.AfterFunc(s.srv.opt.MaxHold, s.debtDue)
	}
}

// noteHarm notes for what was withheld from a point on that others are harmed.
func (s *session) noteHarm(from uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.debts) - 1; i >= 0 && s.debts[i].n >= from; i-- {
		s.debts[i].harm = true
	}
}

// settle confirms what need not be withheld any more. s.mu is held.
func (s *session) settle() {
	for len(s.debts) > 0 {
		d := s.debts[0]
		if n, bytes := s.ahead(d.n, d.bytes); s.conn != nil && s.over(n, bytes, 1, 2) {
			return
		}
		s.debts = s.debts[1:]
		d.done(nil)
		if d.harm && s.conn != nil && s.conn.out.Charge(d.since, s.srv.opt.MaxHold) {
			s.slow(s.conn)
		}
	}
	s.debts = nil
}

// debtDue disconnects a client for which something has been withheld too long.
func (s *session) debtDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.debtTimer = nil
	if len(s.debts) == 0 || s.conn == nil {
		return
	}
	if left := s.srv.opt.MaxHold - time.Since(s.debts[0].since); left > 0 {
		s.debtTimer = time.AfterFunc(left, s.debtDue)
		return
	}
	s.slow(s.conn)
}

// wakeRoom wakes those who wait. s.mu is held.
func (s *session) wakeRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// windowed is how many times [Options.MaxQueued] may wait of messages whose senders
// wait for an acknowledgement: these stop by themselves, but 3.x clients not before
// they run out of packet identifiers.
const windowed = 4

// waiting says when the publisher of a batch waits while the queue is too full.
type waiting byte

const (
	noWait    waiting = iota
	waitLater         // once everybody else has the batch
	waitNow
)

// mayHold reports whether the publisher of message i must wait before it is taken:
// from half of what may wait on if he does not wait for a confirmation, from three
// quarters on if he does. s.mu is held.
func (s *session) mayHold(b *broker.Batch, i int) bool {
	switch {
	case s.conn == nil:
		return false
	case !b.Waits(i):
		return s.crowdedAbove(1, 2)
	}
	n, bytes := s.ahead(s.queue.pushed, s.queue.pushedBytes)
	return s.over(n/windowed, bytes, 3, 4)
}

// waitTurn holds the publisher of a batch that has been taken already, once everybody
// else has it.
func (s *session) waitTurn(sub *subscription, b *broker.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mayHold(b, 0) {
		return
	}
	b.Later(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.mayHold(b, 0) {
			s.hold(b, sub)
		}
	})
}

// hold keeps the publisher of a batch waiting until the queue of the session has
// room, at most for MaxHold; then the client is disconnected. So it is when it
// has held publishers for longer in total, to the harm of other subscribers. Those who
// take nothing meanwhile hold a publisher together no longer than one of them may.
// s.mu is held, but not while it waits.
func (s *session) hold(b *broker.Batch, sub *subscription) {
	c, since := s.conn, s.took
	wake := s.handOver()
	s.mu.Unlock()
	defer s.mu.Lock()
	if wake {
		b.Wake(c.out)
	}
	if b.Client() == c.client {
		return // its own reader has to take the acknowledgements
	}
	if held := b.HeldSince(); since.Before(held) {
		since = held
	}
	budget, room := s.srv.opt.MaxHold, func(d time.Duration) netx.Wait {
		if c.client.Held() {
			return netx.Room // nobody reads its acknowledgements: its reader waits for somebody, too
		}
		return s.waitRoom(c, d)
	}
	if !b.Await(sub.receiver(), c.out, since.Add(budget), budget, room) {
		s.mu.Lock()
		s.slow(c)
		s.mu.Unlock()
	}
}

// heldToo books that the publisher of a batch has waited since a time for another
// receiver, to the harm of others: if it would have had to wait for this session, too,
// both are to blame.
func (s *session) heldToo(b *broker.Batch, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.conn; s.mayHold(b, 0) && !c.client.Held() && c.out.Charge(since, s.srv.opt.MaxHold) {
		s.slow(c)
	}
}

// waitRoom waits until nobody has to wait for c any more, at most d.
func (s *session) waitRoom(c *conn, d time.Duration) netx.Wait {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		s.mu.Lock()
		if s.conn != c || !s.crowdedAbove(1, 2) {
			s.mu.Unlock()
			return netx.Room
		}
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		select {
		case <-room:
		case <-timer.C:
			return netx.Busy
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
