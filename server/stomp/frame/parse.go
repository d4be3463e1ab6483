package frame

import (
	"bytes"
	"fmt"
	"math"

	"mwm/server/broker/header"
)

// Limits bound a frame. A zero field means its default.
type Limits struct {
	HeaderLine  int // bytes of one header line; default 8 KiB
	Headers     int // their number; default 128
	HeaderBytes int // bytes of all header lines; default 32 KiB
	Body        int // bytes of the body; default 8 MiB
}

// WithDefaults returns a copy with the defaults filled in.
func (l Limits) WithDefaults() Limits {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&l.HeaderLine, 8<<10)
	def(&l.Headers, 128)
	def(&l.HeaderBytes, 32<<10)
	def(&l.Body, 8<<20)
	return l
}

// Frame is the longest frame in bytes that the limits allow.
func (l Limits) Frame() int { return maxCommand + 2 + l.HeaderBytes + 2 + l.Body + 1 }

// Frame is one parsed frame. Its slices point into the parsed buffer and are as
// the peer wrote them, without the escapes resolved.
type Frame struct {
	Command Command
	Dialect *Dialect
	// Head is the header block: lines that end with LF.
	Head []byte
	Body []byte

	// Receipt is the header of that name in any frame, nil if there is none.
	Receipt []byte
	// The headers of a SEND.
	Destination, Transaction, ReplyTo []byte
	Expires                           int64
	Priority                          uint8
	Persistent, Retain                bool

	// HasLength tells that there is a content-length.
	HasLength bool
	// Escaped tells that there is a backslash in the header block.
	Escaped bool
	// Verbatim tells that Head may be passed on to others as it is: it holds no
	// header that Forward leaves out and is written as 1.2 would.
	Verbatim bool

	top    []byte  // of a SEND, all before the body
	length int64   // content-length, -1 without
	have   seenSet // headers whose first value counts
}

// seenSet tells which headers with a value of their own kind have come.
type seenSet uint8

const (
	seenPersistent seenSet = 1 << iota
	seenRetain
	seenPriority
	seenExpires
)

// first reports whether the header comes for the first time.
func (s *seenSet) first(h seenSet) bool {
	was := *s
	*s |= h
	return was&h == 0
}

// DefaultPriority is the priority of a message that names none (JMS 1.1 §3.4.10).
const DefaultPriority = 4

// Parser finds frames in a buffer. It remembers how far it has looked in an
// unfinished frame, so that one which comes in small pieces is not parsed anew
// with each.
type Parser struct {
	Dialect *Dialect
	Limits  Limits // with defaults

	seen int // bytes of the unfinished frame that hold no end of what is looked for
	body int // where its body starts, which has no length; 0: not known
}

// EOLs is the number of line ends at the start of p, which may stand between
// frames and are heart-beats.
func EOLs(p []byte) (n int) {
	for n < len(p) && (p[n] == '\n' || p[n] == '\r') {
		n++
	}
	return n
}

// Parse parses the frame at the start of p, which must not be a line end, and
// returns its length; 0 if it is not complete: then need is how long p must be
// before it can be, as far as that is known. After 0 the next call must be with
// the same frame at the start of p. After an error f.Receipt is set if the frame
// had one so far.
//
// f may be the frame before, as long as its bytes have not changed: who sends much
// tends to repeat its headers, and these are then compared, and not parsed anew.
func (x *Parser) Parse(p []byte, f *Frame) (n, need int, err error) {
	off := len(f.top)
	if off == 0 || f.Dialect != x.Dialect || !bytes.HasPrefix(p, f.top) {
		if off, err = x.parseTop(p, f); off == 0 {
			return 0, len(p) + 1, err
		}
	}
	n, need, err = x.parseBody(p, off, f)
	if err != nil {
		return 0, 0, err
	}
	if n > 0 {
		x.seen, x.body = 0, 0
	}
	return n, need, nil
}

