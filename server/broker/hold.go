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
	if len(topic) > longName {
		return
	}
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

// holdStep is for how long a publisher waits before it looks again whether others are
// harmed. Less is not booked.
const holdStep = 5 * time.Millisecond

// wait is what a publisher knows while it waits for a receiver, step by step.
type wait struct {
	r     Receiver
	begun time.Time
	harm  bool // others had nothing to do when the step began
}

// waitFor begins to wait for a receiver. Nobody may wait meanwhile with wake-ups in its
// pocket, nor be waited for.
func (b *Batch) waitFor(r Receiver) wait {
	b.FlushWakes()
	if c := b.pub.client; c != nil {
		c.held.Add(1)
	}
	return wait{r, time.Now(), b.harms(r, 0)}
}

// waited ends that.
func (b *Batch) waited() {
	if c := b.pub.client; c != nil {
		c.held.Add(-1)
	}
}

// passed returns since when a step that began at start counts, and whether it has
// harmed others.
func (w *wait) passed(b *Batch, start, now time.Time, found netx.Wait) (since time.Time, harmed bool) {
	harmed = w.harm
	if found == netx.Busy { // whoever had just been served may have nothing to do by now
		w.harm = b.harms(w.r, now.Sub(w.begun))
		harmed = harmed || w.harm
	}
	// A process that did not run for a while has not been held by anybody.
	if short := now.Add(-2 * holdStep); start.Before(short) {
		start = short
	}
	return start, harmed
}

// hold waits for room in the crowded queue of a receiver.
func (b *Batch) hold(r Receiver, out *netx.Outbound) {
	w := b.waitFor(r)
	defer b.waited()
	for {
		start := time.Now()
		patience := alonePatience
		if w.harm {
			patience = netx.StuckAfter
		}
		found, now := out.WaitRoom(holdStep, patience), time.Now()
		if found == netx.Stuck || found == netx.Room && now.Sub(w.begun) < holdStep {
			return // so little is the pace of those who are fast, and nobody's fault
		}
		since, harmed := w.passed(b, start, now, found)
		if harmed { // by now: else each of a crowd would have the longer patience at first
			patience = netx.StuckAfter
		}
		b.shareHold(out, since, patience, harmed)
		spent := harmed && out.Charge(since, maxHold)
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

// Await is how a receiver behind out that loses nothing, and has asked for Later, has the
// publisher wait for it: room waits for at most as long as it is told. Await returns
// true when there is room, and false when the deadline is over, or the receiver has used
// up what it may hold publishers in total to the harm of others, alone or together with
// others that are slow: budget; see [netx.Outbound.Charge].
func (b *Batch) Await(r Receiver, out *netx.Outbound, deadline time.Time, budget time.Duration, room func(time.Duration) netx.Wait) bool {
	w := b.waitFor(r)
	defer b.waited()
	for {
		start := time.Now()
		found, now := room(min(holdStep, deadline.Sub(start))), time.Now()
		if found == netx.Stuck || found == netx.Room && now.Sub(w.begun) < holdStep {
			return found == netx.Room
		}
		since, harmed := w.passed(b, start, now, found)
		if harmed && b.awaited(r, out, since, budget) {
			return false
		}
		deadline = deadline.Add(since.Sub(start)) // what does not count
		if found == netx.Room || !now.Before(deadline) {
			return found == netx.Room
		}
	}
}

// Awaited is an ability of a [Receiver] that uses [Batch.Await].
type Awaited interface {
	// Held is called when the publisher of a batch has waited since a time for another
	// one, to the harm of others: if it would have had to wait for this one, too, both
	// are to blame.
	Held(b *Batch, since time.Time)
}

// awaited books that the publisher has waited since a time for a receiver, to the harm of
// others, and reports whether that has used up its budget.
func (b *Batch) awaited(r Receiver, out *netx.Outbound, since time.Time, budget time.Duration) (spent bool) {
	for _, s := range b.route.subs {
		if x, ok := s.Receiver.(Awaited); ok && s.Receiver != r {
			x.Held(b, since)
		}
	}
	return out.Charge(since, budget)
}

// harms reports whether somebody is harmed when the publisher waits for a receiver,
// as it has for a while.
func (b *Batch) harms(r Receiver, waited time.Duration) bool {
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
