package broker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Reasons why what an operator asks for cannot be done.
var (
	ErrNoQueue   = errors.New("there is no such queue")
	ErrNoMessage = errors.New("the message is not there any more")
	ErrConsumed  = errors.New("the queue has consumers")
)

// Ref names a queue, or with Client and Durable what a durable subscription keeps.
type Ref struct{ Queue, Client, Durable string }

// Place is where a message is on its queue. It stays the same as long as the
// message is there and the server runs.
type Place struct {
	Priority uint8
	Seq      uint64
}

// compare orders places as messages are delivered.
func (p Place) compare(o Place) int {
	return cmp.Or(-cmp.Compare(p.Priority, o.Priority), cmp.Compare(p.Seq, o.Seq))
}

// Browsed is a message on a queue as it was when somebody looked.
type Browsed struct {
	Message    *Message
	Place      Place
	Position   int // of those that wait, from 0 in the order of delivery; -1 if it does not
	Deliveries int
	OnDisk     bool
	Holder     *Client // who has it and has not acknowledged it; nil: it waits
}

func (e *entry) place() Place { return Place{min(e.msg.Priority, 9), e.seq} }

func (e *entry) browsed(position int, holder *Client) Browsed {
	return Browsed{e.msg, e.place(), position, e.deliveries, e.rec != nil, holder}
}

// find returns a queue.
func (b *Broker) find(r Ref) (*Queue, error) {
	if r.Durable != "" {
		b.durablesMu.Lock()
		defer b.durablesMu.Unlock()
		if d := b.durables[durableKey{r.Client, r.Durable}]; d != nil {
			return d.queue, nil
		}
		return nil, ErrUnknownSubscriber
	}
	b.queuesMu.RLock()
	defer b.queuesMu.RUnlock()
	if q := b.queues[r.Queue]; q != nil {
		return q, nil
	}
	return nil, fmt.Errorf("%w: %.80q", ErrNoQueue, r.Queue)
}

// QueuePage describes queues in the order of their names, those that have gone
// because they were empty included.
func (b *Broker) QueuePage(p Page) (infos []QueueInfo, more bool) {
	names := NewPicker(p)
	b.queuesMu.RLock()
	defer b.queuesMu.RUnlock()
	for name := range b.queues {
		names.Add(name)
	}
	for name := range b.past.counts {
		names.Add(name)
	}
	picked, more := names.Picked()
	for _, name := range picked {
		infos = append(infos, b.queueInfo(name))
	}
	return infos, more
}

// queueInfo describes a queue, or one that was. b.queuesMu is held.
func (b *Broker) queueInfo(name string) QueueInfo {
	if q := b.queues[name]; q != nil {
		return q.info()
	}
	return QueueInfo{Name: name, Counts: b.past.counts[name]}
}

// Queue describes one queue, or one that was.
func (b *Broker) Queue(r Ref) (QueueInfo, error) {
	q, err := b.find(r)
	if err == nil {
		return q.info(), nil
	}
	b.queuesMu.RLock()
	defer b.queuesMu.RUnlock()
	if _, was := b.past.counts[r.Queue]; was && r.Durable == "" {
		return b.queueInfo(r.Queue), nil
	}
	return QueueInfo{}, err
}

// Browse returns messages that wait: those from a position on, or with after
// those behind a place, which costs the same however far back it is.
func (b *Broker) Browse(r Ref, position int, after *Place, limit int) (page []Browsed, more bool, err error) {
	q, err := b.find(r)
	if err != nil {
		return nil, false, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	before := 0 // messages that wait at the levels above
	for level := len(q.levels) - 1; level >= 0; level-- {
		f := &q.levels[level]
		i := 0
		switch {
		case after == nil:
			i = f.nth(max(0, position-before))
		case level > int(after.Priority):
			i = f.n
		case level == int(after.Priority):
			i = f.search(after.Seq + 1)
		}
		if len(page) <= limit && i < f.n {
			page = f.browse(page, i, before+f.rank(i), limit+1)
		}
		before += f.waiting
	}
	if len(page) > limit {
		return page[:limit], true, nil
	}
	return page, false, nil
}

// nth returns the index of an entry that waits, of which k others wait before.
func (f *fifo) nth(k int) int {
	if f.n == f.waiting {
		return min(k, f.n)
	}
	i := 0
	for ; i < f.n; i++ {
		if f.at(i).waiting {
			if k == 0 {
				break
			}
			k--
		}
	}
	return i
}

// rank is how many entries wait before an index.
func (f *fifo) rank(i int) (n int) {
	if f.n == f.waiting {
		return i
	}
	for k := range i {
		if f.at(k).waiting {
			n++
		}
	}
	return n
}

// browse appends what waits from an index on, up to limit messages in all.
func (f *fifo) browse(page []Browsed, i, position, limit int) []Browsed {
	for ; i < f.n && len(page) < limit; i++ {
		if e := f.at(i); e.waiting {
			page = append(page, e.browsed(position, nil))
			position++
		}
	}
	return page
}

// Unacknowledged returns messages that consumers have, behind a place.
func (b *Broker) Unacknowledged(r Ref, after *Place, limit int) (page []Browsed, more bool, err error) {
	q, err := b.find(r)
	if err != nil {
		return nil, false, err
	}
	var all []Browsed
	q.mu.Lock()
	for _, c := range q.consumers {
		for _, e := range c.given {
			if after == nil || e.place().compare(*after) > 0 {
				all = append(all, e.browsed(-1, c.opt.Client))
			}
		}
	}
	q.mu.Unlock()
	slices.SortFunc(all, func(a, b Browsed) int { return a.Place.compare(b.Place) })
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, false, nil
}

// Look returns one message of a queue.
func (b *Broker) Look(r Ref, at Place) (Browsed, error) {
	q, err := b.find(r)
	if err != nil {
		return Browsed{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.waitingAt(at); e != nil {
		before := 0
		for level := int(at.Priority) + 1; level < len(q.levels); level++ {
			before += q.levels[level].waiting
		}
		f := q.level(e)
		return e.browsed(before+f.rank(f.search(at.Seq)), nil), nil
	}
	for _, c := range q.consumers {
		for _, e := range c.given {
			if e.place() == at {
				return e.browsed(-1, c.opt.Client), nil
			}
		}
	}
	return Browsed{}, ErrNoMessage
}

// waitingAt returns the message that waits at a place, nil if there is none. q.mu
// is held.
func (q *Queue) waitingAt(at Place) *entry {
	if int(at.Priority) >= len(q.levels) {
		return nil
	}
	f := &q.levels[at.Priority]
	if i := f.search(at.Seq); i < f.n && f.at(i).seq == at.Seq && f.at(i).waiting {
		return f.at(i)
	}
	return nil
}
