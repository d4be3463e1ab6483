package clock

import (
	"testing"
	"testing/synctest"
	"time"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// set is a machine's clock that somebody sets.
type set struct{ by time.Duration }

func (s *set) now() time.Time { return time.Now().Add(s.by).Round(0) }

// about reports whether a is b, but for the milliseconds.
func about(a, b time.Time) bool { return a.Sub(b).Abs() <= 2*time.Millisecond }

// While the server runs a jump is not believed before the clock has gone for an
// hour without another one.
func TestJump(t *testing.T) {
	for _, by := range []time.Duration{-57 * year, -year, -day, -time.Hour, time.Hour, day, year} {
		t.Run(by.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var machine set
				c := New(machine.now, 0)
				look := func(when string, at, due time.Duration) {
					t.Helper()
					_, _ = c.Look()
					now := time.Now()
					if !about(c.At(now), now.Add(at)) || !about(c.Due(now), now.Add(due)) {
						t.Errorf("%s: it is %v, due is %v; want %v and %v", when, c.At(now), c.Due(now), now.Add(at), now.Add(due))
					}
				}
				look("at first", 0, 0)
				time.Sleep(48 * time.Hour)
				machine.by = by
				look("after a jump", 0, min(0, by))
				time.Sleep(Steady / 2)
				machine.by = 0
				look("back", 0, 0)
				time.Sleep(Steady)
				machine.by = by
				look("after another jump", 0, min(0, by))
				time.Sleep(Steady - time.Second)
				look("not long enough", 0, min(0, by))
				time.Sleep(time.Second)
				look("after an hour", by, by)
				time.Sleep(Steady)
				machine.by += 2 * time.Second
				look("a correction", by+2*time.Second, by+2*time.Second)
			})
		})
	}
}

// After a start the time goes on from where it was, or a little later.
func TestStart(t *testing.T) {
	for _, x := range []struct{ shown, at time.Duration }{
		{-57 * year, 0}, {-year, 0}, {-day, 0}, {-time.Hour, 0},
		{-time.Second, -time.Second}, {time.Hour, time.Hour}, {day - time.Second, day - time.Second},
		{2 * day, 0}, {year, 0},
	} {
		t.Run(x.shown.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				machine := set{x.shown}
				last := time.Now()
				c := New(machine.now, last.UnixMilli())
				time.Sleep(Steady - time.Second)
				if ahead, set := c.Look(); (ahead == 0) != (x.at == x.shown) || set {
					t.Errorf("it is %v ahead", ahead)
				}
				now := time.Now()
				if !about(c.At(now), now.Add(x.at)) || !about(c.Due(now), now.Add(min(x.at, x.shown))) {
					t.Errorf("it is %v, due is %v, really %v", c.At(now), c.Due(now), now)
				}
				time.Sleep(time.Second)
				if ahead, set := c.Look(); ahead != 0 || set != (x.at != x.shown) {
					t.Errorf("after an hour it is not believed: %v, %v", ahead, set)
				}
				if now = time.Now(); !about(c.At(now), now.Add(x.shown)) {
					t.Errorf("after an hour it is %v, want %v", c.At(now), now.Add(x.shown))
				}
			})
		})
	}
}

// A machine without a battery is told the time soon after the start.
func TestToldTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		machine := set{-57 * year}
		last := time.Now()
		time.Sleep(8 * time.Hour) // it is off
		c := New(machine.now, last.UnixMilli())
		time.Sleep(30 * time.Second)
		if now := time.Now(); !about(c.At(now), now.Add(-8*time.Hour)) {
			t.Errorf("it is %v, not %v", c.At(now), now.Add(-8*time.Hour))
		}
		machine.by = 0
		if ahead, set := c.Look(); ahead != 0 || !set {
			t.Errorf("the right time is not believed: %v, %v", ahead, set)
		}
		now := time.Now()
		if !about(c.At(now), now) || !about(c.Due(now), now) {
			t.Errorf("it is %v, due is %v, really %v", c.At(now), c.Due(now), now)
		}
		if later := now.Add(time.Hour); !about(c.Moment(later), later) {
			t.Errorf("what is in an hour is at %v", c.Moment(later))
		}
	})
}
