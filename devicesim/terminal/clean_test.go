package terminal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Where are you heading to?", "Where are you heading to?"},
		{"other scripts", "어디로 가세요? Où ça? ½ €", "어디로 가세요? Où ça? ½ €"},
		{"emoji", "🚚 ok", "🚚 ok"},
		{"colour", "\x1b[31mred", "\uFFFD[31mred"},
		{"title of the window", "\x1b]0;owned\x07", "\uFFFD]0;owned\uFFFD"},
		{"C1 control", "\u009b31m", "\uFFFD31m"},
		{"line ends and tabs", "a\r\nb\tc", "a  b c"},
		{"line separator", "a\u2028b", "a b"},
		{"no-break space", "a\u00A0b", "a b"},
		{"delete and null", "a\x7f\x00", "a\uFFFD\uFFFD"},
		{"right to left override", "abc\u202Etxt.exe", "abctxt.exe"},
		{"zero width", "a\u200Bb\u2060c", "abc"},
		{"tag characters", "a\U000E0041", "a"},
		{"invalid UTF-8", "a\xFFb", "a\uFFFDb"},
		{"private use", "\uE000", "\uFFFD"},
		{"accent", "e\u0301", "e\u0301"},
		{"a tower of marks", "e" + strings.Repeat("\u0301", 20), "e\u0301\u0301"},
		{"a tower with joints", "e" + strings.Repeat("\u0301\u200D", 20), "e\u0301\u0301"},
	}
	for _, tt := range tests {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("%s: %q, not %q", tt.name, got, tt.want)
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		in    string
		width int
		want  string
	}{
		{"abc", 5, "abc  "}, {"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"abc", 1, "…"}, {"abc", 0, ""}, {"", 2, "  "},
		{"가나다", 6, "가나다"}, {"가나다", 5, "가나…"}, {"가나다", 4, "가… "}, {"e\u0301e", 2, "e\u0301e"},
	}
	for _, tt := range tests {
		if got := Fit(tt.in, tt.width); got != tt.want {
			t.Errorf("%q in %d columns: %q, not %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[2J\u009b31m\u202E\xFF가🚚e\u0301", 5)
	f.Fuzz(func(t *testing.T, s string, width int) {
		c := Clean(s)
		if !utf8.ValidString(c) {
			t.Fatalf("%q is not UTF-8", c)
		}
		for _, r := range c {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%q holds %U", c, r)
			}
		}
		if Clean(c) != c {
			t.Fatalf("%q is not clean for good", c)
		}
		width = min(max(width, 0), 200)
		if w := Width(Fit(c, width)); w != width {
			t.Fatalf("%q takes %d columns, not %d", Fit(c, width), w, width)
		}
	})
}
