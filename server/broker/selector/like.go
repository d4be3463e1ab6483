package selector

import (
	"bytes"
	"unicode/utf8"
)

// pattern is a LIKE pattern: the parts between its "%". With one part the whole
// value must match it; otherwise the first is at the start of the value, the last
// at its end, and the others between them in order. Since each part may be taken
// as early as it comes, there is no backtracking.
type pattern []part

// part matches a fixed number of characters: pieces one after the other.
type part struct {
	pieces []piece
	chars  int
}

// piece is any skip characters and then a text.
type piece struct {
	skip int
	text []byte
}

// parsePattern parses the pattern of a LIKE. escape is the escape character, or
// -1. What follows it must be "%", "_" or itself, as SQL-92 §8.5 demands; ok is
// false otherwise.
func parsePattern(s string, escape rune) (p pattern, ok bool) {
	p = pattern{{}}
	escaped := false
	for _, r := range s {
		last := &p[len(p)-1]
		switch special := r == '%' || r == '_'; {
		case escaped && !special && r != escape:
			return nil, false
		case escaped:
			escaped = false
			last.literal(r)
		case r == escape:
			escaped = true
		case r == '%':
			p = append(p, part{})
		case r == '_':
			last.any()
		default:
			last.literal(r)
		}
	}
	return p, !escaped
}

// literal adds a character.
func (t *part) literal(r rune) {
	if len(t.pieces) == 0 {
		t.pieces = append(t.pieces, piece{})
	}
	last := &t.pieces[len(t.pieces)-1]
	last.text = utf8.AppendRune(last.text, r)
	t.chars++
}

// any adds any one character.
func (t *part) any() {
	if n := len(t.pieces); n == 0 || len(t.pieces[n-1].text) > 0 {
		t.pieces = append(t.pieces, piece{})
	}
	t.pieces[len(t.pieces)-1].skip++
	t.chars++
}

// match reports whether the pattern matches the whole of b. Bytes that are no
// UTF-8 count as a character each.
func (p pattern) match(b []byte) bool {
	first, rest := &p[0], p[1:]
	n := first.prefix(b)
	if n < 0 || len(rest) == 0 {
		return n == len(b)
	}
	b = b[n:]
	rest, last := rest[:len(rest)-1], &rest[len(rest)-1]
	for i := range rest {
		if n = rest[i].find(b); n < 0 {
			return false
		}
		b = b[n:]
	}
	return last.suffix(b)
}

// prefix returns how many bytes at the start of b the part matches, -1 if none.
func (t *part) prefix(b []byte) int {
	n := 0
	for i := range t.pieces {
		p := &t.pieces[i]
		for range p.skip {
			if n == len(b) {
				return -1
			}
			_, width := utf8.DecodeRune(b[n:])
			n += width
		}
		if !bytes.HasPrefix(b[n:], p.text) {
			return -1
		}
		n += len(p.text)
	}
	return n
}

// find returns where in b the first match of the part ends, -1 if there is none.
func (t *part) find(b []byte) int {
	if len(t.pieces) == 0 {
		return 0
	}
	head := &t.pieces[0]
	for at := 0; ; {
		if head.skip == 0 { // to where it can begin
			i := bytes.Index(b[at:], head.text)
			if i < 0 {
				return -1
			}
			at += i
		}
		if n := t.prefix(b[at:]); n >= 0 {
			return at + n
		}
		if at == len(b) {
			return -1
		}
		_, width := utf8.DecodeRune(b[at:])
		at += width
	}
}

// suffix reports whether the part matches the end of b.
func (t *part) suffix(b []byte) bool {
	at := len(b)
	for range t.chars {
		if at == 0 {
			return false
		}
		_, width := utf8.DecodeLastRune(b[:at])
		at -= width
	}
	return t.prefix(b[at:]) == len(b)-at
}
