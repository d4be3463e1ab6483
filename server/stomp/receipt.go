package stomp

import (
	"sync"
	"time"

	"mwm/server/netx"
	"mwm/server/stomp/frame"
)

// receipts sends RECEIPT frames in the order in which they were asked for, each
// once its frame has had its effect. The reader adds; effects may be reported
// from any goroutine.
type receipts struct {
	out *netx.Outbound
	max int

	mu      sync.Mutex
	booked  int       // of memory: the room of buf and pending
	buf     []byte    // the encoded frames that are not sent, in order
	pending []pending // one for each
	first   uint64    // the ticket of pending[0]
	reading bool      // the reader will call flush
	closed  bool
	moved   chan struct{} // closed when some have been sent; nil: nobody waits
}

type pending struct {
	end   int // in buf
	ready bool
}

func (r *receipts) init(out *netx.Outbound, max int) { r.out, r.max = out, max }

// add promises a receipt and returns its ticket.
func (r *receipts) add(id []byte) (ticket uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.append(id, false)
}

// ready promises a receipt for something that will have had its effect by the
// next flush, and reports what full does.
func (r *receipts) ready(id []byte) (full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.append(id, true)
	return !r.hasRoom()
}

// append promises a receipt. r.mu is held.
func (r *receipts) append(id []byte, ready bool) (ticket uint64) {
	if r.closed {
		return 0
	}
	r.buf = frame.AppendReceipt(r.buf, id)
	r.pending = append(r.pending, pending{len(r.buf), ready})
	r.reading = true
	r.book()
	return r.first + uint64(len(r.pending)) - 1
}

// book counts the room of those that wait as memory that the client makes the server
// hold, once it is more than each connection may have. r.mu is held.
func (r *receipts) book() {
	n := cap(r.buf) + cap(r.pending)*pendingCost
	if n <= freeRoom {
		n = 0
	}
	if n != r.booked {
		netx.Book(n - r.booked)
		r.booked = n
	}
}

// pendingCost is what one that waits takes beside its frame, in bytes, and freeRoom what
// they may take unbooked.
const (
	pendingCost = 16
	freeRoom    = 8 << 10
)

// maxReceiptBytes is how long those that wait may be together: a client chooses its ids;
// pressedReceiptBytes while memory is short.
const (
	maxReceiptBytes     = 1 << 20
	pressedReceiptBytes = 32 << 10
)

// hasRoom reports whether one more may wait. r.mu is held.
func (r *receipts) hasRoom() bool {
	n := len(r.buf)
	return len(r.pending) < r.max && n < maxReceiptBytes && (n < pressedReceiptBytes || !netx.Pressed())
}

// done reports the effect that a ticket waits for.
func (r *receipts) done(ticket uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.pending[ticket-r.first].ready = true
	if !r.reading {
		r.send()
	}
}

// id returns what the client named the receipt of a ticket that waits.
func (r *receipts) id(ticket uint64) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	i, start := int(ticket-r.first), 0
	if i > 0 {
		start = r.pending[i-1].end
	}
	return frame.ReceiptID(r.buf[start:r.pending[i].end])
}

// flush sends what is ready.
func (r *receipts) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reading {
		r.reading = false
		r.send()
	}
}

// send sends the ready ones at the front. r.mu is held.
func (r *receipts) send() {
	n, end := 0, 0
	for n < len(r.pending) && r.pending[n].ready {
		end = r.pending[n].end
		n++
	}
	if n == 0 || r.closed {
		return
	}
	if _, wake := r.out.Send(r.buf[:end]); wake {
		r.out.Wake()
	}
	r.first += uint64(n)
	r.buf = r.buf[:copy(r.buf, r.buf[end:])]
	r.pending = r.pending[:copy(r.pending, r.pending[n:])]
	for i := range r.pending {
		r.pending[i].end -= end
	}
	if len(r.pending) == 0 && cap(r.buf) > 4<<10 {
		r.buf, r.pending = nil, nil
		r.book()
	}
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}

// full reports whether so many wait that the reader has to.
func (r *receipts) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.hasRoom()
}

// waitRoom waits until one more may wait, or the session ends.
func (r *receipts) waitRoom() { r.until(r.hasRoom, nil) }

// wait waits until all have been sent, at most d.
func (r *receipts) wait(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	r.until(func() bool { return len(r.pending) == 0 }, t.C)
}

func (r *receipts) until(ok func() bool, timeout <-chan time.Time) {
	r.flush()
	for {
		r.mu.Lock()
		if ok() || r.closed {
			r.mu.Unlock()
			return
		}
		if r.moved == nil {
			r.moved = make(chan struct{})
		}
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-timeout:
			return
		}
	}
}

// close ends the promises: nothing is sent any more.
func (r *receipts) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.buf, r.pending = nil, nil
	r.book()
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}
