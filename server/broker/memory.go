package broker

import (
	"fmt"

	"mwm/server/netx"
)

// entryCost is what a message on a queue takes beside its contents, in bytes,
// roughly.
const entryCost = 256

// book notes that a message is held, unbook that it is not any more.
func book(m *Message)   { netx.Book(m.Size() + entryCost) }
func unbook(m *Message) { netx.Unbook(m.Size() + entryCost) }

// subscriptionCost is what a subscription to a topic, or a consumer, takes beside
// its filter, in bytes, roughly: with what its front end remembers.
const subscriptionCost = 1 << 10

// cost is what a subscription takes. Of a filter there are copies, and each of
// its levels is a node of the tree.
func (s *Subscription) cost() int { return subscriptionCost + 2*len(s.Filter) }

// SelectorCost is what a selector takes once it is parsed, in bytes, roughly: conditions
// of a few characters are trees of some nodes each.
func SelectorCost(selector string) int { return 24 * len(selector) }

// short returns why nothing more is kept: memory is short. What replaces
// something, or is passed on at once, is no more.
func short() error {
	if netx.Pressed() {
		return fmt.Errorf("%w: %w", ErrQueueFull, netx.ErrMemory)
	}
	return nil
}

// abandon unbooks what waits on a queue that is given up as a whole. q.mu is
// held.
func (q *Queue) abandon() {
	for i := range q.levels {
		for n := range q.levels[i].n {
			if e := q.levels[i].at(n); e.waiting {
				unbook(e.msg)
			}
		}
	}
}
