package selector

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error says why a selector cannot be parsed.
type Error struct {
	Selector string
	// Column is the place in the selector: 1 is its first character; one more than
	// it has characters is its end.
	Column int
	// Message says what was expected there and what was found.
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("selector, column %d: %s", e.Column, e.Message)
}

// snippetMargin is how many characters Snippet shows on each side of the column.
const snippetMargin = 36

// Snippet returns two lines: the selector around the column, and a caret under
// it. What is not printable, a line end for one, is shown as a space.
func (e *Error) Snippet() string {
	text := []rune(e.Selector)
	at := min(e.Column-1, len(text))
	from, to := max(at-snippetMargin, 0), min(at+snippetMargin, len(text))
	line := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, string(text[from:to]))
	return line + "\n" + strings.Repeat(" ", at-from) + "^"
}

// failf returns an error at a byte offset.
func (l *lexer) failf(at int, format string, args ...any) *Error {
	return &Error{l.src, utf8.RuneCountInString(l.src[:at]) + 1, fmt.Sprintf(format, args...)}
}

// clip shortens what a client wrote for a message.
func clip(s string) string {
	const most = 32
	n := 0
	for i := range s {
		if n++; n > most {
			return s[:i] + "..."
		}
	}
	return s
}
