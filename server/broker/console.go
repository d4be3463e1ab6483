package broker

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mwm/server/topic"
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

// Discard deletes messages that wait, and returns how many of them did. Whoever
// needs to know when they are gone from the disk asks the journal.
func (b *Broker) Discard(r Ref, places []Place) (n int, err error) {
	q, err := b.find(r)
	if err != nil {
		return 0, err
	}
	return q.discard(q.takeAt(places)), nil
}

// Purge deletes all messages that wait, for as long as it may take at most; more
// says that some are left.
func (b *Broker) Purge(r Ref, d time.Duration) (n int, more bool, err error) {
	q, err := b.find(r)
	if err != nil {
		return 0, false, err
	}
	more = q.eachBatch(d, func(batch []*entry) bool {
		n += q.discard(batch)
		return true
	})
	return n, more, nil
}

// MoveTo moves messages that wait to the end of another queue, on disk both or
// neither. They become new messages there, with all that was said about the old
// ones but why they were dead.
func (b *Broker) MoveTo(r Ref, places []Place, to string) (n int, err error) {
	q, err := b.findToMove(r, to)
	if err != nil {
		return 0, err
	}
	b.journal.WaitRoom()
	n, err = q.moveBatch(q.takeAt(places), to)
	q.b.dispatchQueue(to)
	return n, err
}

// MoveAll moves all messages that wait, for as long as it may take at most; more
// says that some are left.
func (b *Broker) MoveAll(r Ref, to string, d time.Duration) (n int, more bool, err error) {
	q, err := b.findToMove(r, to)
	if err != nil {
		return 0, false, err
	}
	deadline := time.Now().Add(d)
	if !b.journal.roomBy(deadline) {
		return 0, true, nil
	}
	more = q.eachBatch(d, func(batch []*entry) bool {
		var moved int
		moved, err = q.moveBatch(batch, to)
		n += moved
		return err == nil && b.journal.roomBy(deadline)
	})
	b.dispatchQueue(to)
	return n, more, err
}

// roomBy is WaitRoom until a deadline; false: there is no room.
func (j *Journal) roomBy(deadline time.Time) bool {
	for {
		j.mu.Lock()
		if j.bytes <= maxPlanned {
			j.mu.Unlock()
			return true
		}
		if j.room == nil {
			j.room = make(chan struct{})
		}
		room := j.room
		j.mu.Unlock()
		select {
		case <-room:
		case <-time.After(time.Until(deadline)):
			return false
		}
	}
}

func (b *Broker) findToMove(r Ref, to string) (*Queue, error) {
	if err := topic.CheckName(to); err != nil {
		return nil, err
	}
	if r.Durable == "" && r.Queue == to {
		return nil, fmt.Errorf("%w: a queue cannot be moved to itself", topic.ErrInvalid)
	}
	return b.find(r)
}

// takeAt takes the messages that wait at the places.
func (q *Queue) takeAt(places []Place) (taken []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, at := range places {
		if e := q.waitingAt(at); e != nil {
			q.take(e)
			taken = append(taken, e)
		}
	}
	return taken
}

// batchSize is how many messages are taken at a time: others may come in between.
const batchSize = 2000

// eachBatch takes what waits now, in order and in batches, until do returns false
// or the time is over. It reports whether something is left.
func (q *Queue) eachBatch(d time.Duration, do func([]*entry) bool) (more bool) {
	deadline := time.Now().Add(d)
	q.mu.Lock()
	last := q.seq
	q.mu.Unlock()
	for {
		batch := q.takeFirst(last)
		if len(batch) == 0 {
			return false
		}
		if !do(batch) || time.Now().After(deadline) {
			return true
		}
	}
}

// takeFirst takes a batch of what waits at places up to last.
func (q *Queue) takeFirst(last uint64) (taken []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := len(q.levels) - 1; i >= 0; i-- {
		f := &q.levels[i]
		for e := f.peek(); e != nil && e.seq <= last && len(taken) < batchSize; e = f.peek() {
			q.take(e)
			taken = append(taken, e)
		}
	}
	return taken
}

// discard ends messages that were taken.
func (q *Queue) discard(taken []*entry) int {
	var out outcome
	q.mu.Lock()
	for _, e := range taken {
		out.discarded(q, e)
	}
	q.mu.Unlock()
	out.conclude(q)
	q.b.tidy(q)
	return len(taken)
}

// discarded ends an entry that an operator has taken.
func (o *outcome) discarded(q *Queue, e *entry) {
	q.forget(e)
	q.counts.Removed++
	o.tell(Discarded, e, nil)
	if e.rec != nil {
		o.records = append(o.records, e.rec)
	}
}

