package broker

import "sync/atomic"

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
		c.err.CompareAndSwap(nil, &err)
	}
	if c.waits.Add(-1) > 0 {
		return
	}
	if first := c.err.Load(); first != nil {
		c.done(*first)
		return
	}
	c.done(nil)
}

// AddConfirmed is Add for a message whose sender waits: done is called once all
// subscribers that keep the message have it on disk, at the latest when it has
// been delivered if there is none, or with the reason why one of them cannot
// keep it. It may be called from another goroutine, and must not block.
func (p *Publisher) AddConfirmed(r *Route, done func(error)) *Message {
	if !p.together {
		p.b.journal.WaitRoom()
	}
	m := p.Add(r)
	m.confirm = &confirmation{done: done}
	m.confirm.waits.Store(1)
	return m
}

// Keeping is for a receiver that keeps message i on disk: it returns what is to
// be called when that is done, as the journal does. It is never nil.
func (b *Batch) Keeping(i int) (done func(error)) {
	c := b.Messages[i].confirm
	if c == nil {
		return func(error) {}
	}
	c.waits.Add(1)
	return c.release
}
