package broker

import (
	"fmt"
	"strings"
)

// deadLetters is the prefix of the names of dead letter queues, and causeHeader
// the header that says, as ActiveMQ's does, why a message is there.
const (
	deadLetters = "DLQ."
	causeHeader = "dlqDeliveryFailureCause"
)

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
	to, err := q.b.lockOrMake(m.Name, true)
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
