package link

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoffDoublesToItsLimit(t *testing.T) {
	b := Backoff{Min: 100 * time.Millisecond, Max: time.Second}
	for i, most := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
		most *= time.Millisecond
		if d := b.Next(); d < most/2 || d > most {
			t.Errorf("wait %d is %v, not between %v and %v", i, d, most/2, most)
		}
	}
	b.Reset()
	if d := b.Next(); d > 100*time.Millisecond {
		t.Errorf("after Reset the wait is %v", d)
	}
}

func TestBackoffIsRandom(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 20 {
		var b Backoff
		seen[b.Next()] = true
	}
	if len(seen) < 10 {
		t.Errorf("20 devices wait for %d different times: they would come back in step", len(seen))
	}
}

func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		down := errors.New("down")
		var waits []time.Duration
		calls := 0
		Keep(ctx, Backoff{Min: time.Second, Max: 8 * time.Second}, func(ctx context.Context) error {
			switch calls++; calls {
			case 4: // one that lasted
				<-time.After(stable)
			case 6:
				cancel()
			}
			return down
		}, func(err error, wait time.Duration) {
			if !errors.Is(err, down) {
				t.Errorf("told of %v", err)
			}
			waits = append(waits, wait)
		})
		most := []time.Duration{1, 2, 4, 1, 2} // seconds
		if len(waits) != len(most) {
			t.Fatalf("%d waits, not %d: %v", len(waits), len(most), waits)
		}
		for i, w := range waits {
			if m := most[i] * time.Second; w < m/2 || w > m {
				t.Errorf("wait %d is %v, not between %v and %v", i, w, m/2, m)
			}
		}
	})
}

func TestKeepEndsWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		Keep(ctx, Backoff{Min: time.Hour, Max: time.Hour}, func(context.Context) error { return errors.New("down") }, nil)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("ended after %v", d)
		}
	})
}
