package broker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mwm/server/netx"
	"mwm/server/topic"
)

// ErrQueueFull refuses a message that a queue has no room for.
var ErrQueueFull = errors.New("the queue is full")

// deadLetters is the prefix of the names of dead letter queues, and causeHeader
// the header that says, as ActiveMQ's does, why a message is there.
const (
	deadLetters = "DLQ."
	causeHeader = "dlqDeliveryFailureCause"
)

// entry is a message on a queue. It is guarded by the queue's lock.
type entry struct {
	msg        *Message
	seq        uint64 // its place
	deliveries int
	maybe      bool    // was perhaps delivered more often than that is known
	frame      uint64  // the last delivery's place in the consumer's outbound queue
	waiting    bool    // neither given to a consumer nor gone
	gone       bool    // acknowledged or given up
	watched    bool    // the observer is told about it
	rec        *Record // nil: not on disk
}

// redelivered is what Delivery.Redelivered says.
func (e *entry) redelivered() int {
	if e.maybe {
		return max(e.deliveries, 1)
	}
	return e.deliveries
}

// maybeState is the bit of a record's state that says maybe; below it is how often
// the message was delivered.
const maybeState = 1 << 32

// state is what its record says of the entry.
func (e *entry) state() uint64 {
	s := uint64(e.deliveries)
	if e.maybe {
		s |= maybeState
	}
	return s
}

// recall gives an entry its record back. doubtful says that it may have been
// delivered whatever the state says.
func (e *entry) recall(r *Record, state uint64, doubtful bool) {
	e.rec, e.deliveries = r, int(state&(maybeState-1))
	e.maybe = doubtful || state&maybeState != 0
}

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
	expiry        expiries[*entry]
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
		q.abandon()
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

