package selector_test

import (
	"fmt"
	"strings"
	"testing"
)

// scan is properties as a broker has them: looked up one by one, without allocating.
type scan struct {
	names  []string
	values [][]byte
}

func (s *scan) Property(name string) ([]byte, bool) {
	for i := range s.names {
		if s.names[i] == name {
			return s.values[i], true
		}
	}
	return nil, false
}

// newScan has the headers of a message in the order in which they are sent.
func newScan(nameValues ...string) *scan {
	s := &scan{}
	for i := 0; i < len(nameValues); i += 2 {
		s.names = append(s.names, nameValues[i])
		s.values = append(s.values, []byte(nameValues[i+1]))
	}
	return s
}

// TestMatchAllocatesNothing asks every selector of the rules, and of every kind of
// value whether it is a number.
func TestMatchAllocatesNothing(t *testing.T) {
	s := newScan()
	for name, value := range message {
		s.names, s.values = append(s.names, name), append(s.values, []byte(value))
	}
	for _, g := range rules {
		for text := range g.cases {
			sel := parse(t, text)
			if n := testing.AllocsPerRun(10, func() { sel.Match(s) }); n != 0 {
				t.Errorf("%q: %v allocations", text, n)
			}
		}
	}
	number := parse(t, "n > 1")
	for _, v := range []string{
		"1e308", "1e309", "17976931348623157e292", "17976931348623158e292", "-2e308", "1e9223372036854775807", "1e-9223372036854775808", "0.0000000000000000000000001e340",
		"3.141592653589793238462643383279", "abc", "1.7976931348623157e308x", strings.Repeat("9", 32), strings.Repeat("9", 33), strings.Repeat("9", 8000),
	} {
		p := newScan("n", v)
		if n := testing.AllocsPerRun(10, func() { number.Match(p) }); n != 0 {
			t.Errorf("n:%.40s: %v allocations", v, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	p := newScan("destination", "/queue/orders", "content-type", "application/json", "persistent", "true", "country", "DE",
		"price", "12.50", "quantity", "3", "region", "eu-central-1", "JMSPriority", "4")
	for _, s := range []string{
		"country IN ('FR', 'DE', 'IT')",
		"country = 'DE'",
		"quantity > 2",
		"price * quantity BETWEEN 10 AND 100.5",
		"region LIKE 'eu-%'",
		"region LIKE '%central%1'",
		"region LIKE '%c_ntral__'",
		"country IN ('FR', 'DE', 'IT') AND price > 10 AND region LIKE 'eu-%' AND NOT (quantity = 1 OR missing IS NOT NULL)",
	} {
		b.Run(s, func(b *testing.B) {
			sel := parse(b, s)
			b.ReportAllocs()
			for b.Loop() {
				if !sel.Match(p) {
					b.Fatal("does not match")
				}
			}
		})
	}
}

// BenchmarkLikeHostile has the pattern and the value that cost the most within
// the default limit of a header, 8 KiB.
func BenchmarkLikeHostile(b *testing.B) {
	for name, pattern := range map[string]string{
		"text": "%" + strings.Repeat("a", 4000) + "b%",
		"any":  "%" + strings.Repeat("a_", 2000) + "b%",
		"many": strings.Repeat("%a", 4000) + "b",
	} {
		b.Run(name, func(b *testing.B) {
			sel := parse(b, fmt.Sprintf("v LIKE '%s'", pattern))
			p := newScan("v", strings.Repeat("a", 8000))
			for b.Loop() {
				if sel.Match(p) {
					b.Fatal("matches")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	const s = "country IN ('FR', 'DE', 'IT') AND price > 10 AND region LIKE 'eu-%' AND NOT (quantity = 1 OR missing IS NOT NULL)"
	b.ReportAllocs()
	for b.Loop() {
		parse(b, s)
	}
}
