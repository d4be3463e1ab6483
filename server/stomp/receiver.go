package stomp

import (
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
)

// autoReceiver is a topic's subscriber that does not acknowledge.
type autoReceiver subscription

// Deliver implements [broker.Receiver].
func (r *autoReceiver) Deliver(bs *broker.Subscription, b *broker.Batch) {
	if r.noLocal && b.Client() == r.s.client.Load() {
		return
	}
	b.Send(bs, r.s.out, &r.enc)
}

// Backlog implements [broker.Backlogged].
func (r *autoReceiver) Backlog() int { return r.s.out.Pending() }

// Outlet implements [broker.Outlet].
func (r *autoReceiver) Outlet() *netx.Outbound { return r.s.out }

// ackReceiver is a topic's subscriber that acknowledges. It loses nothing, but
// may hold back its publishers only for a moment; then it is disconnected.
type ackReceiver subscription

// Deliver implements [broker.Receiver].
func (r *ackReceiver) Deliver(_ *broker.Subscription, b *broker.Batch) {
	if r.noLocal && r.isOwn(b) {
		return
	}
	r.deliver(b, 0, false)
}

// deliver gives the messages of a batch from a place on, as far as there is room, and
// the rest when everybody else has the batch; then it waits.
func (r *ackReceiver) deliver(b *broker.Batch, from int, late bool) {
	for i := from; i < len(b.Messages) && !r.s.ending.Load(); i++ {
		m := &b.Messages[i]
		if r.enc.match != nil && !r.enc.match(m) {
			continue
		}
		if !r.hasRoom(b) {
			if rest := i; !late {
				b.Later(func() { r.deliver(b, rest, true) })
				return
			}
			if !r.waitRoom(b) {
				return
			}
		}
		if r.give(m) {
			b.Wake(r.s.out)
		}
	}
}

// unheardWindows is how many windows a client may have to acknowledge when it cannot:
// it does not wait for itself, nor others for it while it waits for somebody.
const unheardWindows = 16

// hasRoom reports whether the subscriber may be given a message at once.
func (r *ackReceiver) hasRoom(b *broker.Batch) bool {
	out := r.s.out
	free, crowded := r.ledger.free(), out.Pending() > out.Limit()/2
	unheard := r.isOwn(b) || r.s.client.Load().Held()
	return free > 0 && !crowded || unheard && free > -unheardWindows*r.ledger.room()
}

// waitRoom waits until it may, at most for AckTimeout; then the subscriber is
// disconnected. So it is when it has held publishers for longer in total, to the harm
// of others. False: it is gone.
func (r *ackReceiver) waitRoom(b *broker.Batch) bool {
	budget, out := r.s.srv.opt.AckTimeout, r.s.out
	deadline := r.ledger.stillSince(b.HeldSince()).Add(budget)
	found := b.Await(r, out, deadline, budget, func(d time.Duration) netx.Wait {
		end := time.Now().Add(d)
		if r.hasRoom(b) {
			return netx.Room
		}
		if !r.ledger.wait(d) {
			return netx.Busy
		}
		return out.WaitRoom(time.Until(end), budget)
	})
	if !found {
		r.s.end(ErrUnreadAcks)
	}
	return !r.s.ending.Load()
}

// Held implements [broker.Awaited].
func (r *ackReceiver) Held(b *broker.Batch, since time.Time) {
	if !r.hasRoom(b) && r.s.out.Charge(since, r.s.srv.opt.AckTimeout) {
		r.s.end(ErrUnreadAcks)
	}
}

// isOwn reports whether the messages come from the subscriber itself.
func (r *ackReceiver) isOwn(b *broker.Batch) bool { return b.Client() == r.s.client.Load() }

// give sends one message. Its number is taken and the frame queued under one
// lock: cumulative acknowledgements count in the order of the frames.
func (r *ackReceiver) give(m *broker.Message) (wake bool) {
	l := r.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	tag := l.next(pendingAck{id: m.ID})
	var ack [40]byte
	l.scratch = r.enc.appendDelivery(l.scratch[:0], m, (*subscription)(r).ackID(ack[:0], tag), 0)
	_, wake = r.s.out.SendMessages(l.scratch, 1)
	if cap(l.scratch) > netx.ChunkSize {
		l.scratch = nil
	}
	return wake
}

// Backlog implements [broker.Backlogged]. One that has half of its window to
// acknowledge has enough to do.
func (r *ackReceiver) Backlog() int {
	if 2*r.ledger.free() <= r.ledger.room() {
		return 1 << 30
	}
	return r.s.out.Pending()
}
