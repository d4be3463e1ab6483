package broker

import (
	"errors"
	"fmt"
	"time"
)

// ErrQueueFull refuses a message that a queue has no room for.
var ErrQueueFull = errors.New("the queue is full")

// ErrQueues refuses a queue beyond [Options.MaxQueues].
var ErrQueues = errors.New("too many queues")

// enqueue puts a lasting message on its queue. done is called once: when the
// message is accepted, and on disk if it is persistent, or with the reason why it
// is not. The queue is to be dispatched; it is nil if nothing new is on it.
func (b *Broker) enqueue(m *Message, c *Client, done func(error)) *Queue {
	q, err := b.lockQueue(m.Name)
	if err != nil {
		if errors.Is(err, ErrQueues) {
			b.stats.Refused.Add(1)
		}
		done(err)
		return nil
	}
	if m.Expires != 0 && m.Expired(b.clock.Due(time.Now())) {
		q.counts.Expired++
		q.mu.Unlock()
		b.stats.Expired.Add(1)
		b.observe.Queued(QueueEvent{Step: Expired, Message: m, Client: c})
		b.tidy(q)
		done(nil)
		return nil
	}
	if err := q.room(m); err != nil {
		q.mu.Unlock()
		b.stats.Refused.Add(1)
		done(err)
		return nil
	}
	q.add(m, c, done)
	return q
}

// room reports why there is no room for a message. q.mu is held.
func (q *Queue) room(m *Message) error {
	if q.live+q.promised >= q.b.opt.MaxQueueMessages || q.bytes+q.promisedBytes+m.Size() > q.b.opt.MaxQueueBytes {
		return fmt.Errorf("%w: /queue/%s holds %d messages of %d bytes", ErrQueueFull, q.name, q.live, q.bytes)
	}
	if err := short(); err != nil {
		return err
	}
	if !m.Persistent {
		return nil
	}
	if err := q.b.opt.Room(); err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	return nil
}

// add puts a message at the end of the queue, whose lock is held and given up.
func (q *Queue) add(m *Message, c *Client, done func(error)) {
	e := q.push(m)
	keep := m.Persistent && q.b.journal.Durable()
	if keep {
		put := q.b.journal.Put
		if q.eager() {
			put = q.b.journal.putHeld
		}
		e.rec = put(q.ownBox(), m, func(err error) {
			if err != nil {
				q.takeBack(e)
			} else {
				q.b.accepted(e, c)
			}
			done(err)
		})
	}
	q.mu.Unlock()
	q.b.stats.Enqueued.Add(1)
	if !keep {
		q.b.accepted(e, c)
		done(nil)
	}
}

// eager reports whether a consumer's window has room: it gets what comes now. q.mu
// is held.
func (q *Queue) eager() bool {
	for _, c := range q.consumers {
		if len(c.given) < c.opt.Window {
			return true
		}
	}
	return false
}

// takeBack removes a message that could not be written, unless a consumer has it
// already.
func (q *Queue) takeBack(e *entry) {
	q.mu.Lock()
	if e.waiting {
		q.take(e)
		q.forget(e)
	}
	q.mu.Unlock()
	q.b.tidy(q)
}

// push adds a message at the end. q.mu is held.
func (q *Queue) push(m *Message) *entry {
	q.seq++
	e := &entry{msg: m, seq: q.seq, watched: q.watched && q.watches(m)}
	q.level(e).push(e)
	q.waiting++
	q.live++
	q.bytes += m.Size()
	book(m)
	q.counts.Enqueued++
	if m.Expires != 0 {
		q.expiry.add(m.Expires, e)
		q.expiry.compact(q.live, func(_ int64, e *entry) bool { return !e.gone })
		q.nextExpiry.Store(q.expiry.first())
	}
	return e
}

// maxWatched is how many messages a second the observer is told about of one queue:
// all that becomes of them, or nothing. Nobody follows more, and a flood must not
// cost what following it costs.
const maxWatched = 500

// watches reports whether the observer is to be told about a new message. q.mu is
// held.
func (q *Queue) watches(m *Message) bool {
	if second := m.Timestamp / 1000; second != q.second {
		q.second, q.told = second, 0
	}
	q.told++
	return q.told <= maxWatched || m.Sender == "" && m.Head == nil // what the server itself sends
}
