package mqtt

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/topic"
)

// subscription is a session's interest in a filter. What may change while it
// lasts is in its terms, so that nothing is lost or doubled when a client
// subscribes anew (MQTT 5.0 §3.8.4) or comes back.
type subscription struct {
	sess   *session
	filter string // as the client wrote it
	name   string // canonical, without "$share/group/"
	group  *group // nil if not shared
	reg    *broker.Subscription
	terms  atomic.Pointer[terms] // nil when it has ended
}

// terms are what a client asked for, and where it is. They are immutable.
type terms struct {
	qos     byte
	noLocal bool
	keep    bool // retain as published
	subID   uint32

	conn *conn               // nil while the client is away
	wire broker.Subscription // names the bytes of QoS 0 messages
	enc  encoder
}

// qosOf is at which QoS a message is delivered. What STOMP sends without persistent:true
// is at QoS 0 to those who are connected; for who is away it waits, as it does for
// durable subscribers of STOMP, and comes at QoS 1.
func (t *terms) qosOf(m *broker.Message) byte {
	if t.conn == nil && m.Head != nil {
		return min(max(m.QoS, 1), t.qos)
	}
	return min(m.QoS, t.qos)
}

// attach lets messages at QoS 0 go to a connection; nil: nowhere.
func (s *subscription) attach(c *conn) {
	t := *s.terms.Load()
	t.to(c, s)
	s.terms.Store(&t)
}

// to aims the terms of sub at a connection.
func (t *terms) to(c *conn, sub *subscription) {
	t.conn = c
	if c == nil {
		return
	}
	t.enc = encoder{level: c.level, qos: t.qos, keep: t.keep, subID: t.subID, maxPacket: c.maxPacket, stats: &c.srv.stats, clock: c.srv.b.Clock()}
	t.wire = broker.Subscription{Receiver: sub}
	if c.sent == nil { // else the bytes are the connection's own
		t.wire.Key = t.enc.key()
	}
	if isSys(sub.name) {
		c.srv.wakeSys()
	}
}

// key is the same for all encoders that encode alike.
func (e *encoder) key() string {
	if e.level != v5 {
		if e.qos == 0 {
			return "mqtt3"
		}
		return "mqtt3+" // leaves out what is sent at a higher QoS
	}
	return fmt.Sprintf("mqtt5 %t %t %d %d", e.qos > 0, e.keep, e.subID, e.maxPacket)
}

// Deliver implements [broker.Receiver].
func (s *subscription) Deliver(_ *broker.Subscription, b *broker.Batch) {
	t := s.terms.Load()
	if t == nil || t.noLocal && s.isOwn(b) {
		return
	}
	zero, more := t.qos == 0, false
	if !zero {
		for i := range b.Messages {
			if t.qosOf(&b.Messages[i]) == 0 {
				zero = true
			} else {
				more = true
			}
		}
	}
	if zero && t.conn != nil {
		b.Send(&t.wire, t.conn.out, t.encoderFor(b, 0, len(b.Messages)))
	}
	switch {
	case more && b.KeepFirst():
		s.sess.waitTurn(s, b)
	case more:
		s.sess.enqueue(s, t, b, 0, len(b.Messages), waitLater)
	}
}

// Keep implements [broker.Keeper].
func (s *subscription) Keep(_ *broker.Subscription, b *broker.Batch) {
	if t := s.terms.Load(); t != nil && t.qos > 0 && !(t.noLocal && s.isOwn(b)) {
		s.sess.enqueue(s, t, b, 0, len(b.Messages), noWait)
	}
}

// deliverOne takes one message of a batch. It reports whether the subscription
// lasts.
func (s *subscription) deliverOne(b *broker.Batch, i int) bool {
	t := s.terms.Load()
	switch {
	case t == nil:
		return false
	case t.qosOf(&b.Messages[i]) > 0:
		return s.sess.enqueue(s, t, b, i, i+1, waitNow)
	case t.conn != nil:
		b.SendOne(i, t.conn.out, t.encoderFor(b, i, i+1))
	}
	return true
}

// keepOne is deliverOne without ever waiting.
func (s *subscription) keepOne(b *broker.Batch, i int) bool {
	t := s.terms.Load()
	switch {
	case t == nil:
		return false
	case t.qos > 0:
		return s.sess.enqueue(s, t, b, i, i+1, noWait)
	case t.conn != nil:
		b.SendNow(i, t.conn.out, t.encoderFor(b, i, i+1))
	}
	return true
}

// isOwn reports whether the messages come from the session's own client
// (MQTT 5.0 §3.8.3.1).
func (s *subscription) isOwn(b *broker.Batch) bool {
	c := b.Client()
	return c != nil && c.Protocol == broker.MQTT && c.ID == s.sess.id
}

// Online implements [broker.Presence].
func (s *subscription) Online() bool {
	t := s.terms.Load()
	return t != nil && t.conn != nil
}

// Backlog implements [broker.Backlogged].
func (s *subscription) Backlog() int {
	if t := s.terms.Load(); t != nil && t.conn != nil && !s.sess.isCrowded() {
		return t.conn.out.Pending()
	}
	return 1 << 30 // it has enough, or is away
}

// Outlet implements [broker.Outlet]: at QoS 0, publishers wait for the connection.
func (s *subscription) Outlet() *netx.Outbound {
	if t := s.terms.Load(); t != nil && t.conn != nil && t.qos == 0 {
		return t.conn.out
	}
	return nil
}

// Held implements [broker.Awaited].
func (s *subscription) Held(b *broker.Batch, since time.Time) {
	if t := s.terms.Load(); t != nil && t.qosOf(&b.Messages[0]) > 0 {
		s.sess.heldToo(b, since)
	}
}

// receiver is what the broker knows the subscription as.
func (s *subscription) receiver() broker.Receiver {
	if s.group != nil {
		return s.group
	}
	return s
}

// begin makes the subscription known to the broker.
func (s *subscription) begin() error {
	if s.group != nil {
		return s.sess.srv.join(s)
	}
	s.reg = &broker.Subscription{Filter: s.name, Receiver: s, Key: s.terms.Load().wire.Key}
	return s.sess.srv.b.Subscribe(s.reg)
}

// stop takes the subscription away from the broker. A message that is on its
// way does not reach it any more (MQTT 5.0 §3.10.4).
func (s *subscription) stop() {
	s.terms.Store(nil)
	if s.group != nil {
		s.sess.srv.leaveGroup(s)
	} else {
		s.sess.srv.b.Unsubscribe(s.reg)
	}
}

// newSubscription checks a filter, which may be part of a packet, and copies it.
func newSubscription(sess *session, filter string) (*subscription, error) {
	filter = strings.Clone(filter)
	share, rest, err := splitShare(filter)
	if err != nil {
		return nil, err
	}
	s := &subscription{sess: sess, filter: filter, name: topic.Swap(rest)}
	if topic.CheckFilter(s.name) != nil {
		return nil, badFilter(filter)
	}
	if share != "" {
		s.group = &group{key: groupKey{share, s.name, shareOwner(sess.principal)}}
	}
	return s, nil
}

// badFilter says in MQTT's terms what is wrong with a filter.
func badFilter(filter string) error {
	if n := strings.Count(filter, "/") + 1; n > topic.MaxLevels() {
		return newFault(packets.ErrTopicFilterInvalid, "a topic filter of %d levels, at most %d are allowed", n, topic.MaxLevels())
	}
	return newFault(packets.ErrTopicFilterInvalid,
		"invalid topic filter %.60q: it must not be empty, + must be a whole level, # the whole last one", filter)
}
