package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A start that takes seconds says each second what it loads and how much it has;
// a short one says nothing.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(slog.New(slog.NewTextHandler(&out, nil)), time.Now())
		for range 10_000 {
			p.loaded("messages")
		}
		if out.Len() > 0 {
			t.Errorf("a start that takes no time says %q", out.String())
		}
		for range 3 {
			<-time.After(time.Second)
			for range 1000 {
				p.loaded("devices")
			}
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			_, line, _ = strings.Cut(strings.TrimSpace(line), "msg=")
			got = append(got, line)
		}
		want := []string{"loading what=devices soFar=256", "loading what=devices soFar=1024", "loading what=devices soFar=2048"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("it says %q, want %q", got, want)
		}
	})
}
