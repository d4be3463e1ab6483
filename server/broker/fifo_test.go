package broker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Random operations on a fifo against a sorted slice.
func TestFifoModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var f fifo
		var waiting, taken []*entry
		seq := uint64(0)
		for range rnd.IntN(2000) {
			switch op := rnd.IntN(10); {
			case op < 4:
				seq++
				e := &entry{seq: seq}
				f.push(e)
				waiting = append(waiting, e)
			case op < 6 && len(waiting) > 0: // from the front
				if got := f.peek(); got != waiting[0] {
					t.Fatalf("peek gives %v, want %v", got, waiting[0])
				}
				f.take(waiting[0])
				taken = append(taken, waiting[0])
				waiting = waiting[1:]
			case op < 8 && len(waiting) > 0: // from the middle
				i := rnd.IntN(len(waiting))
				f.take(waiting[i])
				taken = append(taken, waiting[i])
				waiting = slices.Delete(waiting, i, i+1)
			case op == 8 && len(taken) > 0:
				i := rnd.IntN(len(taken))
				e := taken[i]
				taken = slices.Delete(taken, i, i+1)
				f.giveBack(e)
				at, _ := slices.BinarySearchFunc(waiting, e, func(a, b *entry) int { return int(a.seq) - int(b.seq) })
				waiting = slices.Insert(waiting, at, e)
			case len(taken) > 0: // gone for good
				taken = taken[1:]
			}
			if f.waiting != len(waiting) {
				t.Fatalf("%d wait, want %d", f.waiting, len(waiting))
			}
		}
		for _, want := range waiting {
			if got := f.peek(); got != want {
				t.Fatalf("peek gives %v, want %v", got, want)
			}
			f.take(want)
		}
		if f.peek() != nil {
			t.Fatal("something is left")
		}
	}
}
