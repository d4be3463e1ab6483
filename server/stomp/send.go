package stomp

import (
	"bytes"

	"mwm/server/broker"
	"mwm/server/stomp/frame"
	"mwm/server/topic"
)

// send handles SEND. The first lines are the fast path: a topic's name is used
// where it stands in the read buffer.
func (s *session) send(f *frame.Frame) error {
	if f.Transaction != nil || f.ReplyTo != nil || f.Escaped || !bytes.HasPrefix(f.Destination, []byte(topicPrefix)) {
		return s.sendOther(f)
	}
	s.sends++
	r, err := s.pub.TopicFor(f.Destination[len(topicPrefix):], f.Body)
	if err != nil {
		return err
	}
	s.publish(r, f, f.Verbatim)
	return nil
}

// publish sends to a topic. A receipt of a persistent message waits until those
// who keep it have it on disk.
func (s *session) publish(r *broker.Route, f *frame.Frame, verbatim bool) {
	switch {
	case f.Receipt == nil:
		s.fill(s.pub.Add(r), f, verbatim)
	case f.Persistent:
		s.fill(s.pub.AddConfirmed(r, s.promise(f.Receipt)), f, verbatim)
	default:
		s.fill(s.pub.Add(r), f, verbatim)
		if s.receipts.ready(f.Receipt) {
			s.pub.Flush()
			s.receipts.waitRoom()
		}
	}
}

// fill sets a message up from a SEND; with verbatim, its headers need no work.
func (s *session) fill(m *broker.Message, f *frame.Frame, verbatim bool) {
	if verbatim {
		m.Head = f.Head
	} else {
		m.Head = s.head(f)
	}
	m.Body = f.Body
	m.HasLength = f.HasLength
	m.Expires = f.Expires
	m.Priority = f.Priority
	m.Retain = f.Retain
	m.Persistent = f.Persistent
	if f.Persistent {
		m.QoS = 1
	}
}

// sendOther handles what is not a plain message to a topic.
func (s *session) sendOther(f *frame.Frame) error {
	if f.Destination == nil {
		return refuse("destination missing", "SEND needs a destination header")
	}
	d, err := s.destination(f.Value(f.Destination))
	if err != nil {
		return err
	}
	if err := topic.CheckName(d.name); err != nil {
		return err
	}
	if err := s.permit(d, f.Body); err != nil {
		return err
	}
	s.sends++
	if f.Transaction != nil {
		return s.stageSend(f, d, s.promise(f.Receipt))
	}
	verbatim := f.Verbatim && f.ReplyTo == nil
	if d.kind == broker.QueueKind {
		s.enqueue(d, func(m *broker.Message) { s.fill(m, f, verbatim) }, s.promise(f.Receipt))
		return nil
	}
	r, err := s.pub.TopicFor([]byte(d.name), f.Body)
	if err == nil {
		s.publish(r, f, verbatim)
	}
	return err
}

// enqueue sends to a queue. A message that the queue refuses ends the session:
// STOMP has no other answer.
func (s *session) enqueue(d destination, fill func(*broker.Message), done func(error)) {
	if d.owner == "" {
		s.pub.Enqueue(d.name, fill, done)
		return
	}
	if s.srv.hasGone(d.owner) {
		done(nil) // the owner is gone, and its queue with it
		return
	}
	s.pub.Enqueue(d.name, func(m *broker.Message) {
		fill(m)
		m.Persistent = false // the queue does not outlive a connection
	}, done)
	s.giveUp(d)
}

// giveUp ends a temporary queue that a message went to while its owner left: it may have
// been made anew by that after its owner had ended it.
func (s *session) giveUp(d destination) {
	if d.owner != "" && d.kind == broker.QueueKind && s.srv.hasGone(d.owner) {
		s.srv.b.DeleteQueue(d.name)
	}
}

// head returns the headers that receivers of a SEND are sent, after a slow but
// thorough look at each. It is valid until flush.
func (s *session) head(f *frame.Frame) []byte {
	if s.scratch == nil {
		s.scratch = scratches.Get().(*[]byte)
	}
	start, replyTo := len(*s.scratch), ""
	if f.ReplyTo != nil {
		replyTo = s.replyTo(f.Value(f.ReplyTo))
	}
	*s.scratch = f.Forward(*s.scratch, replyTo)
	return (*s.scratch)[start:len(*s.scratch):len(*s.scratch)]
}
