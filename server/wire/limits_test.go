package wire

import (
	"testing"

	"mwm/server/broker"
)

// A watch keeps the newest of what it has seen, within bounds of number and size.
func TestWatchIsBounded(t *testing.T) {
	client := &broker.Client{ID: "AAA"}
	for _, c := range []struct{ size, want int }{{maxBatch, maxBytes / maxBatch}, {10, maxBatches}} {
		w := &watch{target: Target{Client: "AAA"}, news: make(chan struct{})}
		for range 2 * maxBatches {
			b := &batch{watch: w, client: client}
			w.add(b)
			fill([]*batch{b}, make([]byte, c.size))
		}
		if n := len(w.batches); n != c.want || w.bytes != n*c.size || w.batches[n-1].seq != 2*maxBatches {
			t.Errorf("of %d bytes each %d are kept, want %d, and %d bytes are counted", c.size, n, c.want, w.bytes)
		}
	}
}

// What one read or write had is not kept beyond a bound.
func TestBatchIsBounded(t *testing.T) {
	w := &watch{target: Target{Client: "AAA"}, news: make(chan struct{})}
	b := &batch{watch: w, client: &broker.Client{ID: "AAA"}}
	w.add(b)
	if fill([]*batch{b}, make([]byte, 2*maxBatch)); len(b.data) != maxBatch {
		t.Errorf("%d bytes are kept", len(b.data))
	}
}

// When one of two ends its watch, the other sees on.
func TestWatchesOfOneConnection(t *testing.T) {
	x, first, second := &tap{}, &watch{}, &watch{}
	if !x.add(first) || !x.add(second) || x.add(first) {
		t.Error("a watch is not added once")
	}
	if left := x.remove(first); left != 1 || x.has(first) || !x.has(second) {
		t.Errorf("%d are left", left)
	}
	if x.remove(second) != 0 {
		t.Error("the last one has not ended")
	}
}
