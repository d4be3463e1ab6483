package selector

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenBad           // see parser.next
	tokenIdentifier
	tokenString
	tokenNumber

	tokenAnd
	tokenBetween
	tokenEscape
	tokenFalse
	tokenIn
	tokenIs
	tokenLike
	tokenNot
	tokenNull
	tokenOr
	tokenTrue

	tokenOpen
	tokenClose
	tokenComma
	tokenPlus
	tokenMinus
	tokenTimes
	tokenOver
	tokenEqual
	tokenNotEqual
	tokenLess
	tokenLessEqual
	tokenGreater
	tokenGreaterEqual
)

// keywords are reserved: they are no identifiers.
var keywords = map[string]tokenKind{
	"AND": tokenAnd, "BETWEEN": tokenBetween, "ESCAPE": tokenEscape, "FALSE": tokenFalse,
	"IN": tokenIn, "IS": tokenIs, "LIKE": tokenLike, "NOT": tokenNot, "NULL": tokenNull,
	"OR": tokenOr, "TRUE": tokenTrue,
}

// symbols are the other tokens; those of two characters come first.
var symbols = []struct {
	text string
	kind tokenKind
}{
	{"<>", tokenNotEqual}, {"<=", tokenLessEqual}, {">=", tokenGreaterEqual},
	{"=", tokenEqual}, {"<", tokenLess}, {">", tokenGreater},
	{"(", tokenOpen}, {")", tokenClose}, {",", tokenComma},
	{"+", tokenPlus}, {"-", tokenMinus}, {"*", tokenTimes}, {"/", tokenOver},
}

// token is one word of the selector.
type token struct {
	kind tokenKind
	at   int    // byte offset
	src  string // as written
	text string // the name of an identifier, the characters of a string
}

// String describes the token for a message.
func (t token) String() string {
	quoted := `"` + clip(t.src) + `"`
	switch {
	case t.kind == tokenEnd:
		return "the end"
	case t.kind == tokenString:
		return "the string " + clip(t.src)
	case t.kind == tokenNumber:
		return "the number " + clip(t.src)
	case t.kind == tokenIdentifier:
		return "the identifier " + clip(t.src)
	case keywords[upper(t.src)] != 0:
		return "the reserved word " + t.src
	}
	return quoted
}

// lexer splits a selector into tokens.
type lexer struct {
	src string
	pos int
}

// space is what separates tokens: JMS takes it from Java (JLS §3.6).
const space = " \t\f\r\n"

// scan returns the next token.
func (l *lexer) scan() (token, *Error) {
	rest := strings.TrimLeft(l.src[l.pos:], space)
	l.pos = len(l.src) - len(rest)
	if rest == "" {
		return token{at: l.pos}, nil
	}
	switch r, _ := utf8.DecodeRuneInString(rest); {
	case r == '\'':
		return l.quoted(tokenString, "string literal")
	case r == '"':
		return l.quoted(tokenIdentifier, "identifier")
	case isNumberStart(rest):
		return l.take(tokenNumber, numberLength(rest)), nil
	case isIdentifierStart(r):
		return l.word(rest), nil
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s.text) {
			return l.take(s.kind, len(s.text)), nil
		}
	}
	return token{}, l.unexpected(rest)
}

// take makes a token of the next n bytes.
func (l *lexer) take(kind tokenKind, n int) token {
	t := token{kind: kind, at: l.pos, src: l.src[l.pos : l.pos+n]}
	t.text = t.src
	l.pos += n
	return t
}

// word scans an identifier or a keyword.
func (l *lexer) word(rest string) token {
	t := l.take(tokenIdentifier, identifierLength(rest))
	if kind, ok := keywords[upper(t.src)]; ok {
		t.kind = kind
	}
	return t
}

// quoted scans what stands in quotes; two of them stand for one inside.
func (l *lexer) quoted(kind tokenKind, what string) (token, *Error) {
	rest := l.src[l.pos:]
	quote := rest[:1]
	n := 1
	for {
		i := strings.Index(rest[n:], quote)
		if i < 0 {
			return token{}, l.failf(l.pos, "the %s that begins here has no closing %s", what, quote)
		}
		if n += i + 1; !strings.HasPrefix(rest[n:], quote) {
			break
		}
		n++
	}
	for i, r := range rest[:n] {
		if _, width := utf8.DecodeRuneInString(rest[i:]); r == utf8.RuneError && width == 1 {
			return token{}, l.failf(l.pos+i, "expected UTF-8, found the byte %#x", rest[i])
		}
	}
	if kind == tokenIdentifier && n == 2 {
		return token{}, l.failf(l.pos, `expected a name between the quotes of an identifier`)
	}
	t := l.take(kind, n)
	t.text = strings.ReplaceAll(t.src[1:n-1], quote+quote, quote)
	return t, nil
}

// unexpected explains a character that begins no token.
func (l *lexer) unexpected(rest string) *Error {
	r, width := utf8.DecodeRuneInString(rest)
	switch {
	case r == utf8.RuneError && width == 1:
		return l.failf(l.pos, "expected UTF-8, found the byte %#x", rest[0])
	case strings.HasPrefix(rest, "!="):
		return l.failf(l.pos, `expected an operator, found "!="; "not equal" is written <>`)
	}
	return l.failf(l.pos, "the character %q means nothing in a selector outside quotes", r)
}

// isIdentifierStart is Java's Character.isJavaIdentifierStart.
func isIdentifierStart(r rune) bool {
	return unicode.IsLetter(r) || unicode.In(r, unicode.Nl, unicode.Sc, unicode.Pc)
}

// isIdentifierPart is Java's Character.isJavaIdentifierPart.
func isIdentifierPart(r rune) bool {
	return isIdentifierStart(r) || unicode.In(r, unicode.Nd, unicode.Mc, unicode.Mn, unicode.Cf) ||
		r <= 0x08 || r >= 0x0e && r <= 0x1b || r >= 0x7f && r <= 0x9f
}

// identifierLength is the length of the identifier at the start of s in bytes, 0
// if there is none.
func identifierLength(s string) int {
	for i, r := range s {
		if i == 0 && !isIdentifierStart(r) || !isIdentifierPart(r) {
			return i
		}
	}
	return len(s)
}

// upper is s in upper case if it may be a keyword. Letters outside ASCII are left
// alone: there are two that Unicode folds to K and S.
func upper(s string) string {
	if len(s) > len("BETWEEN") {
		return ""
	}
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}
