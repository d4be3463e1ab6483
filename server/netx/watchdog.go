package netx

import (
	"sync"
	"time"
)

// Watchdog calls a function when a connection has been idle for too long. It
// costs nothing per frame: its timer looks at the time of the last input when it
// fires, and is set again for what is left.
//
// A timer that fires late says that this process did not run: the machine was
// paused, or has too much to do. What the peer has sent meanwhile is not read yet,
// so it is given a moment to be.
type Watchdog struct {
	idle func() time.Duration
	fire func()

	mu      sync.Mutex
	limit   time.Duration
	timer   *time.Timer
	due     time.Time // when the timer is to fire
	excused time.Time // when a moment was given last
	stopped bool
}

// lateness is how late a timer may fire on a machine that is merely busy, and
// moment how long the input that waits may take to be read.
const (
	lateness = 100 * time.Millisecond
	moment   = time.Second
)

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
		left := max(limit-w.idle(), 0)
		w.due = time.Now().Add(left)
		w.timer = time.AfterFunc(left, w.check)
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
	idle := w.idle()
	left := w.limit - idle
	if late := time.Since(w.due); left <= 0 && late > lateness && time.Since(w.excused) > idle { // input came since then
		w.excused = time.Now()
		left = max(min(late, w.limit), moment)
	}
	if left > 0 {
		w.due = time.Now().Add(left)
		w.timer.Reset(left)
		w.mu.Unlock()
		return
	}
	w.stopped = true
	w.mu.Unlock()
	w.fire()
}
