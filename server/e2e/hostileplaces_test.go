package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

// hostileNames are the hostile IDs as names of several devices at once: those that
// try something, and the one that is too long for every place.
func hostileNames() []string {
	return append(hostileIDs[:8:8], hostileIDs[len(hostileIDs)-1])
}

// Wherever else the page shows an ID, it is text, too.
func TestMarkupIsTextEverywhere(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.wait("mwm.connection === 'live'")
	scripts := eval[int](p, "document.scripts.length")
	eval[bool](p, `(() => {
		window.lettered = new Set();
		const fillText = CanvasRenderingContext2D.prototype.fillText;
		CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
			lettered.add(text);
			return fillText.call(this, text, ...more);
		};
		return true;
	})()`)
	for i, id := range hostileNames() {
		newTruck(t, s, id).report(42.5+float64(i)/200, 1.5)
	}
	p.wait("mwm.located === " + js(len(hostileNames())))
	mapShowsText(p)
	harmless(p, scripts)
	composeShowsText(p)
	harmless(p, scripts)
	alertShowsText(p, s)
	harmless(p, scripts)
	wireShowsText(p)
	harmless(p, scripts)
}

// mapShowsText points at each device: its name is on the map, and in the note.
func mapShowsText(p *page) {
	p.t.Helper()
	p.press("f")
	for _, id := range hostileNames() {
		name := []rune(id)
		if len(name) > 28 { // names.js
			name = append(name[:27], '…')
		}
		p.wait("lettered.has(" + js(string(name)) + ")")
		p.hover(id)
		p.waitText(tagged("map-tip")+" .tip-id", id)
	}
}

// hover points at a device on the map, once the map stands still.
func (p *page) hover(id string) {
	p.t.Helper()
	eventually(p.t, "the note is beside "+id, func() bool {
		if at := p.at(id); at != nil && at.Visible {
			p.do("point", chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y))
		}
		return eval[bool](p, find(tagged("map-tip"))+".hidden === false && "+find(tagged("map-tip")+" .tip-id")+".textContent === "+js(id))
	})
}

// composeShowsText writes to all of them, picks one more by its name, and is told
// of each why it gets nothing.
func composeShowsText(p *page) {
	p.t.Helper()
	names := hostileNames()
	first, others, long := names[0], names[1:], names[len(names)-1]
	fits := func() {
		p.t.Helper()
		p.wait("document.getAnimations().every(({ playState }) => playState === 'finished')")
		if over := eval[int](p, find("#compose")+".scrollWidth - "+find("#compose")+".clientWidth"); over > 0 {
			p.t.Errorf("%s is %d pixels too wide", p.text("#compose"), over)
		}
	}
	p.mark(long)
	p.click(tagged("marks-write"))
	p.waitText("#compose-title", "Text to "+long)
	fits()
	p.press(kb.Escape)
	for _, id := range others[:len(others)-1] {
		p.mark(id)
	}
	p.click(tagged("marks-write"))
	for _, id := range others {
		chip := all(".chip") + ".find((e) => e.dataset.device === " + js(id) + ")"
		p.wait(chip + "?.querySelector('.chip-id').textContent === " + js(id))
		p.wait(chip + ".querySelector('.chip-drop').title === 'Leave out ' + " + js(id))
	}
	fits()
	p.click(tagged("picker"))
	p.enter(first)
	p.waitText(".picker-option span", first)
	p.press(kb.Enter)
	p.waitText("#compose-title", "Text to 9 devices")
	p.write(tagged("compose-body"), hostileText)
	p.click(tagged("compose-next"))
	p.waitText(".compose-quote", hostileText)
	// The server refuses with words in which the ID stands.
	eval[bool](p, `(() => {
		const fetched = window.fetch;
		window.fetch = async (at, options) => {
			if (!String(at).endsWith('/texts')) return fetched(at, options);
			window.fetch = fetched;
			const { devices } = JSON.parse(options.body);
			const refused = devices.map((device) => ({ device, detail: 'not to ' + device }));
			return new Response(JSON.stringify({ texts: [], refused }), { headers: { 'content-type': 'application/json' } });
		};
		return true;
	})()`)
	p.click(tagged("compose-send"))
	p.wait(all(".reasons li") + ".map((e) => e.textContent).includes('not to ' + " + js(others[0]) + ")")
	fits()
	p.click(tagged("compose-close"))
	p.click(tagged("marks-clear"))
}

// alertShowsText lights a phone that is nowhere on the map, and then alerts it when
// it does not listen any more: the page says to whom nobody listened.
func alertShowsText(p *page, s *testServer) {
	p.t.Helper()
	eval[bool](p, `(() => {
		window.lit = new Set();
		new MutationObserver(() => document.querySelectorAll('.alert-chip').forEach((e) => lit.add(e.textContent))).observe(document.body, { subtree: true, childList: true });
		return true;
	})()`)
	for _, id := range hostileNames()[:5] {
		id = strings.TrimSpace(id) + "!"
		ph := newPhone(p.t, s, id)
		ph.move(telemetry.Motion{Pitch: 1})
		p.wait("mwm.motion(" + js(id) + ")")
		ph.send(telemetry.AlertTopic(id), []byte(hostileText), false)
		p.wait("lit.has(" + js(id) + ")")
		ph.wait(ph.client.Unsubscribe(telemetry.AlertTopic(id)))
		p.click(tagged("view-motion"))
		p.click(having("phone", "data-device", id) + " " + tagged("motion-alert"))
		p.wait(all(".notice") + ".some((e) => e.textContent === 'No phone was listening for alerts to ' + " + js(id) + " + '.')")
		p.click(tagged("view-map"))
	}
}

// wireShowsText looks at what each says: its name is the title.
func wireShowsText(p *page) {
	p.t.Helper()
	for _, id := range hostileNames() {
		eval[string](p, "location.hash = '#' + "+js(url.Values{"view": {"wire"}, "device": {id}}.Encode()))
		p.waitText(tagged("wire-title"), id+" on the wire")
	}
}
