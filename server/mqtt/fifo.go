package mqtt

import (
	"mwm/server/broker"
	"mwm/server/netx"
)

// item is a message that waits.
type item struct {
	msg      *broker.Message
	rec      *broker.Record // nil: it is not on disk
	subID    uint32
	qos      byte
	retain   bool
	once     bool   // its sender sends it again if the disk refuses it
	doubtful bool   // it may have been sent before a crash
	shared   *group // whose others get it if the session ends; nil: none
}

// state is what the record says when the message has the given identifier, or none.
func (it *item) state(id uint16) uint64 {
	return recordState{id: id, qos: it.qos, retain: it.retain, shared: it.shared != nil, subID: it.subID}.pack()
}

// fifo is the queue of a session. The zero value is empty.
type fifo struct {
	ring  []item // a power of two long
	head  int
	n     int
	bytes int

	expires int64 // nothing in it does before that, in ms since 1970; 0: nothing does

	// All that was ever pushed.
	pushed      uint64
	pushedBytes uint64
}

// itemCost is what a message takes beside its contents, in bytes, roughly.
const itemCost = 128

// discard gives up all that waits.
func (f *fifo) discard() {
	netx.Unbook(f.bytes + f.n*itemCost)
	*f = fifo{}
}

// popped is all that has left, in messages and bytes.
func (f *fifo) popped() (n, bytes uint64) {
	return f.pushed - uint64(f.n), f.pushedBytes - uint64(f.bytes)
}

func (f *fifo) at(i int) *item { return &f.ring[(f.head+i)&(len(f.ring)-1)] }

func (f *fifo) push(it item) {
	if f.n == len(f.ring) {
		bigger := make([]item, max(8, 2*len(f.ring)))
		for i := range f.n {
			bigger[i] = *f.at(i)
		}
		f.ring, f.head = bigger, 0
	}
	f.n++
	*f.at(f.n - 1) = it
	f.noteExpiry(&it)
	f.bytes += it.msg.Size()
	netx.Book(it.msg.Size() + itemCost)
	f.pushed++
	f.pushedBytes += uint64(it.msg.Size())
}

// noteExpiry keeps expires up to date.
func (f *fifo) noteExpiry(it *item) {
	if at := it.msg.Expires; at != 0 && (f.expires == 0 || at < f.expires) {
		f.expires = at
	}
}

func (f *fifo) pop() item {
	it := *f.at(0)
	*f.at(0) = item{}
	f.head = (f.head + 1) & (len(f.ring) - 1)
	f.n--
	f.bytes -= it.msg.Size()
	netx.Unbook(it.msg.Size() + itemCost)
	if f.n == 0 && len(f.ring) > 64 {
		f.ring, f.head = nil, 0 // a long queue that was worked off gives its memory back
	}
	return it
}

// drop removes what is not to be delivered any more, and returns its records.
func (f *fifo) drop(dead func(*item) bool) (dropped []*broker.Record) {
	w := 0
	f.expires = 0
	for i := range f.n {
		it := *f.at(i)
		if dead(&it) {
			f.bytes -= it.msg.Size()
			netx.Unbook(it.msg.Size() + itemCost)
			dropped = append(dropped, it.rec)
			continue
		}
		*f.at(w) = it
		f.noteExpiry(&it)
		w++
	}
	for i := w; i < f.n; i++ {
		*f.at(i) = item{}
	}
	f.n = w
	return dropped
}
