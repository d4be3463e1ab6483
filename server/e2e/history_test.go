package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"mwm/server"
)

// himalayas is a time zone whose days begin within an hour of UTC.
var himalayas = time.FixedZone("Asia/Kathmandu", 5*3600+45*60)

// now is the same all the time: a test may last beyond midnight.
var now = time.Now().In(himalayas)

// daysAgo is a time of day in himalayas, some days ago.
func daysAgo(days, hour, minute int) time.Time {
	return time.Date(now.Year(), now.Month(), now.Day()-days, hour, minute, 0, 0, himalayas)
}

// was reports that the truck was somewhere.
func (tr *truck) was(at time.Time, lat, lng, speed float64) {
	tr.t.Helper()
	body, err := json.Marshal(map[string]any{"deviceID": tr.id, "lat": lat, "lng": lng, "ts": at.UTC(), "speed": speed, "heading": 0, "accuracy": 7})
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.send(body)
}

// journey tells of a day: ten minutes to the north at 72 km/h, ten minutes at
// rest, half an hour of silence, and five minutes farther on. It has 96 points.
func (tr *truck) journey(from time.Time) {
	tr.t.Helper()
	at, lat := from, 42.5
	const metre = 1 / 111_195.0
	drive := func(reports int) {
		for range reports {
			at, lat = at.Add(10*time.Second), lat+200*metre
			tr.was(at, lat, 1.5, 20)
		}
	}
	tr.was(at, lat, 1.5, 20)
	drive(60)
	for range 5 {
		at = at.Add(2 * time.Minute)
		tr.was(at, lat, 1.5, 0)
	}
	at = at.Add(30*time.Minute - 10*time.Second)
	drive(30)
}

// past opens a link into the page of somebody in himalayas.
func past(t *testing.T, s *testServer, link string, provoked ...string) *page {
	t.Helper()
	return abroad(t, s, himalayas.String(), link, provoked...)
}

// abroad opens a link into the page of somebody in a time zone.
func abroad(t *testing.T, s *testServer, zone, link string, provoked ...string) *page {
	t.Helper()
	p := open(t, s.page(), provoked...)
	p.call("time zone", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
		return err
	})
	p.navigate("about:blank")
	p.navigate(s.page() + link)
	p.wait("window.mwm?.connection === 'live'")
	return p
}

// ready waits until a day is shown.
func (p *page) ready(day time.Time, points int) {
	p.t.Helper()
	p.wait(fmt.Sprintf("mwm.history?.state === 'ready' && mwm.history.day === %s && mwm.history.points === %d", js(day.Format(time.DateOnly)), points))
}

// now waits until the replay stands at a time of its day.
func (p *page) now(clock string) {
	p.t.Helper()
	p.waitText(tagged("replay-time"), clock)
}

// A page that cannot be fetched leaves its reader where they have gone meanwhile.
func TestPageThatDoesNotCome(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p := open(t, s.page())
	p.wait("mwm.devices === 1")
	p.provoke("net::ERR_BLOCKED")
	eval[bool](p, "window.warned = [], console.warn = (text) => warned.push(text), true")
	p.call("a network that fails", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, network.SetBlockedURLs, network.SetBlockedURLsParams{
			URLPatterns: []*network.BlockPattern{{URLPattern: "http://*:*/js/history/*", Block: true}},
		})
		return err
	})
	eval[bool](p, find(tagged("view-history"))+".click(), "+find(tagged("view-wire"))+".click(), true")
	p.wait("warned.some((text) => text.startsWith('history: '))")
	if view := eval[string](p, "mwm.view"); view != "wire" {
		t.Errorf("the page went to %s", view)
	}
	p.click(tagged("view-history"))
	p.wait(find(tagged("notices")) + ".textContent.includes('This page could not be loaded') && mwm.view === 'map'")
}

