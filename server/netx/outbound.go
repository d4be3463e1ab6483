package netx

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxOutbound is the default bound of what one connection may have
// waiting to be written, in bytes.
const DefaultMaxOutbound = 4 << 20

// DefaultWriteTimeout is the default limit of one write, a peer that reads
// nothing for so long is disconnected.
const DefaultWriteTimeout = 30 * time.Second

// maxWrite is how much one system call is given: enough to make its cost
// vanish, little enough that progress is seen often.
const maxWrite = 256 << 10

// ErrOverflow closes a connection whose peer does not read what it must get.
var ErrOverflow = errors.New("the peer does not read: its outbound queue is full")

// Outbound is the queue of encoded frames of one connection, bounded in bytes.
// All methods are safe for concurrent use.
type Outbound struct {
	nc      net.Conn
	gathers bool // nc is a TCP connection, or embeds one: net.Buffers gathers
	limit   int
	timeout time.Duration

	mu      sync.Mutex
	queue   []*Chunk // pending: queue[head:]
	head    int
	bytes   int // pending, without what the writer has taken
	writing bool
	closed  bool
	stuck   bool
	held    time.Duration // see Charge
	heldAt  time.Time
	still   still
	kept    uint64   // frames appended that must not be dropped
	count   uint64   // messages appended
	onRoom  []func() // called once, when there is room again
	onError func(error)
	room    chan struct{} // closed when there is room again; nil: nobody waits
	ended   chan struct{} // closed once nothing will be written any more; nil: nobody waits

	taken    []*Chunk // the writer's, like the fields below
	skip     int      // how many bytes of the first are written already
	direct   *rawWriter
	iov      [][]byte
	bufs     net.Buffers
	deadline time.Time // when the write deadline was set last

	tap      atomic.Pointer[Tap]
	written  atomic.Uint64 // kept frames written
	sent     atomic.Uint64 // bytes written
	progress atomic.Uint64 // calls that wrote
	last     atomic.Int64  // when the last write began, in ns since the epoch
	dropped  atomic.Uint64
}

// NewOutbound returns the queue of nc with room for limit bytes; 0 means
// DefaultMaxOutbound. A write that takes longer than timeout ends the queue; 0
// means DefaultWriteTimeout. onError is called at most once, from a goroutine of
// the queue's own, with the reason why nothing will be written any more.
func NewOutbound(nc net.Conn, limit int, timeout time.Duration, onError func(error)) *Outbound {
	if limit <= 0 {
		limit = DefaultMaxOutbound
	}
	if timeout <= 0 {
		timeout = DefaultWriteTimeout
	}
	o := &Outbound{nc: nc, limit: limit, timeout: timeout, onError: onError}
	_, o.gathers = nc.(interface{ SetNoDelay(bool) error })
	o.last.Store(int64(time.Since(epoch)))
	return o
}

// Idle is for how long nothing has been written.
func (o *Outbound) Idle() time.Duration {
	return time.Since(epoch) - time.Duration(o.last.Load())
}

// Dropped is the number of frames dropped because the peer did not keep up.
func (o *Outbound) Dropped() uint64 { return o.dropped.Load() }

// Messages is the number of messages appended, those dropped later included.
func (o *Outbound) Messages() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.count
}

// Bytes is the number of bytes written.
func (o *Outbound) Bytes() uint64 { return o.sent.Load() }

// Written is the number of kept frames that have been written, in order.
func (o *Outbound) Written() uint64 { return o.written.Load() }

// Pending is the number of bytes that wait to be written.
func (o *Outbound) Pending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes
}

// Limit is the bound in bytes, as it is just now: less when memory is short.
func (o *Outbound) Limit() int {
	if Pressed() {
		return min(o.limit, pressedOutbound)
	}
	return o.limit
}

