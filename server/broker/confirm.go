package broker

import (
	"errors"
	"sync/atomic"

	"mwm/server/netx"
)

// confirmation tells the sender of a message once everybody who keeps it has it
// on disk. It counts them, and the publisher itself while it is delivering.
type confirmation struct {
	waits atomic.Int32
	err   atomic.Pointer[error]
	done  func(error)
}

// release takes one off the count.
func (c *confirmation) release(err error) {
	if err != nil {
		c.note(err)
	}
	if c.waits.Add(-1) > 0 {
		return
	}
	if worst := c.err.Load(); worst != nil {
		c.done(*worst)
		return
	}
	c.done(nil)
}

// note keeps an error: the first, but that somebody is full gives way to the server's
// own trouble. A front end may count the former as taken, and the latter never.
func (c *confirmation) note(err error) {
	for {
		known := c.err.Load()
		if known != nil && (Full(err) || !Full(*known)) {
			return
		}
		if c.err.CompareAndSwap(known, &err) {
			return
		}
	}
}

// Full reports whether a message was refused because too many wait for the one who
// was to keep it, and not because the server is short of memory or disk, which passes.
func Full(err error) bool {
	return errors.Is(err, ErrQueueFull) && !errors.Is(err, netx.ErrMemory)
}

// AddConfirmed is Add for a message whose sender waits: done is called once all
// subscribers that keep the message have it on disk, at the latest when it has
// been delivered if there is none, or with the reason why one of them cannot
// keep it. It may be called from another goroutine, and must not block.
func (p *Publisher) AddConfirmed(r *Route, done func(error)) *Message {
	p.b.journal.WaitRoom()
	m := p.Add(r)
	m.confirm = &confirmation{done: done}
	m.confirm.waits.Store(1)
	return m
}

// Keeping is for a receiver that keeps message i on disk: it returns what is to
// be called when that is done, as the journal does. It is never nil.
func (b *Batch) Keeping(i int) (done func(error)) {
	m := &b.Messages[i]
	if m.confirm == nil {
		if m.ticket == 0 {
			return func(error) {}
		}
		p, ticket := b.pub, m.ticket
		m.confirm = &confirmation{done: func(err error) { p.tickets.Confirmed(ticket, err) }}
		m.confirm.waits.Store(1)
	}
	m.confirm.waits.Add(1)
	return m.confirm.release
}

// Waits reports whether the sender of message i waits for its confirmation.
func (b *Batch) Waits(i int) bool { return b.Messages[i].ticket != 0 || b.Messages[i].confirm != nil }

// Tickets is told about messages that were added with AddTicket. Its methods are
// called with locks held: they must not block, nor publish.
type Tickets interface {
	// Confirmed is what the done of [Publisher.AddConfirmed] is.
	Confirmed(ticket uint16, err error)
	// Kept is asked before that, and before Deliver, for what was added with once
	// set and is kept by somebody: what it plans goes to the disk together with
	// the message, or not at all. done is to be called when it is there, once.
	Kept(ticket uint16, m *Message, done func(error))
}

// Confirm sets who is told about the messages of AddTicket.
func (p *Publisher) Confirm(t Tickets) { p.tickets = t }

// AddTicket is AddConfirmed without a function for each message: ticket, which is
// not 0, names it to Tickets. once asks for Kept. The caller has called
// [Journal.WaitRoom].
func (p *Publisher) AddTicket(r *Route, ticket uint16, once bool) *Message {
	m := p.Add(r)
	m.ticket = ticket
	if once {
		p.batch.once = true
		m.once = true
	}
	return m
}

// Keeper is an ability of a [Receiver] that keeps messages on disk.
type Keeper interface {
	// Keep is called before Deliver when the batch says KeepFirst, and takes what
	// it keeps. It must not block.
	Keep(s *Subscription, b *Batch)
}

// KeepFirst says that Keep has been called, or is being: Deliver leaves out what
// it has taken.
func (b *Batch) KeepFirst() bool { return b.once }

// SendNow is SendOne for a Keeper: it does not wait, and a peer that does not keep
// up loses its oldest messages at once.
func (b *Batch) SendNow(i int, out *netx.Outbound, enc Encoder) {
	b.run = encoding{b.Messages[i : i+1], enc}
	if out.SendRun(&b.run) {
		b.Wake(out)
	}
}

// keepOnce lets all who keep the run plan it, in one transaction with what the
// sender's side plans.
func (p *Publisher) keepOnce() {
	b := &p.batch
	p.b.journal.Together(func() {
		for _, s := range b.route.subs {
			if k, ok := s.Receiver.(Keeper); ok {
				k.Keep(s, b)
			}
		}
		for i := range b.Messages {
			if m := &b.Messages[i]; m.once && m.confirm != nil {
				p.tickets.Kept(m.ticket, m, b.Keeping(i))
			}
		}
	})
}

// confirm tells that the publisher itself has done its part for a message.
func (p *Publisher) confirm(m *Message) {
	switch {
	case m.confirm != nil:
		m.confirm.release(nil)
	case m.ticket != 0:
		p.tickets.Confirmed(m.ticket, nil)
	}
}
