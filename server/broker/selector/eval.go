package selector

func (i identifier) value(p Properties) value {
	if s, ok := p.Property(i.name); ok {
		return value{kind: header, s: s}
	}
	return value{}
}

func (l *literal) value(Properties) value { return l.v }

func (s *sign) value(p Properties) value {
	x := s.x.value(p).number()
	if s.op == tokenMinus {
		return x.negate()
	}
	return x
}

func (a *arithmetic) value(p Properties) value {
	sum := a.first.value(p).number()
	for _, t := range a.terms {
		if sum.kind == null {
			break
		}
		x := t.x.value(p).number()
		if x.kind == null {
			return x
		}
		sum = calculate(t.op, sum, x)
	}
	return sum
}

func (t truthValue) value(p Properties) value {
	switch t.test(p) {
	case yes:
		return value{kind: boolean, b: true}
	case no:
		return value{kind: boolean}
	}
	return value{}
}

func (c constant) test(Properties) truth { return truthOf(bool(c)) }

// test is that of the identifier = TRUE.
func (i identifier) test(p Properties) truth {
	return compare(tokenEqual, i.value(p), value{kind: boolean, b: true})
}

// test stops where the rest can change nothing: AND is the least of its
// conditions, OR the greatest.
func (j *junction) test(p Properties) truth {
	if j.tight == levelAnd {
		t := yes
		for i := 0; i < len(j.conditions) && t != no; i++ {
			t = min(t, j.conditions[i].test(p))
		}
		return t
	}
	t := no
	for i := 0; i < len(j.conditions) && t != yes; i++ {
		t = max(t, j.conditions[i].test(p))
	}
	return t
}

func (n *not) test(p Properties) truth { return n.x.test(p).not() }

func (c *comparison) test(p Properties) truth {
	return compare(c.op, c.left.value(p), c.right.value(p))
}

// test is x >= low AND x <= high, negated x < low OR x > high, which is not the
// same as NOT of the former if x is no number. What is not a number here is of
// an unlike type.
func (b *between) test(p Properties) truth {
	x, low, high := b.x.value(p), b.low.value(p), b.high.value(p)
	if b.negated {
		return max(compare(tokenLess, x, low), compare(tokenGreater, x, high))
	}
	return min(compare(tokenGreaterEqual, x, low), compare(tokenLessEqual, x, high))
}

func (i *in) test(p Properties) truth {
	s, ok := p.Property(i.id.name)
	if !ok {
		return unknown
	}
	_, found := i.set[string(s)]
	return truthOf(found != i.negated)
}

func (l *like) test(p Properties) truth {
	s, ok := p.Property(l.id.name)
	if !ok {
		return unknown
	}
	return truthOf(l.pattern.match(s) != l.negated)
}

func (n *isNull) test(p Properties) truth {
	_, ok := p.Property(n.id.name)
	return truthOf(ok == n.negated)
}