// parseTop parses command and headers and returns where the body starts; 0 with an
// error, or if they are not complete.
func (x *Parser) parseTop(p []byte, f *Frame) (off int, err error) {
	f.Receipt = nil
	if x.seen > 0 && !x.news(p) {
		return 0, x.checkUnfinished(p)
	}
	i := bytes.IndexByte(p, '\n')
	if i < 0 || i > maxCommand {
		return 0, x.noCommand(p, i)
	}
	*f = Frame{Command: parseCommand(trimCR(p[:i])), Dialect: x.Dialect, Priority: DefaultPriority, length: -1}
	if f.Command == Unknown {
		return 0, unknownCommand(p[:i])
	}
	off, err = x.parseHead(p, i+1, f)
	switch {
	case err != nil:
		return 0, err
	case off == 0:
		x.seen = len(p)
		return 0, x.checkUnfinished(p)
	case f.Command == Send:
		f.top = p[:off]
	}
	return off, nil
}

// news reports whether what has come in since the last call may have finished
// something.
func (x *Parser) news(p []byte) bool {
	end := byte('\n')
	if x.body > 0 {
		end = 0
	}
	if len(p) >= x.seen && bytes.IndexByte(p[x.seen:], end) < 0 {
		x.seen = len(p)
		return false
	}
	return true
}

// checkUnfinished ends a frame that is already too large, and one whose header
// block was ended by NUL, as somebody who types may.
func (x *Parser) checkUnfinished(p []byte) error {
	if x.body > 0 {
		return x.checkBody(int64(len(p) - x.body))
	}
	if bytes.IndexByte(p, 0) >= 0 {
		return errNoBlankLine
	}
	if line := len(p) - 1 - bytes.LastIndexByte(p, '\n'); line > x.Limits.HeaderLine {
		return x.tooLong(line)
	}
	return x.checkHeadBytes(len(p) - 1 - bytes.IndexByte(p, '\n'))
}

var errNoBlankLine = &Error{"malformed header", "NUL inside the header block: a blank line must end it, before the body and NUL"}

func (x *Parser) noCommand(p []byte, eol int) error {
	if eol < 0 && len(p) <= maxCommand && bytes.IndexByte(p, 0) < 0 {
		return nil
	}
	return unknownCommand(p)
}

func unknownCommand(line []byte) error {
	return &Error{"unknown command", fmt.Sprintf("%.*q is not a STOMP command", maxCommand, trimCR(line))}
}

func trimCR(line []byte) []byte {
	if n := len(line) - 1; n >= 0 && line[n] == '\r' {
		return line[:n]
	}
	return line
}

// parseHead parses the header block from start on and returns where the body
// starts, 0 if the block is not complete.
func (x *Parser) parseHead(p []byte, start int, f *Frame) (int, error) {
	off, reserved := start, false
	for count := 0; ; count++ {
		j := bytes.IndexByte(p[off:], '\n')
		if j < 0 {
			return 0, nil
		}
		line := trimCR(p[off : off+j])
		if len(line) == 0 {
			f.Head = p[start:off]
			off += j + 1
			break
		}
		off += j + 1
		if len(line) > x.Limits.HeaderLine {
			return 0, x.tooLong(len(line))
		}
		if count == x.Limits.Headers {
			return 0, &Error{"too many headers", fmt.Sprintf("a frame may have at most %d headers", x.Limits.Headers)}
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			return 0, badHeader(line)
		}
		r, err := f.header(line[:colon], line[colon+1:])
		if err != nil {
			return 0, err
		}
		reserved = reserved || r
	}
	if err := x.checkHeadBytes(len(f.Head)); err != nil {
		return 0, err
	}
	if bytes.IndexByte(f.Head, 0) >= 0 {
		return 0, errNoBlankLine
	}
	f.Escaped = f.Command.escapes() && bytes.IndexByte(f.Head, '\\') >= 0
	if f.Escaped {
		if err := x.Dialect.checkEscapes(f.Head); err != nil {
			return 0, err
		}
	}
	f.Verbatim = !reserved && !f.Dialect.Trim && bytes.IndexByte(f.Head, '\r') < 0
	return off, nil
}

func badHeader(line []byte) error {
	return &Error{"malformed header", fmt.Sprintf("%.40q is not of the form name:value", line)}
}

func (x *Parser) tooLong(n int) error {
	return &Error{"header line too long", fmt.Sprintf("%d bytes or more, at most %d are allowed", n, x.Limits.HeaderLine)}
}

func (x *Parser) checkHeadBytes(n int) error {
	if n <= x.Limits.HeaderBytes {
		return nil
	}
	return &Error{"headers too long", fmt.Sprintf("%d bytes or more in all, at most %d are allowed", n, x.Limits.HeaderBytes)}
}

