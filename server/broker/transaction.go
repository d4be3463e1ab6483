package broker

import (
	"slices"
	"time"

	"mwm/server/topic"
)

// Step is a part of a transaction: a message to be sent, or an answer to a delivery.
type Step struct {
	// Message is a lasting one with Name, headers, body and properties; nil: the
	// step is an answer. The transaction gives it what Publisher.Add gives.
	Message *Message
	Kind    Kind // of its destination

	Consumer   *Consumer
	Tag        uint64
	Cumulative bool
	Verdict    Verdict
}

// Verdict is what a consumer answers.
type Verdict uint8

const (
	Acked    Verdict = iota
	Nacked           // see Consumer.Nack
	Rejected         // see Consumer.Reject
)

// Commit carries out a transaction, all of it or nothing. It returns when what is
// to be on disk of it is there, in one transaction, and only then is anything of it
// seen by others; but answers that are not acknowledgements, and what those keep who
// have subscribed to a topic meanwhile, follow in a transaction of their own: done is
// called when that is on disk, too, or with the reason why it is not. If Commit returns
// an error it has done nothing, and done is not called; what was to be answered is back
// on its queue.
//
// It blocks while the disk works. The publisher's messages before it must have been
// flushed; those to topics wait for Flush.
func (p *Publisher) Commit(steps []Step, done func(error)) error {
	t := transaction{p: p, now: p.b.clock.Due(time.Now())}
	err := t.prepare(steps)
	if err == nil {
		err = t.write()
	}
	if err != nil {
		t.undo()
		return err
	}
	t.carryOut(done)
	return nil
}

// transaction is one that is being committed.
type transaction struct {
	p       *Publisher
	now     time.Time
	sends   []*sending
	answers []*answering
}

// sending is a message on its way to a queue, or to a topic.
type sending struct {
	m       *Message
	client  *Client
	expired bool
	queue   *Queue // nil: to a topic
	route   *Route
	staged  []*Staged
	keepers []Receiver // those who have staged it
	records []*Record  // of the queue, or of those who have staged it
}

// Stager is an ability of a [Receiver] that keeps messages on disk: those of a
// transaction are written with the rest of it.
type Stager interface {
	// Stage returns where a message, which is persistent and a lasting one, is to be
	// kept, nil if the receiver keeps none like that, or why there is no room.
	Stage(m *Message) (*Staged, error)
}

// Staged is a message that a receiver is to keep.
type Staged struct {
	Placed
	// Settle is called once: with the record when it is on disk, and then the receiver
	// has the message; with nil when it is not to be kept.
	Settle func(*Record)
}

// answering is deliveries that have been taken from a consumer for an answer.
type answering struct {
	c       *Consumer
	verdict Verdict
	entries []*entry
}

