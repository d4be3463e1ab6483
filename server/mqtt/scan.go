package mqtt

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/mochi-mqtt/server/v2/packets"
)

// scan walks over a packet and checks its layout to the last byte, before the
// codec is let at it: the codec trusts lengths, and takes properties that are
// repeated, out of range or run over the end of their block.
type scan struct {
	p   []byte
	err error
}

func (s *scan) fail(format string, args ...any) {
	if s.err == nil {
		s.err = malformed(format, args...)
	}
	s.p = nil
}

func (s *scan) take(n int) []byte {
	if s.err != nil || n > len(s.p) {
		s.fail("it ends too early")
		return nil
	}
	b := s.p[:n]
	s.p = s.p[n:]
	return b
}

func (s *scan) u8() byte {
	if b := s.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *scan) u16() uint16 {
	if b := s.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (s *scan) u32() uint32 {
	if b := s.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (s *scan) varint() int {
	n := 0
	for i := range 4 {
		b := s.u8()
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			if i > 0 && b == 0 {
				s.fail("a variable byte integer is not encoded in the fewest bytes")
			}
			return n
		}
	}
	s.fail("a variable byte integer has more than four bytes")
	return 0
}

func (s *scan) bytes() []byte { return s.take(int(s.u16())) }

// text takes a UTF-8 string (MQTT 5.0 §1.5.4).
func (s *scan) text() []byte {
	b := s.bytes()
	if !validText(b) {
		s.fail("a string is not UTF-8, or contains NUL")
		return nil
	}
	return b
}

func validText(b []byte) bool {
	ascii := true
	for _, c := range b {
		if c == 0 {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.Valid(b)
}

// end reports what is wrong; something that is left over is.
func (s *scan) end() error {
	if s.err == nil && len(s.p) > 0 {
		s.fail("%d bytes too many", len(s.p))
	}
	return s.err
}

// property is one property of a block; which fields count depends on its kind.
type property struct {
	id          byte
	num         uint32
	text, value []byte
}

// Kinds of property values (MQTT 5.0 §2.2.2.2).
const (
	kindByte = 1 + iota
	kindU16
	kindU32
	kindVarint
	kindText
	kindBytes
	kindPair
)

var propertyKinds = [...]byte{
	packets.PropPayloadFormat:          kindByte,
	packets.PropMessageExpiryInterval:  kindU32,
	packets.PropContentType:            kindText,
	packets.PropResponseTopic:          kindText,
	packets.PropCorrelationData:        kindBytes,
	packets.PropSubscriptionIdentifier: kindVarint,
	packets.PropSessionExpiryInterval:  kindU32,
	packets.PropAuthenticationMethod:   kindText,
	packets.PropAuthenticationData:     kindBytes,
	packets.PropRequestProblemInfo:     kindByte,
	packets.PropWillDelayInterval:      kindU32,
	packets.PropRequestResponseInfo:    kindByte,
	packets.PropServerReference:        kindText,
	packets.PropReasonString:           kindText,
	packets.PropReceiveMaximum:         kindU16,
	packets.PropTopicAliasMaximum:      kindU16,
	packets.PropTopicAlias:             kindU16,
	packets.PropUser:                   kindPair,
	packets.PropMaximumPacketSize:      kindU32,
}

// fromClient says which properties a client may send in which packet.
var fromClient = func() (may [packets.WillProperties + 1]uint64) {
	for kind, ids := range map[byte][]byte{
		packets.Connect: {packets.PropSessionExpiryInterval, packets.PropReceiveMaximum, packets.PropMaximumPacketSize,
			packets.PropTopicAliasMaximum, packets.PropRequestResponseInfo, packets.PropRequestProblemInfo,
			packets.PropUser, packets.PropAuthenticationMethod, packets.PropAuthenticationData},
		packets.WillProperties: {packets.PropWillDelayInterval, packets.PropPayloadFormat, packets.PropMessageExpiryInterval,
			packets.PropContentType, packets.PropResponseTopic, packets.PropCorrelationData, packets.PropUser},
		packets.Publish: {packets.PropPayloadFormat, packets.PropMessageExpiryInterval, packets.PropContentType,
			packets.PropResponseTopic, packets.PropCorrelationData, packets.PropTopicAlias, packets.PropUser},
		packets.Puback:      {packets.PropReasonString, packets.PropUser},
		packets.Pubrec:      {packets.PropReasonString, packets.PropUser},
		packets.Pubrel:      {packets.PropReasonString, packets.PropUser},
		packets.Pubcomp:     {packets.PropReasonString, packets.PropUser},
		packets.Subscribe:   {packets.PropSubscriptionIdentifier, packets.PropUser},
		packets.Unsubscribe: {packets.PropUser},
		packets.Disconnect:  {packets.PropSessionExpiryInterval, packets.PropReasonString, packets.PropUser},
		packets.Auth: {packets.PropAuthenticationMethod, packets.PropAuthenticationData, packets.PropReasonString,
			packets.PropUser},
	} {
		for _, id := range ids {
			may[kind] |= 1 << id
		}
	}
	return may
}()

// maxUserProperties is how many user properties a block may have. An empty one takes
// five bytes of the packet, and some forty of memory once it is kept.
const maxUserProperties = 1000

// properties takes a block of properties of a packet and calls each, which may
// be nil, for every one.
func (s *scan) properties(packet byte, each func(property)) {
	block := scan{p: s.take(s.varint())}
	seen, users := uint64(0), 0
	for len(block.p) > 0 {
		var pr property
		pr.id = block.u8()
		if int(pr.id) >= len(propertyKinds) || fromClient[packet]&(1<<pr.id) == 0 {
			s.reject(violation("property 0x%02x does not belong into this packet", pr.id))
			return
		}
		switch {
		case pr.id == packets.PropUser:
			if users++; users > maxUserProperties {
				s.reject(newFault(packets.ErrQuotaExceeded, "more than %d user properties", maxUserProperties))
				return
			}
		case seen&(1<<pr.id) != 0:
			s.reject(violation("property 0x%02x is given twice", pr.id))
			return
		}
		seen |= 1 << pr.id
		block.value(&pr)
		if block.err == nil {
			s.reject(pr.check())
		}
		if s.err != nil || block.err != nil {
			break
		}
		if each != nil {
			each(pr)
		}
	}
	s.reject(block.err)
}

func (s *scan) reject(err error) {
	if err != nil && s.err == nil {
		s.err, s.p = err, nil
	}
}

func (s *scan) value(pr *property) {
	switch propertyKinds[pr.id] {
	case kindByte:
		pr.num = uint32(s.u8())
	case kindU16:
		pr.num = uint32(s.u16())
	case kindU32:
		pr.num = s.u32()
	case kindVarint:
		pr.num = uint32(s.varint())
	case kindText:
		pr.text = s.text()
	case kindBytes:
		pr.value = s.bytes()
	case kindPair:
		pr.text = s.text()
		pr.value = s.text()
	}
}

// check refuses values that the specification excludes.
func (pr *property) check() error {
	switch pr.id {
	case packets.PropPayloadFormat, packets.PropRequestProblemInfo, packets.PropRequestResponseInfo:
		if pr.num > 1 {
			return violation("property 0x%02x is %d, must be 0 or 1", pr.id, pr.num)
		}
	case packets.PropReceiveMaximum, packets.PropMaximumPacketSize, packets.PropSubscriptionIdentifier:
		if pr.num == 0 {
			return violation("property 0x%02x must not be 0", pr.id)
		}
	case packets.PropTopicAlias:
		if pr.num == 0 { // MQTT 5.0 §3.3.2.3.4
			return newFault(packets.ErrTopicAliasInvalid, "topic alias 0")
		}
	case packets.PropResponseTopic:
		for _, c := range pr.text {
			if c == '+' || c == '#' { // [MQTT-3.3.2-14]
				return violation("a wildcard in the response topic")
			}
		}
		if len(pr.text) == 0 {
			return violation("an empty response topic")
		}
	}
	return nil
}
