package mqtt

import (
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
)

// will is what is published when a client is lost (MQTT 5.0 §3.1.2.5). It is
// not published when the server shuts down: the client is not lost then, and
// the specification leaves the server to do it after a restart (3.1.1 §3.1.2.5).
type will struct {
	name   string // canonical
	body   []byte
	qos    byte
	retain bool
	delay  time.Duration
	expiry time.Duration // 0: none
	props  *broker.Properties
}

// cost is what a will, which may be nil, takes of memory.
func (w *will) cost() int {
	if w == nil {
		return 0
	}
	m := broker.Message{Name: w.name, Body: w.body, Properties: w.props}
	return m.Size()
}

// putWill sets what is published if the client is lost; nil: nothing. It returns what
// was set before. s.mu is held.
func (s *session) putWill(w *will) (before *will) {
	before, s.will = s.will, w
	netx.Book(w.cost() - before.cost())
	return before
}

// publish publishes the will of a client, which may be nil. It may block.
func (w *will) publish(s *Server, c *broker.Client) {
	if w == nil {
		return
	}
	p := s.b.NewPublisher(c)
	route, err := p.TopicFor([]byte(w.name), w.body)
	if err != nil {
		return // checked when the client connected
	}
	m := p.Add(route)
	m.Body, m.QoS, m.Retain, m.Persistent, m.Properties = w.body, w.qos, w.retain, w.qos > 0, w.props
	if w.expiry > 0 {
		m.Expires = p.ExpiresAfter(w.expiry)
	}
	s.stats.Wills.Add(1)
	p.Flush()
}
