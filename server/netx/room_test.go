package netx

import (
	"testing"
	"testing/synctest"
	"time"
)

// crowdedOutbound is a queue more than half full, whose writer holds one block.
func crowdedOutbound(t *testing.T) (*gate, *Outbound) {
	g := newGate()
	o := NewOutbound(g, 32*ChunkSize, 0, nil)
	o.SendRun(blocks('w', 16)) // as much as one write takes
	o.Wake()
	synctest.Wait()
	o.SendRun(blocks('a', 20))
	if sent := o.Offer(blocks('x', 1)); !sent.Crowded || sent.Wake {
		t.Fatalf("Offer to a crowded queue = %+v", sent)
	}
	t.Cleanup(func() {
		o.Close()
		close(g.pass)
	})
	return g, o
}

// A peer that reads is waited for.
func TestWaitRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o := crowdedOutbound(t)
		go func() {
			for range 36 {
				time.Sleep(10 * time.Millisecond)
				g.pass <- struct{}{}
			}
		}()
		start := time.Now()
		if w := o.WaitRoom(time.Minute, StuckAfter); w != Room {
			t.Errorf("WaitRoom = %v, want Room", w)
		}
		if d := time.Since(start); d != 160*time.Millisecond {
			t.Errorf("it took %v, want 160 ms: until less than a quarter waits", d)
		}
		time.Sleep(time.Second)
		if o.Dropped() != 0 {
			t.Errorf("%d dropped", o.Dropped())
		}
	})
}

// The patience of 100 ms is the same in one wait and in many short ones.
func TestStuck(t *testing.T) {
	for _, step := range []time.Duration{time.Minute, 5 * time.Millisecond, 60 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			_, o := crowdedOutbound(t)
			start := time.Now()
			for o.WaitRoom(step, StuckAfter) == Busy {
			}
			if d := time.Since(start); d != StuckAfter {
				t.Errorf("waiting %v at a time, it was stuck after %v, want %v", step, d, StuckAfter)
			}
			if w := o.WaitRoom(time.Minute, StuckAfter); w != Stuck || time.Since(start) != StuckAfter {
				t.Error("somebody waits for one that is stuck")
			}
			if sent := o.Offer(blocks('x', 30)); sent.Crowded || o.Dropped() == 0 {
				t.Errorf("Offer = %+v, %d dropped: want it to lose its oldest", sent, o.Dropped())
			}
		})
	}
}

// One that has caught up is waited for again.
func TestNoLongerStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o := crowdedOutbound(t)
		o.GiveUp()
		if w := o.WaitRoom(time.Minute, StuckAfter); w != Stuck {
			t.Fatalf("WaitRoom = %v after GiveUp, want Stuck", w)
		}
		for range 36 {
			g.pass <- struct{}{}
			synctest.Wait()
		}
		o.SendRun(blocks('w', 1))
		o.Wake()
		synctest.Wait()
		o.SendRun(blocks('b', 20))
		if sent := o.Offer(blocks('x', 1)); !sent.Crowded {
			t.Error("nobody waits for one that has caught up")
		}
	})
}

// A slow peer is not stuck as long as it makes progress.
func TestSlowIsNotStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, o := crowdedOutbound(t)
		go func() {
			for range 36 {
				time.Sleep(90 * time.Millisecond)
				g.pass <- struct{}{}
			}
		}()
		w := Busy
		for w == Busy {
			w = o.WaitRoom(5*time.Millisecond, StuckAfter)
		}
		if w != Room {
			t.Errorf("WaitRoom = %v, want Room", w)
		}
		time.Sleep(5 * time.Second)
	})
}

func TestCharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := NewOutbound(newGate(), 0, 0, nil)
		const budget = time.Second
		waited := func(d time.Duration) bool {
			start := time.Now()
			time.Sleep(d)
			return o.Charge(start, budget)
		}
		if waited(900*time.Millisecond) || !waited(200*time.Millisecond) {
			t.Error("the budget is not spent after a second")
		}
		time.Sleep(30 * time.Second) // half a second comes back
		if waited(300*time.Millisecond) || !waited(500*time.Millisecond) {
			t.Error("the budget does not come back at a sixtieth of the time")
		}
	})
}

// Those who make a producer wait together use up their time together, and those who
// are not behind use up none.
func TestShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, first := crowdedOutbound(t)
		_, second := crowdedOutbound(t)
		idle := NewOutbound(newGate(), 0, 0, nil)
		const budget = 50 * time.Millisecond
		for range 12 { // each looks every 20 ms whether there is progress
			start := time.Now()
			time.Sleep(10 * time.Millisecond)
			for _, o := range []*Outbound{first, second, idle} {
				o.Share(start, time.Second, budget)
			}
		}
		for _, o := range []*Outbound{first, second} {
			if w := o.WaitRoom(time.Millisecond, time.Second); w != Stuck {
				t.Errorf("WaitRoom = %v, want Stuck", w)
			}
		}
		if idle.Charge(time.Now(), 0) {
			t.Error("one for which nobody waited has used up some of its time")
		}
		_, third := crowdedOutbound(t)
		for range 100 {
			time.Sleep(10 * time.Millisecond)
			third.Share(time.Now(), 500*time.Millisecond, 0)
		}
		if w := third.WaitRoom(time.Millisecond, time.Second); w != Stuck {
			t.Errorf("one that makes no progress: WaitRoom = %v, want Stuck", w)
		}
	})
}

// NotifyRoom calls once, when there is room or the end has come.
func TestNotifyRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		o := NewOutbound(g, 0, 0, nil)
		calls := 0
		if o.NotifyRoom(func() { calls++ }) {
			t.Error("an empty queue promises to call")
		}
		send(o, "a")
		synctest.Wait()
		if !o.NotifyRoom(func() { calls++ }) || calls != 0 {
			t.Error("a busy queue does not promise to call")
		}
		g.pass <- struct{}{}
		synctest.Wait()
		send(o, "b")
		synctest.Wait()
		if calls != 1 {
			t.Errorf("called %d times, want once", calls)
		}
		o.NotifyRoom(func() { calls++ })
		o.Close()
		if calls != 2 || o.NotifyRoom(func() {}) {
			t.Errorf("called %d times after the end, want twice", calls)
		}
		close(g.pass)
	})
}
