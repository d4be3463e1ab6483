package mqtt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/topic"
)

// publish handles PUBLISH in place: the message points into p, and into what
// its properties were copied to.
func (c *conn) publish(flags byte, p []byte) error {
	qos := flags >> 1 & 3
	switch {
	case qos == 3: // [MQTT-3.3.1-4]
		return malformed("PUBLISH at QoS 3")
	case qos == 0 && flags&8 != 0: // [MQTT-3.3.1-2]
		return malformed("PUBLISH at QoS 0 with DUP")
	case len(p) < 2:
		return malformed("PUBLISH ends too early")
	}
	n := 2 + int(binary.BigEndian.Uint16(p))
	if len(p) < n {
		return malformed("PUBLISH ends too early")
	}
	name, p := p[2:n], p[n:]
	var id uint16
	if qos > 0 {
		if len(p) < 2 {
			return malformed("PUBLISH ends too early")
		}
		if id = binary.BigEndian.Uint16(p); id == 0 { // [MQTT-2.2.1-3]
			return violation("packet identifier 0")
		}
		p = p[2:]
	}
	var said publishProperties
	if c.level == v5 {
		if len(p) > 0 && p[0] == 0 {
			p = p[1:]
		} else {
			var err error
			if said, p, err = parseProperties(p); err != nil {
				return err
			}
		}
	}
	if qos > 0 {
		if again, err := c.take(qos, id); again || err != nil {
			return err
		}
	}
	err := c.forward(flags, id, name, said, p)
	if err != nil && qos == 2 { // what comes under the identifier after this connection is no repetition
		c.arrived(id, false, errRefused)
	}
	return err
}

// forward adds a message to the batch.
func (c *conn) forward(flags byte, id uint16, name []byte, said publishProperties, body []byte) error {
	qos := flags >> 1 & 3
	topic.SwapInPlace(name)
	if said.alias > 0 {
		var err error
		if name, err = c.alias(said.alias, name); err != nil {
			return err
		}
	}
	c.published++
	route, err := c.pub.TopicFor(name, body)
	if errors.Is(err, broker.ErrForbidden) {
		return c.denied(qos, id, name)
	}
	if err != nil {
		return c.badTopic(qos, id, name)
	}
	if isReserved(name) {
		c.srv.stats.Denied.Add(1)
		return c.answer(qos, id, packets.ErrNotAuthorized.Code, "$SYS is the server's")
	}
	m, err := c.add(route, qos, id)
	if err != nil {
		return err
	}
	m.Body = body
	m.QoS = qos
	m.Retain = flags&1 != 0
	m.Persistent = qos > 0
	m.Properties = said.props
	if said.expires {
		m.Expires = c.pub.ExpiresAfter(time.Duration(said.expiry) * time.Second)
	}
	return nil
}

// add adds a message to the batch; one at QoS 1 or 2 is acknowledged when it is
// safe.
func (c *conn) add(route *broker.Route, qos byte, id uint16) (*broker.Message, error) {
	if qos == 0 {
		return c.pub.Add(route), nil
	}
	if !c.waited { // once a batch: there may be too much on its way to the disk
		c.waited = true
		c.srv.b.Journal().WaitRoom()
	}
	a := answer{id: id, kind: packets.Puback}
	if qos == 2 {
		a.kind = packets.Pubrec
	}
	if c.level == v5 && route.Subscribers() == 0 {
		a.code = packets.CodeNoMatchingSubscribers.Code
	}
	ticket, err := c.owed.add(a)
	if err != nil {
		return nil, err
	}
	return c.pub.AddTicket(route, ticket, qos == 2 && c.sess.box.Load() != 0), nil
}

// take books an arriving PUBLISH at QoS 1 or 2. again: it is the repetition of
// one that is waiting for its PUBREL, and has been answered.
func (c *conn) take(qos byte, id uint16) (again bool, err error) {
	if qos == 2 {
		if again, err = c.sess.arrive(c, id); again || err != nil {
			return again, err
		}
	}
	if c.level < v5 {
		return false, nil
	}
	n := c.owed.waiting() + c.sess.inbound.len()
	if qos == 1 {
		n++
	}
	if n > c.srv.opt.ReceiveMaximum { // MQTT 5.0 §3.3.4
		if qos == 2 {
			c.arrived(id, false, errRefused)
		}
		return false, newFault(packets.ErrReceiveMaximum, "more than %d unacknowledged messages", c.srv.opt.ReceiveMaximum)
	}
	return false, nil
}

// answer acknowledges a PUBLISH that goes nowhere, in its turn.
func (c *conn) answer(qos byte, id uint16, code byte, reason string) error {
	if qos == 0 {
		return nil
	}
	a := answer{id: id, kind: packets.Puback, code: code, reason: reason, ready: true}
	if c.level < v5 {
		a.code = 0 // all that 3.x can say (MQTT 3.1.1 §3.3.5)
	}
	if qos == 2 {
		a.kind = packets.Pubrec
		if a.code >= 0x80 { // MQTT 5.0 §4.3.3: the identifier is free again
			c.sess.inbound.release(id)
		} else {
			c.sess.inbound.confirmed(id, true)
		}
	}
	if !c.problems {
		a.reason = ""
	}
	_, err := c.owed.add(a)
	return err
}