// moveBatch puts messages that were taken on another queue; what it has no room
// for goes back.
func (q *Queue) moveBatch(taken []*entry, to string) (n int, err error) {
	var out outcome
	for ; n < len(taken); n++ {
		e := taken[n]
		m := q.b.renew(e.msg, to)
		if err = q.b.receive(e, m); err != nil {
			break
		}
		out.tell(Discarded, e, nil)
	}
	q.mu.Lock()
	for _, e := range taken[:n] {
		q.forget(e)
		q.counts.Removed++
	}
	for _, e := range taken[n:] {
		q.giveBack(e)
	}
	q.mu.Unlock()
	q.b.tell(out.events)
	if n < len(taken) {
		q.dispatch()
	}
	q.b.tidy(q)
	return n, err
}

// renew returns a message as it is to stand on another queue.
func (b *Broker) renew(old *Message, to string) *Message {
	m := *old
	if strings.HasPrefix(m.Name, deadLetters) {
		m.dropHeader(causeHeader)
	}
	m.redirect(to)
	b.movedMu.Lock()
	if b.movedID == (ID{}) {
		b.movedID.init(b.publishers.Add(1), time.Now())
	}
	b.movedID.next()
	m.ID = b.movedID
	b.movedMu.Unlock()
	return &m
}

// dropHeader takes a header off a lasting message.
func (m *Message) dropHeader(name string) {
	if m.Head != nil {
		var head []byte
		for line := range bytes.Lines(m.Head) {
			if !bytes.HasPrefix(line, []byte(name+":")) {
				head = append(head, line...)
			}
		}
		m.Head = head
		return
	}
	if m.Properties != nil {
		p := *m.Properties
		p.User = slices.DeleteFunc(slices.Clone(p.User), func(u Property) bool { return u.Name == name })
		m.Properties = &p
	}
}

// receive puts m on its queue in place of an entry of another one.
func (b *Broker) receive(e *entry, m *Message) error {
	to, err := b.lockQueue(m.Name)
	if err != nil {
		return err
	}
	if err := to.room(m); err != nil {
		to.mu.Unlock()
		b.tidy(to)
		return err
	}
	moved := to.push(m)
	if e.rec != nil {
		moved.rec = b.journal.Move(e.rec, to.ownBox(), m)
	}
	to.mu.Unlock()
	b.accepted(moved, nil)
	return nil
}

// dispatchQueue gives what waits on a queue to its consumers.
func (b *Broker) dispatchQueue(name string) {
	if q, err := b.find(Ref{Queue: name}); err == nil {
		q.dispatch()
	}
}

// ForgetQueue deletes a queue with its counts. It must be empty, and nobody may
// consume it.
func (b *Broker) ForgetQueue(name string) error {
	b.queuesMu.Lock()
	defer b.queuesMu.Unlock()
	if b.queues[name] != nil {
		return ErrConsumed
	}
	if _, was := b.past.counts[name]; !was {
		return fmt.Errorf("%w: %.80q", ErrNoQueue, name)
	}
	delete(b.past.counts, name)
	return nil
}

// Headers are what the sender said about the message: the headers of a STOMP
// sender, unescaped, or the properties of another one under the names that STOMP
// has for them.
func (m *Message) Headers() (headers []Property) {
	if m.Head != nil {
		var p properties
		for line := range bytes.Lines(m.Head) {
			name, value, _ := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(":"))
			headers = append(headers, Property{string(p.unescape(name)), string(p.unescape(value))})
		}
		return headers
	}
	if m.Properties == nil {
		return nil
	}
	for _, h := range []Property{
		{"content-type", m.Properties.ContentType}, {"reply-to", m.Properties.ResponseTopic}, {"correlation-id", string(m.Properties.CorrelationData)},
	} {
		if h.Value != "" {
			headers = append(headers, h)
		}
	}
	return append(headers, m.Properties.User...)
}

// NewHead returns the header block of a message that the server itself sends to a
// topic or queue, in place of Properties.
func NewHead(kind Kind, name string, headers []Property) []byte {
	to := "/topic/"
	if kind == QueueKind {
		to = "/queue/"
	}
	head := []byte("destination:" + escapeHeader.Replace(to+name) + "\n")
	for _, h := range headers {
		head = append(head, escapeHeader.Replace(h.Name)+":"+escapeHeader.Replace(h.Value)+"\n"...)
	}
	return head
}
