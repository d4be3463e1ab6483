package server

import (
	"context"
	"time"

	"mwm/server/clock"
)

// openClock returns the time by which messages and sessions are given up. It goes
// on from what is on disk.
func (s *Server) openClock(now func() time.Time) *clock.Clock {
	if now == nil {
		now = time.Now
	}
	if s.store == nil {
		return clock.New(now, 0)
	}
	return clock.New(now, s.store.Clock())
}

// watchClock looks at the machine's clock each second, and logs when it is not
// believed, until ctx ends.
func (s *Server) watchClock(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	c, doubted := s.broker.Clock(), false
	for {
		ahead, set := c.Look()
		if set {
			s.mqtt.ClockSet()
		}
		believed := c.At(time.Now()).UTC().Format(time.DateTime)
		switch {
		case ahead != 0 && !doubted:
			s.log.Warn("the clock has jumped, or was set while the server was stopped; messages and sessions go by the time before until it has gone steadily for a while",
				"ahead", ahead.Round(time.Second), "believed", believed, "while", clock.Steady)
		case ahead == 0 && doubted:
			s.log.Info("messages and sessions go by the clock again", "time", believed)
		}
		doubted = ahead != 0
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
