package frame

import (
	"bytes"

	"mwm/server/broker/header"
)

// Get returns the value of the first header of that name.
func (f *Frame) Get(name string) (value string, ok bool) {
	for line := range bytes.Lines(f.Head) {
		n, v := f.split(line)
		if string(n) != name {
			continue
		}
		return f.Value(v), true
	}
	return "", false
}

// Value resolves the escapes of a value of this frame, which are known to be legal.
func (f *Frame) Value(raw []byte) string {
	if !f.Escaped {
		return string(raw)
	}
	s, _ := f.Dialect.Unescape(raw)
	return s
}

// split takes a header line apart.
func (f *Frame) split(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(trimCR(line[:len(line)-1]), []byte(":"))
	if f.Dialect.Trim {
		name, value = trim(name), trim(value)
	}
	return name, value
}

// Forward appends the headers of a SEND that receivers are sent, escaped as in
// 1.2, in the order of the sender. replyTo, unless it is "", takes the place of what
// was sent under that name.
func (f *Frame) Forward(dst []byte, replyTo string) []byte {
	for line := range bytes.Lines(f.Head) {
		name, value := f.split(line)
		if header.Reserved(name) || len(name) == 0 {
			continue
		}
		if replyTo != "" && string(name) == "reply-to" {
			dst = V12.AppendHeader(dst, "reply-to", replyTo)
			continue
		}
		dst = append(f.recode(dst, name), ':')
		dst = append(f.recode(dst, value), '\n')
	}
	return dst
}

// recode appends a name or value, escaped as in 1.2.
func (f *Frame) recode(dst, raw []byte) []byte {
	if f.Dialect.escapes == "" {
		return V12.AppendEscaped(dst, string(raw))
	}
	for _, c := range raw { // escaped already, but for what only 1.2 escapes
		if c == '\r' {
			dst = append(dst, '\\', 'r')
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
