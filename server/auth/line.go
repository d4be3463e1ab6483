package auth

import (
	"context"
	"sync"
	"time"
)

// Who comes while others of the address are being verified waits for what becomes
// of them: a fleet behind one address comes in, however many come at once, since
// right passwords are no guesses. When the wrong ones among them have used up what
// the address may guess, those who wait are refused.
const (
	// maxLine is how many wait in the line of one address, and maxLines in all.
	maxLine  = 200
	maxLines = 2000
	// lineTime is how long one waits.
	lineTime = 10 * time.Second
)

// lines are attempts under way and those who wait for them, by key. The zero value
// is ready, but for its rate.
type lines[K comparable] struct {
	rate throttle[K]

	mu      sync.Mutex
	of      map[K]*line
	waiting int
}

// line is that of one key. It is there while somebody is under way or waits.
type line struct {
	underWay, waiting int
	moved             chan struct{} // closed when one is under way no more
}

// guessed returns how long the key has to wait because of what it has guessed; 0 if
// that depends on what becomes of those under way.
func (l *lines[K]) guessed(key K, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settled(key, now)
}

// settled is guessed. l.mu is held.
func (l *lines[K]) settled(key K, now time.Time) time.Duration {
	wait := l.rate.wait(key, now)
	if x := l.of[key]; x != nil {
		wait -= time.Duration(x.underWay) * l.rate.every
	}
	return max(0, wait)
}

// enter books an attempt, and waits for its turn if others of the key are under
// way. Who has entered leaves.
func (l *lines[K]) enter(ctx context.Context, key K) error {
	ctx, cancel := context.WithTimeout(ctx, lineTime)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.of[key]
	if x == nil {
		if l.of == nil {
			l.of = map[K]*line{}
		}
		x = &line{moved: make(chan struct{})}
		l.of[key] = x
	}
	defer l.tidy(key, x)
	for {
		now := time.Now()
		if l.rate.wait(key, now) == 0 {
			l.rate.take(key, now)
			x.underWay++
			return nil
		}
		if guessed := l.settled(key, now); guessed > 0 {
			return &BusyError{guessed}
		}
		if x.waiting == maxLine || l.waiting == maxLines || !l.await(ctx, x) {
			return &BusyError{5 * time.Second}
		}
	}
}

// await waits until the line has moved, and reports whether that was in time. l.mu
// is given up meanwhile.
func (l *lines[K]) await(ctx context.Context, x *line) bool {
	x.waiting++
	l.waiting++
	moved := x.moved
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		x.waiting--
		l.waiting--
	}()
	select {
	case <-moved:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave ends an attempt. One that was no guess is given back.
func (l *lines[K]) leave(key K, guess bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !guess {
		l.rate.giveBack(key)
	}
	x := l.of[key]
	x.underWay--
	close(x.moved)
	x.moved = make(chan struct{})
	l.tidy(key, x)
}

// tidy forgets a line when nobody is in it. l.mu is held.
func (l *lines[K]) tidy(key K, x *line) {
	if x.underWay+x.waiting == 0 {
		delete(l.of, key)
	}
}
