package mqtt

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// manyFilters is how many times [Options.MaxFilters] a SUBSCRIBE or UNSUBSCRIBE may
// have: of one of a byte a hundred times its size is made before it could be refused.
const manyFilters = 10

// checkSubscribe checks the layout of SUBSCRIBE or UNSUBSCRIBE, of so many filters at
// most.
func checkSubscribe(level, kind byte, p []byte, most int) error {
	s := scan{p: p}
	if s.u16() == 0 && s.err == nil { // [MQTT-2.2.1-3]
		return violation("packet identifier 0")
	}
	if level == v5 {
		s.properties(kind, nil)
	}
	if s.err == nil && len(s.p) == 0 { // [MQTT-3.8.3-2], [MQTT-3.10.3-2]
		return violation("%s without a filter", packets.PacketNames[kind])
	}
	for n := 1; len(s.p) > 0; n++ {
		if n > most {
			return newFault(packets.ErrQuotaExceeded, "%s of more than %d filters", packets.PacketNames[kind], most)
		}
		filter := s.text()
		if kind == packets.Unsubscribe {
			continue
		}
		opt := s.u8()
		switch {
		case opt&3 == 3:
			s.fail("QoS 3 is asked for")
		case level < v5 && opt&^3 != 0, opt&0xC0 != 0: // [MQTT-3.8.3-4], [MQTT-3.8.3-5]
			s.fail("reserved bits of the subscription options are set")
		case opt&0x30 == 0x30:
			s.reject(violation("retain handling 3"))
		case opt&4 != 0 && bytes.HasPrefix(filter, []byte(sharePrefix)): // [MQTT-3.8.3-4]
			s.reject(violation("no local with a shared subscription"))
		}
	}
	return s.end()
}

// subscribe handles SUBSCRIBE.
func (c *conn) subscribe(p []byte) error {
	if err := checkSubscribe(c.level, packets.Subscribe, p, manyFilters*c.srv.opt.MaxFilters); err != nil {
		return err
	}
	pk := packets.Packet{ProtocolVersion: c.level, FixedHeader: packets.FixedHeader{Type: packets.Subscribe}}
	// The codec's strings share the buffer that it decodes: those that are kept are copied.
	if err := pk.SubscribeDecode(bytes.Clone(p)); err != nil {
		return malformed("%s", err)
	}
	ack := packets.Packet{
		ProtocolVersion: c.level, PacketID: pk.PacketID, FixedHeader: packets.FixedHeader{Type: packets.Suback},
	}
	var replays []*subscription
	for i, f := range pk.Filters {
		var err error
		var sub *subscription
		if i >= c.srv.opt.MaxFilters {
			err = newFault(packets.ErrQuotaExceeded, "more than %d filters", c.srv.opt.MaxFilters)
		} else {
			sub, err = c.sess.subscribe(c, f)
		}
		code := f.Qos
		if err != nil {
			c.srv.stats.RefusedFilters.Add(1)
			if c.level == v31 { // 3.1 cannot say no
				return newFault(packets.ErrTopicFilterInvalid, "subscription refused: %s", err)
			}
			code = c.refusal(err)
			ack.Properties.ReasonString = err.Error()
		}
		ack.ReasonCodes = append(ack.ReasonCodes, code)
		if sub != nil && !slices.Contains(replays, sub) {
			replays = append(replays, sub)
		}
	}
	if len(replays) > 0 {
		c.sess.wantRetained(c, replays)
	}
	c.sess.whenSaved(c, func() { c.sendPacket(&ack, (*packets.Packet).SubackEncode) })
	return nil
}

// refusal is the reason code of SUBACK for an error (MQTT 5.0 §3.9.3).
func (c *conn) refusal(err error) byte {
	f, ok := err.(*fault)
	switch {
	case c.level < v5: // MQTT 3.1.1 §3.9.3
		return packets.ErrUnspecifiedError.Code
	case ok:
		return f.code
	}
	return packets.ErrTopicFilterInvalid.Code
}

