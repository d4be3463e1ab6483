package server

import (
	"bytes"
	"errors"
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

// Neither is a step silent that takes long and counts nothing.
func TestProgressOfAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		for _, takes := range []time.Duration{0, 900 * time.Millisecond, 2500 * time.Millisecond} {
			err := during(slog.New(slog.NewTextHandler(&out, nil)), "tracks", func() error {
				time.Sleep(takes)
				return errors.New("no disk")
			})
			if err == nil || err.Error() != "no disk" {
				t.Errorf("it comes to %v", err)
			}
		}
		if text := out.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "what=tracks since=1s") || !strings.Contains(text, "what=tracks since=2s") {
			t.Errorf("it says %q", text)
		}
	})
}
