//go:build unix

package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The journal gets a priority with each line, and not a second time; a terminal or
// a file gets the time, also below a service. (systemd.exec(5), JOURNAL_STREAM)
func TestLogInJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	logged := func() string {
		log := slog.New(slog.NewTextHandler(logTo(f), &slog.HandlerOptions{Level: slog.LevelDebug})).With("component", "store")
		log.Debug("one")
		log.Info("two", "time", "noon")
		log.Warn("three\nlevel=INFO")
		log.Error("four")
		b, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}

	t.Setenv("JOURNAL_STREAM", "8:15")
	if got := logged(); strings.Count(got, "time=2") != 4 || strings.Contains(got, "<") {
		t.Errorf("a file gets\n%s", got)
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	at := info.Sys().(*syscall.Stat_t)
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", at.Dev, at.Ino))
	want := `<7>level=DEBUG msg=one component=store
<6>level=INFO msg=two component=store time=noon
<4>level=WARN msg="three\nlevel=INFO" component=store
<3>level=ERROR msg=four component=store
`
	if got := logged(); got != want {
		t.Errorf("the journal gets\n%swant\n%s", got, want)
	}
}