// subscribe begins or changes a subscription. It returns the subscription if
// retained messages are to be sent.
func (s *session) subscribe(c *conn, f packets.Subscription) (*subscription, error) {
	t := &terms{qos: f.Qos, noLocal: f.NoLocal, keep: f.RetainAsPublished, subID: uint32(f.Identifier)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return nil, errTakenOver
	}
	sub, known := s.subs[f.Filter]
	if !known {
		var err error
		if sub, err = newSubscription(s, f.Filter); err != nil {
			return nil, err
		}
		if len(s.subs) >= s.srv.opt.MaxSubscriptions {
			return nil, newFault(packets.ErrQuotaExceeded, "%d subscriptions, no more are allowed", len(s.subs))
		}
		if limit := s.srv.opt.MaxFilterBytes; s.filterBytes+len(f.Filter) > limit {
			return nil, newFault(packets.ErrQuotaExceeded, "filters of more than %d bytes together", limit)
		}
		if netx.Exhausted() {
			return nil, newFault(packets.ErrQuotaExceeded, "%s", netx.ErrMemory)
		}
	}
	if err := c.client.MaySubscribe(broker.TopicKind, sub.name); err != nil {
		return nil, newFault(packets.ErrNotAuthorized, "not permitted to subscribe to %.200s", f.Filter)
	}
	if s.conn == c {
		t.to(c, sub)
	}
	sub.terms.Store(t)
	if !known {
		if err := sub.begin(); err != nil {
			return nil, err
		}
		if s.subs == nil {
			s.subs = map[string]*subscription{}
		}
		s.subs[sub.filter] = sub
		s.filterBytes += len(sub.filter)
	}
	// MQTT 5.0 §3.8.3.1; retained messages are not for shared subscriptions (§4.8.2).
	if sub.group != nil || f.RetainHandling == 2 || f.RetainHandling == 1 && known {
		return nil, nil
	}
	return sub, nil
}

// unsubscribe handles UNSUBSCRIBE.
func (c *conn) unsubscribe(p []byte) error {
	if err := checkSubscribe(c.level, packets.Unsubscribe, p, manyFilters*c.srv.opt.MaxFilters); err != nil {
		return err
	}
	pk := packets.Packet{ProtocolVersion: c.level, FixedHeader: packets.FixedHeader{Type: packets.Unsubscribe}}
	if err := pk.UnsubscribeDecode(bytes.Clone(p)); err != nil {
		return malformed("%s", err)
	}
	ack := packets.Packet{
		ProtocolVersion: c.level, PacketID: pk.PacketID, FixedHeader: packets.FixedHeader{Type: packets.Unsuback},
	}
	for _, f := range pk.Filters {
		ack.ReasonCodes = append(ack.ReasonCodes, c.sess.unsubscribe(c, f.Filter))
	}
	c.sess.whenSaved(c, func() {
		if c.level < v5 { // MQTT 3.1.1 §3.11: the identifier alone
			c.send(binary.BigEndian.AppendUint16([]byte{packets.Unsuback << 4, 2}, pk.PacketID))
			return
		}
		c.sendPacket(&ack, (*packets.Packet).UnsubackEncode)
	})
	return nil
}

// unsubscribe ends a subscription and returns the reason code.
func (s *session) unsubscribe(c *conn, filter string) byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner != c {
		return packets.ErrUnspecifiedError.Code
	}
	sub := s.subs[filter]
	if sub == nil {
		if _, err := newSubscription(s, filter); err != nil {
			return packets.ErrTopicFilterInvalid.Code
		}
		return packets.CodeNoSubscriptionExisted.Code
	}
	delete(s.subs, filter)
	s.filterBytes -= len(filter)
	sub.stop()
	s.replays.drop(sub)
	return packets.CodeSuccess.Code
}
