package devicesim

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mwm/devicesim/testbroker"
)

func TestMain(m *testing.M) {
	var ignore []goleak.Option
	for _, f := range testbroker.Leaks {
		ignore = append(ignore, goleak.IgnoreAnyFunction(f))
	}
	goleak.VerifyTestMain(m, ignore...)
}

// eventually fails the test when the condition does not come true in good time.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

// running returns a fleet that runs until the test ends, or until stop is called.
func running(t *testing.T, cfg Config) (f *Fleet, stop func()) {
	t.Helper()
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return f, stop
}
