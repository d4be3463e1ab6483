package stomp

import (
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"mwm/server/broker"
	"mwm/server/broker/selector"
	"mwm/server/netx"
	"mwm/server/stomp/frame"
	"mwm/server/topic"
)

// ackMode is the ack header of a SUBSCRIBE. (STOMP 1.2, "SUBSCRIBE ack Header")
type ackMode uint8

const (
	ackAuto       ackMode = iota
	ackClient             // cumulative
	ackIndividual         // one by one
)

// subscription is what a SUBSCRIBE began.
type subscription struct {
	s       *session
	id      string // the header; in 1.0, if there is none, the destination
	num     uint64 // its number in the session; part of the ack headers
	to      destination
	mode    ackMode
	noLocal bool
	durable string // its name; "" if it is none
	browses bool   // it takes nothing
	enc     encoder
	// Last values come first; to a durable one, when it begins.
	retroactive bool

	// One of these is set.
	topic    *broker.Subscription
	consumer *broker.Consumer
	wild     *broker.WildConsumer
	browser  *browser

	ledger *ledger // what is to be acknowledged; nil if auto or not needed
	gone   atomic.Bool
}

// subscribe handles SUBSCRIBE.
func (s *session) subscribe(f *frame.Frame, done func(error)) error {
	sub, window, err := s.parseSubscribe(f)
	if err != nil {
		return err
	}
	if sub.drains() {
		s.srv.b.Journal().WaitChanges() // what it is given may be on disk, it too
	}
	if err := s.add(sub, window, done); err != nil {
		return err
	}
	if sub.browser != nil {
		sub.browser.run()
	}
	if sub.retroactive && sub.topic != nil {
		s.replays.add(s, sub)
	}
	return nil
}

// subscriptionName is the name of a durable subscription, in ActiveMQ's header
// or its older one.
func subscriptionName(f *frame.Frame) (string, bool) {
	name, ok := f.Get("activemq.subscriptionName")
	if !ok {
		name, ok = f.Get("durable-subscription-name")
	}
	return name, ok
}

// parseSubscribe reads the headers of a SUBSCRIBE.
func (s *session) parseSubscribe(f *frame.Frame) (sub *subscription, window int, err error) {
	value, ok := f.Get("destination")
	if !ok {
		return nil, 0, refuse("destination missing", "SUBSCRIBE needs a destination header")
	}
	id, ok := f.Get("id")
	d := f.Dialect
	if !ok && d.NeedsID {
		return nil, 0, refuse("id missing", "SUBSCRIBE needs an id header in STOMP %s", d.Version)
	}
	sub = &subscription{s: s, id: id}
	if sub.to, err = s.destination(value); err != nil {
		return nil, 0, err
	}
	sub.enc = newEncoder(d, id, sub.to.kind, &s.srv.stats.LostHeaders)
	if !ok {
		sub.id = value
	}
	if err := sub.parseSelector(f); err != nil {
		return nil, 0, err
	}
	if v, ok := f.Get("ack"); ok {
		if sub.mode, ok = ackModes[v]; !ok {
			return nil, 0, refuse("malformed ack", "%.40q is none of auto, client, client-individual", v)
		}
	}
	if err := s.parseBrowser(f, sub); err != nil {
		return nil, 0, err
	}
	if err := s.checkFilter(sub.to, sub.browses); err != nil {
		return nil, 0, err
	}
	v, _ := f.Get("activemq.noLocal")
	sub.noLocal = v == "true"
	v, _ = f.Get("activemq.retroactive")
	sub.retroactive = v == "true"
	if err := s.parseDurable(f, sub); err != nil {
		return nil, 0, err
	}
	window, err = s.window(f)
	return sub, window, err
}

// parseSelector reads which messages the subscription is for.
func (sub *subscription) parseSelector(f *frame.Frame) (err error) {
	text, ok := f.Get("selector")
	if !ok || text == "" {
		return nil
	}
	if sub.enc.match, err = broker.NewMatch(text); err != nil {
		return &ProtocolError{Message: "malformed selector", Detail: selectorDetail(err), Err: err}
	}
	sub.enc.selector = text
	return nil
}

// selectorDetail shows where a selector is wrong.
func selectorDetail(err error) string {
	var se *selector.Error
	if errors.As(err, &se) {
		return se.Error() + "\n" + se.Snippet()
	}
	return err.Error()
}

