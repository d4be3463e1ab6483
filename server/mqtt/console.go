package mqtt

import (
	"fmt"
	"slices"
	"strings"

	"mwm/server/broker"
)

// EndSession ends the session of a client that is away, as if its time were over.
// It reports whether there is one, and whether the client was away.
func (s *Server) EndSession(clientID string) (found, away bool) {
	unlock := s.ids.lock(clientID)
	defer unlock()
	sess := s.session(clientID)
	if sess == nil {
		return false, false
	}
	sess.mu.Lock()
	if sess.owner != nil || sess.ended {
		sess.mu.Unlock()
		return true, false
	}
	w, client := sess.putWill(nil), sess.client
	sess.mu.Unlock()
	s.discard(sess)
	w.publish(s, client)
	return true, true
}

// subscriptions tells what the client is subscribed to, at most limit.
func (c *conn) subscriptions(limit int) (all []broker.ClientSubscription) {
	sess := c.session()
	if sess == nil {
		return nil
	}
	for _, sub := range sess.info().Subscriptions {
		all = append(all, broker.ClientSubscription{Destination: sub.Filter, Mode: fmt.Sprintf("QoS %d", sub.QoS)})
	}
	slices.SortFunc(all, func(a, b broker.ClientSubscription) int { return strings.Compare(a.Destination, b.Destination) })
	return all[:min(limit, len(all))]
}

// will tells what is published if the client is lost.
func (c *conn) will() *broker.ClientWill {
	sess := c.session()
	if sess == nil {
		return nil
	}
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.owner != c {
		return nil
	}
	return sess.will.info()
}

// info describes a will, which may be nil.
func (w *will) info() *broker.ClientWill {
	if w == nil {
		return nil
	}
	return &broker.ClientWill{Name: w.name, Body: w.body, QoS: w.qos, Retain: w.retain, Delay: w.delay}
}
