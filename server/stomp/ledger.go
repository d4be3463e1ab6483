package stomp

import (
	"sync"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
)

// ledger knows the deliveries of a subscription that are to be acknowledged,
// numbered from 1. It is safe for concurrent use.
type ledger struct {
	window int

	mu      sync.Mutex
	open    map[uint64]pendingAck
	tags    map[broker.ID]uint64
	oldest  uint64        // none before it is open
	last    uint64        // the number of the last delivery
	still   time.Time     // since when it is full and nothing was acknowledged
	settled chan struct{} // closed when there are fewer; nil: nobody waits
	closed  bool
	most    int    // since the maps were made
	scratch []byte // for frames
}

// pendingAck is a delivery that is to be acknowledged.
type pendingAck struct {
	id broker.ID
	// Of a wildcard consumer: which of its queues it is from, and its number there.
	from *broker.Consumer
	tag  uint64
}

const (
	// ackCost is what a delivery takes that is to be acknowledged, in bytes, roughly.
	ackCost = 160
	// pressedWindow is how many there may be while memory is short.
	pressedWindow = 100
	// manyAcks is after how many the maps are made anew once they are empty: they never
	// shrink.
	manyAcks = 1000
)

func newLedger(window int) *ledger {
	return &ledger{window: window, open: map[uint64]pendingAck{}, tags: map[broker.ID]uint64{}, oldest: 1}
}

// note adds a delivery that has been numbered elsewhere, in ascending order.
func (l *ledger) note(tag uint64, id broker.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(tag, pendingAck{id: id})
}

func (l *ledger) add(tag uint64, p pendingAck) {
	l.last = tag
	if l.closed { // given to a subscription that has ended meanwhile
		return
	}
	l.open[tag] = p
	l.tags[p.id] = tag
	l.most = max(l.most, len(l.open))
	netx.Book(ackCost)
	if len(l.open) == l.room() {
		l.still = time.Now()
	}
}

// number adds a delivery and returns its number.
func (l *ledger) number(p pendingAck) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next(p)
}

// next is number with l.mu held.
func (l *ledger) next(p pendingAck) uint64 {
	l.add(l.last+1, p)
	return l.last
}

// find returns the number of the message's last delivery.
func (l *ledger) find(id broker.ID) (tag uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tag, ok = l.tags[id]
	return tag, ok
}

// free is how many more may be given; negative if there are more than the window.
func (l *ledger) free() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.room() - len(l.open)
}

// room is the window as it is just now: what a client has read and does not acknowledge
// is held on its behalf, and it may do so for little when memory is short.
func (l *ledger) room() int {
	if netx.Pressed() {
		return min(l.window, pressedWindow)
	}
	return l.window
}

// settle takes the delivery away, and if cumulative is set all before it. It
// reports whether it was there, and returns those of a wildcard consumer.
func (l *ledger) settle(tag uint64, cumulative bool) (wild []pendingAck, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.open[tag]; !ok {
		return nil, false
	}
	if len(l.open) >= l.room() {
		l.still = time.Now()
	}
	first := tag
	if cumulative {
		first = l.oldest
	}
	for t := first; t <= tag; t++ {
		p, ok := l.open[t]
		if !ok {
			continue
		}
		delete(l.open, t)
		netx.Unbook(ackCost)
		if l.tags[p.id] == t {
			delete(l.tags, p.id)
		}
		if p.from != nil {
			wild = append(wild, p)
		}
	}
	for l.oldest <= l.last {
		if _, ok := l.open[l.oldest]; ok {
			break
		}
		l.oldest++
	}
	if len(l.open) == 0 && l.most > manyAcks {
		l.empty()
	}
	l.notify()
	return wild, true
}

// stillSince is from when on a publisher that is held since a time has waited for
// this subscription: one that has become full, or has acknowledged something, after
// that has not stopped with those that were waited for before.
func (l *ledger) stillSince(held time.Time) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.still.After(held) {
		return l.still
	}
	return held
}

func (l *ledger) notify() {
	if l.settled != nil {
		close(l.settled)
		l.settled = nil
	}
}

// wait waits until one more may be given, or the subscription has ended; false:
// d was over before.
func (l *ledger) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		l.mu.Lock()
		if len(l.open) < l.room() || l.closed {
			l.mu.Unlock()
			return true
		}
		if l.settled == nil {
			l.settled = make(chan struct{})
		}
		settled := l.settled
		l.mu.Unlock()
		select {
		case <-settled:
		case <-timer.C:
			return false
		}
	}
}

// close lets those go on who wait.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.empty()
	l.notify()
}

// empty forgets all deliveries. l.mu is held.
func (l *ledger) empty() {
	netx.Unbook(len(l.open) * ackCost)
	l.open, l.tags, l.most = map[uint64]pendingAck{}, map[broker.ID]uint64{}, 0
}
