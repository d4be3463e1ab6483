package netx

import (
	"sync"
	"time"
)

// Watchdog calls a function when a connection has been idle for too long. It
// costs nothing per frame: its timer looks at the time of the last input when it
// fires, and is set again for what is left.
type Watchdog struct {
	idle func() time.Duration
	fire func()

	mu      sync.Mutex
	limit   time.Duration
	timer   *time.Timer
	stopped bool
}

// NewWatchdog returns a watchdog that is off until Set. idle tells how long the
// connection has been idle; fire is called once, from a timer's goroutine.
func NewWatchdog(idle func() time.Duration, fire func()) *Watchdog {
	return &Watchdog{idle: idle, fire: fire}
}

// Set changes how long idle may be; 0 turns the watchdog off.
func (w *Watchdog) Set(limit time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limit = limit
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if limit > 0 && !w.stopped {
		w.timer = time.AfterFunc(max(limit-w.idle(), 0), w.check)
	}
}

// Stop turns the watchdog off for good.
func (w *Watchdog) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *Watchdog) check() {
	w.mu.Lock()
	if w.stopped || w.limit == 0 {
		w.mu.Unlock()
		return
	}
	if left := w.limit - w.idle(); left > 0 {
		w.timer.Reset(left)
		w.mu.Unlock()
		return
	}
	w.stopped = true
	w.mu.Unlock()
	w.fire()
}
