package server

import (
	"context"
	"crypto/x509"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/clock"
)

// A clock that is wrong at a start replaces no certificate of our own, which people
// have told their machines to trust; one that was made while the clock was ahead is
// replaced when the clock is right.
func TestSelfSignedWithAWrongClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const year = 365 * 24 * time.Hour
		var by time.Duration
		now := func() time.Time { return time.Now().Add(by).Round(0) }
		cfg := Config{Data: t.TempDir(), HTTPS: "127.0.0.1:0", TLSSelfSigned: true}
		open := func(last time.Time) (*certificates, *x509.Certificate) {
			t.Helper()
			c, err := openCertificates(cfg, clock.New(now, last.UnixMilli()), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return c, c.leaf()
		}
		_, first := open(time.Now())
		for _, by = range []time.Duration{-57 * year, year, 0} {
			if _, again := open(time.Now()); !again.Equal(first) {
				t.Errorf("with a clock that is %v ahead it is another one", by)
			}
		}
		by = 2 * year
		c, ahead := open(now())
		if ahead.Equal(first) {
			t.Fatal("it is the same after two years")
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.run(ctx) }()
		by = 0
		c.clock.Look()
		time.Sleep(clock.Steady)
		c.clock.Look()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if now := time.Now(); now.Before(c.leaf().NotBefore) || now.After(c.leaf().NotAfter) {
			t.Errorf("it is good from %v to %v", c.leaf().NotBefore, c.leaf().NotAfter)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
