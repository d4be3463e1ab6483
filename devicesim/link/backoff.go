package link

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff says how long to wait before the next attempt: from Min on, doubling up to Max, each time a random part of it
// between half and all. The random part keeps a thousand devices that lost the same server from coming back in step.
// The zero value is ready to use. It is not safe for concurrent use.
type Backoff struct {
	Min time.Duration // first wait; 0 means 250 ms
	Max time.Duration // longest wait; 0 means 15 s

	next time.Duration
}

// Next returns the wait before the next attempt.
func (b *Backoff) Next() time.Duration {
	least, most := orDefault(b.Min, 250*time.Millisecond), orDefault(b.Max, 15*time.Second)
	d := min(max(b.next, least), most)
	b.next = min(2*d, most)
	return d/2 + rand.N(d/2+1) // #nosec G404 -- spreads those who come back, no secret
}

// Reset makes the next wait the shortest again.
func (b *Backoff) Reset() { b.next = 0 }

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// stable is how long a session must have lasted to count as a success. A server that accepts and drops at once, or another client
// with the same ID that takes over each time, must not be met with quick attempts for ever.
const stable = 15 * time.Second

// Keep holds a link up until ctx ends: it calls session, which dials, serves until the link is lost, and returns why.
// Between two calls it waits as b says, from the shortest wait again once a session has lasted. lost, if not nil, hears of each
// failure and of the wait that follows. Keep returns when ctx has ended and session has returned.
func Keep(ctx context.Context, b Backoff, session func(context.Context) error, lost func(err error, wait time.Duration)) {
	for {
		began := time.Now()
		err := session(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= stable {
			b.Reset()
		}
		wait := b.Next()
		if lost != nil {
			lost(err, wait)
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
