package httpd

import (
	"sync"
	"time"
)

// limiter bounds how often things with a name happen: some at once, then one
// each interval. (GCRA: it remembers the time up to which each is booked.)
type limiter struct {
	interval time.Duration
	burst    int

	mu     sync.Mutex
	booked map[string]time.Time
	tidied time.Time
}

// maxBooked is how many names a limiter remembers before it forgets those that
// it has nothing against.
const maxBooked = 10_000

func newLimiter(interval time.Duration, burst int) *limiter {
	return &limiter{interval: interval, burst: burst, booked: map[string]time.Time{}}
}

// allow books one; if there is no room it returns how long to wait.
func (l *limiter) allow(name string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.booked) >= maxBooked && now.Sub(l.tidied) >= l.interval {
		l.tidied = now
		for n, at := range l.booked {
			if !at.After(now) {
				delete(l.booked, n)
			}
		}
	}
	at := l.booked[name]
	if at.Before(now) {
		at = now
	}
	if wait = at.Sub(now) - time.Duration(l.burst-1)*l.interval; wait > 0 {
		return wait
	}
	if _, known := l.booked[name]; !known && len(l.booked) >= maxBooked {
		return l.interval
	}
	l.booked[name] = at.Add(l.interval)
	return 0
}
