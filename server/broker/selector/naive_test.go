package selector_test

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// This is a second implementation of selectors, to compare with. It has no parser:
// a maker makes up a selector and, with it, the function that evaluates it, which
// is written for plainness alone.

// A value is nil (NULL, unknown), a fromHeader, a string, an int64, a float64 or
// a bool.
type fromHeader string

// naive is a selector or a part of one.
type naive struct {
	text string
	prec int // of the outermost operator: 0 OR, 1 AND, 2 NOT, 3 comparison, 4 + -, 5 * /, 6 sign, 7 none
	eval func(headers) any
}

// maker makes selectors of what a fuzzer feeds it.
type maker struct{ data []byte }

// pick returns a number below n.
func (m *maker) pick(n int) int {
	if len(m.data) == 0 {
		return 0
	}
	b := m.data[0]
	m.data = m.data[1:]
	return int(b) % n
}

func oneOf[T any](m *maker, choice ...T) T { return choice[m.pick(len(choice))] }

// word writes a keyword somehow, with space around it.
func (m *maker) word(s string) string {
	if m.pick(4) == 1 {
		s = strings.ToLower(s)
	}
	return oneOf(m, " ", " ", "\n", " \t") + s + " "
}

// part is x within something of the given precedence.
func (m *maker) part(x naive, prec int) string {
	if x.prec <= prec || m.pick(8) == 1 {
		return "(" + x.text + ")"
	}
	return x.text
}

// negation is NOT, sometimes.
func (m *maker) negation() (string, bool) {
	if m.pick(2) == 1 {
		return m.word("NOT"), true
	}
	return " ", false
}

// condition makes something that is true, false or unknown.
func (m *maker) condition(depth int) naive {
	if depth == 0 {
		return m.simple(depth)
	}
	switch m.pick(8) {
	case 1, 2:
		return m.junction(depth-1, "AND", 1, func(a, b any) any { return and(a, b) })
	case 3, 4:
		return m.junction(depth-1, "OR", 0, func(a, b any) any { return not(and(not(a), not(b))) })
	case 5:
		x := m.condition(depth - 1)
		return naive{m.word("NOT") + m.part(x, 1), 2, func(h headers) any { return not(truth(x.eval(h))) }}
	}
	return m.simple(depth - 1)
}

func (m *maker) junction(depth int, word string, prec int, f func(a, b any) any) naive {
	a, b := m.condition(depth), m.condition(depth)
	// The left one needs no parentheses, being evaluated from left to right.
	text := m.part(a, prec-1) + m.word(word) + m.part(b, prec)
	return naive{text, prec, func(h headers) any { return f(truth(a.eval(h)), truth(b.eval(h))) }}
}

func (m *maker) simple(depth int) naive {
	switch m.pick(8) {
	case 0, 1:
		op := oneOf(m, "=", "<>")
		return m.comparison(m.any(depth), m.any(depth), op)
	case 2, 3:
		return m.comparison(m.number(depth), m.number(depth), oneOf(m, "=", "<>", "<", "<=", ">", ">="))
	case 4:
		return m.between(depth)
	case 5:
		return m.in()
	case 6:
		return m.like()
	}
	x := m.identifier()
	not, negated := m.negation()
	switch m.pick(3) {
	case 1:
		return naive{x.text + m.word("IS") + not + "NULL", 3, func(h headers) any { return (x.eval(h) == nil) != negated }}
	case 2:
		return m.constant()
	}
	return x
}

func (m *maker) constant() naive {
	b := m.pick(2) == 1
	return naive{oneOf(m, strconv.FormatBool(b), strings.ToUpper(strconv.FormatBool(b))), 7, func(headers) any { return b }}
}

func (m *maker) comparison(a, b naive, op string) naive {
	text := m.part(a, 3) + op + m.part(b, 3)
	return naive{text, 3, func(h headers) any { return compare(op, a.eval(h), b.eval(h)) }}
}

