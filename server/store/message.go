package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"mwm/server/broker"
)

// A message on disk is a byte of version, one of flags, priority and QoS, the
// numbers as varints, and the texts and bytes each behind its length as varint:
//
//	1  flags  priority  qos  timestamp  expires  id  name  sender  head  body  properties
//
// Properties are JSON, or nothing.
const messageVersion = 1

const (
	flagPersistent = 1 << iota
	flagRetain
	flagRetained
	flagHasLength
)

var errMessage = errors.New("the message is damaged")

// appendMessage appends the encoding of m.
func appendMessage(dst []byte, m *broker.Message) []byte {
	flags := byte(0)
	for i, set := range []bool{m.Persistent, m.Retain, m.Retained, m.HasLength} {
		if set {
			flags |= 1 << i
		}
	}
	dst = append(dst, messageVersion, flags, m.Priority, m.QoS)
	dst = binary.AppendVarint(dst, m.Timestamp)
	dst = binary.AppendVarint(dst, m.Expires)
	dst = append(dst, m.ID[:broker.IDLen-1]...)
	dst = appendBytes(dst, m.Name)
	dst = appendBytes(dst, m.Sender)
	dst = appendBytes(dst, m.Head)
	dst = appendBytes(dst, m.Body)
	if m.Properties == nil {
		return append(dst, 0)
	}
	properties, _ := json.Marshal(m.Properties) // strings and bytes always marshal
	return appendBytes(dst, properties)
}

func appendBytes[B ~string | ~[]byte](dst []byte, b B) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// decodeMessage reads what appendMessage wrote. The message shares p's memory.
func decodeMessage(p []byte) (*broker.Message, error) {
	d := decoder{p: p}
	fixed := d.take(4)
	if d.bad || fixed[0] != messageVersion {
		return nil, errMessage
	}
	flags := fixed[1]
	m := &broker.Message{
		Priority: fixed[2], QoS: fixed[3],
		Persistent: flags&flagPersistent != 0, Retain: flags&flagRetain != 0,
		Retained: flags&flagRetained != 0, HasLength: flags&flagHasLength != 0,
	}
	m.Timestamp, m.Expires = d.varint(), d.varint()
	id := string(d.take(broker.IDLen - 1))
	m.Name, m.Sender = string(d.bytes()), string(d.bytes())
	m.Head, m.Body = d.bytes(), d.bytes()
	properties := d.bytes()
	if d.bad || len(d.p) > 0 {
		return nil, errMessage
	}
	if len(m.Head) == 0 {
		m.Head = nil // it has a meaning: the sender wrote no header block
	}
	if len(properties) > 0 {
		m.Properties = &broker.Properties{}
		if err := json.Unmarshal(properties, m.Properties); err != nil {
			return nil, errors.Join(errMessage, err)
		}
	}
	var err error
	m.ID, err = broker.ParseID(id)
	return m, err
}

// decoder takes things from the front of p until something is missing.
type decoder struct {
	p   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.p) {
		d.bad, d.p = true, nil
		return make([]byte, min(max(n, 0), 64))
	}
	b := d.p[:n:n]
	d.p = d.p[n:]
	return b
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.p)
	d.skip(n)
	return v
}

func (d *decoder) bytes() []byte {
	v, n := binary.Uvarint(d.p)
	if d.skip(n); v > uint64(len(d.p)) {
		d.bad, d.p = true, nil
		return nil
	}
	return d.take(int(v))
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.bad, d.p = true, nil
		return
	}
	d.p = d.p[n:]
}
