package server

import (
	"context"
	"time"
)

// warnBefore is when the log begins to say that the certificate ends.
const warnBefore = 14 * 24 * time.Hour

// watchLife says each day that the certificate ends soon, until ctx ends: whoever
// has forgotten the server for a year has forgotten it, too.
func (t *certificates) watchLife(ctx context.Context) error {
	tick := time.NewTicker(24 * time.Hour)
	defer tick.Stop()
	for {
		end := t.leaf().NotAfter
		switch left := time.Until(end); {
		case left <= 0:
			t.log.Warn("the certificate has expired; clients that check it do not connect", "expired", end.Format(time.DateOnly))
		case left < warnBefore:
			t.log.Warn("the certificate ends soon; a renewed one is taken without a restart", "expires", end.Format(time.DateOnly))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