func (m *maker) between(depth int) naive {
	x, low, high := m.number(depth), m.number(depth), m.number(depth)
	word, negated := m.negation()
	text := m.part(x, 3) + word + "BETWEEN " + m.part(low, 3) + m.word("AND") + m.part(high, 3)
	return naive{text, 3, func(h headers) any {
		x, low, high := x.eval(h), low.eval(h), high.eval(h)
		if negated {
			return not(and(not(compare("<", x, low)), not(compare(">", x, high))))
		}
		return and(compare(">=", x, low), compare("<=", x, high))
	}}
}

func (m *maker) in() naive {
	x := m.identifier()
	word, negated := m.negation()
	var quoted []string
	list := map[string]bool{}
	for range 1 + m.pick(4) {
		s := m.text()
		list[s] = true
		quoted = append(quoted, quote(s))
	}
	return naive{x.text + word + "IN (" + strings.Join(quoted, " ,") + ")", 3, func(h headers) any {
		s, ok := x.eval(h).(fromHeader)
		if !ok {
			return nil
		}
		return list[string(s)] != negated
	}}
}

// like makes a LIKE and a regular expression for it.
func (m *maker) like() naive {
	x := m.identifier()
	word, negated := m.negation()
	escape := oneOf(m, "", "", "!", "é")
	pattern, re := "", "(?s)^"
	for range m.pick(12) {
		switch r := oneOf(m, "%", "_", "a", "b", "c", "😀", "!", "'"); {
		case r == escape:
			r = oneOf(m, "%", "_", escape)
			pattern += escape + r
			re += regexp.QuoteMeta(r)
		case r == "%":
			pattern, re = pattern+r, re+".*"
		case r == "_":
			pattern, re = pattern+r, re+"."
		default:
			pattern, re = pattern+r, re+regexp.QuoteMeta(r)
		}
	}
	text := x.text + word + "LIKE " + quote(pattern)
	if escape != "" {
		text += m.word("ESCAPE") + quote(escape)
	}
	expression := regexp.MustCompile(re + "$")
	return naive{text, 3, func(h headers) any {
		s, ok := x.eval(h).(fromHeader)
		if !ok {
			return nil
		}
		return expression.MatchString(string(s)) != negated
	}}
}

// any makes an operand of any type. It avoids strings beside arithmetic, which
// Parse refuses.
func (m *maker) any(depth int) naive {
	switch m.pick(5) {
	case 1:
		s := m.text()
		return naive{quote(s), 7, func(headers) any { return s }}
	case 2:
		return m.constant()
	case 3:
		if depth > 0 {
			c := m.condition(depth - 1)
			return naive{"(" + c.text + ")", 7, c.eval}
		}
	}
	return m.atom()
}

// number makes an operand that can be a number.
func (m *maker) number(depth int) naive {
	if depth == 0 {
		return m.atom()
	}
	switch m.pick(6) {
	case 1:
		return m.arithmetic(depth-1, oneOf(m, "+", "-"), 4)
	case 2:
		return m.arithmetic(depth-1, oneOf(m, "*", "/"), 5)
	case 3:
		x, sign, factor := m.number(depth-1), "+", int64(1)
		if m.pick(2) == 1 {
			sign, factor = "-", -1
		}
		return naive{sign + m.part(x, 5), 6, func(h headers) any { return calculate("*", factor, x.eval(h)) }}
	}
	return m.atom()
}

func (m *maker) arithmetic(depth int, op string, prec int) naive {
	a, b := m.number(depth), m.number(depth)
	text := m.part(a, prec-1) + op + m.part(b, prec)
	return naive{text, prec, func(h headers) any { return calculate(op, a.eval(h), b.eval(h)) }}
}

// atom makes an identifier or a number.
func (m *maker) atom() naive {
	if m.pick(3) > 0 {
		return m.identifier()
	}
	text, v := m.literal()
	return naive{text, 7, func(headers) any { return v }}
}

