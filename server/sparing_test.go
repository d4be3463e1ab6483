package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Of one message there are only so many lines, which say that there were more; of
// others there are as many as before.
func TestSparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(newSparing(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		lines := func() []string {
			defer out.Reset()
			return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		}
		for i := range 1000 {
			log.With("component", fmt.Sprint(i%2)).Info("refused", "n", i)
		}
		got := lines()
		if len(got) != sparingBurst {
			t.Fatalf("%d lines, want %d", len(got), sparingBurst)
		}
		if last := got[len(got)-1]; !strings.Contains(last, "left out while there are so many") || strings.Contains(got[0], "left out") {
			t.Errorf("the first line is %q, the last one %q", got[0], last)
		}
		log.Warn("another")
		for range 100 {
			log.Debug("refused")
		}
		if got := lines(); len(got) != 101 {
			t.Errorf("%d lines of another message and for debugging, want 101", len(got))
		}
		for range 20 {
			time.Sleep(sparingInterval)
			log.Info("refused")
			log.Info("refused")
		}
		got = lines()
		if len(got) != 20 || !strings.Contains(got[0], fmt.Sprint("leftOut=", 1000-sparingBurst)) || !strings.Contains(got[1], "leftOut=1") {
			t.Errorf("in 20 seconds there are %d lines; the first two are\n%s\n%s", len(got), got[0], got[1])
		}
		time.Sleep(time.Minute)
		log.Info("refused")
		log.Info("refused")
		if got := lines(); len(got) != 2 || strings.Contains(got[1], "left") {
			t.Errorf("after a minute there are %d lines, the last one is %s", len(got), got[len(got)-1])
		}
	})
}
