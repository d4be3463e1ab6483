package selector

import "unicode/utf8"

// parser is a parser by recursive descent, a method for each level. It holds the
// next token, not consumed yet.
type parser struct {
	lexer
	tok   token
	depth int
	bad   *Error // what is wrong with the next token, if it is a tokenBad
}

// next consumes a token. An error in the one that follows is kept until it is
// looked at: every method fails on a tokenBad.
func (p *parser) next() {
	if p.tok, p.bad = p.scan(); p.bad != nil {
		p.tok.kind = tokenBad
	}
}

// accept consumes the next token if it is of this kind.
func (p *parser) accept(k tokenKind) bool {
	if p.tok.kind != k {
		return false
	}
	p.next()
	return true
}

// expected is the error that the next token is not what is needed.
func (p *parser) expected(what string) error {
	if p.bad != nil {
		return p.bad
	}
	return p.failf(p.tok.at, "expected %s, found %s", what, p.tok)
}

// enter counts a level of nesting; p.depth-- leaves it.
func (p *parser) enter() error {
	if p.depth++; p.depth > MaxDepth {
		return p.failf(p.tok.at, "nested deeper than %d levels", MaxDepth)
	}
	return nil
}

// asCondition is e, which begins at an offset, as a condition.
func (p *parser) asCondition(e expression, at int) (condition, error) {
	if c, ok := e.(condition); ok {
		return c, nil
	}
	return nil, p.failf(at, "expected a condition, found %s; a comparison makes one of it", e.(operand).kind())
}

// asOperand is e as an operand.
func asOperand(e expression) operand {
	if o, ok := e.(operand); ok {
		return o
	}
	return truthValue{e.(condition)}
}

// asNumber is e as an operand that can be a number; need says what for.
func (p *parser) asNumber(e expression, at int, need string) (operand, error) {
	o := asOperand(e)
	if k := o.kind(); k == text || k == boolean {
		return nil, p.failf(at, "%s needs numbers, found %s", need, k)
	}
	return o, nil
}

// selector parses everything.
func (p *parser) selector() (condition, error) {
	at := p.tok.at
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, p.expected(orOperator(e, "the end"))
	}
	return p.asCondition(e, at)
}

// orOperator is what may follow a complete expression: its end, or an operator.
func orOperator(e expression, end string) string {
	if _, ok := e.(operand); ok {
		return "an operator (=, IN, AND, ...) or " + end
	}
	return "AND, OR or " + end
}

func (p *parser) or() (expression, error)  { return p.junction(tokenOr, levelOr, p.and) }
func (p *parser) and() (expression, error) { return p.junction(tokenAnd, levelAnd, p.not) }