func (x *Parser) checkBody(n int64) error {
	if n <= int64(x.Limits.Body) {
		return nil
	}
	return &Error{"body too large", fmt.Sprintf("%d bytes, at most %d are allowed", n, x.Limits.Body)}
}

// header looks at one header and reports whether it must not be passed on.
func (f *Frame) header(name, value []byte) (reserved bool, err error) {
	if f.Dialect.Trim {
		name, value = trim(name), trim(value)
	}
	switch string(name) {
	case "content-length":
		if f.length < 0 {
			f.HasLength = true
			f.length, err = parseLength(value)
		}
		return false, err
	case "receipt":
		if f.Receipt == nil {
			f.Receipt = value
		}
		return true, nil
	}
	if f.Command == Send {
		return f.sendHeader(name, value)
	}
	return false, nil
}

// sendHeader looks at one header of a SEND.
func (f *Frame) sendHeader(name, value []byte) (reserved bool, err error) {
	switch string(name) {
	case "destination":
		if f.Destination == nil {
			f.Destination = value
		}
		return false, nil
	case "persistent":
		if f.have.first(seenPersistent) {
			f.Persistent = string(value) == "true"
		}
		return false, nil
	case "retain":
		if f.have.first(seenRetain) {
			f.Retain = string(value) == "true"
		}
		return false, nil
	case "reply-to":
		if f.ReplyTo == nil {
			f.ReplyTo = value
		}
		return false, nil
	case "transaction":
		if f.Transaction == nil {
			f.Transaction = value
		}
	case "priority":
		if f.have.first(seenPriority) {
			err = f.setPriority(value)
		}
	case "expires":
		if f.have.first(seenExpires) {
			err = f.setExpires(value)
		}
	}
	return header.Reserved(name), err
}

func (f *Frame) setPriority(value []byte) error {
	if len(value) != 1 || value[0] < '0' || value[0] > '9' {
		return &Error{"malformed priority", fmt.Sprintf("%.20q is not a number from 0 to 9", value)}
	}
	f.Priority = value[0] - '0'
	return nil
}

func (f *Frame) setExpires(value []byte) (err error) {
	var ok bool
	if f.Expires, ok = parseDigits(value); !ok {
		err = &Error{"malformed expires", fmt.Sprintf("%.20q is not a time in milliseconds since 1970", value)}
	}
	return err
}

// blank is the white space that STOMP 1.0 trims.
const blank = " \t\r"

func trim(s []byte) []byte { return bytes.Trim(s, blank) }

// parseDigits reads a decimal number without a sign that fits in an int64.
func parseDigits(s []byte) (n int64, ok bool) {
	for _, c := range s {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(s) > 0
}

func parseLength(value []byte) (int64, error) {
	n, ok := parseDigits(value)
	if !ok {
		return 0, &Error{"malformed content-length", fmt.Sprintf("%.30q is not a number of bytes", value)}
	}
	return n, nil
}

// parseBody finds the end of the body, which starts at off.
func (x *Parser) parseBody(p []byte, off int, f *Frame) (n, need int, err error) {
	length := f.length
	if !f.HasLength {
		from := max(off, x.seen)
		i := bytes.IndexByte(p[min(from, len(p)):], 0)
		if i < 0 {
			x.seen, x.body = max(len(p), 1), off
			return 0, len(p) + 1, x.checkBody(int64(len(p) - off))
		}
		length = int64(from + i - off)
	}
	if err := x.checkBody(length); err != nil {
		return 0, 0, err
	}
	end := off + int(length)
	if len(p) <= end {
		return 0, end + 1, nil
	}
	if p[end] != 0 {
		return 0, 0, &Error{"body not ended", fmt.Sprintf("after the %d bytes that content-length says there is no NUL", length)}
	}
	f.Body = p[off:end]
	return end + 1, 0, x.endBody(f)
}

// endBody refuses a body where there can be none. One that opens a connection
// is ignored, and line ends are let pass: STOMP 1.0 did not forbid them.
func (x *Parser) endBody(f *Frame) error {
	if f.Command.hasBody() || !f.Command.escapes() || x.Dialect.Trim || EOLs(f.Body) == len(f.Body) {
		return nil
	}
	return &Error{"unexpected body", fmt.Sprintf("a frame %s has no body", f.Command)}
}
