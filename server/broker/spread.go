package broker

import (
	"slices"
	"sync/atomic"
)

// Spread counts figures by their size.
type Spread struct {
	bounds []uint64        // ascending
	counts []atomic.Uint64 // of figures up to each bound, but beyond the one before; the last: beyond all
	sum    atomic.Uint64
}

func newSpread(bounds ...uint64) Spread {
	return Spread{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

func (s *Spread) add(v uint64) {
	i, _ := slices.BinarySearch(s.bounds, v)
	s.counts[i].Add(1)
	s.sum.Add(v)
}

// Read returns how many figures there were, their sum, and how many were not
// larger than each bound.
func (s *Spread) Read() (n, sum uint64, upTo map[uint64]uint64) {
	sum, upTo = s.sum.Load(), map[uint64]uint64{}
	for i := range s.counts {
		n += s.counts[i].Load()
		if i < len(s.bounds) {
			upTo[s.bounds[i]] = n
		}
	}
	return n, sum, upTo
}
