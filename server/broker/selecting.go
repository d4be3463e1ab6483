package broker

import (
	"bytes"
	"strconv"
	"sync"

	"mwm/server/broker/selector"
)

// NewMatch parses a message selector and returns what tells whether it selects a
// message. It allocates nothing and may be called concurrently.
//
// Selected on are the headers that the sender wrote, or the user properties of an
// MQTT 5 sender, and JMSPriority, JMSTimestamp, JMSMessageID, JMSExpiration,
// JMSDeliveryMode, JMSCorrelationID, JMSReplyTo and JMSType.
func NewMatch(s string) (func(*Message) bool, error) {
	sel, err := selector.Parse(s)
	if err != nil {
		return nil, err
	}
	return func(m *Message) bool {
		p := propertyPool.Get().(*properties)
		p.m, p.scratch = m, p.scratch[:0]
		selected := sel.Match(p)
		p.m = nil
		propertyPool.Put(p)
		return selected
	}, nil
}

var propertyPool = sync.Pool{New: func() any { return &properties{scratch: make([]byte, 0, 256)} }}

// properties is a message as a selector sees it.
type properties struct {
	m *Message
	// scratch holds the values that had to be made: none is overwritten while
	// the selector looks at the message.
	scratch []byte
}

// jmsHeaders are the STOMP headers behind JMS header fields that have one.
var jmsHeaders = map[string]string{
	"JMSCorrelationID": "correlation-id",
	"JMSReplyTo":       "reply-to",
	"JMSType":          "type",
}

var persistent, nonPersistent, yes = []byte("PERSISTENT"), []byte("NON_PERSISTENT"), []byte("true")

// Property is part of selector.Properties.
func (p *properties) Property(name string) ([]byte, bool) {
	switch name {
	case "JMSPriority":
		return p.number(int64(p.m.Priority)), true
	case "JMSTimestamp":
		return p.number(p.m.Timestamp), true
	case "JMSExpiration":
		return p.number(p.m.Expires), true
	case "JMSMessageID":
		return p.m.ID[:IDLen-1], true
	case "JMSDeliveryMode":
		if p.m.Persistent {
			return persistent, true
		}
		return nonPersistent, true
	}
	if header, ok := jmsHeaders[name]; ok {
		name = header
	}
	if p.m.Head != nil {
		return p.header(name)
	}
	return p.property(name)
}

func (p *properties) number(v int64) []byte {
	start := len(p.scratch)
	p.scratch = strconv.AppendInt(p.scratch, v, 10)
	return p.scratch[start:]
}

// header looks for a line of the sender's header block; the first of a name
// counts (STOMP 1.2, Repeated Header Entries).
func (p *properties) header(name string) ([]byte, bool) {
	for rest := p.m.Head; len(rest) > 0; {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		i := bytes.IndexByte(line, ':')
		if i < 0 {
			continue
		}
		if string(line[:i]) == name || bytes.IndexByte(line[:i], '\\') >= 0 && string(p.unescape(line[:i])) == name {
			return p.unescape(line[i+1:]), true
		}
	}
	return nil, false
}

// unescape undoes the escapes of STOMP 1.2.
func (p *properties) unescape(v []byte) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return v
	}
	start := len(p.scratch)
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '\\' && i+1 < len(v) {
			i++
			switch v[i] {
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 'c':
				c = ':'
			default:
				c = v[i]
			}
		}
		p.scratch = append(p.scratch, c)
	}
	return p.scratch[start:len(p.scratch):len(p.scratch)]
}

// property looks into what an MQTT sender said, under the names and with the values
// that STOMP receivers are told.
func (p *properties) property(name string) ([]byte, bool) {
	switch name {
	case "persistent":
		return yes, p.m.Persistent
	case "retain":
		return yes, p.m.Retain
	}
	props := p.m.Properties
	if props == nil {
		return nil, false
	}
	prefix, value, ok := "", "", false
	switch name {
	case "content-type":
		value, ok = props.ContentType, props.ContentType != ""
	case "correlation-id":
		return props.CorrelationData, props.CorrelationData != nil
	case "reply-to":
		prefix, value, ok = "/topic/", props.ResponseTopic, props.ResponseTopic != ""
	default:
		for _, u := range props.User {
			if u.Name == name {
				value, ok = u.Value, true
				break
			}
		}
	}
	start := len(p.scratch)
	p.scratch = append(append(p.scratch, prefix...), value...)
	return p.scratch[start:len(p.scratch):len(p.scratch)], ok
}
