package mqtt

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// sharePrefix begins the filters of shared subscriptions (MQTT 5.0 §4.8.2).
const sharePrefix = "$share/"

// splitShare takes "$share/group/filter" apart; share is "" for other filters.
func splitShare(filter string) (share, rest string, err error) {
	after, ok := strings.CutPrefix(filter, sharePrefix)
	if !ok {
		return "", filter, nil
	}
	share, rest, ok = strings.Cut(after, "/")
	if !ok || share == "" || rest == "" || strings.ContainsAny(share, "+#") { // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
		return "", "", newFault(packets.ErrTopicFilterInvalid, "a shared subscription is $share/group/filter")
	}
	return share, rest, nil
}

type groupKey struct{ share, filter, owner string }

// group are the sessions that share a subscription: each message goes to one
// of them.
type group struct {
	key     groupKey
	reg     *broker.Subscription
	members atomic.Pointer[[]*subscription] // copy on write, under Server.groupsMu
	turn    atomic.Uint32
}

// Deliver implements [broker.Receiver].
func (g *group) Deliver(_ *broker.Subscription, b *broker.Batch) {
	kept := false
	for i := range b.Messages {
		if b.KeepFirst() && b.Messages[i].QoS > 0 {
			kept = true
			continue
		}
		if b.Kept(i, g) {
			continue
		}
		g.give(&b.Messages[i], func(s *subscription) bool { return s.deliverOne(b, i) })
	}
	if kept { // who would get the next one is the last to be crowded
		if s := g.pick(*g.members.Load(), &b.Messages[0]); s != nil {
			s.sess.waitTurn(s, b)
		}
	}
}

// Keep implements [broker.Keeper].
func (g *group) Keep(_ *broker.Subscription, b *broker.Batch) {
	for i := range b.Messages {
		if m := &b.Messages[i]; m.QoS > 0 {
			g.give(m, func(s *subscription) bool { return s.keepOne(b, i) })
		}
	}
}

// give gives a message to a member; to another one if that ends just now. It reports
// whether there is one.
func (g *group) give(m *broker.Message, to func(*subscription) bool) bool {
	for range maxTries {
		s := g.pick(*g.members.Load(), m)
		if s == nil {
			return false
		}
		if to(s) {
			return true
		}
	}
	return false
}

// maxTries is how many members may end while one message is given away.
const maxTries = 100

// pick chooses the member that gets the next message: in turn, those first that
// are online and keep up, then those that are online. A message that may wait
// goes to a member that is away if nobody is online, to one that has room if there
// is one.
func (g *group) pick(members []*subscription, m *broker.Message) *subscription {
	turn := int(g.turn.Add(1) & 0x7fffffff)
	var busy, away, full *subscription
	for i := range members {
		s := members[(turn+i)%len(members)]
		t := s.terms.Load()
		switch {
		case t == nil:
		case t.conn != nil && t.conn.out.Pending() <= t.conn.out.Limit()/2 && !s.sess.isCrowded():
			return s
		case t.conn != nil:
			busy = cmp.Or(busy, s)
		case away != nil || t.qosOf(m) == 0:
		case s.sess.isFull(m):
			full = cmp.Or(full, s)
		default:
			away = s
		}
	}
	return cmp.Or(busy, away, full)
}

// Backlog implements [broker.Backlogged]: that of the member that has least to do.
func (g *group) Backlog() int {
	least := 1 << 30
	for _, s := range *g.members.Load() {
		least = min(least, s.Backlog())
	}
	return least
}

// Online implements [broker.Presence].
func (g *group) Online() bool {
	return slices.ContainsFunc(*g.members.Load(), (*subscription).Online)
}

// Held implements [broker.Awaited]: of a group, whoever would get the next message.
func (g *group) Held(b *broker.Batch, since time.Time) {
	if s := g.pick(*g.members.Load(), &b.Messages[0]); s != nil {
		s.Held(b, since)
	}
}

// memberCost is what a member of a group takes beside its filter, in bytes, roughly.
const memberCost = 512

// join adds a subscription to its group.
func (s *Server) join(sub *subscription) error {
	s.groupsMu.Lock()
	defer s.groupsMu.Unlock()
	g := s.groups[sub.group.key]
	if g != nil {
		members := append(slices.Clone(*g.members.Load()), sub)
		g.members.Store(&members)
		sub.group = g
		netx.Book(memberCost + len(sub.filter))
		return nil
	}
	g = sub.group
	g.members.Store(&[]*subscription{sub})
	g.reg = &broker.Subscription{Filter: g.key.filter, Receiver: g}
	if err := s.b.Subscribe(g.reg); err != nil {
		return err
	}
	s.groups[g.key] = g
	netx.Book(memberCost + len(sub.filter))
	return nil
}

// leaveGroup takes a subscription out of its group.
func (s *Server) leaveGroup(sub *subscription) {
	s.groupsMu.Lock()
	defer s.groupsMu.Unlock()
	g := sub.group
	netx.Unbook(memberCost + len(sub.filter))
	members := slices.DeleteFunc(slices.Clone(*g.members.Load()), func(x *subscription) bool { return x == sub })
	g.members.Store(&members)
	if len(members) == 0 {
		delete(s.groups, g.key)
		s.b.Unsubscribe(g.reg)
	}
}

// leftShared is what others of its groups get when a session ends: what it was not
// sent, and what it has not acknowledged at QoS 1. Of what it was sent at QoS 2
// nobody else may get anything [MQTT-4.8.2-5]. s.mu is held.
func (s *session) leftShared() (left []item) {
	for f := s.flights.published.first; f != nil; f = f.next {
		if f.shared != nil && (f.qos == 1 || !f.sent) {
			left = append(left, item{msg: f.msg, rec: f.rec, shared: f.shared})
			f.rec = nil
		}
	}
	for i := range s.queue.n {
		if it := s.queue.at(i); it.shared != nil {
			left = append(left, *it)
			it.rec = nil
		}
	}
	return left
}

// adopt gives what a member that has ended leaves to another one. It reports whether
// there was one.
func (g *group) adopt(left *item) bool {
	return g.give(left.msg, func(s *subscription) bool { return s.sess.adopt(s, left) })
}

// adopt takes what another session has left. It reports whether the subscription
// lasts.
func (s *session) adopt(sub *subscription, left *item) bool {
	s.mu.Lock()
	t := sub.terms.Load()
	if t == nil || s.ended {
		s.mu.Unlock()
		return false
	}
	m, j := left.msg, s.srv.b.Journal()
	it := item{msg: m, subID: t.subID, qos: t.qosOf(m), retain: t.keep && m.Retain, shared: sub.group}
	err, box := s.queueRoom(m, false), s.box.Load()
	if err == nil && it.qos > 0 && s.stores(m) { // on disk it takes the place of the other record
		it.rec = j.Move(left.rec, box, m)
		j.SetState(it.rec, it.state(0))
	} else {
		j.Remove(nil, left.rec)
	}
	switch {
	case err != nil:
		s.drop(err)
	case it.qos > 0:
		s.queue.push(it)
	case s.conn != nil && s.ready():
		s.encode(&flight{retain: it.retain, subID: it.subID, msg: m}, false)
	}
	s.pumpUnlock()
	return true
}

// isCrowded is crowded, for those who do not hold the lock.
func (s *session) isCrowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crowded()
}

// isFull reports whether there is no room for a message.
func (s *session) isFull(m *broker.Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roomFor(m, false) != nil
}
