package selector

import (
	"bytes"
	"math"
)

// truth is a value of the three-valued logic, in an order in which AND is the
// least, OR the greatest and NOT a reflection.
type truth uint8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth { return yes - t }

// kind is the type of a value, or of what an operand can be.
type kind uint8

const (
	null        kind = iota
	header           // a property: its type is what it meets
	text             // a string literal
	exact            // an integer
	approximate      // a double, never infinite or NaN
	boolean
)

// String names the kind for a message.
func (k kind) String() string {
	switch k {
	case text:
		return "a string"
	case exact, approximate:
		return "a number"
	case boolean:
		return "a condition"
	}
	return "a property"
}

// value is what an operand is for one message. The field that its kind names is
// set.
type value struct {
	kind kind
	b    bool    // boolean
	n    int64   // exact
	f    float64 // approximate
	s    []byte  // header, text
}

func (v value) isNumber() bool { return v.kind == exact || v.kind == approximate }

// double is a number as a double.
func (v value) double() float64 {
	if v.kind == exact {
		return float64(v.n)
	}
	return v.f
}

// finite is f, or NULL if it overflowed or is not a number.
func finite(f float64) value {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return value{}
	}
	return value{kind: approximate, f: f}
}

// number is v in arithmetic: NULL if it is no number.
func (v value) number() value {
	if v.kind == header {
		v, _ = readNumber(v.s)
	}
	return v
}

// meeting is v, if it is a property, as the number or boolean that the other
// operand asks for; unchanged if it does not read as one.
func (v value) meeting(other kind) value {
	if v.kind != header {
		return v
	}
	switch other {
	case exact, approximate, header:
		if n, ok := readNumber(v.s); ok {
			return n
		}
	case boolean:
		if b, ok := readBoolean(v.s); ok {
			return value{kind: boolean, b: b}
		}
	}
	return v
}

// readBoolean reads "true" or "false" in any case.
func readBoolean(s []byte) (b, ok bool) {
	if isWord(s, "true") {
		return true, true
	}
	return false, isWord(s, "false")
}

// isWord reports whether s is a word of lower-case letters, written in any case.
// Unlike bytes.EqualFold it folds nothing outside ASCII.
func isWord(s []byte, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i, c := range s {
		if c|0x20 != word[i] {
			return false
		}
	}
	return true
}

// compare applies a comparison operator. (JMS §3.8.1.1, "Comparison operators")
func compare(op tokenKind, l, r value) truth {
	switch {
	case l.kind == null || r.kind == null:
		return unknown
	case l.kind == text && (r.kind == text || r.kind == header), l.kind == header && r.kind == text:
		return same(op, bytes.Equal(l.s, r.s))
	}
	a, b := l.meeting(r.kind), r.meeting(l.kind)
	switch {
	case a.isNumber() && b.isNumber():
		return truthOf(holds(op, compareNumbers(a, b)))
	case l.kind == header && r.kind == header: // and not two numbers
		return same(op, bytes.Equal(l.s, r.s))
	case a.kind == boolean && b.kind == boolean:
		return same(op, a.b == b.b)
	}
	return no
}

// same is "=" or "<>" of values that have no order; the other operators are false.
func same(op tokenKind, equal bool) truth {
	return truthOf(op == tokenEqual && equal || op == tokenNotEqual && !equal)
}

// compareNumbers returns -1, 0 or 1. An integer meets a double as a double, by
// Java's numeric promotion.
func compareNumbers(a, b value) int {
	if a.kind == exact && b.kind == exact {
		return order(a.n, b.n)
	}
	return order(a.double(), b.double())
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// holds reports whether the operator holds for an order.
func holds(op tokenKind, order int) bool {
	switch op {
	case tokenEqual:
		return order == 0
	case tokenNotEqual:
		return order != 0
	case tokenLess:
		return order < 0
	case tokenLessEqual:
		return order <= 0
	case tokenGreater:
		return order > 0
	}
	return order >= 0
}

// calculate applies an arithmetic operator to two numbers.
func calculate(op tokenKind, a, b value) value {
	if a.kind == exact && b.kind == exact {
		if op == tokenOver && b.n == 0 {
			return value{}
		}
		if n, ok := integers(op, a.n, b.n); ok {
			return value{kind: exact, n: n}
		}
	}
	x, y := a.double(), b.double()
	switch op {
	case tokenPlus:
		return finite(x + y)
	case tokenMinus:
		return finite(x - y)
	case tokenTimes:
		return finite(x * y)
	}
	return finite(x / y)
}

// negate is a number with the other sign.
func (v value) negate() value {
	switch {
	case v.kind == exact && v.n != math.MinInt64:
		v.n = -v.n
		return v
	case v.kind == null:
		return v
	}
	return value{kind: approximate, f: -v.double()}
}

// integers calculates in 64 bits, false if the result has more.
func integers(op tokenKind, a, b int64) (n int64, ok bool) {
	switch op {
	case tokenPlus:
		n = a + b
		return n, (n > a) == (b > 0)
	case tokenMinus:
		n = a - b
		return n, (n < a) == (b > 0)
	case tokenTimes:
		if a == 0 || b == 0 {
			return 0, true
		}
		n = a * b
		return n, (n < 0) == ((a < 0) != (b < 0)) && n/b == a
	}
	return a / b, a != math.MinInt64 || b != -1
}
