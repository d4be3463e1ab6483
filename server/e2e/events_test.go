package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
)

// The events are filtered by kind, and what is filtered keeps coming.
func TestEventsAreFiltered(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	kinds := "JSON.stringify([...new Set(" + all(tagged("event")) + ".map((e) => e.dataset.kind))].sort())"
	newTruck(t, s, "BBB").report(42.5, 1.5)
	newTruck(t, s, "liar").send([]byte(`{"deviceID":"BBB","lat":1,"lng":1}`))
	p.wait(kinds + ` === '["online","payload"]'`)
	p.click(tagged("events-payload"))
	p.wait(kinds + ` === '["payload"]' && ` + find(tagged("events-payload")) + ".ariaPressed === 'true'")
	s.run(t, mwm, "text", "BBB", "hello").wait(0)
	newTruck(t, s, "thief").send([]byte(`{"deviceID":"BBB","lat":1,"lng":1}`))
	p.wait(all(having("event", "data-device", "thief")) + ".length === 1")
	p.wait(kinds + ` === '["payload"]'`)
	p.click(tagged("events-text"))
	p.wait(kinds + ` === '["payload","text"]'`)
	p.click(tagged("events-payload"))
	p.click(tagged("events-text"))
	p.click(tagged("events-alert"))
	p.waitText(".events-none", "Nothing of this kind has happened lately.")
	p.click(tagged("events-alert"))
	p.wait(kinds + ` === '["online","payload","text"]'`)
	arrowsMoveInEvents(p)
}

// arrowsMoveInEvents goes through the events by the arrows: the tabulator leads behind
// them all, to the map.
func arrowsMoveInEvents(p *page) {
	p.t.Helper()
	at := func(element string) { p.t.Helper(); p.wait("document.activeElement === " + element) }
	events := all("button" + tagged("event"))
	p.tabTo(find(tagged("events")))
	p.press(kb.ArrowDown)
	at(events + "[0]")
	p.press(kb.End)
	at(events + ".at(-1)")
	p.press(kb.ArrowUp)
	at(events + ".at(-2)")
	p.press(kb.Tab)
	at(find(tagged("map")))
}