// parseDurable reads whether the subscription is a durable one.
func (s *session) parseDurable(f *frame.Frame, sub *subscription) error {
	var ok bool
	if sub.durable, ok = subscriptionName(f); !ok {
		return nil
	}
	switch {
	case sub.durable == "" || sub.to.kind != broker.TopicKind || sub.to.owner != "":
		return refuse("malformed subscription name", "a durable subscription has a name, and a destination that begins with %s", topicPrefix)
	case s.client.Load().ID == "":
		return refuse("client-id missing", "a durable subscription belongs to a client-id: CONNECT must name one")
	}
	return nil
}

var ackModes = map[string]ackMode{"auto": ackAuto, "client": ackClient, "client-individual": ackIndividual}

// window reads how many messages may be unacknowledged: ActiveMQ's header, or
// RabbitMQ's.
func (s *session) window(f *frame.Frame) (int, error) {
	for _, name := range []string{"activemq.prefetchSize", "prefetch-count"} {
		if v, ok := f.Get(name); ok {
			n, err := strconv.ParseUint(v, 10, 31)
			if err != nil {
				return 0, refuse("malformed "+name, "%.40q is not a number of messages", v)
			}
			return min(max(int(n), 1), s.srv.opt.MaxPrefetch), nil
		}
	}
	return defaultWindow, nil
}

// add puts the subscription into effect. It does so with the lock held: the end
// of the session must find either nothing or all of it.
func (s *session) add(sub *subscription, window int, done func(error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.left:
		return errPeerClosed
	case s.subs[sub.id] != nil:
		return refuse("subscription exists", "there is a subscription %.80q already", sub.id)
	case len(s.subs) >= s.srv.opt.MaxSubscriptions:
		return refuse("too many subscriptions", "the connection has %d, no more are allowed", len(s.subs))
	case netx.Exhausted() && !s.mayStill(sub):
		return netx.ErrMemory
	}
	if s.subs == nil {
		s.subs, s.byNum = map[string]*subscription{}, map[uint64]*subscription{}
	}
	s.nums++
	sub.num = s.nums
	var err error
	switch {
	case sub.browses:
		err = sub.browse(done)
	case sub.to.kind == broker.QueueKind || sub.durable != "":
		err = sub.consume(window, done)
	default:
		if err = sub.listen(window); err == nil {
			done(nil)
		}
	}
	if err != nil {
		return err
	}
	netx.Book(sub.cost())
	s.subs[sub.id] = sub
	if sub.mode != ackAuto {
		s.byNum[sub.num] = sub
	}
	return nil
}

// spared is what the consumers of a connection may take while there is no memory left:
// they take away what lies there.
const spared = 16 << 10

// mayStill reports whether a subscription may begin although there is no memory left.
// s.mu is held.
func (s *session) mayStill(sub *subscription) bool {
	if !sub.drains() {
		return false
	}
	taken := sub.cost()
	for _, x := range s.subs {
		if x.drains() {
			taken += x.cost()
		}
	}
	return taken <= spared
}

// drains reports whether the subscription takes away what lies on a queue, or is kept
// for a durable one.
func (sub *subscription) drains() bool {
	return sub.to.kind == broker.QueueKind || sub.durable != ""
}

// listen subscribes to a topic.
func (sub *subscription) listen(window int) error {
	t := &broker.Subscription{Filter: sub.to.name, Receiver: (*autoReceiver)(sub), Key: sub.enc.key()}
	if sub.mode != ackAuto {
		sub.ledger = newLedger(window)
		t.Receiver, t.Key = (*ackReceiver)(sub), ""
	}
	sub.topic = t
	return sub.s.srv.b.Subscribe(t)
}

// consume becomes a consumer of a queue, or of what a durable subscription keeps.
func (sub *subscription) consume(window int, done func(error)) (err error) {
	wild := sub.durable == "" && topic.IsWild(sub.to.name)
	if sub.mode != ackAuto && (wild || sub.enc.d.AckBy != frame.ByID) {
		sub.ledger = newLedger(window)
	}
	b, opt := sub.s.srv.b, broker.ConsumerOptions{
		Client: sub.s.client.Load(), Window: window, Match: sub.enc.match, Auto: sub.mode == ackAuto,
		Out: sub.s.out, Append: sub.appendDelivery,
	}
	switch {
	case sub.durable != "":
		opt.Retained = sub.retroactive
		d := broker.DurableOptions{Filter: sub.to.name, Selector: sub.enc.selector, NoLocal: sub.noLocal}
		sub.consumer, err = b.ConsumeDurable(sub.durable, d, sub.enc.match, opt, done)
		return err
	case wild:
		opt.Append = sub.appendWild
		sub.wild, err = b.ConsumeWild(sub.to.name, opt)
	default:
		sub.consumer, err = b.Consume(sub.to.name, opt)
	}
	if err == nil {
		done(nil)
	}
	return err
}