// overflows reports whether the peer has let kept frames grow too much: less is
// too much while memory is short, from one that takes nothing, and from everybody
// when there is none left. o.mu is held.
func (o *Outbound) overflows(n int) bool {
	if o.bytes > 2*o.limit+n {
		return true
	}
	return o.bytes > o.limit/4+n && Pressed() && (o.Idle() > patience || Exhausted())
}

// crowded reports whether more than half of the bound is taken by a peer that
// still makes progress. o.mu is held.
func (o *Outbound) crowded() bool { return o.bytes > o.Limit()/2 && !o.stuck && !o.closed }

// Send appends one frame that must not be dropped and reports whether the
// caller has to Wake the writer. seq counts the kept frames: the frame is
// written once Written returns seq or more.
func (o *Outbound) Send(frame []byte) (seq uint64, wake bool) { return o.SendMessages(frame, 0) }

// SendMessages is Send for frames that hold n messages, one after the other.
func (o *Outbound) SendMessages(frame []byte, n int) (seq uint64, wake bool) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return 0, false
	}
	c := o.tail(len(frame))
	c.b = append(c.b, frame...)
	c.keep = true
	o.kept++
	c.mark = o.kept
	o.count += uint64(n)
	seq = o.kept
	o.bytes += len(frame)
	wake = o.begin()
	over := o.overflows(len(frame))
	o.mu.Unlock()
	if over {
		// The appender may hold a lock that those who are notified take.
		go o.fail(ErrOverflow)
	}
	return seq, wake
}

// Sent is what an appender has to know.
type Sent struct {
	Wake    bool // the caller has to Wake the writer
	Crowded bool // nothing was appended: the caller should wait for room first
}

// SendRun appends frames that may be dropped.
func (o *Outbound) SendRun(r Run) (wake bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.appendRun(r)
}

// Offer is SendRun, but appends nothing while the queue is crowded: a hundred
// appenders that waited only afterwards would overrun the bound together.
func (o *Outbound) Offer(r Run) Sent {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.crowded() {
		return Sent{Crowded: true}
	}
	return Sent{Wake: o.appendRun(r)}
}

// OfferShared is Offer for a shared chunk.
func (o *Outbound) OfferShared(s *Chunk) Sent {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.crowded() {
		return Sent{Crowded: true}
	}
	return Sent{Wake: o.appendShared(s)}
}

// appendRun appends a run. o.mu is held.
func (o *Outbound) appendRun(r Run) (wake bool) {
	if o.closed {
		return false
	}
	var c *Chunk
	for i := range r.Len() {
		if n := r.Size(i); c == nil || cap(c.b)-len(c.b) < n {
			c = o.tail(n)
		}
		before := len(c.b)
		c.b = r.Append(c.b, i)
		o.bytes += len(c.b) - before
		c.n++
	}
	o.count += uint64(r.Len())
	o.trim()
	return o.begin()
}

// appendShared appends a shared chunk. o.mu is held.
func (o *Outbound) appendShared(s *Chunk) (wake bool) {
	if o.closed {
		return false
	}
	if len(s.b) <= smallChunk && len(o.queue) > o.head {
		// Many small shared blocks would pin many chunks: gather them.
		c := o.tail(len(s.b))
		c.b = append(c.b, s.b...)
		c.n += s.n
	} else {
		s.refs.Add(1)
		o.queue = append(o.queue, s)
	}
	o.bytes += len(s.b)
	o.count += uint64(s.n)
	o.trim()
	return o.begin()
}

// begin claims the writer. o.mu is held.
func (o *Outbound) begin() bool {
	first := !o.writing && len(o.queue) > o.head
	if first {
		o.writing = true
		o.last.Store(int64(time.Since(epoch))) // nobody is to blame for the time before
	}
	return first
}

// tail returns a chunk of this connection's own with room for n bytes. o.mu is held.
func (o *Outbound) tail(n int) *Chunk {
	if len(o.queue) > o.head {
		if t := o.queue[len(o.queue)-1]; !t.shared && cap(t.b)-len(t.b) >= n {
			return t
		}
		n = max(n, ChunkSize) // there is more to come
	}
	t := newChunk(n)
	o.queue = append(o.queue, t)
	return t
}

