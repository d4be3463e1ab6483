package broker

import (
	"errors"
	"maps"
	"slices"

	"mwm/server/netx"
)

// ErrUnknownDelivery answers an acknowledgement of something that is not waiting
// for one.
var ErrUnknownDelivery = errors.New("no such message waits for an acknowledgement")

// DefaultWindow is how many unacknowledged messages a consumer has at most if
// it names no number.
const DefaultWindow = 1000

// ConsumerOptions say how a client consumes a queue.
type ConsumerOptions struct {
	Client *Client
	// Window is how many messages may be unacknowledged at a time; 0 means DefaultWindow.
	Window int
	// Match selects messages; nil: all.
	Match func(*Message) bool
	// Auto acknowledges each message once it has been written to the connection.
	Auto bool
	// Retained lets a durable subscription that is made begin with the last values of
	// its topics.
	Retained bool
	// Out is where the frames go, and Append encodes them.
	Out    *netx.Outbound
	Append func(dst []byte, d Delivery) []byte
}

// Delivery is a message as it is given to a consumer.
type Delivery struct {
	*Message
	// Tag identifies the delivery for Ack and Nack; it counts from 1.
	Tag uint64
	// Redelivered is how often the message was given to a consumer before; at
	// least 1 if that may have been.
	Redelivered int
	// Consumer is who takes the acknowledgement.
	Consumer *Consumer
}

// Consumer takes messages from one queue.
type Consumer struct {
	opt ConsumerOptions
	q   *Queue

	// Guarded by q.mu.
	tag     uint64            // of the last delivery
	oldest  uint64            // no delivery before it is unacknowledged
	given   map[uint64]*entry // by tag
	unsent  []unsent          // not known to be written, in order
	noticed bool              // onRoom will be called
	left    bool
	scratch []byte
	// With Match: no waiting entry of a level up to this place is selected.
	from [10]uint64

	wild *WildConsumer // that it belongs to; nil: none
}

// unsent is a delivery on its way to the connection.
type unsent struct{ tag, seq uint64 }

// Consume adds a consumer to the queue of a valid canonical name. Deliveries
// begin before it returns: the front end must be able to take acknowledgements.
func (b *Broker) Consume(name string, opt ConsumerOptions) (*Consumer, error) {
	q, err := b.lockQueue(name)
	if err != nil {
		return nil, err
	}
	c := q.join(opt)
	q.mu.Unlock()
	q.dispatch()
	return c, nil
}

// consume adds a consumer.
func (q *Queue) consume(opt ConsumerOptions) *Consumer {
	q.mu.Lock()
	c := q.join(opt)
	q.mu.Unlock()
	q.dispatch()
	return c
}

// join adds a consumer. q.mu is held.
func (q *Queue) join(opt ConsumerOptions) *Consumer {
	if opt.Window <= 0 {
		opt.Window = DefaultWindow
	}
	c := &Consumer{opt: opt, q: q, given: map[uint64]*entry{}, oldest: 1}
	q.consumers = append(q.consumers, c)
	q.bound++
	netx.Book(subscriptionCost)
	return c
}

// hasRoom reports whether the consumer may be given a message; if only its
// connection is in the way, it arranges to be asked again. q.mu is held.
func (c *Consumer) hasRoom() bool {
	if c.wild != nil && !c.wild.hasRoom(c.q) || c.wild == nil && len(c.given) >= c.opt.Window {
		return false
	}
	if c.opt.Out.Pending() < c.opt.Out.Limit()/2 {
		return true
	}
	c.notice()
	return !c.noticed // all has been written meanwhile
}

// find returns the next waiting entry for the consumer: the highest priority
// first, then by place. Those whose time is over are given up. q.mu is held.
func (c *Consumer) find(t *turn) *entry {
	for {
		var e *entry
		if c.opt.Match == nil {
			e = c.q.peek()
		} else {
			e = c.search(t)
		}
		if e == nil || !e.msg.Expired(t.now) {
			return e
		}
		c.q.take(e)
		t.out.expired(c.q, e)
	}
}

// search goes on from where it has looked already: a consumer that selects
// little looks at each message once. q.mu is held.
func (c *Consumer) search(t *turn) *entry {
	for i := len(c.q.levels) - 1; i >= 0; i-- {
		f := &c.q.levels[i]
		f.peek()
		for k := f.search(c.from[i] + 1); k < f.n; k++ {
			if t.looked == looks {
				t.cut = true
				return nil
			}
			t.looked++
			e := f.at(k)
			c.from[i] = e.seq
			if e.waiting && c.opt.Match(e.msg) {
				return e
			}
		}
	}
	return nil
}

// lookBack notes that an entry waits again. What is not for the consumer does not have it
// look at everything behind once more. q.mu is held.
func (c *Consumer) lookBack(e *entry) {
	if c.opt.Match == nil || !c.opt.Match(e.msg) {
		return
	}
	level := min(e.msg.Priority, 9)
	c.from[level] = min(c.from[level], e.seq-1)
}

// notice arranges for onRoom to be called. q.mu is held.
func (c *Consumer) notice() {
	if !c.noticed {
		c.noticed = c.opt.Out.NotifyRoom(c.onRoom)
	}
}

// give delivers an entry and reports whether the caller has to wake the writer.
// q.mu is held.
func (c *Consumer) give(e *entry, out *outcome) (wake bool) {
	c.tag++
	c.given[c.tag] = e
	c.q.counts.Delivered++
	c.scratch = c.opt.Append(c.scratch[:0], Delivery{e.msg, c.tag, e.redelivered(), c})
	e.deliveries++
	seq, wake := c.opt.Out.SendMessages(c.scratch, 1)
	e.frame = seq
	if cap(c.scratch) > netx.ChunkSize {
		c.scratch = nil
	}
	if seq > 0 && (c.opt.Auto || e.watched) {
		c.unsent = append(c.unsent, unsent{c.tag, seq})
		if c.notice(); !c.noticed {
			c.sent(out) // it has been written already
		}
	}
	if c.wild != nil {
		c.wild.given.Add(1) // last: no other queue waits for what needs no acknowledgement any more
	}
	return wake
}

