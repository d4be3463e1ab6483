package broker

import (
	"cmp"
	"slices"

	"mwm/server/netx"
	"mwm/server/topic"
)

// Browser looks at the messages that waited on queues when it was made, and takes
// none. It belongs to one goroutine at a time.
type Browser struct {
	b      *Broker
	match  func(*Message) bool // nil: all
	queues []browsing          // still to be looked at
	booked int                 // for queues, in bytes
}

// browsingCost is what a queue that is still to be looked at takes, in bytes, roughly:
// lists grow ahead. A client may have many browsers of all queues, and read from none.
const browsingCost = 96

// browsing is how far a browser is on a queue.
type browsing struct {
	name  string
	last  uint64 // the place of the newest message when the browser was made
	after Place  // the message looked at last
}

// front is before all messages of a queue.
var front = Place{Priority: 9}

// NewBrowser returns a browser of the queues whose names a valid canonical filter
// matches, in the order of their names; match, which may be nil, selects messages.
// Whoever is done with it calls Close.
func (b *Broker) NewBrowser(filter string, match func(*Message) bool) (*Browser, error) {
	if err := topic.CheckFilter(filter); err != nil {
		return nil, err
	}
	if netx.Pressed() {
		return nil, netx.ErrMemory
	}
	w := &Browser{b: b, match: match}
	defer w.book()
	b.queuesMu.RLock()
	defer b.queuesMu.RUnlock()
	add := func(q *Queue) {
		q.mu.Lock()
		w.queues = append(w.queues, browsing{q.name, q.seq, front})
		q.mu.Unlock()
	}
	if !topic.IsWild(filter) {
		if q := b.queues[filter]; q != nil {
			add(q)
		}
		return w, nil
	}
	for name, q := range b.queues {
		if topic.Match(filter, name) {
			add(q)
		}
	}
	slices.SortFunc(w.queues, func(a, b browsing) int { return cmp.Compare(a.name, b.name) })
	return w, nil
}

// book notes what the list of queues takes.
func (w *Browser) book() {
	w.booked = len(w.queues) * browsingCost
	netx.Book(w.booked)
}

// Close ends the browser, which may have been closed before.
func (w *Browser) Close() {
	netx.Unbook(w.booked)
	w.queues, w.booked = nil, 0
}

// looks is how many messages are looked at while a queue is locked.
const looks = 1000

// Next returns the next messages, at most limit; none at the end. What has been
// taken meanwhile is passed over.
func (w *Browser) Next(limit int) (page []Delivery) {
	for len(page) == 0 && len(w.queues) > 0 {
		at := &w.queues[0]
		w.b.queuesMu.RLock()
		q := w.b.queues[at.name]
		w.b.queuesMu.RUnlock()
		more := false
		if q != nil {
			page, more = q.look(at, w.match, limit)
		}
		if !more {
			w.queues = w.queues[1:]
		}
	}
	return page
}

// look returns the next messages that wait, and whether there may be more.
func (q *Queue) look(at *browsing, match func(*Message) bool, limit int) (page []Delivery, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	looked := 0
	for {
		f := &q.levels[at.after.Priority]
		for i := f.search(at.after.Seq + 1); i < f.n; i++ {
			e := f.at(i)
			if e.seq > at.last {
				break // it has come since
			}
			at.after.Seq = e.seq
			if looked++; e.waiting && (match == nil || match(e.msg)) {
				page = append(page, Delivery{Message: e.msg, Redelivered: e.redelivered()})
			}
			if len(page) == limit || looked == looks {
				return page, true
			}
		}
		if at.after.Priority == 0 {
			return page, false
		}
		at.after = Place{Priority: at.after.Priority - 1}
	}
}
