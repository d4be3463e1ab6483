package netx

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// activity is the time of the last sign of life.
type activity struct{ at atomic.Pointer[time.Time] }

func (a *activity) now() {
	t := time.Now()
	a.at.Store(&t)
}

func (a *activity) idle() time.Duration { return time.Since(*a.at.Load()) }

// fired are the times at which a watchdog fired.
type fired chan time.Time

func (f fired) fire() { f <- time.Now() }

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last activity
		last.now()
		f := make(fired, 10)
		w := NewWatchdog(last.idle, f.fire)
		time.Sleep(time.Hour)
		if len(f) > 0 {
			t.Fatal("it fires before Set")
		}
		last.now()
		w.Set(10 * time.Second)
		for range 20 {
			time.Sleep(9 * time.Second)
			last.now()
		}
		if len(f) > 0 {
			t.Fatal("it fires although there is activity")
		}
		time.Sleep(time.Hour)
		if n := len(f); n != 1 {
			t.Fatalf("fired %d times, want once", n)
		}
		if d := (<-f).Sub(*last.at.Load()); d != 10*time.Second {
			t.Errorf("it fired %v after the last activity, want 10 s", d)
		}
	})
}

func TestWatchdogSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var start activity
		start.now()
		f := make(fired, 10)
		w := NewWatchdog(start.idle, f.fire)
		w.Set(time.Second)
		w.Set(0)
		time.Sleep(5 * time.Second)
		if len(f) > 0 {
			t.Error("it fires although it is off")
		}
		w.Set(8 * time.Second)
		if d := (<-f).Sub(*start.at.Load()); d != 8*time.Second {
			t.Errorf("fired after %v, want 8 s", d)
		}
		other := NewWatchdog(start.idle, f.fire)
		other.Set(time.Hour)
		other.Stop()
		other.Set(time.Second)
		time.Sleep(2 * time.Hour)
		if len(f) > 0 {
			t.Error("it fires after Stop")
		}
	})
}