// onRoom is called when the connection has taken what was pending.
func (c *Consumer) onRoom() {
	var out outcome
	c.q.mu.Lock()
	c.noticed = false
	c.sent(&out)
	if len(c.unsent) > 0 && !c.left {
		c.notice()
		if !c.noticed {
			c.sent(&out)
		}
	}
	c.q.mu.Unlock()
	out.conclude(c.q)
	c.goOn()
}

// goOn gives what there is room for now. q.mu is not held.
func (c *Consumer) goOn() {
	c.q.dispatch()
	if c.wild != nil {
		c.wild.feed()
	}
}

// sent deals with what has been written. q.mu is held.
func (c *Consumer) sent(out *outcome) {
	written := c.opt.Out.Written()
	n := 0
	for ; n < len(c.unsent) && c.unsent[n].seq <= written; n++ {
		tag := c.unsent[n].tag
		e := c.given[tag]
		if e == nil {
			continue // acknowledged before the write was known
		}
		out.tell(Delivered, e, c.opt.Client)
		if c.opt.Auto {
			c.settle(tag)
			out.consumed(c.q, e)
		}
	}
	c.unsent = slices.Delete(c.unsent, 0, n)
}

// settle ends a delivery. q.mu is held.
func (c *Consumer) settle(tag uint64) {
	delete(c.given, tag)
	if c.wild != nil {
		c.wild.given.Add(-1)
	}
}

// Ack acknowledges the delivery with the tag, and if cumulative is set all
// unacknowledged ones before it. done, which may be nil, is called when that is
// on disk, as far as it has to be; not if Ack returns an error.
func (c *Consumer) Ack(tag uint64, cumulative bool, done func(error)) error {
	var out outcome
	err := c.answer(tag, cumulative, &out, func(e *entry) {
		out.tell(Consumed, e, c.opt.Client)
		out.consumed(c.q, e)
	})
	if err != nil {
		return err
	}
	c.q.b.tell(out.events)
	c.q.b.journal.Remove(done, out.records...)
	c.goOn()
	return nil
}

// Nack refuses the delivery with the tag, and if cumulative is set all
// unacknowledged ones before it: they go back to their place on the queue, or to
// the dead letter queue after too many deliveries.
func (c *Consumer) Nack(tag uint64, cumulative bool) error {
	var out outcome
	err := c.answer(tag, cumulative, &out, func(e *entry) {
		out.tell(Refused, e, c.opt.Client)
		out.giveBack(c.q, e, c.opt.Client)
	})
	if err != nil {
		return err
	}
	out.conclude(c.q)
	c.goOn()
	return nil
}

// Reject is Nack for messages that the client does not want to see again: they go
// to the dead letter queue at once.
func (c *Consumer) Reject(tag uint64, cumulative bool) error {
	var out outcome
	err := c.answer(tag, cumulative, &out, func(e *entry) {
		out.tell(Refused, e, c.opt.Client)
		out.reject(c.q, e, c.opt.Client)
	})
	if err != nil {
		return err
	}
	out.conclude(c.q)
	c.goOn()
	return nil
}

// answer ends the deliveries that an ACK or NACK concerns.
func (c *Consumer) answer(tag uint64, cumulative bool, out *outcome, end func(*entry)) error {
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	return c.answerLocked(tag, cumulative, out, end)
}

// answerLocked is answer with q.mu held.
func (c *Consumer) answerLocked(tag uint64, cumulative bool, out *outcome, end func(*entry)) error {
	if c.given[tag] == nil {
		return ErrUnknownDelivery
	}
	c.sent(out) // "delivered" comes before what follows
	first := tag
	if cumulative {
		first = c.oldest
	}
	for t := first; t <= tag; t++ {
		if e := c.given[t]; e != nil {
			c.settle(t)
			end(e)
		}
	}
	for c.oldest <= c.tag && c.given[c.oldest] == nil {
		c.oldest++
	}
	return nil
}

// Leave ends the consumer. What it had not acknowledged, or with Auto had not
// been written, goes back to its place on the queue, marked as redelivered. Of
// these only the oldest one, which the client was busy with, counts as delivered,
// if it had been written to the connection at all: a consumer that comes and goes,
// or whose network does, must not wear out those that only waited for it. Nor does
// the end of the server count.
func (c *Consumer) Leave() {
	var out outcome
	q := c.q
	q.mu.Lock()
	if c.left {
		q.mu.Unlock()
		return
	}
	c.left = true
	netx.Unbook(subscriptionCost)
	c.sent(&out)
	if i := slices.Index(q.consumers, c); i >= 0 {
		q.consumers = slices.Delete(q.consumers, i, i+1)
	}
	if c.wild == nil {
		q.bound--
	}
	written := c.opt.Out.Written()
	for i, t := range slices.Backward(slices.Sorted(maps.Keys(c.given))) { // each goes before the next: cheap
		e := c.given[t]
		if i > 0 || e.frame == 0 || e.frame > written || q.b.stopped.Load() {
			e.deliveries--
			e.maybe = e.maybe || e.frame != 0
		}
		out.tell(Returned, e, c.opt.Client)
		c.settle(t)
		out.giveBack(q, e, c.opt.Client)
	}
	c.given, c.unsent = nil, nil
	slices.Reverse(out.dead)
	q.mu.Unlock()
	out.conclude(q)
	q.dispatch()
}
