package selector

import (
	"bytes"
	"strconv"
	"strings"
)

// level is how tight an expression holds together. What is no tighter than what
// it is part of stands in parentheses.
type level uint8

const (
	levelOr level = iota
	levelAnd
	levelNot
	levelComparison
	levelSum
	levelProduct
	levelSign
	levelPrimary
)

// expression is a node of the tree: a condition or an operand, an identifier both.
type expression interface {
	level() level
	// appendTo appends the canonical form.
	appendTo(dst []byte) []byte
}

// condition is an expression that is true, false or unknown.
type condition interface {
	expression
	test(p Properties) truth
}

// operand is an expression with a value.
type operand interface {
	expression
	value(p Properties) value
	// kind is what the value is: header for a property, exact for any number.
	// Whatever it is, the value may be NULL.
	kind() kind
}

// The operands.
type (
	// identifier is a property.
	identifier struct{ name string }
	// literal is a string or a number.
	literal struct{ v value }
	// sign is + or - before an operand.
	sign struct {
		op tokenKind
		x  operand
	}
	// arithmetic is a sum or a product: first, and from left to right the terms.
	arithmetic struct {
		tight level
		first operand
		terms []term
	}
	term struct {
		op tokenKind
		x  operand
	}
	// truthValue is a condition as an operand.
	truthValue struct{ condition }
)

// The conditions.
type (
	// constant is TRUE or FALSE.
	constant bool
	// junction is AND or OR.
	junction struct {
		tight      level
		conditions []condition
	}
	// not is NOT.
	not struct{ x condition }
	// comparison is one of = <> < <= > >=.
	comparison struct {
		op          tokenKind
		left, right operand
	}
	between struct {
		x, low, high operand
		negated      bool
	}
	in struct {
		id      identifier
		list    []string // as written
		set     map[string]struct{}
		negated bool
	}
	like struct {
		id              identifier
		pattern         pattern
		written, escape string
		negated         bool
	}
	isNull struct {
		id      identifier
		negated bool
	}
)

func (identifier) level() level    { return levelPrimary }
func (*literal) level() level      { return levelPrimary }
func (*sign) level() level         { return levelSign }
func (a *arithmetic) level() level { return a.tight }
func (constant) level() level      { return levelPrimary }
func (j *junction) level() level   { return j.tight }
func (*not) level() level          { return levelNot }
func (*comparison) level() level   { return levelComparison }
func (*between) level() level      { return levelComparison }
func (*in) level() level           { return levelComparison }
func (*like) level() level         { return levelComparison }
func (*isNull) level() level       { return levelComparison }

func (identifier) kind() kind  { return header }
func (l *literal) kind() kind  { return l.v.kind }
func (*sign) kind() kind       { return exact }
func (*arithmetic) kind() kind { return exact }
func (truthValue) kind() kind  { return boolean }

// appendPart appends an expression that is part of one of the given level.
func appendPart(dst []byte, x expression, of level) []byte {
	if x.level() > of {
		return x.appendTo(dst)
	}
	return append(x.appendTo(append(dst, '(')), ')')
}

// spelling is how operators are written.
var spelling = func() (t [tokenGreaterEqual + 1]string) {
	for _, s := range symbols {
		t[s.kind] = s.text
	}
	return t
}()

func (i identifier) appendTo(dst []byte) []byte {
	if n := identifierLength(i.name); n == len(i.name) && keywords[upper(i.name)] == 0 {
		return append(dst, i.name...)
	}
	return appendQuoted(dst, `"`, i.name)
}

func appendQuoted(dst []byte, quote, s string) []byte {
	dst = append(dst, quote...)
	dst = append(dst, strings.ReplaceAll(s, quote, quote+quote)...)
	return append(dst, quote...)
}

func (l *literal) appendTo(dst []byte) []byte {
	switch l.v.kind {
	case text:
		return appendQuoted(dst, "'", string(l.v.s))
	case exact:
		return strconv.AppendInt(dst, l.v.n, 10)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, l.v.f, 'g', -1, 64)
	if !bytes.ContainsAny(dst[from:], ".e") {
		dst = append(dst, ".0"...)
	}
	return dst
}

func (s *sign) appendTo(dst []byte) []byte {
	dst = append(dst, spelling[s.op]...)
	if s.x.level() == levelSign {
		// Apart, for ActiveMQ takes "--" for the start of a comment.
		return s.x.appendTo(append(dst, ' '))
	}
	return appendPart(dst, s.x, levelSign)
}

func (a *arithmetic) appendTo(dst []byte) []byte {
	dst = appendPart(dst, a.first, a.tight)
	for _, t := range a.terms {
		dst = append(dst, ' ')
		dst = append(dst, spelling[t.op]...)
		dst = appendPart(append(dst, ' '), t.x, a.tight)
	}
	return dst
}

func (c constant) appendTo(dst []byte) []byte {
	if c {
		return append(dst, "TRUE"...)
	}
	return append(dst, "FALSE"...)
}

func (j *junction) appendTo(dst []byte) []byte {
	word := " AND "
	if j.tight == levelOr {
		word = " OR "
	}
	for i, c := range j.conditions {
		if i > 0 {
			dst = append(dst, word...)
		}
		dst = appendPart(dst, c, j.tight)
	}
	return dst
}

func (n *not) appendTo(dst []byte) []byte {
	dst = append(dst, "NOT "...)
	if n.x.level() == levelNot {
		return n.x.appendTo(dst)
	}
	return appendPart(dst, n.x, levelNot)
}

func (c *comparison) appendTo(dst []byte) []byte {
	dst = appendPart(dst, c.left, levelComparison)
	dst = append(dst, ' ')
	dst = append(dst, spelling[c.op]...)
	return appendPart(append(dst, ' '), c.right, levelComparison)
}

// appendWord appends " word ", after NOT if negated.
func appendWord(dst []byte, negated bool, word string) []byte {
	if negated {
		dst = append(dst, " NOT"...)
	}
	dst = append(dst, ' ')
	dst = append(dst, word...)
	return append(dst, ' ')
}

func (b *between) appendTo(dst []byte) []byte {
	dst = appendPart(dst, b.x, levelComparison)
	dst = appendWord(dst, b.negated, "BETWEEN")
	dst = appendPart(dst, b.low, levelComparison)
	return appendPart(append(dst, " AND "...), b.high, levelComparison)
}

func (i *in) appendTo(dst []byte) []byte {
	dst = appendWord(i.id.appendTo(dst), i.negated, "IN")
	for n, s := range i.list {
		separator := ", "
		if n == 0 {
			separator = "("
		}
		dst = appendQuoted(append(dst, separator...), "'", s)
	}
	return append(dst, ')')
}

func (l *like) appendTo(dst []byte) []byte {
	dst = appendWord(l.id.appendTo(dst), l.negated, "LIKE")
	dst = appendQuoted(dst, "'", l.written)
	if l.escape != "" {
		dst = appendQuoted(append(dst, " ESCAPE "...), "'", l.escape)
	}
	return dst
}

func (n *isNull) appendTo(dst []byte) []byte {
	dst = append(n.id.appendTo(dst), " IS "...)
	if n.negated {
		dst = append(dst, "NOT "...)
	}
	return append(dst, "NULL"...)
}
