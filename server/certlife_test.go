package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/internal/proctest"
)

// A certificate that ends soon is in the log each day, also when it has expired, and
// no longer once it is renewed.
func TestCertificateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		var log proctest.Output
		c := &certificates{log: slog.New(slog.NewTextHandler(&log, nil))}
		until := func(end time.Time) {
			c.now.Store(&shown{certificate: tls.Certificate{Leaf: &x509.Certificate{NotAfter: end}}})
		}
		until(time.Now().Add(20 * day))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.watchLife(ctx) }()
		said := func(after time.Duration, text string, want int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if n := strings.Count(log.String(), text); n != want {
				t.Errorf("the log has it %d times, want %d:\n%s", n, want, log.String())
			}
		}
		said(6*day-time.Minute, "ends soon", 0)
		said(14*day, "ends soon", 13)
		said(3*day, "has expired", 3)
		until(time.Now().Add(90 * day))
		said(30*day, "msg=", 13+3)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
