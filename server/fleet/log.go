package fleet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mwm/server/telemetry"
)

// EventKind says what an event is about. The values are the feed's.
type EventKind string

// The kinds of events.
const (
	EventOnline   EventKind = "online"
	EventOffline  EventKind = "offline"
	EventLastWill EventKind = "lastwill"
	EventAlert    EventKind = "alert"
	EventText     EventKind = "text"
	EventPayload  EventKind = "payload" // not believed, and why
	EventRemoved  EventKind = "removed" // from the motions
)

// Event is something worth telling an operator. It does not change. Code and
// Params say the same as Detail, for who words it anew in another language.
type Event struct {
	Seq    uint64    `json:"seq"` // from 1
	At     int64     `json:"at"`  // ms since 1970
	Kind   EventKind `json:"kind"`
	Device string    `json:"device"` // empty if it is about none
	Code   string    `json:"code"`   // what it tells, among those of its kind; see news
	Params Params    `json:"params,omitzero"`
	Detail string    `json:"detail"` // plain English
}

// Params are what an event's code leaves open; which of them are set goes with
// the code.
type Params struct {
	N      int    `json:"n,omitempty"`      // how many more; listeners; devices
	Color  string `json:"color,omitempty"`  // of an alert
	What   string `json:"what,omitempty"`   // was not believed: location, motion, will
	Member string `json:"member,omitempty"` // of a payload that was not believed
}

// news is what an event tells.
//
// The codes of the kinds: online has location, motion, connected-stomp and
// connected-mqtt; offline closed-stomp, closed-mqtt, lost-stomp, lost-mqtt,
// silent and will; lastwill has will; removed has cleared; text the states of
// texts; alert has nobody, listeners (N) and sent; payload the reasons of
// package telemetry, and full (N). The code more (N) sums up what came too fast.
type news struct {
	code   string
	params Params
	detail string
}

var (
	newsLocation = news{code: "location", detail: "reports its location"}
	newsMotion   = news{code: "motion", detail: "reports its motion"}
	newsSilent   = news{code: "silent", detail: "silent"}
	newsWill     = news{code: "will", detail: "last will"}
	newsCleared  = news{code: "cleared", detail: "its retained motion was cleared"}
)

// newsOf returns what tells that a connection has come or gone.
func newsOf(code string, p Proto, detail string) news {
	return news{code: code + "-" + strings.ToLower(p.String()), detail: detail}
}

// Alert is one that was sent to a device.
type Alert struct {
	ID        string `json:"id"`
	Device    string `json:"device"`
	Color     string `json:"color"` // one of telemetry.Colors
	At        int64  `json:"at"`
	Listeners *int   `json:"listeners"` // who got it; nil if nobody counted
}

// Hidden says that a device leaves the motion page.
type Hidden struct {
	Index uint32
}

// Item is an entry of the log: exactly one of its pointers is set, and what it
// points to does not change.
type Item struct {
	Seq  uint64 // position in the log, from 1
	Tick uint64 // the tick it happened in

	Text   *Text
	Alert  *Alert
	Event  *Event
	Hidden *Hidden
}

// itemLog is a ring of the newest items.
type itemLog struct {
	max   int
	items []Item
	next  uint64 // items ever appended
}

func (l *itemLog) append(it Item) {
	l.next++
	it.Seq = l.next
	if len(l.items) < l.max {
		l.items = append(l.items, it)
		return
	}
	l.items[(it.Seq-1)%uint64(l.max)] = it
}

// oldest returns the position of the oldest item kept; next+1 if there is none.
func (l *itemLog) oldest() uint64 { return l.next - uint64(len(l.items)) + 1 }

func (l *itemLog) at(seq uint64) *Item { return &l.items[(seq-1)%uint64(l.max)] }

// after appends the items after position seq to dst.
func (l *itemLog) after(seq uint64, dst []Item) []Item {
	for s := max(seq+1, l.oldest()); s <= l.next; s++ {
		dst = append(dst, *l.at(s))
	}
	return dst
}

// Log appends the items after position seq to dst, oldest first. A gap before
// the first one shows that the reader was too slow: the log is bounded.
func (f *Fleet) Log(seq uint64, dst []Item) []Item {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.after(seq, dst)
}

// LogEnd returns the position of the newest item.
func (f *Fleet) LogEnd() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.log.next
}

// LogFrom returns the items that happened in tick or later, oldest first, and
// the position of the newest item; complete is false if some of them are no
// longer in the log.
func (f *Fleet) LogFrom(tick uint64) (items []Item, end uint64, complete bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	seq := f.log.next
	for seq >= f.log.oldest() && f.log.at(seq).Tick >= tick {
		seq--
	}
	return f.log.after(seq, nil), f.log.next, seq == 0 || seq >= f.log.oldest()
}

