package broker

import (
	"math/rand/v2"
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
	const step = 5 * time.Millisecond
	begun := time.Now()
	for {
		start := time.Now()
		harm := b.harms(r, out, start.Sub(begun))
		patience := alonePatience
		if harm {
			patience = netx.StuckAfter
		}
		found, now := out.WaitRoom(step, patience), time.Now()
		if found == netx.Stuck || found == netx.Room && now.Sub(begun) < step {
			return // so little is the pace of those who are fast, and nobody's fault
		}
		// A process that did not run for a while has not been held by anybody.
		if short := now.Add(-2 * step); start.Before(short) {
			start = short
		}
		b.shareHold(out, start, patience, harm)
		spent := harm && out.Charge(start, maxHold)
		if found == netx.Room {
			return
		}
		if spent {
			out.GiveUp()
			return
		}
	}
}

// Later calls f once the batch has reached everybody else. A receiver that has to be
// waited for calls it, and waits in f: nobody's messages wait behind it.
func (b *Batch) Later(f func()) { b.late = append(b.late, f) }

// runLate waits for those who have to be waited for.
func (b *Batch) runLate() {
	for i := 0; i < len(b.late); i++ { // also those that come meanwhile
		b.late[i]()
	}
	clear(b.late)
	b.late = b.late[:0]
}

// HeldSince is since when the publisher waits for receivers that have asked for Later:
// they all count from then on, and so hold it together no longer than one of them may.
func (b *Batch) HeldSince() time.Time {
	if b.held.IsZero() {
		b.held = time.Now()
	}
	return b.held
}

// shareHold lets the other receivers of the route that are behind make the publisher
// wait together with the one behind out: a crowd of slow ones may hold those who are
// healthy no longer than one could.
func (b *Batch) shareHold(out *netx.Outbound, start time.Time, patience time.Duration, harm bool) {
	budget := maxHold
	if !harm {
		budget = 0
	}
	for _, s := range b.route.subs {
		x, ok := s.Receiver.(Outlet)
		if !ok {
			continue
		}
		if o := x.Outlet(); o != nil && o != out {
			o.Share(start, patience, budget)
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

// lookAtOnce is how many subscribers are asked at a time whether they starve.
const lookAtOnce = 1024

func (route *Route) starves(r Receiver) bool {
	// Of a great many, each time others are looked at.
	first := 0
	if len(route.subs) > lookAtOnce {
		first = rand.IntN(len(route.subs)) // #nosec G404 -- a sample, no secret
	}
	for i := range min(len(route.subs), lookAtOnce) {
		s := route.subs[(first+i)%len(route.subs)]
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
