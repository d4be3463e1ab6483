package mqtt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
)

// explainer takes apart what the connections of a version have read or written,
// for somebody who looks. It believes nothing: bad packets are shown, too.
func explainer(level byte) func(p []byte, in bool) []broker.WireFrame {
	return func(p []byte, _ bool) (frames []broker.WireFrame) {
		for len(p) > 0 {
			head, total, err := split(p, 1<<30)
			if err != nil || head == 0 {
				return append(frames, broker.WireFrame{Type: "unknown", Raw: p, Size: len(p), Err: "no MQTT packet"})
			}
			n := min(total, len(p))
			f := broker.WireFrame{Type: strings.ToUpper(packetName(p[0])), Raw: p[:n], Size: total}
			explainPacket(&f, level, head)
			frames = append(frames, f)
			p = p[n:]
		}
		return frames
	}
}

// explainPacket says what a packet says. head is the length of its fixed header.
func explainPacket(f *broker.WireFrame, level byte, head int) {
	first, p := f.Raw[0], f.Raw[head:]
	if first>>4 == packets.Connect {
		blotPassword(p)
	}
	if first>>4 == packets.Publish {
		explainPublish(f, level, head)
		return
	}
	if len(f.Raw) < f.Size {
		f.Err = "only its beginning was kept"
		return
	}
	pk := packets.Packet{ProtocolVersion: level, FixedHeader: packets.FixedHeader{Type: first >> 4, Remaining: len(p)}}
	if err := decode(&pk, p); err != nil {
		f.Err = err.Error()
		return
	}
	e := fields{pk: &pk}
	e.packet()
	e.properties(&pk.Properties, "")
	f.Fields = e.out
}

// decode reads a packet of any kind, of either direction. The codec
// is not made for bad packets, which are looked at here, too: some it panics over.
func decode(pk *packets.Packet, p []byte) (err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("malformed packet")
		}
	}()
	switch pk.FixedHeader.Type {
	case packets.Connect:
		return pk.ConnectDecode(p)
	case packets.Connack:
		return pk.ConnackDecode(p)
	case packets.Publish:
		return pk.PublishDecode(p)
	case packets.Puback:
		return pk.PubackDecode(p)
	case packets.Pubrec:
		return pk.PubrecDecode(p)
	case packets.Pubrel:
		return pk.PubrelDecode(p)
	case packets.Pubcomp:
		return pk.PubcompDecode(p)
	case packets.Subscribe:
		return pk.SubscribeDecode(p)
	case packets.Suback:
		return pk.SubackDecode(p)
	case packets.Unsubscribe:
		return pk.UnsubscribeDecode(p)
	case packets.Unsuback:
		return pk.UnsubackDecode(p)
	case packets.Disconnect:
		if len(p) == 1 { // the codec takes no notice of it
			pk.ReasonCode = p[0]
			return nil
		}
		return pk.DisconnectDecode(p)
	case packets.Auth:
		return pk.AuthDecode(p)
	case packets.Pingreq, packets.Pingresp:
		return nil
	}
	return fmt.Errorf("there is no packet of type %d", pk.FixedHeader.Type)
}

// explainPublish takes a PUBLISH apart, whose end may be missing.
func explainPublish(f *broker.WireFrame, level byte, head int) {
	first, rest := f.Raw[0], f.Raw[head:]
	e := fields{}
	if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
		f.Err = "only its beginning was kept"
		return
	}
	n := 2 + int(binary.BigEndian.Uint16(rest))
	e.add("topic", string(rest[2:n]))
	qos := first >> 1 & 3
	e.add("qos", strconv.Itoa(int(qos)))
	e.flag("retain", first&1 != 0)
	e.flag("dup", first&8 != 0)
	if qos > 0 && len(rest) >= n+2 {
		e.add("packet id", strconv.Itoa(int(binary.BigEndian.Uint16(rest[n:]))))
		n += 2
	}
	if level == v5 && n < len(rest) {
		length, size := binary.Uvarint(rest[n:]) // the same as a variable byte integer
		end := n + size + int(min(length, uint64(len(rest))))
		if size <= 0 || end > len(rest) {
			f.Fields, f.Err = e.out, "its properties do not end"
			return
		}
		pk := packets.Packet{ProtocolVersion: v5, FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos}}
		if err := decode(&pk, rest[:end]); err == nil {
			e.properties(&pk.Properties, "")
		} else {
			f.Err = err.Error()
		}
		n = end
	}
	f.Fields = e.out
	if body := f.Size - head - n; body > 0 {
		f.BodyAt, f.BodySize = head+n, body
	}
}

// blotPassword overwrites the password of a CONNECT, without its fixed header: it
// is the last thing in it, behind the client identifier, the will and the user
// name. (MQTT 5.0 §3.1)
func blotPassword(p []byte) {
	const withWill, withPassword, withUser = 0x04, 0x40, 0x80
	s := scan{p: p}
	skipProperties := func() {}
	s.bytes() // protocol name
	if s.u8() == v5 {
		skipProperties = func() { s.take(s.varint()) }
	}
	flags := s.u8()
	s.u16() // keep alive
	skipProperties()
	s.bytes() // client identifier
	if flags&withWill != 0 {
		skipProperties()
		s.bytes()
		s.bytes()
	}
	if flags&withUser != 0 {
		s.bytes()
	}
	if flags&withPassword != 0 && len(s.p) > 2 {
		broker.Blot(s.p[2:])
	}
}

