package selector_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"mwm/server/broker/selector"
)

// FuzzParse: whatever it is given, Parse returns an error that points into it, or
// a selector that does not change when its canonical form is parsed.
func FuzzParse(f *testing.F) {
	for _, g := range rules {
		for s := range g.cases {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		sel, err := selector.Parse(s)
		if err != nil {
			checkError(t, s, err)
			return
		}
		matched := sel.Match(message)
		canonical := sel.String()
		if len(canonical) > selector.MaxLength {
			return
		}
		again, err := selector.Parse(canonical)
		if err != nil {
			t.Fatalf("%q is %q, which cannot be parsed: %v", s, canonical, err)
		}
		if got := again.String(); got != canonical {
			t.Errorf("%q is %q and then %q", s, canonical, got)
		}
		if again.Match(message) != matched {
			t.Errorf("%q matches: %v, but not %q", s, matched, canonical)
		}
	})
}

func checkError(t *testing.T, s string, err error) {
	t.Helper()
	var e *selector.Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: error %T", s, err)
	}
	if e.Column < 1 || e.Column > utf8.RuneCountInString(s)+1 || e.Message == "" || len(e.Message) > 400 {
		t.Errorf("%q: column %d: %s", s, e.Column, e.Message)
	}
	line, caret, _ := strings.Cut(e.Snippet(), "\n")
	if strings.ContainsAny(caret, "\n\r") || utf8.RuneCountInString(caret) > utf8.RuneCountInString(line)+1 {
		t.Errorf("%q: snippet %q", s, e.Snippet())
	}
}

// FuzzMatch compares with the naive implementation.
func FuzzMatch(f *testing.F) {
	f.Add([]byte("\x03\x01\x02"), "1", "2", "3")
	for _, v := range []string{"17", "-9223372036854775808", "9223372036854775807", "1e308", "1.7976931348623158e308", "true", "False", "abc", "a😀\xff", ""} {
		f.Add([]byte(v+"\x02\x03\x05\x01\x00\x07\x04\x06"), v, "17", "a")
	}
	f.Fuzz(func(t *testing.T, data []byte, a, b, c string) {
		checkAgainstNaive(t, data, headers{"a": a, "b": b, "c": c, "a-b": a + b})
	})
}

// TestMatchRandom is FuzzMatch for every test run.
func TestMatchRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := []string{
		"", "a", "abc", "aab", "it's", "a😀c", "!b", "true", "FALSE", "0", "2", "17", "-3", "1.0", "1.5", "3", "1e308", "-1e308", "2e308", "5e-324", "7.", ".5", "+2", " 2",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "17976931348623157e292", "17976931348623158e292", "1e9999999999999999999", "0e9999999999999999999",
		"1e-9999999999999999999", "00000000000000000000000000000002", "000000000000000000000000000000002", "0x2", "1_0", "Inf", "NaN", "1e", "e1", ".", "-", "--1", "1.5.5",
	}
	results := map[bool]int{}
	for range 20000 {
		data := make([]byte, 60)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		value := func() string { return values[r.IntN(len(values))] }
		results[checkAgainstNaive(t, data, headers{"a": value(), "b": value(), "c": value(), "a-b": value()})]++
	}
	if results[true] < 4000 || results[false] < 4000 {
		t.Errorf("the selectors are no good for a test: true and false are %v", results)
	}
}

func checkAgainstNaive(t *testing.T, data []byte, h headers) bool {
	t.Helper()
	m := maker{data}
	n := m.condition(4)
	if len(n.text) > selector.MaxLength {
		return false
	}
	want := truth(n.eval(h)) == true
	if got := parse(t, n.text).Match(h); got != want {
		t.Errorf("%q of %q matches: %v, want %v", n.text, h, got, want)
	}
	if negation := "NOT (" + n.text + ")"; parse(t, negation).Match(h) != (truth(n.eval(h)) == false) {
		t.Errorf("%q of %q is wrong", negation, h)
	}
	return want
}