// appendDelivery encodes a message of a queue. The queue's lock is held.
func (sub *subscription) appendDelivery(dst []byte, d broker.Delivery) []byte {
	if sub.ledger != nil {
		sub.ledger.note(d.Tag, d.ID)
	}
	var ack [40]byte
	return sub.enc.appendDelivery(dst, d.Message, sub.ackID(ack[:0], d.Tag), d.Redelivered)
}

// appendWild is appendDelivery for one of several queues: the deliveries are
// numbered over all of them.
func (sub *subscription) appendWild(dst []byte, d broker.Delivery) []byte {
	var ack [40]byte
	id := ack[:0]
	if sub.ledger != nil {
		id = sub.ackID(id, sub.ledger.number(pendingAck{d.ID, d.Consumer, d.Tag}))
	}
	return sub.enc.appendDelivery(dst, d.Message, id, d.Redelivered)
}

// ackID appends the ack header's value of a delivery: the numbers of the
// subscription and of the delivery. Versions before 1.2 have none.
func (sub *subscription) ackID(dst []byte, tag uint64) []byte {
	if sub.mode == ackAuto || sub.enc.d.AckBy != frame.ByID {
		return dst
	}
	dst = append(strconv.AppendUint(dst, sub.num, 10), '-')
	return strconv.AppendUint(dst, tag, 10)
}

// unsubscribe handles UNSUBSCRIBE. One that names a durable subscription ends
// it for good, whether it is in use or not.
func (s *session) unsubscribe(f *frame.Frame, done func(error)) error {
	durable, forget := subscriptionName(f)
	id, ok := f.Get("id")
	byDestination := !ok && !f.Dialect.NeedsID
	if byDestination {
		id, ok = f.Get("destination")
	}
	if !ok && !forget {
		return refuse("id missing", "UNSUBSCRIBE needs an id header")
	}
	sub := s.remove(id, byDestination)
	switch {
	case sub != nil:
		if sub.mode == ackAuto && sub.topic == nil {
			s.account()
		}
		sub.end()
		s.replays.drop(s, sub)
	case !forget:
		return refuse("unknown subscription", "there is no subscription %.80q", id)
	}
	if forget {
		s.srv.b.Journal().WaitChanges()
		return s.srv.b.ForgetOwn(s.client.Load(), durable, done)
	}
	done(nil)
	return nil
}

// remove returns the subscription with that id, which is to end; nil if there is
// none. In 1.0 a destination names one, too: the oldest one that has it. (STOMP 1.0,
// UNSUBSCRIBE)
func (s *session) remove(id string, byDestination bool) *subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[id]
	if to, err := s.destination(id); sub == nil && byDestination && err == nil {
		for _, x := range s.subs {
			if x.to == to && (sub == nil || x.num < sub.num) {
				sub = x
			}
		}
	}
	if sub != nil {
		delete(s.subs, sub.id)
		delete(s.byNum, sub.num)
	}
	return sub
}

// queueCost is what a subscription to queues takes beside their names and what the
// broker counts, in bytes, roughly: the queue that it keeps in being.
const queueCost = 1 << 10

// cost is what the subscription takes beside what the broker counts.
func (sub *subscription) cost() int {
	n := 2*len(sub.id) + broker.SelectorCost(sub.enc.selector)
	if sub.to.kind == broker.QueueKind {
		n += queueCost + 2*len(sub.to.name)
	}
	return n
}

// end takes the subscription out of effect.
func (sub *subscription) end() {
	netx.Unbook(sub.cost())
	sub.gone.Store(true)
	b := sub.s.srv.b
	switch {
	case sub.consumer != nil:
		sub.consumer.Leave()
	case sub.wild != nil:
		sub.wild.Leave()
	case sub.browser != nil:
		sub.browser.stop()
	default:
		b.Unsubscribe(sub.topic)
	}
	if sub.ledger != nil {
		sub.ledger.close()
	}
	if sub.to.owner != "" && sub.to.kind == broker.QueueKind && !sub.browses {
		b.DeleteQueue(sub.to.name)
	}
}

// accountTime is for how long account waits at most.
const accountTime = 50 * time.Millisecond

// account waits a moment for what the client has read to count as written: who gets a
// message and says at once that it has enough must not leave it to somebody else, too.
func (s *session) account() { s.out.Flush(accountTime) }

// leave ends all subscriptions; no more can be added. It returns when they have ended,
// whoever ends them.
func (s *session) leave() {
	s.leaving.Do(func() {
		s.account()
		s.mu.Lock()
		subs := s.subs
		s.left, s.subs, s.byNum = true, nil, nil
		s.mu.Unlock()
		for _, sub := range subs {
			sub.end()
		}
	})
}
