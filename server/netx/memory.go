package netx

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// ErrMemory ends a connection, or refuses what it wants kept, because the
// memory for what peers make the server hold is used up.
var ErrMemory = errors.New("the server is short of memory")

// memory is what peers make the process hold, in bytes: output that they do not
// read, input that is not whole yet, and what the brokers book beside. There is one
// for the process, as there is one memory.
//
// From half of the limit on, what nobody was promised does not wait for sessions
// that are away. From three quarters on, nothing is begun that could wait: queues
// take no more messages, and connections may have pressedOutbound waiting instead
// of their own bound. Connections that have had half a frame in memory for a while
// are then ended. At the limit nobody may come, nor begin what lasts: what is on
// queues stays when their senders go, and must not keep others out for good. Nothing
// more waits for a peer that takes nothing, and it is ended after patience. So what may
// come on top of the limit is pressedOutbound for each connection, for a moment.
var memory struct {
	used, limit atomic.Int64 // limit 0: none
}

// SetMemoryLimit sets the limit of the process; 0 means none.
func SetMemoryLimit(bytes int64) { memory.limit.Store(bytes) }

// MemoryLimit and MemoryUsed are the limit, 0 for none, and what is booked.
func MemoryLimit() int64 { return memory.limit.Load() }
func MemoryUsed() int64  { return memory.used.Load() }

// Book notes that n more bytes are held, Unbook that they are not any more.
func Book(n int)   { memory.used.Add(int64(n)) }
func Unbook(n int) { memory.used.Add(-int64(n)) }

// Scarce reports whether half of it is used: what nobody was promised must not take
// the place of what was.
func Scarce() bool {
	limit := memory.limit.Load()
	return limit > 0 && memory.used.Load() > limit/2
}

// Pressed reports whether memory is short: what could be refused should be.
func Pressed() bool {
	limit := memory.limit.Load()
	return limit > 0 && memory.used.Load() > limit-limit/4
}

// Fits reports whether n more bytes can be held.
func Fits(n int) bool {
	limit := memory.limit.Load()
	return limit == 0 || memory.used.Load()+int64(n) <= limit
}

// Exhausted reports whether there is none left.
func Exhausted() bool {
	limit := memory.limit.Load()
	return limit > 0 && memory.used.Load() > limit
}

// pressedOutbound is what may wait for one connection while memory is short.
const pressedOutbound = 64 << 10

const (
	// patience is how long a frame may take to come or to go while memory is short.
	patience = 2 * time.Second
	// relieveEvery is how often it is looked for those who take longer.
	relieveEvery = 50 * time.Millisecond
)

// readers are all that serve a connection just now.
var readers struct {
	mu      sync.Mutex
	all     map[*Reader]struct{}
	relief  time.Time // when relieve did its work last
	evicted atomic.Uint64
}

// Evicted is how many connections were ended because they had half a frame in
// memory while it was short.
func Evicted() uint64 { return readers.evicted.Load() }

func (r *Reader) enlist() {
	readers.mu.Lock()
	defer readers.mu.Unlock()
	if readers.all == nil {
		readers.all = map[*Reader]struct{}{}
	}
	readers.all[r] = struct{}{}
}

func (r *Reader) delist() {
	readers.mu.Lock()
	defer readers.mu.Unlock()
	delete(readers.all, r)
}

// relieve ends the connections that have half a frame in memory, and have not
// sent a whole one for a while, but for r: else those who came first would keep
// what there is, and those who come later, however honest, get none.
func (r *Reader) relieve() {
	now := time.Now()
	readers.mu.Lock()
	defer readers.mu.Unlock()
	if now.Sub(readers.relief).Abs() < relieveEvery {
		return
	}
	readers.relief = now
	limit := int64(now.Add(-patience).Sub(epoch))
	for x := range readers.all {
		since := x.partial.Load()
		if x == r || since == 0 || since > limit || x.last.Load() == busy { // its handler is at work
			continue
		}
		if x.evicted.CompareAndSwap(false, true) {
			readers.evicted.Add(1)
			go x.nc.Close() // which may wait for others
		}
	}
}

// relieved reports whether there is memory left, if need be after a moment for
// others to give theirs back.
func (r *Reader) relieved() bool {
	r.relieve()
	for range 10 {
		if !Exhausted() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return !Exhausted()
}
