package server

import (
	"context"
	"fmt"

	"mwm/server/history"
)

// historyInMemory bounds the history of a server without a database, in bytes.
const historyInMemory = 64 << 20

// openHistory returns where positions are kept; nil if they are not.
func (s *Server) openHistory() (*history.Recorder, error) {
	c := s.cfg
	if c.History == "off" {
		return nil, nil
	}
	opt := history.Options{
		Store: s.store, All: c.History == "all", Distance: c.HistoryDistance, Interval: c.HistoryInterval,
		MaxAge: c.HistoryAge, MaxBytes: c.HistorySize, Logger: s.log.With("component", "history"),
	}
	if s.store == nil {
		opt.Store = history.NewMemory()
		if opt.MaxBytes == 0 || opt.MaxBytes > historyInMemory {
			opt.MaxBytes = historyInMemory
		}
	}
	r, err := history.New(context.Background(), opt)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	return r, nil
}
