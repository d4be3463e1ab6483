package mqtt

import "time"

// fifo is the queue of a session. The zero value is empty.
type fifo struct {
	ring  []item // a power of two long
	head  int
	n     int
	bytes int
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
	f.bytes += it.msg.Size()
}

func (f *fifo) pop() item {
	it := *f.at(0)
	*f.at(0) = item{}
	f.head = (f.head + 1) & (len(f.ring) - 1)
	f.n--
	f.bytes -= it.msg.Size()
	if f.n == 0 && len(f.ring) > 64 {
		*f = fifo{} // a long queue that was worked off gives its memory back
	}
	return it
}

// dropExpired removes what is not to be delivered any more, and counts it.
func (f *fifo) dropExpired(now time.Time) (dropped uint64) {
	w := 0
	for i := range f.n {
		it := *f.at(i)
		if it.msg.Expired(now) {
			f.bytes -= it.msg.Size()
			dropped++
			continue
		}
		*f.at(w) = it
		w++
	}
	for i := w; i < f.n; i++ {
		*f.at(i) = item{}
	}
	f.n = w
	return dropped
}
