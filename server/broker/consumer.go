package broker

import (
	"errors"
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
	// Auto acknowledges each message once it has been written to the connection.
	Auto bool
	// Out is where the frames go, and Append encodes them.
	Out    *netx.Outbound
	Append func(dst []byte, d Delivery) []byte
}

// Delivery is a message as it is given to a consumer.
type Delivery struct {
	*Message
	// Tag identifies the delivery for Ack and Nack; it counts from 1.
	Tag uint64
	// Redelivered is how often the message was given to a consumer before.
	Redelivered int
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
}

// unsent is a delivery on its way to the connection.
type unsent struct{ tag, seq uint64 }

// Consume adds a consumer to the queue of a valid canonical name. Deliveries
// begin before it returns: the front end must be able to take acknowledgements.
func (b *Broker) Consume(name string, opt ConsumerOptions) (*Consumer, error) {
	if opt.Window <= 0 {
		opt.Window = DefaultWindow
	}
	q, err := b.lockQueue(name)
	if err != nil {
		return nil, err
	}
	c := &Consumer{opt: opt, q: q, given: map[uint64]*entry{}, oldest: 1}
	q.consumers = append(q.consumers, c)
	q.mu.Unlock()
	q.dispatch()
	return c, nil
}

// hasRoom reports whether the consumer may be given a message; if only its
// connection is in the way, it arranges to be asked again. q.mu is held.
func (c *Consumer) hasRoom() bool {
	if len(c.given) >= c.opt.Window {
		return false
	}
	if c.opt.Out.Pending() < c.opt.Out.Limit()/2 {
		return true
	}
	c.notice()
	return false
}

// notice arranges for onRoom to be called. q.mu is held.
func (c *Consumer) notice() {
	if !c.noticed {
		c.noticed = c.opt.Out.NotifyRoom(c.onRoom)
	}
}

// give delivers an entry and reports whether the caller has to wake the writer.
// q.mu is held.
func (c *Consumer) give(e *entry) (wake bool) {
	c.tag++
	c.given[c.tag] = e
	c.q.counts.Delivered++
	c.scratch = c.opt.Append(c.scratch[:0], Delivery{e.msg, c.tag, e.deliveries})
	e.deliveries++
	seq, wake := c.opt.Out.Send(c.scratch)
	e.frame = seq
	if cap(c.scratch) > netx.ChunkSize {
		c.scratch = nil
	}
	if seq > 0 && (c.opt.Auto || c.q.watched) {
		c.unsent = append(c.unsent, unsent{c.tag, seq})
		c.notice()
	}
	return wake
}

// onRoom is called when the connection has taken what was pending.
func (c *Consumer) onRoom() {
	c.q.mu.Lock()
	c.noticed = false
	events := c.sent(nil)
	if len(c.unsent) > 0 && !c.left {
		c.notice()
		if !c.noticed {
			events = c.sent(events)
		}
	}
	c.q.mu.Unlock()
	c.q.tell(events)
	c.q.dispatch()
}

// sent deals with what has been written. q.mu is held.
func (c *Consumer) sent(events []QueueEvent) []QueueEvent {
	written := c.opt.Out.Written()
	n := 0
	for ; n < len(c.unsent) && c.unsent[n].seq <= written; n++ {
		tag := c.unsent[n].tag
		e := c.given[tag]
		if e == nil {
			continue // acknowledged before the write was known
		}
		events = append(events, QueueEvent{Step: Delivered, Message: e.msg, Client: c.opt.Client})
		if c.opt.Auto {
			c.settle(tag, e)
		}
	}
	c.unsent = slices.Delete(c.unsent, 0, n)
	return events
}

// settle ends a delivery that was acknowledged. q.mu is held.
func (c *Consumer) settle(tag uint64, e *entry) {
	delete(c.given, tag)
	c.q.forget(e)
	c.q.counts.Consumed++
	c.q.b.stats.Consumed.Add(1)
}

