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

// A process that did not run for a while does not blame the peer for it: what came
// meanwhile is read first. But it does so once.
func TestWatchdogAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last activity
		last.now()
		f := make(fired, 10)
		w := NewWatchdog(last.idle, f.fire)
		defer w.Stop()
		pause := func() { // the timer fires at once, 20 s late
			w.Set(10 * time.Second)
			w.mu.Lock()
			w.timer.Stop()
			w.mu.Unlock()
			<-time.After(30 * time.Second)
			w.check()
			synctest.Wait()
		}
		for range 3 {
			pause()
			<-time.After(500 * time.Millisecond)
			if len(f) > 0 {
				t.Fatal("it fires although what came is not read yet")
			}
			last.now() // read at last
		}
		<-time.After(25 * time.Second)
		if n := len(f); n != 1 {
			t.Fatalf("fired %d times, want once, for the silence since then", n)
		}
		if d := (<-f).Sub(*last.at.Load()); d > 20*time.Second {
			t.Errorf("it fired %v after the last activity", d)
		}

		w = NewWatchdog(last.idle, f.fire)
		last.now()
		pause()
		if len(f) > 0 {
			t.Error("it fires at once")
		}
		<-time.After(10*time.Second + time.Millisecond)
		synctest.Wait()
		if len(f) != 1 {
			t.Error("it does not fire for a peer that is silent after the pause, too")
		}
	})
}