func (m *maker) literal() (string, any) {
	switch m.pick(8) {
	case 1:
		n := (int64(m.pick(256))<<56 | int64(m.pick(256))) & math.MaxInt64
		return oneOf(m, fmt.Sprint(n), fmt.Sprintf("%#xL", n), fmt.Sprintf("%#o", n)), n
	case 2:
		f := math.Float64frombits(uint64(m.pick(0x7f))<<56 | uint64(m.pick(256))<<48)
		return strconv.FormatFloat(f, 'E', -1, 64), f
	case 3:
		return "9223372036854775807", int64(math.MaxInt64)
	case 4:
		return "1.5", 1.5
	case 5:
		return "3d", 3.0
	case 6:
		return "1e308", 1e308
	case 7:
		return "2", int64(2)
	}
	return "0", int64(0)
}

func (m *maker) identifier() naive {
	name := oneOf(m, "a", "b", "c", "missing", "a-b")
	text := name
	if name == "a-b" || m.pick(8) == 1 {
		text = `"` + name + `"`
	}
	return naive{text, 7, func(h headers) any {
		if v, ok := h[name]; ok {
			return fromHeader(v)
		}
		return nil
	}}
}

func (m *maker) text() string {
	return oneOf(m, "", "a", "abc", "it's", "17", "1.0", "true", "😀", "x")
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// truth is an operand as a condition.
func truth(v any) any {
	if s, ok := v.(fromHeader); ok {
		return compare("=", s, true)
	}
	return v
}

func and(a, b any) any {
	switch {
	case a == false || b == false:
		return false
	case a == nil || b == nil:
		return nil
	}
	return true
}

func not(a any) any {
	if b, ok := a.(bool); ok {
		return !b
	}
	return nil
}

var (
	integer = regexp.MustCompile(`^[+-]?[0-9]+$`)
	decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

// toNumber reads a header as a number, nil if it is none.
func toNumber(v any) any {
	h, ok := v.(fromHeader)
	s := string(h)
	switch {
	case !ok:
		return v
	case len(s) > 32 || !decimal.MatchString(s):
		return nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && integer.MatchString(s) {
		return n
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f
	}
	return nil
}

// compare compares two operands.
func compare(op string, a, b any) any {
	if a == nil || b == nil {
		return nil
	}
	x, isHeader := a.(fromHeader)
	y, areHeaders := b.(fromHeader)
	switch {
	case isHeader && areHeaders:
		if n, m := toNumber(x), toNumber(y); n != nil && m != nil {
			return compare(op, n, m)
		}
		return compare(op, string(x), string(y))
	case areHeaders:
		mirrored := map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>"}
		return compare(mirrored[op], b, a)
	case isHeader:
		switch b.(type) {
		case string:
			return compare(op, string(x), b)
		case bool:
			if s := strings.ToLower(string(x)); s == "true" || s == "false" {
				return compare(op, s == "true", b)
			}
			return false
		}
		n := toNumber(x)
		return n != nil && compare(op, n, b) == true
	}
	n, isInt := a.(int64)
	m, areInts := b.(int64)
	f, isNumber := toFloat(a)
	g, areNumbers := toFloat(b)
	switch {
	case isInt && areInts:
		f, g = float64(big.NewInt(n).Cmp(big.NewInt(m))), 0
		fallthrough
	case isNumber && areNumbers:
		return map[string]bool{"=": f == g, "<>": f != g, "<": f < g, "<=": f <= g, ">": f > g, ">=": f >= g}[op]
	case fmt.Sprintf("%T", a) != fmt.Sprintf("%T", b):
		return false
	}
	return op == "=" && a == b || op == "<>" && a != b
}

func toFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// calculate applies an operator to two operands.
func calculate(op string, a, b any) any {
	a, b = toNumber(a), toNumber(b)
	n, isInt := a.(int64)
	m, areInts := b.(int64)
	if isInt && areInts {
		x, y := big.NewInt(n), big.NewInt(m)
		switch {
		case op == "+":
			x.Add(x, y)
		case op == "-":
			x.Sub(x, y)
		case op == "*":
			x.Mul(x, y)
		case m == 0:
			return nil
		default:
			x.Quo(x, y)
		}
		if x.IsInt64() {
			return x.Int64()
		}
	}
	f, ok1 := toFloat(a)
	g, ok2 := toFloat(b)
	if !ok1 || !ok2 {
		return nil
	}
	f = map[string]float64{"+": f + g, "-": f - g, "*": f * g, "/": f / g}[op]
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	return f
}