// eventRing remembers the newest events apart from the log, where texts and
// alerts would push them out.
type eventRing struct {
	max    int
	events []*Event
	next   uint64
}

// Events returns the newest events, oldest first, and the position of the
// newest item in the log: those after it are none of these.
func (f *Fleet) Events() (events []*Event, end uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &f.events
	if len(r.events) < r.max {
		return append(events, r.events...), f.log.next
	}
	i := r.next % uint64(r.max)
	return append(append(events, r.events[i:]...), r.events[:i]...), f.log.next
}

func (r *eventRing) append(e *Event) {
	if len(r.events) < r.max {
		r.events = append(r.events, e)
	} else {
		r.events[r.next%uint64(r.max)] = e
	}
	r.next++
	e.Seq = r.next
}

// budget bounds how many items of a kind a second may have: nobody reads more,
// and one client must not be able to push everything else out of the log. The
// rest is summed up in one event.
type budget struct {
	second int64
	used   int
	lost   int
}

const (
	budgetPresence = iota
	budgetPayload
	budgetText
	budgetAlert
	budgetOther
	budgets
)

var budgetOf = [budgets]struct {
	perSecond int
	summary   string
	kind      EventKind
}{
	{500, "%d more devices came or went", EventOnline},
	{5, "%d more payloads were not believed", EventPayload},
	{2000, "%d more changes of texts", EventText},
	{200, "%d more alerts", EventAlert},
	{500, "%d more devices were lost or removed", EventRemoved},
}

func (f *Fleet) event(kind EventKind, device string, n news, at int64) {
	b := budgetOther
	switch kind {
	case EventOnline, EventOffline:
		b = budgetPresence
	case EventPayload:
		b = budgetPayload
	case EventText:
		b = budgetText
	case EventAlert:
		b = budgetAlert
	}
	if f.spend(b, at) {
		f.logEvent(&Event{At: at, Kind: kind, Device: device, Code: n.code, Params: n.params, Detail: n.detail})
	}
}

func (f *Fleet) logEvent(e *Event) {
	f.events.append(e)
	f.log.append(Item{Tick: f.tick, Event: e})
}

// append adds an item that is no event to the log.
func (f *Fleet) append(it Item, b int, at int64) {
	if f.spend(b, at) {
		it.Tick = f.tick
		f.log.append(it)
	}
}

func (f *Fleet) spend(b int, at int64) bool {
	l := &f.limits[b]
	if second := at / 1000; second != l.second {
		f.sumUp(b, at)
		l.second, l.used = second, 0
	}
	if l.used >= budgetOf[b].perSecond {
		if b == budgetPayload {
			f.mute.Store(l.second)
		}
		l.lost++
		f.stats.eventsLost.Add(1)
		return false
	}
	l.used++
	return true
}

// sumUp tells how many items of a kind were not told one by one.
func (f *Fleet) sumUp(b int, at int64) {
	l := &f.limits[b]
	if b == budgetPayload {
		l.lost += int(f.untold.Swap(0))
	}
	if l.lost == 0 {
		return
	}
	f.logEvent(&Event{
		At: at, Kind: budgetOf[b].kind, Code: "more", Params: Params{N: l.lost}, Detail: fmt.Sprintf(budgetOf[b].summary, l.lost),
	})
	l.lost = 0
}

// summarize sums up what the seconds before now left out.
func (f *Fleet) summarize(now int64) {
	for b := range f.limits {
		if f.limits[b].second != now/1000 {
			f.sumUp(b, now)
		}
	}
}

// Alerted notes an alert of a colour that was sent to a device; listeners is how
// many got it, negative if nobody counted.
func (f *Fleet) Alerted(device, color string, listeners int, at time.Time) {
	if telemetry.CheckID(device) != nil {
		return
	}
	device = strings.Clone(device) // the caller's may be part of something large
	c, _ := telemetry.ColorNamed(color)
	a := &Alert{Device: device, Color: c.Name, At: millis(at)}
	if listeners >= 0 {
		a.Listeners = &listeners
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.alerts++
	a.ID = strconv.FormatUint(f.alerts, 10)
	f.append(Item{Alert: a}, budgetAlert, a.At)
	f.event(EventAlert, device, alertNews(c.Name, listeners), a.At)
}

func alertNews(color string, listeners int) news {
	n := news{code: "sent", params: Params{Color: color}, detail: color}
	switch {
	case listeners == 0:
		n.code, n.detail = "nobody", color+": nobody was listening"
	case listeners == 1:
		n.code, n.params.N, n.detail = "listeners", 1, color+": one listener"
	case listeners > 1:
		n.code, n.params.N, n.detail = "listeners", listeners, fmt.Sprintf("%s: %d listeners", color, listeners)
	}
	return n
}
