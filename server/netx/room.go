package netx

import "time"

// stuckAfter is how long a peer may make no progress before nobody waits for it.
const stuckAfter = 100 * time.Millisecond

// Wait is the outcome of [Outbound.WaitRoom].
type Wait int

const (
	Room  Wait = iota // there is room, or the connection has ended
	Busy              // the peer reads, but the given time is over
	Stuck             // the peer does not read: it loses its oldest frames
)

// WaitRoom waits while the queue is crowded, at most d. A peer that makes no
// progress for 100 ms becomes stuck: until it has caught up, nobody waits for it
// any more. The caller must not hold wake-ups of other queues back.
func (o *Outbound) WaitRoom(d time.Duration) Wait {
	var timer *time.Timer
	deadline := time.Now().Add(d)
	for {
		now := time.Now()
		room, patience := o.crowd(now)
		switch {
		case room == nil && patience < 0:
			return Stuck
		case room == nil:
			return Room
		case patience <= 0:
			o.GiveUp()
			return Stuck
		case !now.Before(deadline):
			return Busy
		}
		wait := min(deadline.Sub(now), patience)
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

// crowd returns what to wait on if the queue is crowded, and for how long the
// peer may go on without progress; a nil channel if it is not crowded, with a
// negative time if nobody waits because the peer is stuck.
func (o *Outbound) crowd(now time.Time) (room chan struct{}, patience time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.crowded() {
		if o.stuck {
			return nil, -1
		}
		return nil, 0
	}
	// Seen over all calls, so that many short waits notice what one long would.
	if p := o.progress.Load(); p != o.moved || o.movedAt.IsZero() {
		o.moved, o.movedAt = p, now
	}
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room, stuckAfter - now.Sub(o.movedAt)
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
// comes back at a thirtieth of the time that passes. Time during which several
// waited counts once.
func (o *Outbound) Charge(start time.Time, budget time.Duration) (spent bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if start.Before(o.heldAt) {
		start = o.heldAt
	}
	o.held = max(0, o.held-start.Sub(o.heldAt)/30) + now.Sub(start)
	o.heldAt = now
	return o.held > budget
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
