package devicesim

import (
	"fmt"
	"io"
	"os"
	"time"

	"mwm/devicesim/terminal"
)

type eventKind int

const (
	textEvent eventKind = iota
	alertEvent
)

// event is something that a device shows. Its text is clean.
type event struct {
	at     time.Time
	kind   eventKind
	device string
	text   string
	color  uint32 // of an alert
	shown  func() // called once it has been shown; may be nil
}

func (e *event) done() {
	if e.shown != nil {
		e.shown()
	}
}

// console shows a fleet and what happens to it: as a view on a terminal, as lines anywhere else. One goroutine writes.
type console struct {
	fleet  *Fleet
	out    io.Writer // nil: nobody looks
	events chan event
	closed chan struct{} // no more events are taken
}

func newConsole(f *Fleet, out io.Writer) *console {
	return &console{fleet: f, out: out, events: make(chan event, 64), closed: make(chan struct{})}
}

// show hands an event over; it waits while the console is busy, which holds up the connection the event came from and no other. Once the
// fleet stops it does not wait: a text that was not shown is not acknowledged, and comes again.
func (c *console) show(e event) {
	if c.out == nil {
		e.done()
		return
	}
	select {
	case c.events <- e:
	case <-c.closed:
	}
}

// run shows what there is until end is closed.
func (c *console) run(end <-chan struct{}) {
	if c.out == nil {
		c.runLog(end)
		return
	}
	if f, ok := terminal.Of(c.out); ok {
		c.runView(end, f)
	} else {
		c.runLines(end)
	}
	fmt.Fprintln(c.out, c.summary())
}

func (c *console) summary() string {
	s := c.fleet.Stats()
	return fmt.Sprintf("stopped: %s sent %s and %s, got %s and %s", things(s.Trucks, s.Phones),
		count(int(s.Locations), "location"), count(int(s.Motions), "motion"), count(int(s.Texts), "text"), count(int(s.Alerts), "alert"))
}

// runView redraws often while something fades, seldom otherwise.
func (c *console) runView(end <-chan struct{}, f *os.File) {
	const often, seldom = 80 * time.Millisecond, 400 * time.Millisecond
	screen := terminal.NewScreen(f)
	defer func() { _ = screen.Close() }()
	v := newView(c.fleet, terminal.PaletteOf(os.Getenv), time.Now())
	redraw := time.NewTimer(0)
	defer redraw.Stop()
	refreshed, soon := time.Now(), true
	for {
		select {
		case <-end:
			return
		case e := <-c.events:
			v.note(e)
			if !soon { // a flood of events must not put the frame off for ever
				redraw.Reset(often)
				soon = true
			}
			continue
		case <-redraw.C:
		}
		now := time.Now()
		if now.Sub(refreshed) > 5*time.Second { // whatever a key or another program has written there
			screen.Refresh()
			refreshed = now
		}
		width, height := terminal.Size(f)
		lines, fading := v.render(now, width, height)
		if screen.Draw(width, height, lines) != nil {
			c.discard(end)
			return
		}
		v.drawn()
		if soon = fading; soon {
			redraw.Reset(often)
		} else {
			redraw.Reset(seldom)
		}
	}
}

// runLog tells the log of the connections, where nobody looks at the devices.
func (c *console) runLog(end <-chan struct{}) {
	l := lines{fleet: c.fleet, since: time.Now()}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-end:
			c.fleet.log.Info(c.summary())
			return
		case now := <-tick.C:
			if text := l.status(now); text != "" {
				c.fleet.log.Info(text)
			}
		}
	}
}

// runLines writes a line for each event, and one when the state of the connections has changed.
func (c *console) runLines(end <-chan struct{}) {
	l := lines{fleet: c.fleet, since: time.Now()}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var text string
		var e event
		select {
		case <-end:
			return
		case e = <-c.events:
			text = eventLine(e)
		case now := <-tick.C:
			if text = l.status(now); text == "" {
				continue
			}
			text = now.Format(clock) + " " + text
		}
		if _, err := io.WriteString(c.out, text+"\n"); err != nil {
			c.discard(end)
			return
		}
		e.done()
	}
}

// discard goes on when the output is gone: devices do not need it.
func (c *console) discard(end <-chan struct{}) {
	c.fleet.log.Warn("the output cannot be written any more; texts are acknowledged unseen")
	for {
		select {
		case <-end:
			return
		case e := <-c.events:
			e.done()
		}
	}
}

const clock = "15:04:05"

func eventLine(e event) string {
	return fmt.Sprintf("%s %s %s", e.at.Format(clock), e.device, eventText(e))
}

func eventText(e event) string {
	if e.kind == alertEvent {
		return "alert: " + e.text
	}
	return "text: " + e.text
}

// statusEvery is how often a fleet to which nothing happens says that it lives.
const statusEvery = time.Minute

// lines tells the state of the connections when there is news of it.
type lines struct {
	fleet     *Fleet
	since     time.Time // of the last status
	last      Stats
	connected int // as last told
	total     int
}

// status returns a line, or "" if there is nothing to say.
func (l *lines) status(now time.Time) string {
	s := l.fleet.Stats()
	news := s.Connected != l.connected || s.Connections != l.total
	if !news && (now.Sub(l.since) < statusEvery || s.Connections == 0) {
		return ""
	}
	seconds := now.Sub(l.since).Seconds()
	text := connections(s, l.fleet.count.lastError.Load(), now)
	if !news {
		text += fmt.Sprintf("; %.0f locations and %.0f motions a second",
			float64(s.Locations-l.last.Locations)/seconds, float64(s.Motions-l.last.Motions)/seconds)
	}
	l.since, l.last, l.connected, l.total = now, s, s.Connected, s.Connections
	return text
}

// connections says how many there are, and why if some are missing.
func connections(s Stats, last *failure, now time.Time) string {
	if s.Connected == s.Connections {
		return fmt.Sprintf("%s, all connected (%s)", things(s.Trucks, s.Phones), count(s.Connections, "connection"))
	}
	text := fmt.Sprintf("%s, %d of %s up", things(s.Trucks, s.Phones), s.Connected, count(s.Connections, "connection"))
	if last != nil && now.Sub(last.at) < 30*time.Second {
		text += ": " + terminal.Clean(last.text)
	}
	return text
}

func things(trucks, phones int) string {
	switch {
	case phones == 0:
		return count(trucks, "truck")
	case trucks == 0:
		return count(phones, "phone")
	}
	return count(trucks, "truck") + " and " + count(phones, "phone")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
