package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[2J" // alternate screen, no cursor, empty
	leave = "\x1b[0m\x1b[?25h\x1b[?1049l"

	beginUpdate = "\x1b[?2026h" // synchronised output, where the terminal knows it
	endUpdate   = "\x1b[?2026l"
)

// Of returns the terminal that w is, if it is one that can be drawn on.
func Of(w io.Writer) (*os.File, bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return nil, false
	}
	return f, prepare(f)
}

// Size returns the terminal's columns and rows.
func Size(f *os.File) (width, height int) {
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// Screen draws frames of lines on a terminal's alternate screen. Only lines that differ from the frame before are written. It is
// not safe for concurrent use.
type Screen struct {
	w             io.Writer
	shown         []string
	width, height int
	entered       bool
}

// NewScreen returns a screen on w, which is left as it is until the first Draw.
func NewScreen(w io.Writer) *Screen { return &Screen{w: w} }

// Refresh makes the next Draw write every line, in case something else has written on the terminal.
func (s *Screen) Refresh() { s.shown = nil }

// Draw shows the lines, each of which must fit the width, from the top; those beyond the height are left out.
func (s *Screen) Draw(width, height int, lines []string) error {
	var b strings.Builder
	if !s.entered {
		b.WriteString(enter)
		s.entered = true
	}
	b.WriteString(beginUpdate)
	if width != s.width || height != s.height {
		s.width, s.height, s.shown = width, height, nil
		b.WriteString("\x1b[0m\x1b[2J")
	}
	lines = lines[:min(len(lines), height)]
	for i := range max(len(lines), len(s.shown)) {
		line := ""
		if i < len(lines) {
			line = lines[i]
		}
		if i < len(s.shown) && s.shown[i] == line {
			continue
		}
		fmt.Fprintf(&b, "\x1b[%d;1H%s\x1b[0m\x1b[K", i+1, line)
	}
	s.shown = append(s.shown[:0], lines...)
	b.WriteString(endUpdate)
	_, err := io.WriteString(s.w, b.String())
	return err
}

// Close gives the terminal back as it was.
func (s *Screen) Close() error {
	if !s.entered {
		return nil
	}
	s.entered, s.shown = false, nil
	_, err := io.WriteString(s.w, leave)
	return err
}

// Palette knows how to write colours for a terminal. The zero value is for one of 256 colours.
type Palette struct{ TrueColor bool }

// PaletteOf returns what the environment says of the terminal.
func PaletteOf(getenv func(string) string) Palette {
	c := getenv("COLORTERM")
	return Palette{TrueColor: c == "truecolor" || c == "24bit"}
}

// Background returns the sequence that makes 0xRRGGBB the background. What follows it ends with [Plain].
func (p Palette) Background(rgb uint32) string {
	r, g, b := rgb>>16&0xFF, rgb>>8&0xFF, rgb&0xFF
	if p.TrueColor {
		return fmt.Sprintf("\x1b[48;2;%d;%d;%dm", r, g, b)
	}
	level := func(v uint32) uint32 { return (v*5 + 127) / 255 } // of the 6×6×6 cube
	return fmt.Sprintf("\x1b[48;5;%dm", 16+36*level(r)+6*level(g)+level(b))
}

// Styles of text.
const (
	Plain   = "\x1b[0m"
	Bold    = "\x1b[1m"
	Dim     = "\x1b[2m"
	Inverse = "\x1b[7m"
)