// fields gathers what a packet says.
type fields struct {
	pk  *packets.Packet
	out []broker.Property
}

func (e *fields) add(name, value string) {
	e.out = append(e.out, broker.Property{Name: name, Value: value})
}

func (e *fields) flag(name string, set bool) {
	if set {
		e.add(name, "true")
	}
}

func (e *fields) number(name string, v int, set bool) {
	if set {
		e.add(name, strconv.Itoa(v))
	}
}

func (e *fields) text(name, v string) {
	if v != "" {
		e.add(name, v)
	}
}

// packet says what stands in the variable header and the payload.
func (e *fields) packet() {
	pk := e.pk
	switch kind := pk.FixedHeader.Type; kind {
	case packets.Connect:
		e.connect()
	case packets.Connack:
		e.flag("session present", pk.SessionPresent)
		e.reason(pk.ReasonCode)
	case packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp:
		e.number("packet id", int(pk.PacketID), true)
		if pk.ReasonCode != 0 {
			e.reason(pk.ReasonCode)
		}
	case packets.Subscribe, packets.Unsubscribe:
		e.number("packet id", int(pk.PacketID), true)
		for _, s := range pk.Filters {
			value := s.Filter
			if kind == packets.Subscribe {
				value += fmt.Sprintf(", qos %d", s.Qos)
			}
			e.add("filter", value)
		}
	case packets.Suback, packets.Unsuback:
		e.number("packet id", int(pk.PacketID), true)
		for _, code := range pk.ReasonCodes {
			e.reason(code)
		}
	case packets.Disconnect, packets.Auth:
		e.reason(pk.ReasonCode)
	}
}

func (e *fields) reason(code byte) { e.add("reason", fmt.Sprintf("%#02x", code)) }

func (e *fields) connect() {
	c := &e.pk.Connect
	e.add("protocol", fmt.Sprintf("%s %d", c.ProtocolName, e.pk.ProtocolVersion))
	e.add("client id", c.ClientIdentifier)
	e.add("clean", strconv.FormatBool(c.Clean))
	e.number("keep alive", int(c.Keepalive), true)
	if c.UsernameFlag {
		e.add("user name", string(c.Username))
	}
	if c.PasswordFlag {
		e.add("password", "*******")
	}
	if c.WillFlag {
		e.add("will topic", c.WillTopic)
		e.add("will", strings.ToValidUTF8(string(c.WillPayload), "\uFFFD"))
		e.number("will qos", int(c.WillQos), true)
		e.flag("will retain", c.WillRetain)
		e.properties(&c.WillProperties, "will ")
	}
}

// properties says what the properties of MQTT 5 say. (MQTT 5.0 §2.2.2.2)
func (e *fields) properties(p *packets.Properties, of string) {
	e.number(of+"payload format", int(p.PayloadFormat), p.PayloadFormatFlag)
	e.number(of+"message expiry", int(p.MessageExpiryInterval), p.MessageExpiryInterval > 0)
	e.text(of+"content type", p.ContentType)
	e.text(of+"response topic", p.ResponseTopic)
	if len(p.CorrelationData) > 0 {
		e.add(of+"correlation data", fmt.Sprintf("%x", p.CorrelationData))
	}
	for _, id := range p.SubscriptionIdentifier {
		e.number(of+"subscription identifier", id, true)
	}
	e.number(of+"session expiry", int(p.SessionExpiryInterval), p.SessionExpiryIntervalFlag)
	e.text(of+"assigned client id", p.AssignedClientID)
	e.number(of+"server keep alive", int(p.ServerKeepAlive), p.ServerKeepAliveFlag)
	e.text(of+"authentication method", p.AuthenticationMethod)
	e.number(of+"will delay", int(p.WillDelayInterval), p.WillDelayInterval > 0)
	e.text(of+"response information", p.ResponseInfo)
	e.text(of+"server reference", p.ServerReference)
	e.text(of+"reason string", p.ReasonString)
	e.number(of+"receive maximum", int(p.ReceiveMaximum), p.ReceiveMaximum > 0)
	e.number(of+"topic alias maximum", int(p.TopicAliasMaximum), p.TopicAliasMaximum > 0)
	e.number(of+"topic alias", int(p.TopicAlias), p.TopicAliasFlag)
	e.number(of+"maximum qos", int(p.MaximumQos), p.MaximumQosFlag)
	e.number(of+"retain available", int(p.RetainAvailable), p.RetainAvailableFlag)
	e.number(of+"maximum packet size", int(p.MaximumPacketSize), p.MaximumPacketSize > 0)
	for _, u := range p.User {
		e.add(of+u.Key, u.Val)
	}
}
