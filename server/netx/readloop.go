package netx

import (
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ReadSize is the capacity of the pooled read buffers.
const ReadSize = 16 << 10

// ErrTooLarge ends a connection whose handler wants more input than the limit
// of the read buffer before it can go on.
var ErrTooLarge = errors.New("frame larger than the read buffer's limit")

// Handler takes the input of a connection.
type Handler interface {
	// Data handles all whole frames in p and returns how many bytes they are.
	// need is how long the rest plus further input must be before it is worth
	// calling again; 0 when that is not known. p is valid only during the call.
	Data(p []byte) (used, need int, err error)
}

// Awaiter is an ability of a connection that is no socket: to wait for input
// without a buffer to put it in.
type Awaiter interface {
	// Await returns when the next Read will not block for long, or has an error
	// to return.
	Await()
}

// firstRead is what an idle connection holds that can be waited for in no other
// way than by reading: enough for most frames.
const firstRead = 512

// Reader reads one connection.
type Reader struct {
	nc    net.Conn
	limit int
	await Awaiter         // nil: it has none
	first []byte          // read into when nothing is there yet; nil: not needed
	much  bool            // the last read filled it, or would have
	raw   syscall.RawConn // nil: read as usual
	try   func(fd uintptr) bool
	buf   []byte
	have  int
	n     int
	err   error
	delay time.Duration
	last  atomic.Int64 // when input came last, in ns since the epoch
	awake atomic.Bool  // Hurry was called

	partial atomic.Int64 // since when the buffer has had no whole frame, as in last; 0: it is empty
	evicted atomic.Bool  // for that

	received atomic.Uint64 // bytes
	tap      atomic.Pointer[Tap]
}

var readBuffers = sync.Pool{New: func() any { return new([ReadSize]byte) }}

// NewReader returns the reader of nc. limit bounds the read buffer and so the
// longest frame in bytes.
func NewReader(nc net.Conn, limit int) *Reader {
	r := &Reader{nc: nc, limit: max(limit, ReadSize)}
	r.initRaw()
	if r.raw == nil {
		if r.await, _ = nc.(Awaiter); r.await == nil {
			r.first = make([]byte, firstRead)
		}
	}
	r.touch()
	return r
}

// epoch is what the times of last activity count from.
var epoch = time.Now()

func (r *Reader) touch() { r.last.Store(int64(time.Since(epoch))) }

// busy, as the time of the last input, says that the handler is at work: it may
// have to wait for others, and the peer is not to blame for that.
const busy = math.MaxInt64

// Idle is for how long nothing has come in.
func (r *Reader) Idle() time.Duration {
	last := r.last.Load()
	if last == busy {
		return 0
	}
	return time.Since(epoch) - time.Duration(last)
}

// Serve reads until the connection ends or h returns an error, which it
// returns; the error of a connection closed by the peer is io.EOF.
func (r *Reader) Serve(h Handler) error {
	defer r.release()
	r.enlist()
	defer r.delist()
	err := r.serve(h)
	if r.evicted.Load() {
		return ErrMemory
	}
	return err
}

func (r *Reader) serve(h Handler) error {
	need := 0
	for {
		for more := true; more; more = r.have < need {
			if err := r.room(need); err != nil {
				return err
			}
			before := r.have
			if err := r.fill(); err != nil {
				return err
			}
			r.received.Add(uint64(r.have - before))
			r.touch()
			if before == 0 {
				r.partial.Store(r.last.Load())
			}
		}
		r.last.Store(busy)
		used, n, err := r.handle(h)
		if err != nil {
			return err
		}
		if r.delay > 0 {
			r.rest()
		}
		r.touch()
		need = n
		if used > 0 {
			r.have = copy(r.buf, r.buf[used:r.have])
		}
		switch {
		case r.have == 0:
			r.partial.Store(0)
		case used > 0:
			r.partial.Store(r.last.Load())
		}
		if r.have > 0 && Pressed() {
			r.relieve()
		}
	}
}

// Delay asks that nothing is read for a time once the handler, which calls it,
// has returned: the peer's sending comes to a halt, and nothing of it is lost.
// That time does not count as silence of the peer.
func (r *Reader) Delay(d time.Duration) { r.delay = max(r.delay, d) }

var slowed atomic.Uint64

// Slowed is how many times a peer of this process was read more slowly because it
// was beyond its rate.
func Slowed() uint64 { return slowed.Load() }

// Hurry ends a delay, and there will be none any more: the connection is about
// to end. It may be called from any goroutine.
func (r *Reader) Hurry() { r.awake.Store(true) }

// rest waits as Delay asked. Delays are rare and long: it looks up now and then
// whether there is reason to stop.
func (r *Reader) rest() {
	if r.delay > 0 {
		slowed.Add(1)
	}
	for r.delay > 0 && !r.awake.Load() {
		step := min(r.delay, 50*time.Millisecond)
		time.Sleep(step)
		r.delay -= step
	}
	r.delay = 0
}

// room makes the buffer large enough for more input. It grows as input comes,
// never at once to what a peer has only announced.
func (r *Reader) room(need int) error {
	if need > r.limit {
		return ErrTooLarge
	}
	if r.buf == nil {
		return nil
	}
	if r.have < len(r.buf) {
		if r.have == 0 && len(r.buf) > ReadSize {
			r.release()
		}
		return nil
	}
	if len(r.buf) >= r.limit {
		return ErrTooLarge
	}
	if Pressed() && !r.relieved() {
		return ErrMemory
	}
	b := make([]byte, min(2*len(r.buf), r.limit))
	copy(b, r.buf[:r.have])
	r.release()
	r.buf = b
	Book(len(b))
	return nil
}

// fill reads once, blocking.
func (r *Reader) fill() error {
	if r.raw == nil {
		return r.fillPlain()
	}
	r.n, r.err = 0, nil
	if err := r.raw.Read(r.try); err != nil {
		return err
	}
	r.have += r.n
	if r.n == 0 && r.err == nil {
		return io.EOF
	}
	return r.err
}

// fillPlain reads once from a connection that is no socket. While there is no
// input it holds no buffer of the pool, unless there was much just before.
func (r *Reader) fillPlain() error {
	into := r.first
	if r.have > 0 || r.much {
		into = nil
	} else {
		r.release()
		if r.await != nil {
			r.await.Await()
		}
	}
	if into == nil {
		r.acquire()
		into = r.buf
	}
	n, err := r.nc.Read(into[r.have:])
	r.much = r.first != nil && n >= firstRead
	if n > 0 && r.buf == nil {
		r.acquire()
		copy(r.buf, into[:n])
	}
	r.have += n
	if n > 0 {
		return nil
	}
	return err
}

func (r *Reader) acquire() {
	if r.buf == nil {
		r.buf = readBuffers.Get().(*[ReadSize]byte)[:]
		Book(ReadSize)
	}
}

// release gives the buffer back if it is one of the pool's.
func (r *Reader) release() {
	Unbook(len(r.buf))
	if len(r.buf) == ReadSize {
		readBuffers.Put((*[ReadSize]byte)(r.buf))
	}
	r.buf = nil
}