// trim drops the oldest droppable chunks beyond the bound, but the last one; and all
// when there is no memory left and the peer takes nothing. o.mu is held.
func (o *Outbound) trim() {
	limit, spared := o.limit, 1
	if Pressed() {
		limit = min(limit, pressedOutbound)
		if idle := o.Idle(); Exhausted() && o.writing && idle > StuckAfter {
			limit, spared = 0, 0
			if idle > patience {
				go o.fail(ErrOverflow) // as in SendMessages
			}
		}
	}
	if o.bytes <= limit {
		return
	}
	for o.bytes > limit && o.head < len(o.queue)-spared && !o.queue[o.head].keep {
		o.drop(o.queue[o.head])
		o.queue[o.head] = nil
		o.head++
	}
	if o.bytes > limit {
		o.trimBehindKept(limit, spared)
	}
	o.compact()
}

// trimBehindKept is trim when the oldest chunk must stay. o.mu is held.
func (o *Outbound) trimBehindKept(limit, spared int) {
	w, last := o.head, len(o.queue)-spared
	for r, c := range o.queue {
		switch {
		case r < o.head:
		case o.bytes > limit && !c.keep && r < last:
			o.drop(c)
		default:
			o.queue[w] = c
			w++
		}
	}
	clear(o.queue[w:])
	o.queue = o.queue[:w]
}

// drop gives a chunk up. o.mu is held.
func (o *Outbound) drop(c *Chunk) {
	o.bytes -= len(c.b)
	o.dropped.Add(uint64(c.n))
	c.Release()
}

// compact gives the space before the head back, now and then. o.mu is held.
func (o *Outbound) compact() {
	if o.head > 64 && o.head*2 > len(o.queue) {
		m := copy(o.queue, o.queue[o.head:])
		clear(o.queue[m:])
		o.queue, o.head = o.queue[:m], 0
	}
}

// fail ends the queue for the given reason: nothing is written any more.
func (o *Outbound) fail(err error) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	notify := o.closeLocked()
	o.mu.Unlock()
	call(notify)
	if o.onError != nil {
		o.onError(err)
	}
}

// Close ends the queue; what is pending is discarded. It does not close the
// connection.
func (o *Outbound) Close() {
	o.mu.Lock()
	notify := o.closeLocked()
	o.mu.Unlock()
	call(notify)
}

func (o *Outbound) closeLocked() (notify []func()) {
	if o.closed {
		return nil
	}
	o.closed = true
	for _, c := range o.queue[o.head:] {
		c.Release()
	}
	o.queue, o.head, o.bytes = nil, 0, 0
	if !o.writing {
		o.endedLocked()
	}
	return o.roomLocked()
}

func (o *Outbound) endedLocked() {
	if o.ended != nil {
		close(o.ended)
		o.ended = nil
	}
}

// Join waits for the writer of a queue that was closed, and whose connection is, too:
// until it has ended, what it was writing is held.
func (o *Outbound) Join() {
	o.mu.Lock()
	if !o.writing {
		o.mu.Unlock()
		return
	}
	ended := o.endingLocked()
	o.mu.Unlock()
	<-ended
}

// endingLocked returns what is closed when the writer has ended. o.mu is held.
func (o *Outbound) endingLocked() <-chan struct{} {
	if o.ended == nil {
		o.ended = make(chan struct{})
	}
	return o.ended
}

// Flush waits until all that was appended before has been written, the queue
// has been closed, or the timeout is over. It reports whether it was written.
func (o *Outbound) Flush(timeout time.Duration) bool {
	o.mu.Lock()
	if !o.writing {
		done := !o.closed
		o.mu.Unlock()
		return done
	}
	ended := o.endingLocked()
	o.mu.Unlock()
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-ended:
		o.mu.Lock()
		defer o.mu.Unlock()
		return !o.closed
	case <-t.C:
		return false
	}
}
