package devicesim

import (
	"context"
	"sync"
	"time"
)

// Run connects the devices and has them report until ctx ends; then it disconnects them in order, which is bounded, and returns. When
// it returns everything it started has ended, unless the output takes nothing any more. Trouble with the server is no error: devices
// come back.
func (f *Fleet) Run(ctx context.Context) error {
	consoleEnd, consoleEnded := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(consoleEnded)
		f.console.run(consoleEnd)
	}()

	var wheels, uplinks sync.WaitGroup
	wheels.Go(func() { f.trucks.run(ctx) })
	wheels.Go(func() { f.phones.run(ctx) })
	f.start(ctx, &uplinks)

	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	close(f.console.closed)
	wheels.Wait()
	cut := time.AfterFunc(f.stopTimeout, func() { close(f.cut) })
	uplinks.Wait()
	cut.Stop()

	close(consoleEnd) // last, for its summary
	select {
	case <-consoleEnded:
	case <-time.After(f.stopTimeout): // a write to a pipe that nobody reads cannot be ended
	}
	return nil
}

// start begins the uplinks that wait, a few at a time, until ctx ends.
func (f *Fleet) start(ctx context.Context, running *sync.WaitGroup) {
	const burst = connectRate / 50
	pace := time.NewTicker(time.Second / 50)
	defer pace.Stop()
	for {
		next, more := f.nextWaiting(burst)
		for _, run := range next {
			running.Go(func() { run(ctx) })
		}
		var ready <-chan time.Time
		wake := f.wake
		if more {
			ready, wake = pace.C, nil
		}
		select {
		case <-ctx.Done():
			return
		case <-ready:
		case <-wake:
		}
	}
}

func (f *Fleet) nextWaiting(most int) (next []func(context.Context), more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := min(most, len(f.waiting))
	next, f.waiting = f.waiting[:n:n], f.waiting[n:]
	return next, len(f.waiting) > 0
}

// closing closes a link in order, a few at a time, or cuts it when the stop has taken too long.
func (f *Fleet) closing(abort, end func()) {
	select {
	case <-f.cut:
		abort()
	default:
		select {
		case f.closes <- struct{}{}:
			defer func() { <-f.closes }()
		case <-f.cut:
			abort()
		}
	}
	end()
}
