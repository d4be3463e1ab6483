package broker

// entry is a message on a queue. It is guarded by the queue's lock.
type entry struct {
	msg        *Message
	seq        uint64 // its place
	deliveries int
	maybe      bool    // was perhaps delivered more often than that is known
	frame      uint64  // the last delivery's place in the consumer's outbound queue
	waiting    bool    // neither given to a consumer nor gone
	gone       bool    // acknowledged or given up
	watched    bool    // the observer is told about it
	rec        *Record // nil: not on disk
}

// redelivered is what Delivery.Redelivered says.
func (e *entry) redelivered() int {
	if e.maybe {
		return max(e.deliveries, 1)
	}
	return e.deliveries
}

// maybeState is the bit of a record's state that says maybe; below it is how often
// the message was delivered.
const maybeState = 1 << 32

// state is what its record says of the entry.
func (e *entry) state() uint64 {
	s := uint64(e.deliveries)
	if e.maybe {
		s |= maybeState
	}
	return s
}

// recall gives an entry its record back. doubtful says that it may have been
// delivered whatever the state says.
func (e *entry) recall(r *Record, state uint64, doubtful bool) {
	e.rec, e.deliveries = r, int(state&(maybeState-1))
	e.maybe = doubtful || state&maybeState != 0
}

// peek returns the next entry: the highest priority first, then by place. q.mu
// is held.
func (q *Queue) peek() *entry {
	if q.waiting == 0 {
		return nil
	}
	for i := len(q.levels) - 1; i >= 0; i-- {
		if e := q.levels[i].peek(); e != nil {
			return e
		}
	}
	return nil
}

// level returns the fifo that the entry belongs to.
func (q *Queue) level(e *entry) *fifo { return &q.levels[min(e.msg.Priority, 9)] }

// take takes a waiting entry. q.mu is held.
func (q *Queue) take(e *entry) {
	q.level(e).take(e)
	q.waiting--
}

// giveBack puts a taken entry back in its place. q.mu is held.
func (q *Queue) giveBack(e *entry) {
	q.level(e).giveBack(e)
	q.waiting++
	for _, c := range q.consumers {
		c.lookBack(e)
	}
}

// forget ends an entry that is not waiting. q.mu is held.
func (q *Queue) forget(e *entry) {
	e.gone = true
	q.live--
	q.bytes -= e.msg.Size()
	unbook(e.msg)
}
