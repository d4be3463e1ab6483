package frame

import (
	"bytes"
	"fmt"
	"strings"
)

// AckBy tells which headers of an ACK or NACK name the message.
type AckBy uint8

const (
	ByMessageID    AckBy = iota // message-id; a subscription may be given
	BySubscription              // message-id and subscription
	ByID                        // id, as in the ack header of the MESSAGE
)

// Dialect is what a version does its own way.
type Dialect struct {
	Version string
	// Trim removes white space around the names and values of headers.
	Trim bool
	// NeedsID tells that SUBSCRIBE and UNSUBSCRIBE must have an id.
	NeedsID bool
	// HasNack tells that there is a NACK.
	HasNack bool
	// AckBy tells how an ACK names a message.
	AckBy AckBy
	// escapes are the octets that are escaped in headers, codes the letters
	// that stand for them after a backslash.
	escapes, codes string
}

// The versions.
var (
	V10 = &Dialect{Version: "1.0", Trim: true}
	V11 = &Dialect{Version: "1.1", NeedsID: true, HasNack: true, AckBy: BySubscription, escapes: "\\\n:", codes: `\nc`}
	V12 = &Dialect{Version: "1.2", NeedsID: true, HasNack: true, AckBy: ByID, escapes: "\\\n:\r", codes: `\ncr`}
)

// Dialects are all versions, the best first.
var Dialects = []*Dialect{V12, V11, V10}

// Versions lists them as a header does.
const Versions = "1.0,1.1,1.2"

// AppendEscaped appends the name or value of a header.
func (d *Dialect) AppendEscaped(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, d.escapes) {
		return append(dst, s...)
	}
	for i := range len(s) {
		if j := strings.IndexByte(d.escapes, s[i]); j >= 0 {
			dst = append(dst, '\\', d.codes[j])
		} else {
			dst = append(dst, s[i])
		}
	}
	return dst
}

// Unescape returns the name or value that raw stands for; only escapes that
// the version knows are legal.
func (d *Dialect) Unescape(raw []byte) (string, error) {
	if d.escapes == "" || bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), nil
	}
	s := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			s = append(s, raw[i])
			continue
		}
		j := -1
		if i++; i < len(raw) {
			j = strings.IndexByte(d.codes, raw[i])
		}
		if j < 0 {
			return "", d.badEscape(raw[i-1:])
		}
		s = append(s, d.escapes[j])
	}
	return string(s), nil
}

// checkEscapes looks for illegal escapes in a header block.
func (d *Dialect) checkEscapes(head []byte) error {
	if d.escapes == "" {
		return nil
	}
	for rest := head; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 {
			return nil
		}
		if strings.IndexByte(d.codes, rest[i+1]) < 0 { // a block ends with LF
			return d.badEscape(rest[i:])
		}
		rest = rest[i+2:]
	}
}

// badEscape shows the two characters alone: what follows may be the rest of a
// password.
func (d *Dialect) badEscape(raw []byte) error {
	return &Error{"undefined escape sequence", fmt.Sprintf("STOMP %s knows \\%s in a header, not %.2q",
		d.Version, strings.Join(strings.Split(d.codes, ""), `, \`), raw)}
}

// CanCarry reports whether a header can be written at all: without escapes a line
// feed cannot, nor a colon in a name. Nor can a name with white space around it if
// that is trimmed: it would become another one, which may be the broker's to set. And
// 1.1 has no escape for a carriage return: at the end of a value, receivers take it for
// one of the end of the line.
func (d *Dialect) CanCarry(name, value string) bool {
	if name == "" || strings.IndexByte(name, 0) >= 0 || strings.IndexByte(value, 0) >= 0 {
		return false
	}
	if d.escapes != "" {
		return strings.IndexByte(d.escapes, '\r') >= 0 || !strings.HasSuffix(value, "\r")
	}
	return !strings.ContainsAny(name, ":\r\n") && !strings.ContainsAny(value, "\r\n") && !(d.Trim && strings.Trim(name, blank) != name)
}

// AppendHead appends a header block that is escaped as in 1.2, for this
// version, and tells how many headers it cannot carry.
func (d *Dialect) AppendHead(dst, head []byte) (_ []byte, lost int) {
	if d == V12 || bytes.IndexByte(head, '\\') < 0 && !(d.Trim && bytes.ContainsAny(head, blank)) {
		return append(dst, head...), 0
	}
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line[:len(line)-1], []byte(":"))
		n, err1 := V12.Unescape(name)
		v, err2 := V12.Unescape(value)
		if err1 != nil || err2 != nil || !d.CanCarry(n, v) {
			lost++
			continue
		}
		dst = d.AppendHeader(dst, n, v)
	}
	return dst, lost
}

// AppendHeader appends one header line.
func (d *Dialect) AppendHeader(dst []byte, name, value string) []byte {
	dst = append(d.AppendEscaped(dst, name), ':')
	return append(d.AppendEscaped(dst, value), '\n')
}
