package broker

// fifo is a queue of entries in the order of their places. The zero value is
// empty.
type fifo struct {
	ring []*entry // a power of two long
	head int
	n    int
}

func (f *fifo) at(i int) *entry { return f.ring[(f.head+i)&(len(f.ring)-1)] }

func (f *fifo) set(i int, e *entry) { f.ring[(f.head+i)&(len(f.ring)-1)] = e }

func (f *fifo) grow() {
	if f.n < len(f.ring) {
		return
	}
	bigger := make([]*entry, max(8, 2*len(f.ring)))
	for i := range f.n {
		bigger[i] = f.at(i)
	}
	f.ring, f.head = bigger, 0
}

// push adds an entry at the end.
func (f *fifo) push(e *entry) {
	f.grow()
	f.set(f.n, e)
	f.n++
}

// peek returns the first entry, nil if there is none.
func (f *fifo) peek() *entry {
	if f.n == 0 {
		return nil
	}
	return f.at(0)
}

// pop removes the first entry.
func (f *fifo) pop() {
	f.set(0, nil)
	f.head = (f.head + 1) & (len(f.ring) - 1)
	f.n--
	if f.n == 0 && len(f.ring) > 1024 {
		*f = fifo{} // a long queue that was worked off gives its memory back
	}
}

// insert puts an entry back in its place, which is near the front.
func (f *fifo) insert(e *entry) {
	f.grow()
	f.head = (f.head - 1) & (len(f.ring) - 1)
	f.n++
	i := 0
	for ; i+1 < f.n && f.at(i+1).seq < e.seq; i++ {
		f.set(i, f.at(i+1))
	}
	f.set(i, e)
}

// remove takes an entry out from anywhere and reports whether it was there.
func (f *fifo) remove(e *entry) bool {
	lo, hi := 0, f.n
	for lo < hi { // the places ascend
		mid := (lo + hi) / 2
		if f.at(mid).seq < e.seq {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == f.n || f.at(lo) != e {
		return false
	}
	for ; lo+1 < f.n; lo++ {
		f.set(lo, f.at(lo+1))
	}
	f.n--
	f.set(f.n, nil)
	return true
}
