package netx

import "time"

// StuckAfter is how long a peer may make no progress before nobody waits for it
// to the harm of others.
const StuckAfter = 100 * time.Millisecond

// Wait is the outcome of [Outbound.WaitRoom].
type Wait int

const (
	Room  Wait = iota // there is room, or the connection has ended
	Busy              // the peer reads, but the given time is over
	Stuck             // the peer does not read: it loses its oldest frames
)

// WaitRoom waits while the queue is crowded, at most d. A peer that makes no
// progress for as long as patience becomes stuck: until it has caught up, nobody
// waits for it any more. The caller must not hold wake-ups of other queues back.
func (o *Outbound) WaitRoom(d, patience time.Duration) Wait {
	var timer *time.Timer
	deadline := time.Now().Add(d)
	for {
		now := time.Now()
		room, left := o.crowd(now, patience)
		switch {
		case room == nil && left < 0:
			return Stuck
		case room == nil:
			return Room
		case left <= 0:
			o.GiveUp()
			return Stuck
		case !now.Before(deadline):
			return Busy
		}
		wait := min(deadline.Sub(now), left)
		if timer == nil {
			timer = time.NewTimer(wait)
			defer timer.Stop()
		} else {
			timer.Reset(wait)
		}
		select {
		case <-room:
		case <-timer.C:
		}
	}
}

// crowd returns what to wait on if the queue is crowded, and when to look again
// whether the peer makes progress; 0 if it has made none for too long. The channel
// is nil if the queue is not crowded, with a negative time if nobody waits because
// the peer is stuck.
func (o *Outbound) crowd(now time.Time, patience time.Duration) (room chan struct{}, left time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.crowded() {
		if o.stuck {
			return nil, -1
		}
		return nil, 0
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room, o.patience(now, patience)
}

// lookEvery is how often it is looked whether the peer makes progress.
const lookEvery = StuckAfter / 5

// patience returns how long to wait before the next look, 0 if the peer has made
// no progress for as long as limit. What one write is given may take a slow peer
// seconds: that it reads at all is seen earlier by what it has acknowledged. A
// look counts for no more than the time between two: a process that did not run
// for a while cannot say that its peers did nothing. What is noted is shared by
// all who wait, so that many short waits notice what one long would. o.mu is held.
func (o *Outbound) patience(now time.Time, limit time.Duration) time.Duration {
	s := &o.still
	passed := now.Sub(s.looked)
	moved := o.progress.Load()
	switch {
	case s.looked.IsZero() || moved != s.moved:
		s.acked, _ = o.acked()
		s.since = 0
	case passed < lookEvery && s.since < limit:
		return min(lookEvery-passed, limit-s.since)
	case passed < lookEvery: // one who is more patient has looked: the next look tells
		return lookEvery - passed
	default:
		acked, _ := o.acked()
		if s.since += lookEvery; acked != s.acked {
			s.acked, s.since = acked, 0
		}
	}
	s.looked, s.moved = now, moved
	return min(lookEvery, max(limit-s.since, 0))
}

// still is what those who wait have seen of a peer's progress.
type still struct {
	looked time.Time     // last
	since  time.Duration // it has made none for so long
	moved  uint64        // progress, as it was then
	acked  uint64        // what the peer had acknowledged
}

// GiveUp declares the peer stuck: until it has caught up, producers do not wait
// for it, and it loses its oldest frames.
func (o *Outbound) GiveUp() {
	o.mu.Lock()
	o.stuck = true
	notify := o.roomLocked()
	o.mu.Unlock()
	call(notify)
}

// Charge books that a producer has waited since start to the harm of others, and
// reports whether the peer has used up what it may hold them: budget, which
// comes back at a sixtieth of the time that passes. Time during which several
// waited counts once.
func (o *Outbound) Charge(start time.Time, budget time.Duration) (spent bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.charge(start, time.Now(), budget)
}

// charge is Charge with o.mu held.
func (o *Outbound) charge(start, now time.Time, budget time.Duration) (spent bool) {
	if start.Before(o.heldAt) {
		start = o.heldAt
	}
	o.held = max(0, o.held-start.Sub(o.heldAt)/60) + now.Sub(start)
	o.heldAt = now
	return o.held > budget
}

// Share is what a producer that has waited since start for another peer calls for those
// that it might have to wait for next: they make it wait together, and not one after
// the other. One that makes no progress for as long as patience is stuck, too, however
// little waits for it, and one that is behind uses up its budget; 0 is none.
func (o *Outbound) Share(start time.Time, patience, budget time.Duration) {
	o.mu.Lock()
	if !o.writing || o.stuck || o.closed {
		o.mu.Unlock()
		return
	}
	now := time.Now()
	spent := budget > 0 && o.bytes > o.Limit()/4 && o.charge(start, now, budget)
	var notify []func()
	if o.patience(now, patience) <= 0 || spent && o.crowded() {
		o.stuck = true
		notify = o.roomLocked()
	}
	o.mu.Unlock()
	call(notify)
}

// NotifyRoom arranges for f to be called once, from another goroutine, as soon
// as less than a quarter of the bound is taken or the queue has ended. If the
// queue is empty and written, or ended, NotifyRoom returns false and f is not called.
func (o *Outbound) NotifyRoom(f func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || !o.writing {
		return false
	}
	o.onRoom = append(o.onRoom, f)
	return true
}

// roomLocked wakes those who wait for room and returns what is to be called
// without the lock. o.mu is held.
func (o *Outbound) roomLocked() (notify []func()) {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	notify, o.onRoom = o.onRoom, nil
	return notify
}

func call(fs []func()) {
	for _, f := range fs {
		f()
	}
}