// junction parses what next parses, once or several times with the operator
// between.
func (p *parser) junction(op tokenKind, l level, next func() (expression, error)) (expression, error) {
	at := p.tok.at
	e, err := next()
	if err != nil || p.tok.kind != op {
		return e, err
	}
	j := &junction{tight: l}
	for {
		c, err := p.asCondition(e, at)
		if err != nil {
			return nil, err
		}
		j.conditions = append(j.conditions, c)
		if !p.accept(op) {
			return j, nil
		}
		at = p.tok.at
		if e, err = next(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) not() (expression, error) {
	if p.tok.kind != tokenNot {
		return p.comparison()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.next()
	at := p.tok.at
	e, err := p.not()
	if err != nil {
		return nil, err
	}
	c, err := p.asCondition(e, at)
	return &not{c}, err
}

// comparison parses an operand and what is said of it, if anything is.
func (p *parser) comparison() (expression, error) {
	at := p.tok.at
	e, err := p.sum()
	if err != nil {
		return nil, err
	}
	if tokenEqual <= p.tok.kind && p.tok.kind <= tokenGreaterEqual {
		return p.compared(e, at)
	}
	if p.tok.kind == tokenIs {
		return p.isNull(e, at)
	}
	negated := p.accept(tokenNot)
	switch p.tok.kind {
	case tokenBetween:
		return p.between(e, at, negated)
	case tokenIn:
		return p.in(e, at, negated)
	case tokenLike:
		return p.like(e, at, negated)
	}
	if negated {
		return nil, p.expected("BETWEEN, IN or LIKE after NOT")
	}
	return e, nil
}

// compared parses an operator and the operand on its right.
func (p *parser) compared(left expression, at int) (expression, error) {
	op := p.tok
	p.next()
	rightAt := p.tok.at
	right, err := p.sum()
	if err != nil {
		return nil, err
	}
	c := &comparison{op.kind, asOperand(left), asOperand(right)}
	if mixed(c.left, c.right) || mixed(c.right, c.left) {
		return nil, p.failf(at, "expected two strings or two numbers to compare; %s", hyphens)
	}
	if op.kind != tokenEqual && op.kind != tokenNotEqual {
		if _, err = p.asNumber(left, at, op.src); err == nil {
			_, err = p.asNumber(right, rightAt, op.src)
		}
		if err != nil {
			return nil, err
		}
	}
	if tokenEqual <= p.tok.kind && p.tok.kind <= tokenGreaterEqual {
		return nil, p.expected("AND or OR between two comparisons")
	}
	return c, nil
}

// hyphens explains what is the most likely reason for arithmetic with strings.
const hyphens = `a name with a hyphen is written in double quotes, "content-type"`

// mixed reports whether the one is arithmetic and the other a string. By the
// specification that is always false, but nobody wants it: what stands there is
// content-type = 'text/plain', and would silently match nothing.
func mixed(a, b operand) bool {
	_, ok := a.(*arithmetic)
	return ok && b.kind() == text
}

// identifier is e as the identifier that an operator needs on its left.
func (p *parser) identifier(e expression, at int, operator string) (identifier, error) {
	id, ok := e.(identifier)
	if !ok {
		return id, p.failf(at, "%s needs an identifier before it; %s", operator, hyphens)
	}
	return id, nil
}

func (p *parser) isNull(e expression, at int) (expression, error) {
	id, err := p.identifier(e, at, "IS NULL")
	if err != nil {
		return nil, err
	}
	p.next()
	n := &isNull{id: id, negated: p.accept(tokenNot)}
	if !p.accept(tokenNull) {
		return nil, p.expected("NULL or NOT NULL after IS")
	}
	return n, nil
}

func (p *parser) between(e expression, at int, negated bool) (expression, error) {
	b := &between{negated: negated}
	var err error
	if b.x, err = p.asNumber(e, at, "BETWEEN"); err != nil {
		return nil, err
	}
	p.next()
	if b.low, err = p.bound(); err != nil {
		return nil, err
	}
	if !p.accept(tokenAnd) {
		return nil, p.expected("AND between the bounds of BETWEEN")
	}
	if b.high, err = p.bound(); err != nil {
		return nil, err
	}
	return b, nil
}

// bound parses a bound of BETWEEN.
func (p *parser) bound() (operand, error) {
	at := p.tok.at
	e, err := p.sum()
	if err != nil {
		return nil, err
	}
	return p.asNumber(e, at, "BETWEEN")
}

func (p *parser) in(e expression, at int, negated bool) (expression, error) {
	id, err := p.identifier(e, at, "IN")
	if err != nil {
		return nil, err
	}
	p.next()
	if !p.accept(tokenOpen) {
		return nil, p.expected("( after IN")
	}
	i := &in{id: id, negated: negated, set: map[string]struct{}{}}
	for {
		s := p.tok.text
		if !p.accept(tokenString) {
			return nil, p.expected("a string literal in single quotes in the list of IN")
		}
		i.list = append(i.list, s)
		i.set[s] = struct{}{}
		if p.accept(tokenClose) {
			return i, nil
		}
		if !p.accept(tokenComma) {
			return nil, p.expected("a comma or ) in the list of IN")
		}
	}
}

func (p *parser) like(e expression, at int, negated bool) (expression, error) {
	id, err := p.identifier(e, at, "LIKE")
	if err != nil {
		return nil, err
	}
	p.next()
	written := p.tok
	if !p.accept(tokenString) {
		return nil, p.expected("a pattern in single quotes after LIKE")
	}
	l := &like{id: id, negated: negated, written: written.text}
	escape := rune(-1)
	if p.accept(tokenEscape) {
		l.escape = p.tok.text
		if p.tok.kind != tokenString || utf8.RuneCountInString(l.escape) != 1 {
			return nil, p.expected("one character in single quotes after ESCAPE")
		}
		escape, _ = utf8.DecodeRuneInString(l.escape)
		p.next()
	}
	var ok bool
	if l.pattern, ok = parsePattern(l.written, escape); !ok {
		return nil, p.failf(written.at, "after the escape character %s the pattern must have %%, _ or %[1]s", l.escape)
	}
	return l, nil
}

func (p *parser) sum() (expression, error) {
	return p.arithmetic(tokenPlus, tokenMinus, levelSum, p.product)
}

func (p *parser) product() (expression, error) {
	return p.arithmetic(tokenTimes, tokenOver, levelProduct, p.sign)
}

// arithmetic parses what next parses, once or several times with one of two
// operators between.
func (p *parser) arithmetic(op1, op2 tokenKind, l level, next func() (expression, error)) (expression, error) {
	at := p.tok.at
	e, err := next()
	if err != nil || p.tok.kind != op1 && p.tok.kind != op2 {
		return e, err
	}
	first, err := p.asNumber(e, at, p.tok.src)
	if err != nil {
		return nil, err
	}
	a := &arithmetic{tight: l, first: first}
	for p.tok.kind == op1 || p.tok.kind == op2 {
		op := p.tok
		p.next()
		at = p.tok.at
		if e, err = next(); err != nil {
			return nil, err
		}
		x, err := p.asNumber(e, at, op.src)
		if err != nil {
			return nil, err
		}
		a.terms = append(a.terms, term{op.kind, x})
	}
	return a, nil
}

// sign parses + and - before an operand. That of a literal becomes part of it.
func (p *parser) sign() (expression, error) {
	op := p.tok
	if op.kind != tokenPlus && op.kind != tokenMinus {
		return p.primary()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.next()
	if p.tok.kind == tokenNumber {
		return p.number(op.src)
	}
	at := p.tok.at
	e, err := p.sign()
	if err != nil {
		return nil, err
	}
	x, err := p.asNumber(e, at, op.src)
	if err != nil {
		return nil, err
	}
	if l, ok := x.(*literal); ok {
		if op.kind == tokenMinus {
			l.v = l.v.negate()
		}
		return l, nil
	}
	return &sign{op.kind, x}, nil
}

// number parses a number literal with the sign before it.
func (p *parser) number(sign string) (expression, error) {
	v, err := parseLiteral(sign, p.tok.src)
	if err != nil {
		return nil, p.failf(p.tok.at, "%v, found %s", err, clip(p.tok.src))
	}
	p.next()
	return &literal{v}, nil
}

func (p *parser) primary() (expression, error) {
	t := p.tok
	switch t.kind {
	case tokenNumber:
		return p.number("")
	case tokenOpen:
		return p.parenthesis()
	case tokenIdentifier:
		p.next()
		return identifier{t.text}, nil
	case tokenString:
		p.next()
		return &literal{value{kind: text, s: []byte(t.text)}}, nil
	case tokenTrue, tokenFalse:
		p.next()
		return constant(t.kind == tokenTrue), nil
	case tokenNull:
		return nil, p.expected("a value (NULL is tested with IS NULL)")
	}
	return nil, p.expected("an identifier, a literal or (")
}

func (p *parser) parenthesis() (expression, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	p.next()
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if !p.accept(tokenClose) {
		return nil, p.expected(orOperator(e, ")"))
	}
	return e, nil
}
