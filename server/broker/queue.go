package broker

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/topic"
)

// Queue keeps the messages of one destination for its consumers.
type Queue struct {
	b       *Broker
	name    string
	watched bool // the observer is told about its messages

	mu            sync.Mutex
	box           uint64 // of its records; 0: it has none
	levels        [10]fifo
	waiting       int // entries that no consumer has
	bytes         int // of waiting and of unacknowledged messages
	live          int // their number
	promised      int // messages of transactions under way, and their bytes
	promisedBytes int
	dropped       bool // it is gone: what comes back is given up
	seq           uint64
	consumers     []*Consumer
	bound         int // consumers of this queue alone, which keep it in being
	turn          int
	searching     bool // somebody goes on with a long look for consumers that select
	expiry        expiries[*entry]
	nextExpiry    atomic.Int64 // when the first of them is due, in ms; 0: none; written with mu held
	counts        QueueCounts
	second        int64 // of the last message that came
	told          int   // of those that came in that second; see watches
}

// QueueCounts are the totals of a queue since the server was started, or since
// it was forgotten how often.
type QueueCounts struct {
	Enqueued, Delivered, Consumed, Expired, Dead uint64
	Removed                                      uint64 // deleted or moved by an operator
}

// QueueInfo describes a queue at one moment.
type QueueInfo struct {
	Name           string
	Waiting        int // not given to a consumer
	Unacknowledged int // given to a consumer
	Bytes          int
	Consumers      int
	Counts         QueueCounts
}

// lockQueue returns the queue of a valid name with its lock held, and creates
// it if need be.
func (b *Broker) lockQueue(name string) (*Queue, error) { return b.lockOrMake(name, false) }

// lockOrMake is lockQueue. moves says that what another queue has given up needs the
// queue, however short memory is.
func (b *Broker) lockOrMake(name string, moves bool) (*Queue, error) {
	b.queuesMu.RLock()
	if q := b.queues[name]; q != nil {
		q.mu.Lock() // under queuesMu, so that it is not removed in between
		b.queuesMu.RUnlock()
		return q, nil
	}
	b.queuesMu.RUnlock()
	if err := topic.CheckName(name); err != nil {
		return nil, err
	}
	b.queuesMu.Lock()
	defer b.queuesMu.Unlock()
	q := b.queues[name]
	if q == nil {
		if len(b.queues) >= b.opt.MaxQueues {
			return nil, fmt.Errorf("%w: %d exist, no more are allowed", ErrQueues, len(b.queues))
		}
		if err := b.roomForWild(name); err != nil && !moves {
			return nil, err
		}
		if err := b.addTemp(name); err != nil {
			return nil, err
		}
		q = &Queue{b: b, name: name, watched: b.opt.Watch(name), counts: b.past.take(name)}
		b.queues[name] = q
		q.mu.Lock()
		b.joinWild(q)
		return q, nil
	}
	q.mu.Lock()
	return q, nil
}

// tidy removes the queue if nothing is left of it.
func (b *Broker) tidy(q *Queue) {
	b.queuesMu.Lock()
	defer b.queuesMu.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.unused() && b.queues[q.name] == q {
		delete(b.queues, q.name)
		b.removeTemp(q.name)
		b.past.put(q.name, q.counts)
		b.partWild(q)
		if q.box != 0 {
			b.journal.DropBox(q.box, nil)
		}
	}
}

// unused reports whether nothing is left of the queue. q.mu is held.
func (q *Queue) unused() bool { return q.live == 0 && q.bound == 0 && q.promised == 0 }

// DeleteQueue gives up a queue with its messages, if it has no consumers.
func (b *Broker) DeleteQueue(name string) {
	b.queuesMu.Lock()
	defer b.queuesMu.Unlock()
	q := b.queues[name]
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bound == 0 {
		delete(b.queues, name)
		b.removeTemp(name)
		q.abandon()
		q.dropped = true // for the messages of transactions under way
	}
}

// Queues describes the queues whose name the filter matches, in no order.
func (b *Broker) Queues(filter string) []QueueInfo {
	b.queuesMu.RLock()
	defer b.queuesMu.RUnlock()
	var infos []QueueInfo
	for name, q := range b.queues {
		if topic.Match(filter, name) {
			infos = append(infos, q.info())
		}
	}
	return infos
}

func (q *Queue) info() QueueInfo {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueInfo{q.name, q.waiting, q.live - q.waiting, q.bytes, len(q.consumers), q.counts}
}

// Consumers is the number of consumers of a queue.
func (b *Broker) Consumers(name string) int {
	b.queuesMu.RLock()
	defer b.queuesMu.RUnlock()
	q := b.queues[name]
	if q == nil {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.consumers)
}

// expireQueues gives up waiting messages whose time is over.
func (b *Broker) expireQueues(now time.Time) {
	var due []*Queue
	b.queuesMu.RLock()
	for _, q := range b.queues {
		if q.isDue(now) {
			due = append(due, q)
		}
	}
	b.queuesMu.RUnlock()
	for _, q := range due {
		q.expire(now)
	}
}

// isDue reports whether expire has something to do: most queues of very many never
// have, and are not locked to find out.
func (q *Queue) isDue(now time.Time) bool {
	at := q.nextExpiry.Load()
	return at != 0 && at <= now.UnixMilli()
}

// expire gives up waiting messages whose time is over.
func (q *Queue) expire(now time.Time) {
	var out outcome
	q.mu.Lock()
	due := q.expiry.due(now)
	for _, e := range due {
		switch {
		case e.waiting:
			q.take(e)
			out.expired(q, e)
		case !e.gone:
			q.expiry.add(e.msg.Expires, e) // a consumer has it, and may give it back
		}
	}
	q.nextExpiry.Store(q.expiry.first())
	empty := len(due) > 0 && q.unused()
	q.mu.Unlock()
	out.conclude(q)
	if empty {
		q.b.tidy(q)
	}
}

// ownBox returns the box of the queue's records, and makes it at first use.
// q.mu is held.
func (q *Queue) ownBox() uint64 {
	if q.box == 0 {
		q.box = q.b.journal.NewBox(QueueBox, q.name, nil)
	}
	return q.box
}