// alias resolves a topic alias, or sets it when there is a name.
func (c *conn) alias(alias uint16, name []byte) ([]byte, error) {
	if int(alias) > c.srv.opt.TopicAliasMaximum { // [MQTT-3.3.2-9]
		return nil, newFault(packets.ErrTopicAliasInvalid, "topic alias %d, at most %d are allowed", alias, c.srv.opt.TopicAliasMaximum)
	}
	if len(name) > 0 {
		for len(c.aliases) < int(alias) {
			c.aliases = append(c.aliases, "")
		}
		if old := c.aliases[alias-1]; old != string(name) {
			c.aliases[alias-1] = string(name)
			netx.Book(len(name) - len(old))
		}
		return name, nil
	}
	if int(alias) > len(c.aliases) || c.aliases[alias-1] == "" {
		return nil, violation("topic alias %d is not set", alias)
	}
	return []byte(c.aliases[alias-1]), nil
}

// badTopic answers a PUBLISH to a name that cannot be: well-formed ones are
// refused if the version can say so, others end the connection.
func (c *conn) badTopic(qos byte, id uint16, name []byte) error {
	err := checkTopic(name)
	f, ok := err.(*fault)
	if !ok {
		return violation("PUBLISH to an invalid topic")
	}
	if f.code == packets.ErrTopicNameInvalid.Code && qos > 0 && c.level == v5 {
		return c.answer(qos, id, f.code, f.text)
	}
	return err
}

// checkTopic reports why a canonical name is none that MQTT permits.
func checkTopic(name []byte) error {
	err := topic.CheckName(string(name))
	switch {
	case err == nil:
		return nil
	case bytes.Count(name, []byte(".")) >= topic.MaxLevels():
		return newFault(packets.ErrTopicNameInvalid, "a topic of %d levels, at most %d are allowed",
			bytes.Count(name, []byte("."))+1, topic.MaxLevels())
	case len(name) == 0: // [MQTT-4.7.3-1]
		return violation("an empty topic")
	case bytes.ContainsAny(name, "*>"): // [MQTT-3.3.2-2]
		return violation("a wildcard in the topic")
	}
	return malformed("a topic that is not UTF-8, or contains NUL")
}

// isReserved reports whether only the server may publish to the name.
func isReserved(name []byte) bool {
	return len(name) >= 4 && name[0] == '$' && string(name[:4]) == "$SYS" && (len(name) == 4 || name[4] == '.')
}

// publishProperties are those of one PUBLISH.
type publishProperties struct {
	alias   uint16
	expires bool
	expiry  uint32
	props   *broker.Properties
}

// parseProperties takes the properties of a PUBLISH and returns what follows.
func parseProperties(p []byte) (said publishProperties, rest []byte, err error) {
	s := scan{p: p}
	s.properties(packets.Publish, said.add)
	return said, s.p, s.err
}

// add takes a property over; it copies, as the message may outlive the buffer.
func (s *publishProperties) add(pr property) {
	switch pr.id {
	case packets.PropTopicAlias:
		s.alias = uint16(pr.num)
		return
	case packets.PropMessageExpiryInterval:
		s.expires, s.expiry = true, pr.num
		return
	case packets.PropPayloadFormat:
		if pr.num == 0 {
			return // the same as none (MQTT 5.0 §3.3.2.3.2)
		}
	}
	if s.props == nil {
		s.props = &broker.Properties{}
	}
	switch pr.id {
	case packets.PropPayloadFormat:
		s.props.PayloadFormat = true
	case packets.PropContentType:
		s.props.ContentType = string(pr.text)
	case packets.PropResponseTopic:
		s.props.ResponseTopic = string(topic.AppendSwap(nil, pr.text))
	case packets.PropCorrelationData:
		s.props.CorrelationData = append([]byte{}, pr.value...)
	case packets.PropUser:
		s.props.User = append(s.props.User, broker.Property{Name: string(pr.text), Value: string(pr.value)})
	}
}

// acknowledge handles PUBACK, PUBREC, PUBREL and PUBCOMP.
func (c *conn) acknowledge(kind byte, p []byte) error {
	if len(p) < 2 {
		return malformed("%s ends too early", packets.PacketNames[kind])
	}
	id, code := binary.BigEndian.Uint16(p), byte(0)
	if len(p) > 2 {
		if c.level < v5 {
			return malformed("%s with a payload", packets.PacketNames[kind])
		}
		code = p[2]
		if len(p) > 3 {
			s := scan{p: p[3:]}
			s.properties(kind, nil)
			if err := s.end(); err != nil {
				return err
			}
		}
	}
	if id == 0 {
		return violation("packet identifier 0")
	}
	c.synced = c.synced || kind != packets.Puback
	if kind == packets.Pubrel {
		c.complete(id)
		return nil
	}
	answer, err := c.sess.acknowledged(c, kind, id, code)
	c.pumpDue = true
	switch answer {
	case relOwed:
		c.replies = appendAck(c.replies, packets.Pubrel, id, 0, "")
	case relUnknown: // [MQTT-4.3.3]: the receiver may let go of it
		code = 0
		if c.level == v5 {
			code = packets.ErrPacketIdentifierNotFound.Code
		}
		c.replies = appendAck(c.replies, packets.Pubrel, id, code, "")
	}
	return err
}

// complete answers PUBREL: with a session on disk, once the packet identifier is
// free there too, also if it was freed by an earlier connection just now. If it were
// not, what the client sends under it after a crash would be taken for a repetition.
func (c *conn) complete(id uint16) {
	rec, known := c.sess.release(c, id)
	c.srv.b.Journal().Remove(nil, rec)
	code := byte(0)
	if !known && c.level == v5 {
		code = packets.ErrPacketIdentifierNotFound.Code
	}
	if c.sess.box.Load() != 0 && (rec != nil || !known) {
		c.freed = appendAck(c.freed, packets.Pubcomp, id, code, "")
		return
	}
	c.replies = appendAck(c.replies, packets.Pubcomp, id, code, "")
}
