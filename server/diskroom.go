package server

import (
	"context"
	"log/slog"
	"time"

	"mwm/server/store"
)

// watchRoom logs when the disk is nearly full, and when that is over, until ctx
// ends.
func watchRoom(ctx context.Context, s *store.Store, log *slog.Logger) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	low := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.LookForRoom(ctx); err != nil && ctx.Err() == nil {
			log.Debug("cannot look for room in the database", "err", err)
		}
		err := s.Room()
		switch {
		case err != nil && !low:
			log.Warn("the disk is nearly full; persistent messages are refused", "err", err)
		case err == nil && low:
			log.Info("there is room on the disk again")
		}
		low = err != nil
	}
}
