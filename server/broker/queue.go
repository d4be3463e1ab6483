package broker

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mwm/server/netx"
	"mwm/server/topic"
)

// ErrQueueFull refuses a message that a queue has no room for.
var ErrQueueFull = errors.New("the queue is full")

// deadLetters is the prefix of the names of dead letter queues.
const deadLetters = "DLQ."

// entry is a message on a queue. It is guarded by the queue's lock.
type entry struct {
	msg        *Message
	seq        uint64 // its place
	deliveries int
	frame      uint64 // the last delivery's place in the consumer's outbound queue
	gone       bool   // acknowledged or given up
}

// Queue keeps the messages of one destination for its consumers.
type Queue struct {
	b       *Broker
	name    string
	watched bool

	mu        sync.Mutex
	levels    [10]fifo
	waiting   int // entries in levels
	bytes     int // of waiting and of unacknowledged messages
	live      int // their number
	seq       uint64
	consumers []*Consumer
	turn      int
	expiry    expiries[*entry]
	counts    QueueCounts
}

// QueueCounts are the totals of a queue since it came into being.
type QueueCounts struct{ Enqueued, Delivered, Consumed, Expired, Dead uint64 }

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
func (b *Broker) lockQueue(name string) (*Queue, error) {
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
			return nil, fmt.Errorf("%d queues exist, no more are allowed", len(b.queues))
		}
		q = &Queue{b: b, name: name, watched: b.opt.Watch(name)}
		b.queues[name] = q
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
	if q.live == 0 && len(q.consumers) == 0 && b.queues[q.name] == q {
		delete(b.queues, q.name)
	}
}

// Queues describes the queues whose name the filter matches, in no order.
func (b *Broker) Queues(filter string) []QueueInfo {
	b.queuesMu.RLock()
	defer b.queuesMu.RUnlock()
	var infos []QueueInfo
	for name, q := range b.queues {
		if topic.Match(filter, name) {
			q.mu.Lock()
			infos = append(infos, QueueInfo{name, q.waiting, q.live - q.waiting, q.bytes, len(q.consumers), q.counts})
			q.mu.Unlock()
		}
	}
	return infos
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

// enqueue puts a lasting message on its queue. The queue is nil if the message
// was given up at once.
func (b *Broker) enqueue(m *Message, c *Client) (*Queue, error) {
	q, err := b.lockQueue(m.Name)
	if err != nil {
		return nil, err
	}
	if m.Expired(time.Now()) {
		q.counts.Expired++
		q.mu.Unlock()
		b.stats.Expired.Add(1)
		b.observe.Queued(QueueEvent{Step: Expired, Message: m, Client: c})
		b.tidy(q)
		return nil, nil
	}
	if q.live >= b.opt.MaxQueueMessages || q.bytes+m.Size() > b.opt.MaxQueueBytes {
		err := fmt.Errorf("%w: /queue/%s holds %d messages of %d bytes", ErrQueueFull, m.Name, q.live, q.bytes)
		q.mu.Unlock()
		b.stats.Refused.Add(1)
		return nil, err
	}
	q.push(m)
	q.mu.Unlock()
	b.stats.Enqueued.Add(1)
	if q.watched {
		b.observe.Queued(QueueEvent{Step: Accepted, Message: m, Client: c})
	}
	return q, nil
}

// push adds a message at the end. q.mu is held.
func (q *Queue) push(m *Message) {
	q.seq++
	e := &entry{msg: m, seq: q.seq}
	q.levels[min(m.Priority, 9)].push(e)
	q.waiting++
	q.live++
	q.bytes += m.Size()
	q.counts.Enqueued++
	if m.Expires != 0 {
		q.expiry.add(m.Expires, e)
		q.expiry.compact(q.live, func(_ int64, e *entry) bool { return !e.gone })
	}
}

// peek returns the next entry: the highest priority first, then by place. q.mu
// is held.
func (q *Queue) peek() *entry {
	if q.waiting == 0 {
		return nil
	}
	for i := len(q.levels) - 1; i >= 0; i-- {
		if e := q.levels[i].peek(); e != nil {
			return e
		}
	}
	return nil
}

// pop takes the next entry away. q.mu is held.
func (q *Queue) pop(e *entry) {
	q.levels[min(e.msg.Priority, 9)].pop()
	q.waiting--
}

// giveBack puts an entry back in its place. q.mu is held.
func (q *Queue) giveBack(e *entry) {
	q.levels[min(e.msg.Priority, 9)].insert(e)
	q.waiting++
}

// forget ends an entry that is not waiting. q.mu is held.
func (q *Queue) forget(e *entry) {
	e.gone = true
	q.live--
	q.bytes -= e.msg.Size()
}

// dispatch gives waiting messages to consumers that have room, in turn.
func (q *Queue) dispatch() {
	var wake []*netx.Outbound
	var events []QueueEvent
	now := time.Now()
	q.mu.Lock()
	for e := q.peek(); e != nil; e = q.peek() {
		if e.msg.Expired(now) {
			q.pop(e)
			events = append(events, q.expire(e))
			continue
		}
		c := q.ready()
		if c == nil {
			break
		}
		q.pop(e)
		if c.give(e) {
			wake = append(wake, c.opt.Out)
		}
	}
	empty := q.live == 0 && len(q.consumers) == 0
	q.mu.Unlock()
	for _, o := range wake {
		o.Wake()
	}
	q.tell(events)
	if empty {
		q.b.tidy(q)
	}
}

// ready returns the next consumer in turn that has room. q.mu is held.
func (q *Queue) ready() *Consumer {
	for range q.consumers {
		q.turn++
		if c := q.consumers[q.turn%len(q.consumers)]; c.hasRoom() {
			return c
		}
	}
	return nil
}

// expire gives up an entry that is not waiting. q.mu is held.
func (q *Queue) expire(e *entry) QueueEvent {
	q.forget(e)
	q.counts.Expired++
	q.b.stats.Expired.Add(1)
	return QueueEvent{Step: Expired, Message: e.msg}
}

// expireQueues gives up waiting messages whose time is over.
func (b *Broker) expireQueues(now time.Time) {
	b.queuesMu.RLock()
	var due []*Queue
	for _, q := range b.queues {
		due = append(due, q)
	}
	b.queuesMu.RUnlock()
	for _, q := range due {
		q.mu.Lock()
		var events []QueueEvent
		for _, e := range q.expiry.due(now) {
			if !e.gone && q.levels[min(e.msg.Priority, 9)].remove(e) {
				q.waiting--
				events = append(events, q.expire(e))
			}
		}
		empty := len(events) > 0 && q.live == 0
		q.mu.Unlock()
		q.tell(events)
		if empty {
			b.tidy(q)
		}
	}
}

// bury moves an entry that is not waiting to the dead letter queue. q.mu is
// not held.
func (q *Queue) bury(e *entry, c *Client) {
	q.b.stats.Dead.Add(1)
	if q.watched {
		q.b.observe.Queued(QueueEvent{Step: Dead, Message: e.msg, Client: c})
	}
	dead := *e.msg
	dead.Name = deadLetters + q.name
	dead.Expires = 0
	if to, err := q.b.enqueue(&dead, c); err == nil && to != nil {
		to.dispatch()
	}
}
