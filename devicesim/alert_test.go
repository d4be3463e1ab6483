package devicesim

import (
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/telemetry"
)

func colorOf(t *testing.T, name string) telemetry.Color {
	t.Helper()
	c, ok := telemetry.ColorNamed(name)
	if !ok {
		t.Fatalf("no colour %s", name)
	}
	return c
}

// shownAfter returns what the screen shows when so much more time has passed.
func shownAfter(b *background, d time.Duration) uint32 {
	<-time.After(d)
	return b.at(time.Now())
}

func TestAlertFades(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b background
		if c := b.at(time.Now()); c != screenColor {
			t.Errorf("before any alert %06X", c)
		}
		b.alert(colorOf(t, "blue"), time.Now())
		for _, step := range []struct {
			after time.Duration
			want  uint32
		}{
			{0, 0xFFFFFF}, {250 * time.Millisecond, 0x8080FF}, {250 * time.Millisecond, 0x0000FF}, // fades in for 0.5 s
			{1999 * time.Millisecond, 0x0000FF},                                    // holds 2 s
			{251 * time.Millisecond, 0x7F7FFF}, {250 * time.Millisecond, 0xFFFFFF}, // fades out for 0.5 s
			{time.Hour, 0xFFFFFF},
		} {
			if got := shownAfter(&b, step.after); got != step.want {
				t.Errorf("%v later %06X, not %06X", step.after, got, step.want)
			}
		}
		if b.active(time.Now()) {
			t.Error("still active")
		}
	})
}

func TestAlertDuringAnAlertStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b background
		b.alert(colorOf(t, "red"), time.Now())
		<-time.After(2400 * time.Millisecond) // 0.1 s before it would fade out
		b.alert(colorOf(t, "green"), time.Now())
		if got := b.at(time.Now()); got != 0xFF0000 {
			t.Errorf("the second fades in from %06X, not from the red that is shown", got)
		}
		if got := shownAfter(&b, 500*time.Millisecond); got != 0x00FF00 {
			t.Errorf("0.5 s later %06X", got)
		}
		if got := shownAfter(&b, 1900*time.Millisecond); got != 0x00FF00 {
			t.Errorf("2.4 s later %06X: it has to hold as long as the first", got)
		}
		if got := shownAfter(&b, 600*time.Millisecond); got != screenColor {
			t.Errorf("3 s later %06X: the original colour returns", got)
		}
	})
}
