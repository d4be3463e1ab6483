package server

import (
	"log/slog"
	"sync"
	"time"
)

// progress says once a second how far a start with much to load has come. A start
// that takes less says nothing of it.
type progress struct {
	log  *slog.Logger
	next time.Time
	what string
	n    int
}

func newProgress(log *slog.Logger, now time.Time) *progress {
	return &progress{log: log, next: now.Add(time.Second)}
}

// clockEvery is how many things are loaded between two looks at the clock.
const clockEvery = 256

// loaded counts one more of what.
func (p *progress) loaded(what string) {
	if what != p.what {
		p.what, p.n = what, 0
	}
	if p.n++; p.n%clockEvery == 0 {
		p.tell(time.Now())
	}
}

func (p *progress) tell(now time.Time) {
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(time.Second)
	p.log.Info("loading", "what", p.what, "soFar", p.n)
}

// during says once a second that a step of the start goes on, of which nothing can be
// counted.
func during(log *slog.Logger, what string, step func() error) error {
	done := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for began := time.Now(); ; {
			select {
			case <-done:
				return
			case now := <-tick.C:
				log.Info("loading", "what", what, "since", now.Sub(began).Round(time.Second))
			}
		}
	})
	defer telling.Wait()
	defer close(done)
	return step()
}
