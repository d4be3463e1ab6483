package telemetry

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// members are those of a JSON object that this package reads.
type members struct {
	deviceID, lat, lng, ts, speed, heading, accuracy value

	other []byte // the rest, as a JSON object; nil if there is none
}

// value is a JSON value: a string without its quotes and escapes, anything else
// as it is written.
type value struct {
	kind kind
	text []byte
}

type kind byte

const (
	absent kind = iota
	aString
	aNumber
	aLiteral   // true, false, null
	aComposite // an object or array
)

// member returns where the value of the member with that name goes; nil if it
// is none of ours. Names are compared exactly, as JavaScript does.
func (m *members) member(name []byte) *value {
	switch string(name) {
	case "deviceID":
		return &m.deviceID
	case "lat":
		return &m.lat
	case "lng":
		return &m.lng
	case "ts":
		return &m.ts
	case "speed":
		return &m.speed
	case "heading":
		return &m.heading
	case "accuracy":
		return &m.accuracy
	}
	return nil
}

// decodeMembers reads a JSON object. Its values share the payload's memory.
//
// Nearly every payload is a flat object of short strings and numbers, without
// escapes: these are scanned in place, which costs a twentieth of encoding/json
// and is what lets one core take 50,000 reports a second beside all else it has
// to do. Whatever the scanner does not know for certain, errors included, is
// read again by encoding/json, so the scanner never has to refuse anything.
func decodeMembers(payload []byte) (members, error) {
	if !utf8.Valid(payload) {
		return members{}, refuse(NotJSON, "the payload is not UTF-8")
	}
	var m members
	if m.scan(payload) {
		return m, nil
	}
	return unmarshalMembers(payload)
}

// unmarshalMembers is decodeMembers by encoding/json.
func unmarshalMembers(payload []byte) (m members, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(payload, &all); err != nil || all == nil {
		return members{}, refuse(NotJSON, "the payload is not a JSON object")
	}
	for name, raw := range all {
		if v := m.member([]byte(name)); v != nil {
			*v = rawValue(raw)
			delete(all, name)
		}
	}
	if len(all) > 0 {
		if m.other, err = json.Marshal(all); err != nil {
			return members{}, refuse(NotJSON, "the payload is not a JSON object")
		}
	}
	return m, nil
}

func rawValue(raw json.RawMessage) value {
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil { // cannot be: raw was valid
			return value{kind: aLiteral, text: raw}
		}
		return value{kind: aString, text: []byte(s)}
	case '{', '[':
		return value{kind: aComposite, text: raw}
	case 't', 'f', 'n':
		return value{kind: aLiteral, text: raw}
	}
	return value{kind: aNumber, text: raw}
}

// scan reads p if it is a flat object whose strings hold no escapes and whose
// names occur once each, and reports whether it was.
func (m *members) scan(p []byte) bool {
	i := skipSpace(p, 0)
	if i == len(p) || p[i] != '{' {
		return false
	}
	for first := true; ; first = false {
		if i = skipSpace(p, i+1); i == len(p) || p[i] != '"' {
			return first && i < len(p) && p[i] == '}' && skipSpace(p, i+1) == len(p)
		}
		end := stringEnd(p, i)
		if end < 0 {
			return false
		}
		quoted := p[i:end]
		if i = skipSpace(p, end); i == len(p) || p[i] != ':' {
			return false
		}
		i = skipSpace(p, i+1)
		v, end := scanValue(p, i)
		if end < 0 || !m.set(quoted, v, p[i:end]) {
			return false
		}
		if i = skipSpace(p, end); i == len(p) {
			return false
		}
		switch p[i] {
		case ',':
		case '}':
			if m.other != nil {
				m.other = append(m.other, '}')
			}
			return skipSpace(p, i+1) == len(p)
		default:
			return false
		}
	}
}

// set stores a member; raw is its value as written. A name of ours that occurs
// again is left to encoding/json.
func (m *members) set(quoted []byte, v value, raw []byte) bool {
	if dst := m.member(quoted[1 : len(quoted)-1]); dst != nil {
		if dst.kind != absent {
			return false
		}
		*dst = v
		return true
	}
	if m.other == nil {
		m.other = append(make([]byte, 0, 64), '{')
	} else {
		m.other = append(m.other, ',')
	}
	m.other = append(m.other, quoted...)
	m.other = append(m.other, ':')
	m.other = append(m.other, raw...)
	return true
}

func skipSpace(p []byte, i int) int {
	for i < len(p) && (p[i] == ' ' || p[i] == '\t' || p[i] == '\n' || p[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the index after the string that begins at p[i], or -1 if it
// has an escape, a control character or no end.
func stringEnd(p []byte, i int) int {
	for i++; i < len(p); i++ {
		switch c := p[i]; {
		case c == '"':
			return i + 1
		case c == '\\' || c < 0x20:
			return -1
		}
	}
	return -1
}

// scanValue reads the string, number or literal at p[i] and returns the index
// after it, or -1 if it is none.
func scanValue(p []byte, i int) (value, int) {
	if i == len(p) {
		return value{}, -1
	}
	switch c := p[i]; {
	case c == '"':
		end := stringEnd(p, i)
		if end < 0 {
			return value{}, -1
		}
		return value{aString, p[i+1 : end-1]}, end
	case c == '-' || '0' <= c && c <= '9':
		end := numberEnd(p, i)
		if end < 0 {
			return value{}, -1
		}
		return value{aNumber, p[i:end]}, end
	}
	for _, literal := range [...]string{"true", "false", "null"} {
		if bytes.HasPrefix(p[i:], []byte(literal)) {
			end := i + len(literal)
			return value{aLiteral, p[i:end]}, end
		}
	}
	return value{}, -1
}

// numberEnd returns the index after the number at p[i] (RFC 8259 §6), or -1.
func numberEnd(p []byte, i int) int {
	if p[i] == '-' {
		i++
	}
	start := i
	if i = digitsEnd(p, i); i == start || i > start+1 && p[start] == '0' {
		return -1
	}
	if i < len(p) && p[i] == '.' {
		start = i + 1
		if i = digitsEnd(p, start); i == start {
			return -1
		}
	}
	if i < len(p) && (p[i] == 'e' || p[i] == 'E') {
		if i++; i < len(p) && (p[i] == '+' || p[i] == '-') {
			i++
		}
		start = i
		if i = digitsEnd(p, start); i == start {
			return -1
		}
	}
	return i
}

func digitsEnd(p []byte, i int) int {
	for i < len(p) && '0' <= p[i] && p[i] <= '9' {
		i++
	}
	return i
}