// A day of a device is found by way of its card, told in words, replayed, saved
// and linked to, and in the end its history is deleted.
func TestHistory(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	yesterday, before := daysAgo(1, 8, 0), daysAgo(3, 23, 50)
	tr := newTruck(t, s, "BBB")
	tr.journey(before) // beyond midnight
	tr.journey(yesterday)
	p := past(t, s, "")
	p.wait("mwm.located === 1")
	p.choose("BBB")
	p.click(tagged("card-history"))
	p.ready(yesterday, 96)
	for fact, text := range map[string]string{
		"distance": "17.8 km", "topSpeed": "72 km/hat 08:00", "span": "55 min08:00 – 08:54", "moving": "15 min", "points": "96", "silence": "30 min",
	} {
		p.waitText(tagged("day-"+fact), text)
	}
	said := eval[[]string](p, all(tagged("moment"))+".map((e) => e.innerText.replace(/\\s+/g, ' '))")
	want := []string{"08:00 first report", "08:10 – 08:20 stood for 10 min", "08:20 – 08:50 no reports for 30 min", "08:54 last report"}
	if fmt.Sprint(said) != fmt.Sprint(want) {
		t.Errorf("the day is told as %q, want %q", said, want)
	}
	p.now("08:00:00")
	p.waitText(tagged("replay-what"), "72 km/h, 0° N")

	p.click(having("moment", "data-kind", "gap"))
	p.click(tagged("scrubber")) // in the middle, which is 08:27:25
	p.wait(find(tagged("replay-time")) + ".textContent.startsWith('08:27:')")
	p.click(tagged("moment-before"))
	p.now("08:20:00")
	p.click(tagged("speed-300"))
	p.click(tagged("play"))
	p.wait(find(tagged("replay-what")) + ".textContent === 'no reports from 08:20 to 08:50, 30 min' && mwm.history.playing")
	p.wait("!mwm.history.playing && " + find(tagged("replay-time")) + ".textContent === '08:54:50'")

	p.wait("/day=" + yesterday.Format(time.DateOnly) + "&at=32090$/.test(location.hash)")
	link := eval[string](p, "location.hash")
	p.click(tagged("day-before"))
	p.ready(daysAgo(2, 0, 0), 36) // what came after midnight
	p.click(tagged("day-before"))
	p.ready(before, 60)
	p.wait("location.hash.includes(" + js("day="+before.Format(time.DateOnly)) + ")") // else the link may still be what the address bar says
	eval[string](p, "location.hash = "+js(link))
	p.ready(yesterday, 96)
	p.now("08:54:50")

	p.downloads()
	p.click(tagged("history-delete"))
	p.wait(find(tagged("history-delete-dialog")) + "?.open")
	p.press(kb.Escape)
	p.wait("!" + find(tagged("history-delete-dialog")))
	p.click(tagged("history-delete"))
	p.click(tagged("history-delete-now"))
	p.wait("mwm.history.state === 'empty' && !" + find(tagged("history-delete-dialog")))
	if n := eval[int](p, "fetch('api/v1/devices/BBB/days').then((r) => r.json()).then(({ days }) => days.length)"); n != 0 {
		t.Errorf("%d days are left", n)
	}
	p.click(tagged("view-map"))
	p.wait("mwm.view === 'map' && !" + find("#history-view") + " && " + find(".leaflet-devices-pane") + ".checkVisibility()")
}

// downloads follows the links to files of the day that is shown.
func (p *page) downloads() {
	p.t.Helper()
	for format, begin := range map[string]string{"gpx": "<?xml", "geojson": `{"type":"FeatureCollection"`, "csv": "time,latitude"} {
		p.wait(find(tagged("file-" + format)))
		got := eval[string](p, "fetch("+find(tagged("file-"+format))+".href).then((r) => r.ok ? r.text() : String(r.status)).then((text) => text.slice(0, "+js(len(begin))+"))")
		if got != begin {
			p.t.Errorf("%s begins with %q", format, got)
		}
	}
}

// tab goes to an element as the keyboard does.
func (p *page) tab(selector string) {
	p.t.Helper()
	for range 80 {
		p.press(kb.Tab)
		if eval[bool](p, "document.activeElement?.matches("+js(selector)+")") {
			return
		}
	}
	p.t.Fatalf("the keyboard does not get to %s", selector)
}

