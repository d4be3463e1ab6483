package devicesim

import (
	"context"
	"sync"
	"time"
)

// stepper is moved, and says where it is, once an interval.
type stepper interface{ step(now time.Time) }

// wheel steps many devices from one goroutine, each once an interval and at its own phase of it.
type wheel struct {
	slot time.Duration // how long one slot lasts

	mu    sync.Mutex
	slots [][]stepper // guarded by mu
	added uint32      // guarded by mu
}

// newWheel divides the interval into slots of about 20 ms.
func newWheel(interval time.Duration) *wheel {
	n := min(max(int(interval/(20*time.Millisecond)), 1), 500)
	return &wheel{slot: interval / time.Duration(n), slots: make([][]stepper, n)}
}

// add puts s where few are. Successive multiples of the golden ratio are spread evenly, however many there are.
func (w *wheel) add(s stepper) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const golden = 2654435769 // 2³² divided by the golden ratio
	at := uint64(w.added*golden) * uint64(len(w.slots)) >> 32
	w.added++
	w.slots[at] = append(w.slots[at], s)
}

func (w *wheel) at(n int64) []stepper {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slots[n%int64(len(w.slots))] // never changed in place: add only appends
}

// run turns the wheel until ctx ends. Slots that a busy machine missed are caught up with, up to one turn.
func (w *wheel) run(ctx context.Context) {
	tick := time.NewTicker(w.slot)
	defer tick.Stop()
	began := time.Now()
	done := int64(-1)
	for {
		now := time.Now()
		current := int64(now.Sub(began) / w.slot)
		for n := max(done+1, current-int64(len(w.slots))+1); n <= current && ctx.Err() == nil; n++ {
			for _, s := range w.at(n) {
				s.step(now)
			}
		}
		done = current
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