// prepare checks everything, promises the room that is needed, and takes the
// deliveries from their consumers.
func (t *transaction) prepare(steps []Step) (err error) {
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Message == nil:
			err = t.take(s)
		case s.Kind == QueueKind:
			err = t.prepareQueue(s.Message)
		default:
			err = t.prepareTopic(s.Message)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stamp gives a message what Publisher.Add gives.
func (t *transaction) stamp(m *Message) *sending {
	priority := m.Priority
	t.p.stamp(m)
	m.Priority = priority
	t.p.limitAge(m)
	s := &sending{m: m, client: t.p.client, expired: m.Expired(t.now)}
	t.sends = append(t.sends, s)
	return s
}

func (t *transaction) prepareQueue(m *Message) error {
	if err := t.p.client.MayPublish(QueueKind, m.Name, m.Body); err != nil {
		return err
	}
	if err := topic.CheckName(m.Name); err != nil {
		return err
	}
	s := t.stamp(m)
	if s.expired {
		return nil
	}
	q, err := t.p.b.lockQueue(m.Name)
	if err != nil {
		return err
	}
	defer q.mu.Unlock()
	if err := q.room(m); err != nil {
		t.p.b.stats.Refused.Add(1)
		return err
	}
	q.promise(m)
	s.queue = q
	return nil
}

func (t *transaction) prepareTopic(m *Message) error {
	r, err := t.p.TopicFor([]byte(m.Name), m.Body)
	if err != nil {
		return err
	}
	s := t.stamp(m)
	s.route = r
	if s.expired || !m.Persistent || !t.p.b.journal.Durable() {
		return nil
	}
	for _, sub := range r.subs {
		x, ok := sub.Receiver.(Stager)
		if !ok {
			continue
		}
		staged, err := x.Stage(m)
		if err != nil {
			t.p.b.stats.Refused.Add(1)
			return err
		}
		if staged != nil {
			s.staged, s.keepers = append(s.staged, staged), append(s.keepers, sub.Receiver)
		}
	}
	return nil
}

// take takes deliveries from their consumer.
func (t *transaction) take(s *Step) error {
	a := &answering{c: s.Consumer, verdict: s.Verdict}
	t.answers = append(t.answers, a)
	var out outcome
	err := a.c.answer(s.Tag, s.Cumulative, &out, func(e *entry) { a.entries = append(a.entries, e) })
	out.conclude(a.c.q)
	return err
}

// write brings to the disk what is to be there.
func (t *transaction) write() error {
	var put []Placed
	var remove []*Record
	for _, s := range t.sends {
		for _, x := range s.staged {
			put = append(put, x.Placed)
		}
		if q := s.queue; q != nil && s.m.Persistent && t.p.b.journal.Durable() {
			q.mu.Lock()
			put = append(put, Placed{Box: q.ownBox(), Message: s.m})
			q.mu.Unlock()
		}
	}
	for _, a := range t.answers {
		for _, e := range a.entries {
			if a.verdict == Acked && e.rec != nil {
				remove = append(remove, e.rec)
			}
		}
	}
	if len(put)+len(remove) == 0 {
		return nil
	}
	t.p.b.journal.WaitRoom()
	written := make(chan error, 1)
	records := t.p.b.journal.Transact(put, remove, func(err error) { written <- err })
	for _, s := range t.sends {
		n := len(s.staged)
		if s.queue != nil && s.m.Persistent && t.p.b.journal.Durable() {
			n++
		}
		s.records, records = records[:n:n], records[n:]
	}
	return <-written
}

// undo gives back what prepare has taken.
func (t *transaction) undo() {
	for _, s := range t.sends {
		if s.queue != nil {
			s.queue.mu.Lock()
			s.queue.keepPromise(s.m)
			s.queue.mu.Unlock()
			t.p.b.tidy(s.queue)
		}
		for _, x := range s.staged {
			x.Settle(nil)
		}
	}
	for _, a := range t.answers {
		a.end(func(out *outcome, e *entry) {
			out.tell(Returned, e, a.c.opt.Client)
			out.giveBack(a.c.q, e, a.c.opt.Client)
		})
	}
}

// carryOut does what has been prepared and written.
func (t *transaction) carryOut(done func(error)) {
	all := &confirmation{done: done}
	all.waits.Store(1)
	for _, s := range t.sends {
		switch {
		case s.expired:
			t.p.b.stats.Expired.Add(1)
			t.p.b.observe.Queued(QueueEvent{Step: Expired, Message: s.m, Client: s.client})
		case s.queue != nil:
			t.p.published(1)
			t.enqueue(s)
		default:
			t.publish(s, all)
		}
	}
	for _, a := range t.answers {
		a.carryOut()
	}
	all.release(nil)
}

// enqueue puts a message on the queue that has promised it room.
func (t *transaction) enqueue(s *sending) {
	q := s.queue
	q.mu.Lock()
	q.keepPromise(s.m)
	if q.dropped { // with the connection that it belonged to
		q.mu.Unlock()
		t.p.b.journal.Remove(nil, s.records...)
		return
	}
	e := q.push(s.m)
	if len(s.records) > 0 {
		e.rec = s.records[0]
	}
	q.mu.Unlock()
	t.p.b.stats.Enqueued.Add(1)
	t.p.b.accepted(e, s.client)
	t.p.others.queued = t.p.now
	t.p.touched(q)
}

// publish adds a message to what Flush delivers. Those who have staged it have it
// already.
func (t *transaction) publish(s *sending, all *confirmation) {
	for i, x := range s.staged {
		x.Settle(s.records[i])
	}
	route := s.route
	if r, err := t.p.b.routes.lookup([]byte(s.m.Name)); err == nil { // others may have subscribed meanwhile
		route = r
	}
	m := t.p.Add(route)
	*m = *s.m
	m.kept = s.keepers
	if m.Persistent {
		all.waits.Add(1)
		m.confirm = &confirmation{done: all.release}
		m.confirm.waits.Store(1)
	}
}

// carryOut ends the deliveries as the verdict says.
func (a *answering) carryOut() {
	a.end(func(out *outcome, e *entry) {
		q, client := a.c.q, a.c.opt.Client
		switch a.verdict {
		case Acked:
			out.tell(Consumed, e, client)
			e.rec = nil // it is gone from the disk
			out.consumed(q, e)
		case Nacked:
			out.tell(Refused, e, client)
			out.giveBack(q, e, client)
		case Rejected:
			out.tell(Refused, e, client)
			out.reject(q, e, client)
		}
	})
}

// end does something with each delivery.
func (a *answering) end(do func(out *outcome, e *entry)) {
	var out outcome
	q := a.c.q
	q.mu.Lock()
	for _, e := range a.entries {
		do(&out, e)
	}
	q.mu.Unlock()
	out.conclude(q)
	a.c.goOn()
}

// promise keeps room for a message. q.mu is held.
func (q *Queue) promise(m *Message) {
	q.promised++
	q.promisedBytes += m.Size()
}

// keepPromise gives the room up, or to the message. q.mu is held.
func (q *Queue) keepPromise(m *Message) {
	q.promised--
	q.promisedBytes -= m.Size()
}

// Kept reports whether a receiver, which has staged it, has message i already.
func (b *Batch) Kept(i int, r Receiver) bool { return slices.Contains(b.Messages[i].kept, r) }
