package selector_test

import (
	"errors"
	"strings"
	"testing"

	"mwm/server/broker/selector"
)

func TestErrors(t *testing.T) {
	nested := strings.Repeat("(", selector.MaxDepth+1)
	for _, c := range []struct {
		selector string
		column   int
		message  string
	}{
		{"a = ", 5, "expected an identifier, a literal or (, found the end"},
		{"a =", 4, "expected an identifier, a literal or (, found the end"},
		{"é = = 5", 5, `expected an identifier, a literal or (, found "="`},
		{"a == 5", 4, `found "="`},
		{"a != 5", 3, `expected an operator, found "!="; "not equal" is written <>`},
		{"a < b < c", 7, `expected AND or OR between two comparisons, found "<"`},
		{"a = 1 b = 2", 7, "expected AND, OR or the end, found the identifier b"},
		{"a b", 3, "expected an operator (=, IN, AND, ...) or the end, found the identifier b"},
		{"content-type = 'x'", 1, "expected two strings or two numbers to compare; a name with a hyphen is written in double quotes"},
		{"'x' <> content-type", 1, "a name with a hyphen is written in double quotes"},
		{"content-type IN ('x')", 1, "a name with a hyphen is written in double quotes"},
		{"(a = 1", 7, "expected AND, OR or ), found the end"},
		{"(a 1)", 4, "expected an operator (=, IN, AND, ...) or ), found the number 1"},
		{"a = 1)", 6, `expected AND, OR or the end, found ")"`},
		{"5", 1, "expected a condition, found a number"},
		{"a + 5", 1, "expected a condition, found a number"},
		{"a = 1 AND 'x'", 11, "expected a condition, found a string"},
		{"'x' OR a", 1, "expected a condition, found a string"},
		{"NOT 5", 5, "expected a condition, found a number"},
		{"a = NULL", 5, "NULL is tested with IS NULL"},
		{"a = NOT b", 5, "found the reserved word NOT"},
		{"in = 5", 1, "expected an identifier, a literal or (, found the reserved word in"},
		{"a IS 5", 6, "expected NULL or NOT NULL after IS, found the number 5"},
		{"5 IS NULL", 1, "IS NULL needs an identifier before it"},
		{"a + 1 LIKE 'x'", 1, "LIKE needs an identifier before it"},
		{"'a' IN ('a')", 1, "IN needs an identifier before it"},
		{"a IN 'a'", 6, "expected ( after IN, found the string 'a'"},
		{"a IN ()", 7, `expected a string literal in single quotes in the list of IN, found ")"`},
		{"a IN (1)", 7, "expected a string literal in single quotes in the list of IN, found the number 1"},
		{"a IN ('a' 'b')", 11, "expected a comma or ) in the list of IN, found the string 'b'"},
		{"a IN ('a',", 11, "found the end"},
		{"a NOT = 5", 7, "expected BETWEEN, IN or LIKE after NOT"},
		{"a LIKE b", 8, "expected a pattern in single quotes after LIKE, found the identifier b"},
		{"a LIKE 'b' ESCAPE 'xy'", 19, "expected one character in single quotes after ESCAPE, found the string 'xy'"},
		{"a LIKE 'b' ESCAPE ''", 19, "expected one character"},
		{"a LIKE 'b' ESCAPE x", 19, "expected one character"},
		{"a LIKE 'b!c' ESCAPE '!'", 8, "after the escape character ! the pattern must have %, _ or !"},
		{"a LIKE 'b!' ESCAPE '!'", 8, "after the escape character !"},
		{"a BETWEEN 1 OR 2", 13, "expected AND between the bounds of BETWEEN"},
		{"a BETWEEN 'x' AND 'y'", 11, "BETWEEN needs numbers, found a string"},
		{"a BETWEEN 1 AND TRUE", 17, "BETWEEN needs numbers, found a condition"},
		{"TRUE BETWEEN 1 AND 2", 1, "BETWEEN needs numbers, found a condition"},
		{"a < 'x'", 5, "< needs numbers, found a string"},
		{"'x' >= a", 1, ">= needs numbers, found a string"},
		{"a > TRUE", 5, "> needs numbers, found a condition"},
		{"a + 'x' = 5", 5, "+ needs numbers, found a string"},
		{"'x' * a = 5", 1, "* needs numbers, found a string"},
		{"a * (b = 1) = 5", 5, "* needs numbers, found a condition"},
		{"a = -'x'", 6, "- needs numbers, found a string"},
		{"a = 'x", 5, "the string literal that begins here has no closing '"},
		{"a = 'x''", 5, "has no closing '"},
		{`"a = 5`, 1, `the identifier that begins here has no closing "`},
		{`"" = 5`, 1, "expected a name between the quotes"},
		{"a = 12x", 5, "expected a number, such as 57, 0x1F, 017, 7.5 or 7E3, found 12x"},
		{"a = 09", 5, "found 09"},
		{"a = 0o7", 5, "found 0o7"},
		{"a = 1__", 5, "found 1__"},
		{"a = 0x_1", 5, "found 0x_1"},
		{"a = 1_.5", 5, "found 1_.5"},
		{"a = 1.2.3", 5, "found 1.2.3"},
		{"a = 1e", 5, "found 1e"},
		{"a = 1ff", 5, "found 1ff"},
		{"a = 0x", 5, "found 0x"},
		{"a = 9223372036854775808", 5, "expected an integer of 64 bits, or with a decimal point a double, found 9223372036854775808"},
		{"a = -9223372036854775809", 6, "expected an integer of 64 bits"},
		{"a = 0xffffffffffffffff", 5, "expected an integer of 64 bits"},
		{"a = 1e309", 5, "expected an integer of 64 bits, or with a decimal point a double"},
		{"a % 2 = 0", 3, `the character '%' means nothing in a selector outside quotes`},
		{"a\u00a0= 0", 2, `the character '\u00a0' means nothing`},
		{"a = \x00", 5, `the character '\x00' means nothing`},
		{"a LI\u212aE 'x'", 3, "expected an operator"}, // the Kelvin sign is no K
		{"a = \xff", 5, "expected UTF-8, found the byte 0xff"},
		{"é = 'x\xffy'", 7, "expected UTF-8, found the byte 0xff"},
		{"convert_string_expressions:a =", 31, "found the end"},
		{nested, selector.MaxDepth + 1, "nested deeper than 128 levels"},
		{strings.Repeat("NOT ", selector.MaxDepth+1), 4*selector.MaxDepth + 1, "nested deeper than 128 levels"},
		{"a = " + strings.Repeat("-", selector.MaxDepth+1), 5 + selector.MaxDepth, "nested deeper than 128 levels"},
		{strings.Repeat("a", 65537), 1, "the selector has 65537 bytes; the longest may have 65536"},
		{"a = 'b' " + strings.Repeat("c", 60000), 9, "found the identifier " + strings.Repeat("c", 32) + "..."},
	} {
		s, err := selector.Parse(c.selector)
		var e *selector.Error
		if !errors.As(err, &e) {
			t.Errorf("%.80q: parsed as %q, error %v", c.selector, s, err)
			continue
		}
		if e.Column != c.column || !strings.Contains(e.Message, c.message) {
			t.Errorf("%.80q: %v\nwant column %d: %s", c.selector, e, c.column, c.message)
		}
	}
}