// enqueue puts a lasting message on its queue. done is called once: when the
// message is accepted, and on disk if it is persistent, or with the reason why it
// is not. The queue is to be dispatched; it is nil if nothing new is on it.
func (b *Broker) enqueue(m *Message, c *Client, done func(error)) *Queue {
	q, err := b.lockQueue(m.Name)
	if err != nil {
		done(err)
		return nil
	}
	if m.Expires != 0 && m.Expired(time.Now()) {
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

// level returns the fifo that the entry belongs to.
func (q *Queue) level(e *entry) *fifo { return &q.levels[min(e.msg.Priority, 9)] }

// take takes a waiting entry. q.mu is held.
func (q *Queue) take(e *entry) {
	q.level(e).take(e)
	q.waiting--
}

// giveBack puts a taken entry back in its place. q.mu is held.
func (q *Queue) giveBack(e *entry) {
	q.level(e).giveBack(e)
	q.waiting++
	for _, c := range q.consumers {
		c.lookBack(e)
	}
}

// forget ends an entry that is not waiting. q.mu is held.
func (q *Queue) forget(e *entry) {
	e.gone = true
	q.live--
	q.bytes -= e.msg.Size()
	unbook(e.msg)
}

// dispatch gives waiting messages to consumers that have room, in turn.
func (q *Queue) dispatch() {
	if q.b.stopped.Load() {
		return
	}
	var wake []*netx.Outbound
	var out outcome
	now := time.Now()
	q.mu.Lock()
	for {
		c, e := q.next(now, &out)
		if c == nil {
			break
		}
		q.take(e)
		if c.give(e, &out) {
			wake = append(wake, c.opt.Out)
		}
	}
	empty := q.unused()
	q.mu.Unlock()
	for _, o := range wake {
		o.Wake()
	}
	out.conclude(q)
	if empty {
		q.b.tidy(q)
	}
}

// next returns the next consumer in turn that has room, and what it gets. q.mu
// is held.
func (q *Queue) next(now time.Time, out *outcome) (*Consumer, *entry) {
	if q.waiting == 0 {
		return nil, nil
	}
	for range q.consumers {
		q.turn++
		c := q.consumers[q.turn%len(q.consumers)]
		if !c.hasRoom() {
			continue
		}
		if e := c.find(now, out); e != nil {
			return c, e
		}
	}
	return nil, nil
}

// expireQueues gives up waiting messages whose time is over.
func (b *Broker) expireQueues(now time.Time) {
	b.queuesMu.RLock()
	all := slices.Collect(maps.Values(b.queues))
	b.queuesMu.RUnlock()
	for _, q := range all {
		q.expire(now)
	}
}

// expire gives up waiting messages whose time is over.
func (q *Queue) expire(now time.Time) {
	var out outcome
	q.mu.Lock()
	for _, e := range q.expiry.due(now) {
		if e.waiting {
			q.take(e)
			out.expired(q, e)
		}
	}
	empty := len(out.events) > 0 && q.live == 0
	q.mu.Unlock()
	out.conclude(q)
	if empty {
		q.b.tidy(q)
	}
}

// outcome gathers, with the queue's lock held, what there is to do without it.
type outcome struct {
	events  []QueueEvent
	records []*Record // to be removed
	dead    []deadLetter
}

// deadLetter is a message on its way to the dead letter queue.
type deadLetter struct {
	e     *entry
	cause string
}

// consumed ends an entry that was acknowledged.
func (o *outcome) consumed(q *Queue, e *entry) {
	q.forget(e)
	q.counts.Consumed++
	q.b.stats.Consumed.Add(1)
	if e.rec != nil {
		o.records = append(o.records, e.rec)
	}
}

// expired ends an entry whose time is over and that is not waiting any more.
func (o *outcome) expired(q *Queue, e *entry) {
	q.forget(e)
	q.counts.Expired++
	q.b.stats.Expired.Add(1)
	o.tell(Expired, e, nil)
	switch {
	case e.msg.Persistent && q.b.opt.KeepExpired && !strings.HasPrefix(q.name, deadLetters):
		o.dead = append(o.dead, deadLetter{e, "expired"})
	case e.rec != nil:
		o.records = append(o.records, e.rec)
	}
}

// giveBack puts an entry back in its place, or ends it if it was delivered too
// often.
func (o *outcome) giveBack(q *Queue, e *entry, c *Client) {
	if q.dropped {
		q.forget(e)
		o.records = append(o.records, e.rec)
		return
	}
	if e.deliveries < q.b.opt.MaxDeliveries || strings.HasPrefix(q.name, deadLetters) {
		q.b.journal.SetState(e.rec, e.state())
		q.giveBack(e)
		return
	}
	o.died(q, e, c, fmt.Sprintf("delivered %d times without acknowledgement", e.deliveries))
}

// reject ends an entry that its consumer does not want to see again.
func (o *outcome) reject(q *Queue, e *entry, c *Client) {
	if q.dropped || strings.HasPrefix(q.name, deadLetters) { // there is no further to go
		o.discarded(q, e)
		return
	}
	o.died(q, e, c, "refused by the consumer")
}

// died moves an entry that is not waiting to the dead letter queue.
func (o *outcome) died(q *Queue, e *entry, c *Client, cause string) {
	q.forget(e)
	q.counts.Dead++
	q.b.stats.Dead.Add(1)
	o.tell(Dead, e, c)
	o.dead = append(o.dead, deadLetter{e, cause})
}

// conclude does it. q.mu is not held.
func (o *outcome) conclude(q *Queue) {
	q.b.tell(o.events)
	q.b.journal.Remove(nil, o.records...)
	for _, d := range o.dead {
		q.bury(d)
	}
}

// tell notes a step of an entry.
func (o *outcome) tell(step QueueStep, e *entry, c *Client) {
	if e.watched {
		o.events = append(o.events, QueueEvent{Step: step, Message: e.msg, Client: c})
	}
}

// tell passes events on. No lock is held.
func (b *Broker) tell(events []QueueEvent) {
	for _, ev := range events {
		b.observe.Queued(ev)
	}
}

// accepted tells that an entry is on its queue.
func (b *Broker) accepted(e *entry, c *Client) {
	if e.watched {
		b.observe.Queued(QueueEvent{Step: Accepted, Message: e.msg, Client: c})
	}
}

// bury moves an entry that has ended to the dead letter queue: both or neither
// is on disk. The limits of a queue do not hold for it: it takes up no more
// room there than it did.
func (q *Queue) bury(d deadLetter) {
	m := *d.e.msg
	m.redirect(deadLetters + m.Name) // a durable subscriber's queue has no name of its own
	m.Expires = 0
	m.addHeader(causeHeader, d.cause)
	to, err := q.b.lockQueue(m.Name)
	if err != nil {
		q.b.stats.Lost.Add(1)
		q.b.journal.Remove(nil, d.e.rec)
		return
	}
	e := to.push(&m)
	if d.e.rec != nil {
		e.rec = q.b.journal.Move(d.e.rec, to.ownBox(), &m)
	}
	to.mu.Unlock()
	to.dispatch()
}

// ownBox returns the box of the queue's records, and makes it at first use.
// q.mu is held.
func (q *Queue) ownBox() uint64 {
	if q.box == 0 {
		q.box = q.b.journal.NewBox(QueueBox, q.name, nil)
	}
	return q.box
}
