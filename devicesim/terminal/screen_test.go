package terminal

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestScreenWritesOnlyWhatChanged(t *testing.T) {
	var out bytes.Buffer
	s := NewScreen(&out)
	draw := func(lines ...string) string {
		t.Helper()
		out.Reset()
		if err := s.Draw(20, 3, lines); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := draw("one", "two", "three", "beyond"); !strings.HasPrefix(got, enter) || !strings.Contains(got, "three") || strings.Contains(got, "beyond") {
		t.Errorf("first frame %q", got)
	}
	if got := draw("one", "TWO", "three"); got != beginUpdate+"\x1b[2;1HTWO\x1b[0m\x1b[K"+endUpdate {
		t.Errorf("second frame %q", got)
	}
	if got := draw("one"); strings.Contains(got, "one") || strings.Count(got, "\x1b[K") != 2 {
		t.Errorf("a shorter frame must clear the rest: %q", got)
	}
	s.Refresh()
	if got := draw("one"); !strings.Contains(got, "one") {
		t.Errorf("refreshed %q", got)
	}
	out.Reset()
	if err := s.Draw(30, 3, []string{"one"}); err != nil || !strings.Contains(out.String(), "\x1b[2J") || !strings.Contains(out.String(), "one") {
		t.Errorf("another size: %q, %v", out.String(), err)
	}
}

func TestScreenGivesTheTerminalBack(t *testing.T) {
	var out bytes.Buffer
	s := NewScreen(&out)
	if err := s.Close(); err != nil || out.Len() > 0 {
		t.Errorf("a screen that drew nothing wrote %q", out.String())
	}
	_ = s.Draw(20, 3, []string{"x"})
	out.Reset()
	_ = s.Close()
	_ = s.Close()
	if out.String() != leave {
		t.Errorf("left with %q", out.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestScreenReportsALostTerminal(t *testing.T) {
	if NewScreen(broken{}).Draw(20, 3, nil) == nil {
		t.Error("drew on nothing")
	}
}

func TestOf(t *testing.T) {
	if _, ok := Of(&bytes.Buffer{}); ok {
		t.Error("a buffer is no terminal")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(r.Close(), w.Close()) }()
	if _, ok := Of(w); ok {
		t.Error("a pipe is no terminal")
	}
}

func TestPalette(t *testing.T) {
	full := PaletteOf(func(string) string { return "truecolor" })
	if got := full.Background(0xFF8000); got != "\x1b[48;2;255;128;0m" {
		t.Errorf("%q", got)
	}
	few := PaletteOf(func(string) string { return "" })
	for rgb, want := range map[uint32]string{0: "16", 0xFFFFFF: "231", 0xFF0000: "196", 0x00FF00: "46"} {
		if got := few.Background(rgb); got != "\x1b[48;5;"+want+"m" {
			t.Errorf("%06X: %q", rgb, got)
		}
	}
}