// tell passes events on. q.mu is not held.
func (q *Queue) tell(events []QueueEvent) {
	if !q.watched {
		return
	}
	for _, ev := range events {
		q.b.observe.Queued(ev)
	}
}

// Ack acknowledges the delivery with the tag, and if cumulative is set all
// unacknowledged ones before it.
func (c *Consumer) Ack(tag uint64, cumulative bool) error {
	return c.answer(tag, cumulative, func(e *entry) QueueEvent {
		c.q.forget(e)
		c.q.counts.Consumed++
		c.q.b.stats.Consumed.Add(1)
		return QueueEvent{Step: Consumed, Message: e.msg, Client: c.opt.Client}
	})
}

// Nack refuses the delivery with the tag, and if cumulative is set all
// unacknowledged ones before it: they go back to their place on the queue, or to
// the dead letter queue after too many deliveries.
func (c *Consumer) Nack(tag uint64, cumulative bool) error {
	var dead []*entry
	err := c.answer(tag, cumulative, func(e *entry) QueueEvent {
		if !c.q.giveBackOr(e) {
			dead = append(dead, e)
		}
		return QueueEvent{Step: Refused, Message: e.msg, Client: c.opt.Client}
	})
	for _, e := range dead {
		c.q.bury(e, c.opt.Client)
	}
	return err
}

// giveBackOr puts an entry back in its place, or forgets it and returns false
// if it was delivered too often. q.mu is held.
func (q *Queue) giveBackOr(e *entry) bool {
	if e.deliveries >= q.b.opt.MaxDeliveries {
		q.forget(e)
		q.counts.Dead++
		return false
	}
	q.giveBack(e)
	return true
}

// answer ends the deliveries that an ACK or NACK concerns and then dispatches.
func (c *Consumer) answer(tag uint64, cumulative bool, end func(*entry) QueueEvent) error {
	c.q.mu.Lock()
	if c.given[tag] == nil {
		c.q.mu.Unlock()
		return ErrUnknownDelivery
	}
	events := c.sent(nil) // "delivered" comes before what follows
	first := tag
	if cumulative {
		first = c.oldest
	}
	for t := first; t <= tag; t++ {
		if e := c.given[t]; e != nil {
			delete(c.given, t)
			events = append(events, end(e))
		}
	}
	for c.oldest <= c.tag && c.given[c.oldest] == nil {
		c.oldest++
	}
	c.q.mu.Unlock()
	c.q.tell(events)
	c.q.dispatch()
	return nil
}

// Leave ends the consumer. What it had not acknowledged, or with Auto had not
// been written, goes back to its place on the queue. What was not even written
// to the connection does not count as delivered: a consumer that comes and goes
// must not wear out the messages that only waited for it.
func (c *Consumer) Leave() {
	var dead []*entry
	q := c.q
	q.mu.Lock()
	if c.left {
		q.mu.Unlock()
		return
	}
	c.left = true
	events := c.sent(nil)
	if i := slices.Index(q.consumers, c); i >= 0 {
		q.consumers = slices.Delete(q.consumers, i, i+1)
	}
	tags := make([]uint64, 0, len(c.given))
	for t := range c.given {
		tags = append(tags, t)
	}
	slices.Sort(tags)
	written := c.opt.Out.Written()
	for _, t := range slices.Backward(tags) { // each goes before the next: cheap
		e := c.given[t]
		if e.frame == 0 || e.frame > written {
			e.deliveries--
		}
		events = append(events, QueueEvent{Step: Returned, Message: e.msg, Client: c.opt.Client})
		if !q.giveBackOr(e) {
			dead = append(dead, e)
		}
	}
	c.given, c.unsent = nil, nil
	q.mu.Unlock()
	q.tell(events)
	for _, e := range slices.Backward(dead) {
		q.bury(e, c.opt.Client)
	}
	q.dispatch()
}
