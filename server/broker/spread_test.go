package broker

import (
	"maps"
	"testing"
)

func TestSpread(t *testing.T) {
	s := newSpread(1, 10, 100)
	for _, v := range []uint64{0, 1, 2, 10, 11, 1000} {
		s.add(v)
	}
	n, sum, upTo := s.Read()
	if want := map[uint64]uint64{1: 2, 10: 4, 100: 5}; n != 6 || sum != 1024 || !maps.Equal(upTo, want) {
		t.Errorf("%d, %d, %v, want 6, 1024, %v", n, sum, upTo, want)
	}
}
