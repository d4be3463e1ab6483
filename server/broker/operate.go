package broker

import (
	"fmt"
	"strings"
	"time"

	"mwm/server/topic"
)

// Discard deletes messages that wait, and returns how many of them did. Whoever
// needs to know when they are gone from the disk asks the journal.
func (b *Broker) Discard(r Ref, places []Place) (n int, err error) {
	q, err := b.find(r)
	if err != nil {
		return 0, err
	}
	return q.discard(q.takeAt(places)), nil
}

// Purge deletes all messages that wait, for as long as it may take at most; more
// says that some are left.
func (b *Broker) Purge(r Ref, d time.Duration) (n int, more bool, err error) {
	q, err := b.find(r)
	if err != nil {
		return 0, false, err
	}
	more = q.eachBatch(d, func(batch []*entry) bool {
		n += q.discard(batch)
		return true
	})
	return n, more, nil
}

// MoveTo moves messages that wait to the end of another queue, on disk both or
// neither. They become new messages there, with all that was said about the old
// ones but why they were dead.
func (b *Broker) MoveTo(r Ref, places []Place, to string) (n int, err error) {
	q, err := b.findToMove(r, to)
	if err != nil {
		return 0, err
	}
	b.journal.WaitRoom()
	n, err = q.moveBatch(q.takeAt(places), to)
	q.b.dispatchQueue(to)
	return n, err
}

// MoveAll moves all messages that wait, for as long as it may take at most; more
// says that some are left.
func (b *Broker) MoveAll(r Ref, to string, d time.Duration) (n int, more bool, err error) {
	q, err := b.findToMove(r, to)
	if err != nil {
		return 0, false, err
	}
	deadline := time.Now().Add(d)
	if !b.journal.roomBy(deadline) {
		return 0, true, nil
	}
	more = q.eachBatch(d, func(batch []*entry) bool {
		var moved int
		moved, err = q.moveBatch(batch, to)
		n += moved
		return err == nil && b.journal.roomBy(deadline)
	})
	b.dispatchQueue(to)
	return n, more, err
}

func (b *Broker) findToMove(r Ref, to string) (*Queue, error) {
	if err := topic.CheckName(to); err != nil {
		return nil, err
	}
	if r.Durable == "" && r.Queue == to {
		return nil, fmt.Errorf("%w: a queue cannot be moved to itself", topic.ErrInvalid)
	}
	return b.find(r)
}

// takeAt takes the messages that wait at the places.
func (q *Queue) takeAt(places []Place) (taken []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, at := range places {
		if e := q.waitingAt(at); e != nil {
			q.take(e)
			taken = append(taken, e)
		}
	}
	return taken
}

// batchSize is how many messages are taken at a time: others may come in between.
const batchSize = 2000

// eachBatch takes what waits now, in order and in batches, until do returns false
// or the time is over. It reports whether something is left.
func (q *Queue) eachBatch(d time.Duration, do func([]*entry) bool) (more bool) {
	deadline := time.Now().Add(d)
	q.mu.Lock()
	last := q.seq
	q.mu.Unlock()
	for {
		batch := q.takeFirst(last)
		if len(batch) == 0 {
			return false
		}
		if !do(batch) || time.Now().After(deadline) {
			return true
		}
	}
}

// takeFirst takes a batch of what waits at places up to last.
func (q *Queue) takeFirst(last uint64) (taken []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := len(q.levels) - 1; i >= 0; i-- {
		f := &q.levels[i]
		for e := f.peek(); e != nil && e.seq <= last && len(taken) < batchSize; e = f.peek() {
			q.take(e)
			taken = append(taken, e)
		}
	}
	return taken
}

// discard ends messages that were taken.
func (q *Queue) discard(taken []*entry) int {
	var out outcome
	q.mu.Lock()
	for _, e := range taken {
		out.discarded(q, e)
	}
	q.mu.Unlock()
	out.conclude(q)
	q.b.tidy(q)
	return len(taken)
}

// discarded ends an entry that an operator has taken.
func (o *outcome) discarded(q *Queue, e *entry) {
	q.forget(e)
	q.counts.Removed++
	o.tell(Discarded, e, nil)
	if e.rec != nil {
		o.records = append(o.records, e.rec)
	}
}

// moveBatch puts messages that were taken on another queue; what it has no room
// for goes back.
func (q *Queue) moveBatch(taken []*entry, to string) (n int, err error) {
	var out outcome
	for ; n < len(taken); n++ {
		e := taken[n]
		m := q.b.renew(e.msg, to)
		if err = q.b.receive(e, m); err != nil {
			break
		}
		out.tell(Discarded, e, nil)
	}
	q.mu.Lock()
	for _, e := range taken[:n] {
		q.forget(e)
		q.counts.Removed++
	}
	for _, e := range taken[n:] {
		q.giveBack(e)
	}
	q.mu.Unlock()
	q.b.tell(out.events)
	if n < len(taken) {
		q.dispatch()
	}
	q.b.tidy(q)
	return n, err
}

// renew returns a message as it is to stand on another queue.
func (b *Broker) renew(old *Message, to string) *Message {
	m := *old
	if strings.HasPrefix(m.Name, deadLetters) {
		m.dropHeader(causeHeader)
	}
	m.redirect(to)
	b.movedMu.Lock()
	if b.movedID == (ID{}) {
		b.movedID.init(b.publishers.Add(1), time.Now())
	}
	b.movedID.next()
	m.ID = b.movedID
	b.movedMu.Unlock()
	return &m
}

// receive puts m on its queue in place of an entry of another one.
func (b *Broker) receive(e *entry, m *Message) error {
	to, err := b.lockQueue(m.Name)
	if err != nil {
		return err
	}
	if err := to.room(m); err != nil {
		to.mu.Unlock()
		b.tidy(to)
		return err
	}
	moved := to.push(m)
	if e.rec != nil {
		moved.rec = b.journal.Move(e.rec, to.ownBox(), m)
	}
	to.mu.Unlock()
	b.accepted(moved, nil)
	return nil
}

// dispatchQueue gives what waits on a queue to its consumers.
func (b *Broker) dispatchQueue(name string) {
	if q, err := b.find(Ref{Queue: name}); err == nil {
		q.dispatch()
	}
}

// ForgetQueue deletes a queue with its counts. It must be empty, and nobody may
// consume it.
func (b *Broker) ForgetQueue(name string) error {
	b.queuesMu.Lock()
	defer b.queuesMu.Unlock()
	if b.queues[name] != nil {
		return ErrConsumed
	}
	if _, was := b.past.counts[name]; !was {
		return fmt.Errorf("%w: %.80q", ErrNoQueue, name)
	}
	delete(b.past.counts, name)
	return nil
}
