package mqtt

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/clock"
	"mwm/server/topic"
)

// publication is a message as one receiver is sent it.
type publication struct {
	*broker.Message
	level   byte
	qos     byte
	dup     bool
	retain  bool
	id      uint16 // of the packet, with QoS 1 and 2
	subID   uint32 // subscription identifier; 0: none
	nowUnix int64  // ms; for what is left of the expiry interval
	alias   uint16 // of the topic; 0: none
	lost    int    // headers of a STOMP sender that the receiver cannot be told, once encoded
	named   bool   // the topic stands beside its alias, which it introduces
}

// sizeBound is an upper bound of the length of the packet.
func (p *publication) sizeBound() int {
	n := 5 + 2 + len(p.Name) + 2 + len(p.Body)
	if p.level == v5 {
		n += 4 + p.propertiesBound()
	}
	return n
}

// propertiesBound is an upper bound of the length of the properties.
func (p *publication) propertiesBound() int {
	n := 5 + 5 + 3 // expiry, subscription identifier, topic alias
	if pr := p.Properties; pr != nil {
		n += 2 + 3 + len(pr.ContentType) + 3 + len(pr.ResponseTopic) + 3 + len(pr.CorrelationData)
		for _, u := range pr.User {
			n += 5 + len(u.Name) + len(u.Value)
		}
	}
	if p.Head != nil { // a header line becomes at most three bytes longer
		n += len(p.Head) + 3*bytes.Count(p.Head, []byte{'\n'})
	}
	return n
}

// append encodes the packet.
func (p *publication) append(dst []byte) []byte {
	name := p.Name
	if p.alias > 0 && !p.named {
		name = ""
	}
	n := 2 + len(name) + len(p.Body)
	if p.qos > 0 {
		n += 2
	}
	props := 0
	if p.level == v5 {
		props = p.propertiesLen()
		n += varintLen(props) + props
	}
	first := byte(packets.Publish<<4) | p.qos<<1
	if p.dup {
		first |= 8
	}
	if p.retain {
		first |= 1
	}
	dst = appendVarint(append(dst, first), n)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(name)))
	dst = topic.AppendSwap(dst, name)
	if p.qos > 0 {
		dst = binary.BigEndian.AppendUint16(dst, p.id)
	}
	if p.level == v5 {
		dst = appendVarint(dst, props)
		if props > 0 {
			dst = p.appendProperties(dst)
		}
	}
	return append(dst, p.Body...)
}

// propertiesLen is the length of the properties.
func (p *publication) propertiesLen() int {
	if p.Expires == 0 && p.subID == 0 && p.alias == 0 && p.Properties == nil && p.Head == nil {
		return 0
	}
	var buf [256]byte
	return len(p.appendProperties(buf[:0]))
}

// appendProperties appends the properties, without their length.
func (p *publication) appendProperties(dst []byte) []byte {
	if p.Expires != 0 {
		left := max(1, (p.Expires-p.nowUnix+999)/1000) // MQTT 5.0 §3.3.2.3.3
		dst = append(dst, packets.PropMessageExpiryInterval)
		dst = binary.BigEndian.AppendUint32(dst, uint32(min(left, 1<<32-1)))
	}
	if p.alias > 0 {
		dst = append(dst, packets.PropTopicAlias, byte(p.alias>>8), byte(p.alias))
	}
	if p.subID > 0 {
		dst = appendVarint(append(dst, packets.PropSubscriptionIdentifier), int(p.subID))
	}
	if pr := p.Properties; pr != nil {
		dst = appendMessageProperties(dst, pr)
	}
	if p.Head != nil {
		dst, p.lost = appendHead(dst, p.Head)
	}
	return dst
}

func appendMessageProperties(dst []byte, pr *broker.Properties) []byte {
	if pr.PayloadFormat {
		dst = append(dst, packets.PropPayloadFormat, 1)
	}
	if pr.ContentType != "" {
		dst = appendString(append(dst, packets.PropContentType), pr.ContentType)
	}
	if pr.ResponseTopic != "" {
		dst = append(dst, packets.PropResponseTopic)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(pr.ResponseTopic)))
		dst = topic.AppendSwap(dst, pr.ResponseTopic)
	}
	if pr.CorrelationData != nil {
		dst = appendString(append(dst, packets.PropCorrelationData), pr.CorrelationData)
	}
	for _, u := range pr.User { // [MQTT-3.3.2-18]: in order
		dst = appendString(append(dst, packets.PropUser), u.Name)
		dst = appendString(dst, u.Value)
	}
	return dst
}

// encoder encodes the QoS 0 messages of a subscription. It is immutable.
type encoder struct {
	level     byte
	qos       byte // granted: what is sent at a higher one is left out
	keep      bool // retain as published (MQTT 5.0 §3.8.3.1)
	subID     uint32
	maxPacket int
	stats     *Stats
	clock     *clock.Clock
}

// Size implements [broker.Encoder].
func (e *encoder) Size(m *broker.Message) int {
	p := publication{Message: m, level: e.level}
	return p.sizeBound()
}

// Append implements [broker.Encoder].
func (e *encoder) Append(dst []byte, m *broker.Message) []byte { return e.append(dst, m, 0, false) }

// append appends a message whose topic has an alias, which stands alone unless it is
// to be introduced.
func (e *encoder) append(dst []byte, m *broker.Message, alias uint16, named bool) []byte {
	if min(m.QoS, e.qos) > 0 {
		return dst
	}
	p := publication{Message: m, level: e.level, retain: e.keep && m.Retain, subID: e.subID, alias: alias, named: named}
	if m.Expires != 0 {
		p.nowUnix = e.clock.At(time.Now()).UnixMilli()
	}
	before := len(dst)
	dst = p.append(dst)
	if e.maxPacket > 0 && len(dst)-before > e.maxPacket { // [MQTT-3.1.2-25]
		e.stats.TooLarge.Add(1)
		return dst[:before]
	}
	if p.lost > 0 {
		e.stats.LostHeaders.Add(uint64(p.lost))
	}
	return dst
}
