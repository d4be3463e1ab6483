package link

import (
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

// within fails the test when ch is not closed or ready in good time.
func within[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(time.Minute):
		t.Fatalf("%s: nothing after a minute", what)
	}
	return v
}