// TestBounds shows that what is just within the bounds is accepted.
func TestBounds(t *testing.T) {
	deep := selector.MaxDepth
	for _, s := range []string{
		strings.Repeat("(", deep) + "yes" + strings.Repeat(")", deep),
		strings.Repeat("NOT ", deep) + "yes",
		strings.Repeat("NOT (", deep/2) + "yes" + strings.Repeat(")", deep/2),
		"age = " + strings.Repeat("- ", deep) + "age",
		"age < 17" + strings.Repeat(" OR age = 17", 5000),
		"age <= 17" + strings.Repeat("+1-1", 16000),
		"country IN ('FR'" + strings.Repeat(",'x'", 16000) + ")",
		"age = 17" + strings.Repeat(" ", selector.MaxLength-8),
		"phone LIKE '" + strings.Repeat("%", selector.MaxLength-13) + "'",
	} {
		if sel := parse(t, s); !sel.Match(message) {
			t.Errorf("%.40q does not match", s)
		} else if len(sel.String()) > len(s)*2 {
			t.Errorf("%.40q has %d bytes", s, len(sel.String()))
		}
	}
}

func TestError(t *testing.T) {
	_, err := selector.Parse("price > 10 AND\ncountry IN (FR, 'DE')")
	want := "selector, column 28: expected a string literal in single quotes in the list of IN, found the identifier FR"
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	for s, want := range map[string]string{
		"price > 10 AND\ncountry IN (FR, 'DE')": "" +
			"price > 10 AND country IN (FR, 'DE')\n" +
			"                           ^",
		"été = ": "" +
			"été = \n" +
			"      ^",
		strings.Repeat("abcd = 1 OR ", 20) + "ef gh" + strings.Repeat(" = 'ijklmnop'", 20): "" +
			"OR abcd = 1 OR abcd = 1 OR abcd = 1 OR ef gh = 'ijklmnop' = 'ijklmnop' = 'ijkl\n"[6:] +
			"                                    ^",
	} {
		var e *selector.Error
		if _, err := selector.Parse(s); !errors.As(err, &e) {
			t.Errorf("%q: no error", s)
		} else if got := e.Snippet(); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", s, got, want)
		}
	}
}
