package broker

import "sort"

// fifo is a queue of entries in the order of their places. An entry that is
// taken stays in the ring until it comes to the front, and can be put back in
// its place: taking from the middle and giving back cost next to nothing. The
// zero value is empty.
type fifo struct {
	ring    []*entry // a power of two long
	head    int
	n       int // entries in the ring
	waiting int // of them, those that are not taken
}

func (f *fifo) at(i int) *entry { return f.ring[(f.head+i)&(len(f.ring)-1)] }

func (f *fifo) set(i int, e *entry) { f.ring[(f.head+i)&(len(f.ring)-1)] = e }

// grow makes room for one more.
func (f *fifo) grow() {
	if f.n < len(f.ring) {
		return
	}
	if f.n > 2*f.waiting {
		f.compact()
		return
	}
	f.resize(max(8, 2*len(f.ring)))
}

// resize moves the entries to a ring of another length.
func (f *fifo) resize(length int) {
	ring := make([]*entry, length)
	for i := range f.n {
		ring[i] = f.at(i)
	}
	f.ring, f.head = ring, 0
}

// compact removes what is taken.
func (f *fifo) compact() {
	kept := 0
	for i := range f.n {
		if e := f.at(i); e.waiting {
			f.set(kept, e)
			kept++
		}
	}
	for i := kept; i < f.n; i++ {
		f.set(i, nil)
	}
	f.n = kept
}

// push adds an entry at the end.
func (f *fifo) push(e *entry) {
	f.grow()
	f.set(f.n, e)
	f.n++
	e.waiting = true
	f.waiting++
}

// peek returns the first entry that waits, nil if there is none.
func (f *fifo) peek() *entry {
	for f.n > 0 {
		if e := f.at(0); e.waiting {
			return e
		}
		f.set(0, nil)
		f.head = (f.head + 1) & (len(f.ring) - 1)
		f.n--
	}
	if len(f.ring) > 1024 {
		*f = fifo{} // a long queue that was worked off gives its memory back
	}
	return nil
}

// take takes an entry that waits.
func (f *fifo) take(e *entry) {
	e.waiting = false
	f.waiting--
}

// search returns the index of the first entry whose place is seq or later.
func (f *fifo) search(seq uint64) int {
	return sort.Search(f.n, func(i int) bool { return f.at(i).seq >= seq })
}

// giveBack puts a taken entry back in its place.
func (f *fifo) giveBack(e *entry) {
	i := f.search(e.seq)
	if i == f.n || f.at(i) != e {
		f.grow()
		i = f.search(e.seq) // growing may have compacted
		f.insert(i, e)
	}
	e.waiting = true
	f.waiting++
}

// insert makes e the entry at index i, moving the shorter side.
func (f *fifo) insert(i int, e *entry) {
	f.n++
	if i < f.n/2 {
		f.head = (f.head - 1) & (len(f.ring) - 1)
		for k := range i {
			f.set(k, f.at(k+1))
		}
	} else {
		for k := f.n - 1; k > i; k-- {
			f.set(k, f.at(k-1))
		}
	}
	f.set(i, e)
}
