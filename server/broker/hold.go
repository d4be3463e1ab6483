package broker

import (
	"time"

	"mwm/server/netx"
)

// others are the destinations that a publisher has published to lately: while it
// waits for a subscriber of one, those of the others get nothing.
type others struct {
	topics [4]string
	at     [4]int64 // when each was published to, in ms
	latest int      // of topics
	queued int64    // when it last sent to a queue, in ms
}

// lately is for how long a destination counts, in ms.
const lately = 1000

// note remembers that a topic is published to.
func (o *others) note(topic string, now int64) {
	for i := range o.topics {
		k := (o.latest + i) % len(o.topics)
		if o.topics[k] == topic {
			o.at[k], o.latest = now, k
			return
		}
	}
	o.latest = (o.latest + len(o.topics) - 1) % len(o.topics) // the oldest, or nearly
	o.topics[o.latest], o.at[o.latest] = topic, now
}

// hold waits for room in the crowded queue of a receiver.
func (b *Batch) hold(r Receiver, out *netx.Outbound) {
	b.FlushWakes() // nobody may wait with wake-ups in its pocket
	begun := time.Now()
	const step = 5 * time.Millisecond
	for {
		start := time.Now()
		harm := b.harms(r, out, start.Sub(begun))
		patience := alonePatience
		if harm {
			patience = netx.StuckAfter
		}
		if out.WaitRoom(step, patience) != netx.Busy {
			return
		}
		// A process that did not run for a while has not been held by anybody.
		if short := time.Now().Add(-2 * step); start.Before(short) {
			start = short
		}
		if harm && out.Charge(start, maxHold) {
			out.GiveUp()
			return
		}
	}
}

// harms reports whether somebody is harmed when the publisher waits for the
// receiver behind out, as it has for a while.
func (b *Batch) harms(r Receiver, out *netx.Outbound, waited time.Duration) bool {
	p := b.pub
	if p.client == nil || p.client.Protocol == Internal {
		return true // the server itself has other things to do
	}
	if waited > ownPatience && b.route.outside < len(b.route.subs) {
		return true
	}
	if b.route.starves(r) || p.now-p.others.queued < lately {
		return true
	}
	for i, name := range p.others.topics {
		if name == "" || name == b.route.Name || p.now-p.others.at[i] >= lately {
			continue
		}
		if x, err := p.b.routes.lookup([]byte(name)); err == nil && x.starves(r) {
			return true
		}
	}
	return false
}

// Starves reports whether another subscriber of the route has nothing to do,
// while publishers wait for the receiver.
func (b *Batch) Starves(r Receiver) bool { return b.route.starves(r) }

func (route *Route) starves(r Receiver) bool {
	for _, s := range route.subs[:min(len(route.subs), 16)] {
		if s.Receiver == r || s.Internal {
			continue // it may have caught up meanwhile; see ownPatience
		}
		switch x := s.Receiver.(type) {
		case Backlogged:
			if x.Backlog() == 0 {
				return true
			}
		case Presence:
			if x.Online() {
				return true
			}
		default:
			return true
		}
	}
	return false
}
