package stomp

import (
	"strconv"
	"strings"

	"mwm/server/broker"
	"mwm/server/stomp/frame"
)

// answer is an ACK or NACK.
type answer struct {
	sub  *subscription
	tag  uint64
	nack bool
}

// ack handles ACK and NACK.
func (s *session) ack(f *frame.Frame, done func(error)) error {
	if f.Command == frame.Nack && !f.Dialect.HasNack {
		return refuse("unknown command", "STOMP %s has no NACK", f.Dialect.Version)
	}
	a := answer{nack: f.Command == frame.Nack}
	known, err := s.find(f, &a)
	if err != nil {
		return err
	}
	if !known {
		done(nil)
		return nil
	}
	name, ok := f.Get("transaction")
	if !ok {
		return s.settle(a, done)
	}
	if err = s.stage(name, step{answer: a}); err == nil {
		done(nil)
	}
	return err
}

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
	cumulative := a.sub.mode == ackClient
	var wild []pendingAck
	if a.sub.ledger != nil {
		var ok bool
		if wild, ok = a.sub.ledger.settle(a.tag, cumulative); !ok {
			return s.unlessEnded(a.sub, broker.ErrUnknownDelivery, done)
		}
	}
	switch {
	case a.sub.wild != nil:
		return s.settleWild(a, wild, done)
	case a.sub.consumer == nil: // of a topic: NACK means that the message is given up
		done(nil)
		return nil
	}
	return s.settleOne(a, a.sub.consumer, a.tag, cumulative, done)
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

func (s *session) settleOne(a answer, c *broker.Consumer, tag uint64, cumulative bool, done func(error)) error {
	if !a.nack {
		if err := c.Ack(tag, cumulative, done); err != nil {
			return s.unlessEnded(a.sub, err, done)
		}
		return nil
	}
	if err := c.Nack(tag, cumulative); err != nil {
		return s.unlessEnded(a.sub, err, done)
	}
	done(nil)
	return nil
}

// unlessEnded returns err, but not if the subscription has been ended.
func (s *session) unlessEnded(sub *subscription, err error, done func(error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byNum[sub.num] != nil {
		return err
	}
	done(nil)
	return nil
}
