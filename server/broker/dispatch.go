package broker

import (
	"time"

	"mwm/server/netx"
)

// dispatch gives waiting messages to consumers that have room, in turn. Where a
// consumer selects, it may take a long look along the queue: others come in between,
// and only one goroutine goes on with it.
func (q *Queue) dispatch() {
	for goesOn := false; !q.b.stopped.Load(); {
		t := turn{now: q.b.clock.Due(time.Now())}
		q.mu.Lock()
		q.serve(&t)
		empty := q.unused()
		again := t.cut && (goesOn || !q.searching)
		if goesOn || again {
			goesOn, q.searching = again, again
		}
		q.mu.Unlock()
		for _, o := range t.wake {
			o.Wake()
		}
		t.out.conclude(q)
		if empty {
			q.b.tidy(q)
		}
		if !again {
			return
		}
	}
}

// turn is what happens to a queue while it is locked.
type turn struct {
	now    time.Time
	looked int  // at messages that somebody may select
	cut    bool // there are more to look at
	out    outcome
	wake   []*netx.Outbound
}

// serve gives messages until nobody has room, or a selecting consumer has looked at
// enough of them. q.mu is held.
func (q *Queue) serve(t *turn) {
	for {
		c, e := q.next(t)
		if c == nil {
			return
		}
		q.take(e)
		if c.give(e, &t.out) {
			t.wake = append(t.wake, c.opt.Out)
		}
	}
}

// next returns the next consumer in turn that has room, and what it gets. q.mu
// is held.
func (q *Queue) next(t *turn) (*Consumer, *entry) {
	if q.waiting == 0 {
		return nil, nil
	}
	for range q.consumers {
		q.turn++
		c := q.consumers[q.turn%len(q.consumers)]
		if !c.hasRoom() {
			continue
		}
		if e := c.find(t); e != nil {
			return c, e
		}
	}
	return nil, nil
}
