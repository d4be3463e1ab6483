package broker

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"mwm/server/netx"
	"mwm/server/topic"
)

// WildConsumer consumes all queues that a filter matches, those that come into
// being later, too. Its window holds for all of them together.
type WildConsumer struct {
	b      *Broker
	filter string
	opt    ConsumerOptions
	given  atomic.Int32

	members map[*Queue]*Consumer // guarded by b.queuesMu

	mu     sync.Mutex
	hungry map[*Queue]struct{} // that could not give because the window was full
}

// hasRoom reports whether a queue may give; if not, it arranges that it is asked
// again. q.mu is held.
func (w *WildConsumer) hasRoom(q *Queue) bool {
	if !w.full() {
		return true
	}
	w.mu.Lock()
	if w.hungry == nil {
		w.hungry = map[*Queue]struct{}{}
	}
	w.hungry[q] = struct{}{}
	w.mu.Unlock()
	return !w.full() // what was answered meanwhile has fed the others already
}

// full reports whether the window is.
func (w *WildConsumer) full() bool { return int(w.given.Load()) >= w.opt.Window }

// feed lets those give now that could not. No queue's lock is held.
func (w *WildConsumer) feed() {
	w.mu.Lock()
	queues := slices.Collect(maps.Keys(w.hungry))
	w.hungry = nil
	w.mu.Unlock()
	for _, q := range queues {
		q.dispatch()
	}
}

// ConsumeWild adds a consumer to the queues that a valid canonical filter
// matches. Delivery.Consumer is who takes the acknowledgement of a message.
func (b *Broker) ConsumeWild(filter string, opt ConsumerOptions) (*WildConsumer, error) {
	if err := topic.CheckFilter(filter); err != nil {
		return nil, err
	}
	if opt.Window <= 0 {
		opt.Window = DefaultWindow
	}
	w := &WildConsumer{b: b, filter: filter, opt: opt, members: map[*Queue]*Consumer{}}
	queues, err := w.begin()
	if err != nil {
		return nil, err
	}
	for _, q := range queues {
		q.dispatch()
	}
	return w, nil
}

// begin adds the consumer to the queues that there are, and returns them, unless
// memory is too short for so many.
func (w *WildConsumer) begin() (queues []*Queue, err error) {
	b := w.b
	b.queuesMu.Lock()
	defer b.queuesMu.Unlock()
	for name, q := range b.queues {
		if topic.Match(w.filter, name) {
			queues = append(queues, q)
		}
	}
	if !netx.Fits(len(queues) * subscriptionCost) {
		return nil, netx.ErrMemory
	}
	b.wild.Add(w.filter, w)
	b.wildCount++
	for _, q := range queues {
		q.mu.Lock()
		w.join(q)
		q.mu.Unlock()
	}
	return queues, nil
}

// join adds the consumer to a queue. b.queuesMu and q.mu are held.
func (w *WildConsumer) join(q *Queue) {
	c := q.join(w.opt)
	c.wild = w
	q.bound--
	w.members[q] = c
}

// part forgets a queue. b.queuesMu and q.mu are held.
func (w *WildConsumer) part(q *Queue) {
	delete(w.members, q)
	w.mu.Lock()
	delete(w.hungry, q)
	w.mu.Unlock()
}

// Leave ends the consumer, as [Consumer.Leave] does on each queue.
func (w *WildConsumer) Leave() {
	b := w.b
	b.queuesMu.Lock()
	if b.wild.Remove(w.filter, w) {
		b.wildCount--
	}
	members := slices.Collect(maps.Values(w.members))
	clear(w.members)
	b.queuesMu.Unlock()
	for _, c := range members {
		c.Leave()
	}
}

// roomForWild returns why a new queue is too much: each wildcard consumer that it has
// takes memory. b.queuesMu is held.
func (b *Broker) roomForWild(name string) error {
	if b.wildCount == 0 {
		return nil
	}
	n := 0
	b.wild.Match(name, func(*WildConsumer) { n++ })
	if n > 0 && !netx.Fits(n*subscriptionCost) {
		return fmt.Errorf("%w: %w for the consumers of /queue/%.200s", ErrQueues, netx.ErrMemory, name)
	}
	return nil
}

// joinWild adds the wildcard consumers to a new queue. b.queuesMu and q.mu are
// held.
func (b *Broker) joinWild(q *Queue) {
	if b.wildCount > 0 {
		b.wild.Match(q.name, func(w *WildConsumer) { w.join(q) })
	}
}

// partWild forgets a queue that has ended. b.queuesMu and q.mu are held.
func (b *Broker) partWild(q *Queue) {
	for _, c := range q.consumers {
		if c.wild != nil && !c.left {
			c.wild.part(q)
			c.left = true
			netx.Unbook(subscriptionCost)
		}
	}
}
