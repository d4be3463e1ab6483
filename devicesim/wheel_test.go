package devicesim

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

type stepFunc func(time.Time)

func (f stepFunc) step(now time.Time) { f(now) }

func TestWheelStepsEachOnceAnIntervalAndSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const devices, seconds = 1000, 10
		w := newWheel(time.Second)
		began := time.Now()
		steps := make([]int, devices)
		load := map[time.Duration]int{}
		last := make([]time.Time, devices)
		for i := range devices {
			w.add(stepFunc(func(now time.Time) {
				if steps[i]++; !last[i].IsZero() && (now.Sub(last[i])-time.Second).Abs() > 2*w.slot {
					t.Errorf("device %d stepped after %v", i, now.Sub(last[i]))
				}
				last[i] = now
				load[now.Sub(began)]++
			}))
		}
		ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second-time.Millisecond)
		defer cancel()
		w.run(ctx)
		for i, n := range steps {
			if n != seconds {
				t.Fatalf("device %d stepped %d times in %d s", i, n, seconds)
			}
		}
		if most := devices / len(w.slots) * 2; len(load) < 400 {
			t.Errorf("the steps fell on %d moments only", len(load))
		} else {
			for at, n := range load {
				if n > most {
					t.Errorf("%d steps at once after %v; an even share is %d", n, at, devices/len(w.slots))
				}
			}
		}
	})
}

func TestWheelTakesDevicesWhileItTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWheel(time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.run(ctx) }()
		<-time.After(3500 * time.Millisecond)
		steps := 0
		w.add(stepFunc(func(time.Time) { steps++ }))
		<-time.After(3 * time.Second)
		cancel()
		<-done
		if steps != 3 {
			t.Errorf("stepped %d times in 3 s", steps)
		}
	})
}
