package stomp

import (
	"strconv"
	"strings"

	"mwm/server/broker"
	"mwm/server/stomp/frame"
)

// answer is an ACK or NACK.
type answer struct {
	sub     *subscription
	tag     uint64
	verdict broker.Verdict
}

// verdict reads what a frame answers. RabbitMQ's header requeue says of a NACK
// whether the message may come again.
func verdict(f *frame.Frame) (broker.Verdict, error) {
	if f.Command == frame.Ack {
		return broker.Acked, nil
	}
	switch v, _ := f.Get("requeue"); v {
	case "", "true":
		return broker.Nacked, nil
	case "false":
		return broker.Rejected, nil
	default:
		return 0, refuse("malformed requeue", "%.40q is neither true nor false", v)
	}
}

// ack handles ACK and NACK.
func (s *session) ack(f *frame.Frame, done func(error)) error {
	if f.Command == frame.Nack && !f.Dialect.HasNack {
		return refuse("unknown command", "STOMP %s has no NACK", f.Dialect.Version)
	}
	var a answer
	var err error
	if a.verdict, err = verdict(f); err != nil {
		return err
	}
	known, err := s.find(f, &a)
	if err != nil {
		return err
	}
	name, inTransaction := f.Get("transaction")
	switch {
	case !known && inTransaction && a.verdict == broker.Acked:
		return errBroken
	case !known:
		done(nil)
		return nil
	case !inTransaction:
		if f.Receipt == nil {
			done = triedAgain
		}
		return s.settle(a, done)
	}
	if err = s.stage(name, step{answer: a}); err == nil {
		done(nil)
	}
	return err
}

// errBroken refuses an ACK in a transaction when its message has gone back to where it
// came from: the transaction could not be whole.
var errBroken = &ProtocolError{
	Message: "unknown message", Err: broker.ErrUnknownDelivery,
	Detail: "the transaction has an ACK of a message whose subscription has ended: nothing of it is done, and the message comes again",
}

// triedAgain takes what becomes of an answer that nobody waits for: it has had its
// effect, and what the disk refuses is tried again. The client can go on.
func triedAgain(error) {}

// find looks up what an ACK or NACK is about. It is not known, and that is no
// error, when the subscription has gone meanwhile.
func (s *session) find(f *frame.Frame, a *answer) (known bool, err error) {
	if f.Dialect.AckBy == frame.ByID {
		return s.findByID(f, a)
	}
	text, ok := f.Get("message-id")
	if !ok {
		return false, refuse("message-id missing", "%s needs a message-id header in STOMP %s", f.Command, f.Dialect.Version)
	}
	subID, named := f.Get("subscription")
	if !named && f.Dialect.AckBy == frame.BySubscription {
		return false, refuse("subscription missing", "%s needs a subscription header in STOMP %s", f.Command, f.Dialect.Version)
	}
	id, err := broker.ParseID(text)
	if err != nil {
		return false, unknownMessage(f, "message-id", text)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if named {
		a.sub = s.subs[subID]
		if a.sub == nil {
			return false, nil
		}
		if a.sub.ledger != nil {
			if a.tag, ok = a.sub.ledger.find(id); ok {
				return true, nil
			}
		}
		return false, unknownMessage(f, "message-id", text)
	}
	for _, sub := range s.byNum { // STOMP 1.0 names the message alone
		if a.tag, ok = sub.ledger.find(id); ok {
			a.sub = sub
			return true, nil
		}
	}
	return false, unknownMessage(f, "message-id", text)
}

// findByID reads the id header: the numbers of the subscription and the delivery.
func (s *session) findByID(f *frame.Frame, a *answer) (known bool, err error) {
	text, ok := f.Get("id")
	if !ok {
		return false, refuse("id missing", "%s needs an id header in STOMP %s: the ack header of the MESSAGE", f.Command, f.Dialect.Version)
	}
	first, second, _ := strings.Cut(text, "-")
	num, err1 := strconv.ParseUint(first, 10, 64)
	tag, err2 := strconv.ParseUint(second, 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err1 != nil || err2 != nil || num == 0 || num > s.nums {
		return false, unknownMessage(f, "id", text)
	}
	a.sub, a.tag = s.byNum[num], tag
	return a.sub != nil, nil
}

func unknownMessage(f *frame.Frame, header, value string) error {
	return &ProtocolError{
		Message: "unknown message", Err: broker.ErrUnknownDelivery,
		Detail: f.Command.String() + " with " + header + " " + strconv.Quote(value[:min(len(value), 60)]) + ": no such message waits for an acknowledgement",
	}
}

// settle carries an ACK or NACK out.
func (s *session) settle(a answer, done func(error)) error {
	wild, known, err := s.strike(a)
	switch {
	case err != nil:
		return err
	case a.sub.wild != nil:
		return s.settleWild(a, wild, done)
	case !known, a.sub.consumer == nil: // of a topic: NACK means that the message is given up
		s.replays.run(s) // may have waited for its window
		done(nil)
		return nil
	}
	return s.settleOne(a, a.sub.consumer, a.tag, a.sub.mode == ackClient, done)
}

// strike takes what is answered from the ledger, if there is one. It is not known
// when the subscription has been ended meanwhile. Of a wildcard consumer it returns
// the deliveries of its queues.
func (s *session) strike(a answer) (wild []pendingAck, known bool, err error) {
	if a.sub.ledger == nil {
		return nil, true, nil
	}
	wild, known = a.sub.ledger.settle(a.tag, a.sub.mode == ackClient)
	if !known && !s.ended(a.sub) {
		err = broker.ErrUnknownDelivery
	}
	return wild, known, err
}

// settleWild carries out what concerns several queues.
func (s *session) settleWild(a answer, all []pendingAck, done func(error)) error {
	j := newJoin(len(all), done)
	for _, p := range all {
		if err := s.settleOne(a, p.from, p.tag, false, j.done); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) settleOne(a answer, c *broker.Consumer, tag uint64, cumulative bool, done func(error)) (err error) {
	switch a.verdict {
	case broker.Acked:
		err = c.Ack(tag, cumulative, done)
	case broker.Nacked:
		err = c.Nack(tag, cumulative)
	case broker.Rejected:
		err = c.Reject(tag, cumulative)
	}
	if err != nil && !s.ended(a.sub) {
		return err
	}
	if err != nil || a.verdict != broker.Acked {
		done(nil)
	}
	return nil
}

// steps are what an answer is in a transaction.
func (s *session) steps(a answer) (steps []broker.Step, err error) {
	wild, _, err := s.strike(a)
	switch {
	case err != nil:
		return nil, err
	case s.ended(a.sub) && a.verdict == broker.Acked && a.sub.topic == nil:
		return nil, errBroken
	case s.ended(a.sub): // what was refused is back
		return nil, nil
	}
	for _, p := range wild {
		steps = append(steps, broker.Step{Consumer: p.from, Tag: p.tag, Verdict: a.verdict})
	}
	if a.sub.consumer != nil {
		steps = append(steps, broker.Step{Consumer: a.sub.consumer, Tag: a.tag, Cumulative: a.sub.mode == ackClient, Verdict: a.verdict})
	}
	return steps, nil
}

// ended reports whether a subscription is no more.
func (s *session) ended(sub *subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byNum[sub.num] == nil
}
