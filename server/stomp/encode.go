package stomp

import (
	"strconv"
	"sync/atomic"
	"unicode/utf8"

	"mwm/server/broker"
	"mwm/server/broker/header"
	"mwm/server/stomp/frame"
)

// encoder writes MESSAGE frames for one subscription. It is immutable, and so
// safe for concurrent use.
type encoder struct {
	d    *frame.Dialect
	head []byte // up to and with "message-id:"
	to   string // the prefix of destinations of its kind
	lost *atomic.Uint64
	// match selects messages, as selector says; nil: all.
	match    func(*broker.Message) bool
	selector string
}

func newEncoder(d *frame.Dialect, id string, kind broker.Kind, lost *atomic.Uint64) encoder {
	e := encoder{d: d, to: topicPrefix, lost: lost}
	if kind == broker.QueueKind {
		e.to = queuePrefix
	}
	e.head = []byte("MESSAGE\n")
	if id != "" || d.NeedsID {
		e.head = d.AppendHeader(e.head, "subscription", id)
	}
	e.head = append(e.head, "message-id:"...)
	return e
}

// key names the bytes that the encoder makes of a message.
func (e *encoder) key() string { return e.d.Version + e.to + string(e.head) + e.selector }

// ownHeaders is how much the headers with numbers take up at most that the broker
// adds, with what ends the headers and the frame.
const ownHeaders = len("timestamp:\nexpires:\npriority:9\ncontent-length:\n") + 3*20 + len("\n\x00")

// propertyHeaders is how much the names of the headers take up that the properties of
// a message become which came without headers.
const propertyHeaders = len("destination:/topic/\ncontent-type:\nreply-to:/topic/\ncorrelation-id:\npersistent:true\nretain:true\n")

// Size implements [broker.Encoder].
func (e *encoder) Size(m *broker.Message) int {
	n := len(e.head) + broker.IDLen + ownHeaders + len(m.Head) + len(m.Body)
	if m.Head != nil && e.d == frame.V12 {
		return n
	}
	n += len(m.Head) + 2*len(m.Name) // escapes
	if m.Head == nil {
		n += propertyHeaders
	}
	if p := m.Properties; p != nil && m.Head == nil {
		n += 2*len(p.ContentType) + 2*len(p.ResponseTopic) + 2*len(p.CorrelationData)
		for _, u := range p.User {
			n += 2*len(u.Name) + 2*len(u.Value) + 2
		}
	}
	return n
}

// Append implements [broker.Encoder].
func (e *encoder) Append(dst []byte, m *broker.Message) []byte {
	if e.match != nil && !e.match(m) {
		return dst
	}
	dst = append(dst, e.head...)
	dst = append(dst, m.ID[:]...)
	return e.appendRest(dst, m)
}

// appendDelivery is Append for a message that may have to be acknowledged: ack
// is the value of that header, "" for none; before is how often it was delivered
// before.
func (e *encoder) appendDelivery(dst []byte, m *broker.Message, ack []byte, before int) []byte {
	dst = append(dst, e.head...)
	dst = append(dst, m.ID[:]...)
	if len(ack) > 0 {
		dst = append(dst, "ack:"...)
		dst = append(append(dst, ack...), '\n')
	}
	if before > 0 {
		dst = append(dst, "redelivered:true\nJMSXDeliveryCount:"...)
		dst = append(strconv.AppendInt(dst, int64(before)+1, 10), '\n')
	}
	return e.appendRest(dst, m)
}

// appendRest appends everything after the message-id.
func (e *encoder) appendRest(dst []byte, m *broker.Message) []byte {
	dst = append(dst, "timestamp:"...)
	dst = appendTime(dst, m.Timestamp)
	if m.Expires == 0 {
		dst = append(dst, "\nexpires:0\npriority:"...)
	} else {
		dst = append(dst, "\nexpires:"...)
		dst = strconv.AppendInt(dst, m.Expires, 10)
		dst = append(dst, "\npriority:"...)
	}
	dst = append(dst, '0'+m.Priority%10, '\n')
	if m.Head == nil || !m.HasLength {
		dst = append(dst, "content-length:"...)
		dst = append(strconv.AppendInt(dst, int64(len(m.Body)), 10), '\n')
	}
	switch {
	case m.Head == nil:
		dst = e.appendProperties(dst, m)
	case e.d == frame.V12:
		dst = append(dst, m.Head...)
	default:
		var lost int
		if dst, lost = e.d.AppendHead(dst, m.Head); lost > 0 {
			e.lost.Add(uint64(lost))
		}
	}
	dst = append(dst, '\n')
	dst = append(dst, m.Body...)
	return append(dst, 0)
}

// stamp is a time in milliseconds and how it is written.
type stamp struct {
	ms   int64
	text [20]byte
	n    int
}

// lastStamp is the time written last: a thousand messages share one.
var lastStamp atomic.Pointer[stamp]

func appendTime(dst []byte, ms int64) []byte {
	s := lastStamp.Load()
	if s == nil || s.ms != ms {
		s = &stamp{ms: ms}
		s.n = len(strconv.AppendInt(s.text[:0], ms, 10))
		lastStamp.Store(s)
	}
	return append(dst, s.text[:s.n]...)
}

// appendProperties appends the headers of a message that came without any: from
// MQTT, or from the server itself. Package mqtt has the table of what becomes what.
func (e *encoder) appendProperties(dst []byte, m *broker.Message) []byte {
	dst = e.appendHeader(dst, "destination", e.to+m.Name)
	if m.Persistent {
		dst = append(dst, "persistent:true\n"...)
	}
	if m.Retain {
		dst = append(dst, "retain:true\n"...)
	}
	p := m.Properties
	if p == nil {
		return dst
	}
	if p.ContentType != "" {
		dst = e.appendHeader(dst, "content-type", p.ContentType)
	}
	if p.ResponseTopic != "" {
		dst = e.appendHeader(dst, "reply-to", topicPrefix+p.ResponseTopic)
	}
	if len(p.CorrelationData) > 0 {
		dst = e.appendHeader(dst, "correlation-id", string(p.CorrelationData))
	}
	for _, u := range p.User {
		if !overrides(u.Name, p) {
			dst = e.appendHeader(dst, u.Name, u.Value)
		}
	}
	return dst
}

// overrides reports whether a user property has the name of a header that the
// broker sets, or that another property has become.
func overrides(name string, p *broker.Properties) bool {
	switch name {
	case "destination", "content-length", "retain", "persistent":
		return true
	case "content-type":
		return p.ContentType != ""
	case "reply-to":
		return p.ResponseTopic != ""
	case "correlation-id":
		return len(p.CorrelationData) > 0
	}
	return header.Reserved(name)
}

func (e *encoder) appendHeader(dst []byte, name, value string) []byte {
	if !e.d.CanCarry(name, value) || !utf8.ValidString(value) { // correlation data may be anything
		e.lost.Add(1)
		return dst
	}
	return e.d.AppendHeader(dst, name, value)
}