// The history is used without a mouse.
func TestHistoryByKeyboard(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	yesterday, before := daysAgo(1, 8, 0), daysAgo(40, 8, 0)
	tr := newTruck(t, s, "BBB")
	tr.journey(before)
	tr.journey(yesterday)
	p := past(t, s, "")
	p.wait("mwm.located === 1 && mwm.shown === 1")
	p.press("l")
	p.wait("document.activeElement.id === 'list'")
	p.press(kb.ArrowDown + kb.Enter)
	p.wait("mwm.selected === 'BBB'")
	eval[bool](p, "document.activeElement.blur(), true")
	eval[bool](p, `new MutationObserver((_, observer) => { // somebody is quick
		if (mwm.history?.state !== 'ready') return;
		observer.disconnect();
		document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
	}).observe(document.body, { subtree: true, attributeFilter: ['data-state'] }), true`)
	p.press("h")
	p.ready(yesterday, 96)
	p.now("08:00:10")
	p.press(kb.ArrowRight)
	p.now("08:00:20")
	p.press(" ")
	p.wait("mwm.history.playing")
	p.press(" ")
	p.wait("!mwm.history.playing")

	p.tab(tagged("scrubber"))
	p.press(kb.End)
	p.now("08:54:50")
	p.press(kb.ArrowLeft + kb.ArrowLeft)
	p.now("08:54:30")
	p.wait(find(tagged("scrubber")) + ".ariaValueText === '08:54:30: 72 km/h, 0° N'")
	p.press(kb.PageDown)
	p.now("08:44:30")
	p.wait(find(tagged("scrubber")) + ".ariaValueText.includes('no reports from 08:20')")
	p.press(kb.Home + " ")
	p.wait("mwm.history.playing")
	p.press(" ")

	p.tab(tagged("history-date"))
	p.press(kb.Enter)
	p.wait("document.activeElement?.dataset.day === " + js(yesterday.Format(time.DateOnly)))
	p.press(kb.ArrowLeft)
	p.wait("document.activeElement?.dataset.day === " + js(before.Format(time.DateOnly)))
	p.press(kb.Escape)
	p.wait("!" + find(tagged("calendar")) + " && mwm.selected === 'BBB' && document.activeElement?.matches(" + js(tagged("history-date")) + ")")
	p.press(kb.Enter + kb.ArrowLeft + kb.Enter)
	p.ready(before, 96)
	p.wait("document.activeElement?.matches(" + js(tagged("history-date")) + ")")
	p.tab(tagged("colour-time"))
	p.press(" ")
	p.wait("document.activeElement?.matches(" + js(tagged("colour-time")+"[aria-pressed=true]") + ") && !mwm.history.playing")
	p.tab(having("moment", "data-kind", "gap"))
	p.press(kb.Enter)
	p.now("08:20:00")
	p.tab(tagged("history-delete"))
	p.press(kb.Enter)
	p.tab(tagged("history-delete-now"))
	p.press(kb.Enter)
	p.wait("mwm.history.state === 'empty' && document.activeElement?.matches(" + js(tagged("history-close")) + ")")
	p.press("h")
	p.wait("mwm.view === 'map'")
}

// The same day of other devices is shown with it: of those that are ticked.
func TestHistoryInCompany(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	for _, id := range []string{"AAA", "BBB"} {
		newTruck(t, s, id).journey(daysAgo(1, 8, 0))
	}
	late := newTruck(t, s, "CCC") // not on that day
	late.was(daysAgo(2, 8, 0), 42.5, 1.5, 20)
	p := past(t, s, "#view=history&device=BBB&at=29100")
	p.ready(daysAgo(1, 8, 0), 96)
	p.wait(find(tagged("company")) + ".textContent.includes('Tick up to 4 devices')")
	p.click(tagged("mark-all"))
	p.wait("mwm.history.others.join() === 'AAA'")
	p.wait(find(tagged("company")) + ".innerText.replace(/\\s+/g, ' ') === 'Other devices AAA CCC not reporting on this day'")
	if n := eval[int](p, all(".replay-marker")+".length"); n != 2 {
		t.Errorf("%d markers", n)
	}
	p.click("#marks-clear")
	p.wait("mwm.history.others.length === 0 && " + all(".replay-marker") + ".length === 1")
}

