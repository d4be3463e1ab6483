package stomp

import (
	"cmp"
	"maps"
	"slices"

	"mwm/server/broker"
)

// subscriptions tells what the session is subscribed to, at most limit, in the
// order in which it subscribed.
func (s *session) subscriptions(limit int) []broker.ClientSubscription {
	s.mu.Lock()
	subs := slices.Collect(maps.Values(s.subs))
	s.mu.Unlock()
	slices.SortFunc(subs, func(a, b *subscription) int { return cmp.Compare(a.num, b.num) })
	all := make([]broker.ClientSubscription, 0, min(limit, len(subs)))
	for _, sub := range subs[:min(limit, len(subs))] {
		all = append(all, broker.ClientSubscription{
			ID: sub.id, Destination: sub.enc.to + sub.to.name, Mode: sub.mode.String(), Selector: sub.enc.selector, Durable: sub.durable,
		})
	}
	return all
}

// String is the value of the ack header.
func (m ackMode) String() string {
	for name, mode := range ackModes {
		if mode == m {
			return name
		}
	}
	return ""
}
