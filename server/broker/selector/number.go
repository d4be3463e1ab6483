package selector

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isNumberStart reports whether s begins with a number literal.
func isNumberStart(s string) bool {
	return isDigit(s[0]) || s[0] == '.' && len(s) > 1 && isDigit(s[1])
}

// numberLength is the length of the number literal at the start of s. It takes in
// letters whatever they are: a number must be followed by a separator (SQL-92
// §5.2), so that "12x" is a bad number and not a number and an identifier.
func numberLength(s string) int {
	exponent := "eE"
	if len(s) > 1 && s[1]|0x20 == 'x' {
		exponent = "pP"
	}
	for i := range len(s) {
		c := s[i]
		sign := (c == '+' || c == '-') && i > 0 && strings.IndexByte(exponent, s[i-1]) >= 0
		if !sign && !isDigit(c) && c != '.' && c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
			return i
		}
	}
	return len(s)
}

var (
	errSyntax = errors.New("expected a number, such as 57, 0x1F, 017, 7.5 or 7E3")
	errRange  = errors.New("expected an integer of 64 bits, or with a decimal point a double")
)

// parseLiteral reads a number literal of Java (JLS §3.10.1, §3.10.2) with the sign
// that stands before it. Java lets 9223372036854775808 stand only after a minus,
// which is why the sign belongs to it.
func parseLiteral(sign, s string) (value, error) {
	s, ok := stripUnderscores(strings.ToLower(s))
	if !ok || strings.HasPrefix(s, "0o") { // Go's octal
		return value{}, errSyntax
	}
	n, err := strconv.ParseInt(sign+strings.TrimSuffix(s, "l"), 0, 64)
	if err == nil {
		return value{kind: exact, n: n}, nil
	}
	if errors.Is(err, strconv.ErrRange) {
		return value{}, errRange
	}
	if !strings.ContainsAny(s, ".epdf") { // 09 is a bad octal, 09.0 is nine
		return value{}, errSyntax
	}
	if t := strings.TrimRight(s, "df"); len(s)-len(t) <= 1 {
		s = t
	}
	f, err := strconv.ParseFloat(sign+s, 64)
	switch {
	case err == nil:
		return value{kind: approximate, f: f}, nil
	case errors.Is(err, strconv.ErrRange):
		return value{}, errRange
	}
	return value{}, errSyntax
}

// stripUnderscores removes the underscores of a literal, false if one is not
// between two digits.
func stripUnderscores(s string) (string, bool) {
	digits := "0123456789_"
	if strings.HasPrefix(s, "0x") {
		digits += "abcdef"
	}
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i == len(s)-1 ||
			strings.IndexByte(digits, s[i-1]) < 0 || strings.IndexByte(digits, s[i+1]) < 0) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

// maxNumber is the length of the longest header value that is read as a number:
// more than any double needs, and as much as the compiler converts to a string
// without allocating.
const maxNumber = 32

// readNumber reads a header value as a decimal number.
func readNumber(b []byte) (value, bool) {
	if len(b) == 0 || len(b) > maxNumber {
		return value{}, false
	}
	if n, ok := readInteger(b); ok {
		return value{kind: exact, n: n}, true
	}
	if !isFiniteDecimal(b) {
		return value{}, false
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return value{}, false
	}
	return value{kind: approximate, f: f}, true
}

// readInteger reads digits after an optional sign, false if they are none or do
// not fit in 64 bits.
func readInteger(b []byte) (n int64, ok bool) {
	digits := trimSign(b)
	if len(digits) == 0 {
		return 0, false
	}
	// Counted down, for there is one negative number more.
	for _, c := range digits {
		d := int64(c - '0')
		if !isDigit(c) || n < math.MinInt64/10 || n*10 < math.MinInt64+d {
			return 0, false
		}
		n = n*10 - d
	}
	if b[0] == '-' {
		return n, true
	}
	return -n, n != math.MinInt64
}

func trimSign(b []byte) []byte {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		return b[1:]
	}
	return b
}

// maxDigits are the first digits, maxNumber of them, of 1.797...e308 = 2^1024 -
// 2^970, from which on a number is rounded to infinity.
const maxDigits = "17976931348623158079372897140530"

// isFiniteDecimal reports whether b is a decimal number with a point or an
// exponent or both, and not greater than a double can be: strconv.ParseFloat would
// allocate an error.
func isFiniteDecimal(b []byte) bool {
	mantissa, exponent := trimSign(b), 0
	if i := bytes.IndexAny(mantissa, "eE"); i >= 0 {
		var ok bool
		if exponent, ok = readExponent(mantissa[i+1:]); !ok {
			return false
		}
		mantissa = mantissa[:i]
	}
	// The digits, and where the point stands among them.
	var buf [maxNumber]byte
	digits, point := buf[:0], len(mantissa)
	for i, c := range mantissa {
		switch {
		case isDigit(c):
			digits = append(digits, c)
		case c == '.' && point == len(mantissa):
			point = i
		default:
			return false
		}
	}
	significant := bytes.TrimLeft(digits, "0")
	magnitude := point - (len(digits) - len(significant)) + exponent
	switch {
	case len(digits) == 0:
		return false
	case len(significant) == 0 || magnitude < 309:
		return true
	}
	return magnitude == 309 && string(significant) <= maxDigits
}

// readExponent reads an exponent; what is beyond any double, as a thousand.
func readExponent(b []byte) (n int, ok bool) {
	digits := trimSign(b)
	for _, c := range digits {
		if !isDigit(c) {
			return 0, false
		}
		n = min(10*n+int(c-'0'), 1000)
	}
	if bytes.HasPrefix(b, []byte{'-'}) {
		n = -n
	}
	return n, len(digits) > 0
}