// What is missing is said: a device, a history, a server.
func TestHistoryWithout(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	newTruck(t, s, "BBB").journey(daysAgo(1, 8, 0))
	off := serve(t, server.Config{History: "off"}, server.Options{})
	message := func(p *page, state, text string) {
		t.Helper()
		p.wait("mwm.history?.state === " + js(state))
		p.waitText(tagged("history-message")+" p", text)
	}
	p := past(t, s, "")
	eval[string](p, "location.hash = '#view=history&device=nobody'; location.hash = '#view=history'") // before anything of it is loaded
	message(p, "none", "Choose a device in the list to see where it has been.")
	if n := eval[int](p, all(".history-view")+".length"); n != 1 {
		t.Errorf("there are %d histories", n)
	}
	p.click(having("device-row", "data-device", "BBB"))
	p.ready(daysAgo(1, 8, 0), 96)
	eval[string](p, "location.hash = '#view=history&device=nobody'")
	message(p, "empty", "Nothing is kept of this device’s way yet. Its next reports begin the history.")
	eval[string](p, "location.hash = '#view=history&device=BBB&day=1999-12-31'")
	p.ready(daysAgo(1, 8, 0), 96)
	p.wait(find(tagged("notices")) + ".textContent.startsWith('Nothing is kept of Fri, Dec 31, 1999')")

	p.withoutServer()
	p.provoke(`status of 404`)
	s.stop()
	p.wait("!" + find(tagged("banner")) + ".hidden")
	eval[bool](p, "document.activeElement.blur(), true")
	p.press(kb.ArrowRight) // what was fetched is still there
	p.now("08:00:10")
	p.click(tagged("history-close"))
	eval[string](p, "location.hash = '#view=history&device=AAA'")
	p.wait("mwm.history?.state === 'failed' && " + find(tagged("history-retry")))
	s.start()
	p.wait("mwm.connection === 'live' && mwm.history.state === 'empty'") // memory only: its history is gone

	q := past(t, off, "#view=history&device=BBB", "status of 404")
	message(q, "off", "This server keeps no history. Start it with --history sampled, or all.")
}

// Nothing of the history shuts anybody out, in no size, scheme or language.
func TestHistoryLooks(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	newTruck(t, s, "BBB").journey(daysAgo(1, 8, 0))
	p := past(t, s, "")
	for i, size := range sizes {
		for _, style := range worn(i) {
			eval[bool](p, "localStorage.setItem('mwm.lang', "+js(style.lang)+"), true")
			name := fmt.Sprintf("%dx%d-%s-%s-history", size[0], size[1], style.scheme, style.lang)
			look(p, s.page()+"#view=history", size, style.scheme)
			loadAxe(p)
			p.wait("mwm.history?.state === 'none'")
			audit(p, name+"-none")
			turn(p, "#view=history&device=nobody", "mwm.history?.state === 'empty'")
			audit(p, name+"-empty")
			turn(p, "#view=history&device=BBB", "mwm.history?.state === 'ready'")
			audit(p, name)
			p.click(tagged("history-date"))
			p.wait(find(tagged("calendar")))
			audit(p, name+"-calendar")
			eval[bool](p, find(tagged("history-delete"))+".click(), true")
			p.wait(find(tagged("history-delete-dialog")) + "?.open")
			audit(p, name+"-delete")
			p.press(kb.Escape)
		}
	}
}

// A device's name is text in the history, too, and leads to its files.
func TestHistoryOfHostileIDs(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	p := past(t, s, "#view=history")
	scripts := eval[int](p, "document.scripts.length")
	for _, id := range hostileIDs {
		tr := newTruck(t, s, id)
		tr.was(daysAgo(1, 8, 0), 42.5, 1.5, 20)
		tr.was(daysAgo(1, 8, 1), 42.51, 1.5, 20)
		eval[string](p, "location.hash = "+js("#"+url.Values{"view": {"history"}, "device": {id}}.Encode()))
		p.wait("mwm.history?.state === 'ready' && mwm.history.device === " + js(id))
		p.waitText(tagged("history-device"), id)
		p.downloads()
		p.click(tagged("history-delete"))
		p.waitText("#history-delete-title", "Delete the history of "+id+"?")
		p.click(tagged("history-delete-now"))
		p.wait("mwm.history.state === 'empty'")
		p.wait(all(".notice") + ".some((e) => e.textContent === " + js("The history of "+id+" is deleted.") + ")")
		harmless(p, scripts)
	}
}
