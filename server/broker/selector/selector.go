// Package selector implements message selectors: the conditions on message
// headers and properties, in a subset of SQL-92, that the JMS specification
// (Jakarta Messaging 3.1 §3.8.1) defines and STOMP brokers take in the
// "selector" header of a SUBSCRIBE:
//
//	country IN ('FR', 'DE', 'IT') AND NOT (price * quantity < 100)
//
// [Parse] does the work that is done once, [Selector.Match] decides on a message
// without allocating.
//
// # Syntax
//
// From the loosest to the tightest:
//
//	condition  = condition OR condition | condition AND condition | NOT condition
//	           | operand ( "=" | "<>" | "<" | "<=" | ">" | ">=" ) operand
//	           | operand [NOT] BETWEEN operand AND operand
//	           | identifier [NOT] IN ( 'string' , ... )
//	           | identifier [NOT] LIKE 'pattern' [ESCAPE 'character']
//	           | identifier IS [NOT] NULL
//	           | identifier | TRUE | FALSE | ( condition )
//	operand    = operand ( "+" | "-" ) operand | operand ( "*" | "/" ) operand
//	           | ( "+" | "-" ) operand
//	           | identifier | 'string' | number | TRUE | FALSE | ( operand ) | ( condition )
//
// Keywords may be written in any case, identifiers are case-sensitive. A number
// is an integer or floating-point literal of Java (57, 0x1F, 017, 62L, 7., 7E3,
// 1.5f, 1_000; f does not reduce the precision). "%" in a pattern stands for
// any characters, "_" for one character, and either for itself after the escape
// character. A blank selector matches every message.
//
// Two things are extensions. A name in double quotes is an identifier whatever
// its characters: "content-type" = 'text/plain', since many STOMP headers are no
// Java identifiers. The prefix "convert_string_expressions:", with which ActiveMQ
// is asked to read strings as numbers, is accepted and changes nothing.
//
// ActiveMQ's own extensions (%, XPATH, XQUERY, comments) are not there. NOT is
// looser than a comparison, as in SQL; ActiveMQ takes NOT a = b for (NOT a) = b.
//
// # Types
//
// JMS properties have types. STOMP headers and MQTT user properties are text and
// do not say what they mean, so here the other operand says it:
//
//   - With a number, a header that reads as a decimal number is that number:
//     price > 10 works for "price:12.50". This is what everybody expects who
//     sends prices, and ActiveMQ's strict reading, by which it never matches, is
//     of no use to clients that can send nothing but text. Octal and hexadecimal
//     are for literals alone: a header of 010 is ten. What is longer than 32 bytes
//     or greater than a double can be does not read as a number.
//   - With TRUE, FALSE or a condition, "true" and "false" in any case are those,
//     as there are languages that print True. A header alone as a condition means
//     the same as header = TRUE.
//   - With a string literal, in LIKE and in IN, it is its text, byte for byte.
//   - Two headers compare as numbers if both read as numbers, as text otherwise.
//
// As the specification has it, a comparison of unlike types is false, "<>"
// included, and strings and booleans know only "=" and "<>". One such comparison
// Parse refuses: of arithmetic with a string, since it is what content-type =
// 'text/plain' means without the double quotes.
//
// Integers are computed in 64 bits, and as doubles together with doubles or when
// the result does not fit; a quotient of integers is an integer. Results that do
// not exist (a division by zero, more than a double holds, arithmetic with what is
// not a number) are NULL.
//
// # NULL
//
// What a message does not have is NULL. Arithmetic with NULL is NULL, a comparison
// with it neither true nor false but unknown, and so are LIKE and IN of it. AND,
// OR and NOT follow SQL's three-valued logic. A message is selected if the whole
// is true.
package selector

import "strings"

const (
	// MaxLength is the length of the longest selector, in bytes.
	MaxLength = 64 << 10
	// MaxDepth bounds how deep parentheses, NOT and signs may be nested, and so
	// the stack that Parse and Match need.
	MaxDepth = 128
)

// Properties are the headers and properties of a message, by name.
//
// JMS names with no header of their own (JMSPriority, JMSTimestamp, JMSMessageID,
// JMSCorrelationID, JMSType, JMSDeliveryMode) are asked for as they stand in the
// selector; what they mean is up to the implementation.
type Properties interface {
	// Property returns the value of a property, false if the message has none of
	// that name. The value must not change before Match returns, other calls of
	// Property notwithstanding.
	Property(name string) (value []byte, ok bool)
}

// Selector is a parsed selector. It does not change and may be used by several
// goroutines at once.
type Selector struct {
	root condition // nil: everything matches
}

// convertPrefix is ActiveMQ's wish for what this package always does.
const convertPrefix = "convert_string_expressions:"

// Parse parses a selector. Its errors are of type [*Error].
func Parse(s string) (*Selector, error) {
	p := parser{lexer: lexer{src: s}}
	if len(s) > MaxLength {
		return nil, p.failf(0, "the selector has %d bytes; the longest may have %d", len(s), MaxLength)
	}
	if strings.HasPrefix(s, convertPrefix) {
		p.pos = len(convertPrefix)
	}
	p.next()
	if p.tok.kind == tokenEnd {
		return &Selector{}, nil
	}
	root, err := p.selector()
	if err != nil {
		return nil, err
	}
	return &Selector{root}, nil
}

// Match reports whether a message with these properties is selected. It does not
// allocate, provided that p does not; an implementation with a pointer receiver
// can be used again for the next message.
//
// It takes at most time in proportion to the length of the selector times that
// of the longest value it asks for.
func (s *Selector) Match(p Properties) bool {
	return s.root == nil || s.root.test(p) == yes
}

// String returns the selector in a canonical form: a selector of the same meaning
// with the keywords in upper case, single spaces, and only the parentheses that
// are needed.
func (s *Selector) String() string {
	if s.root == nil {
		return ""
	}
	return string(s.root.appendTo(nil))
}
