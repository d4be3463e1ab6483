package e2e

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"mwm/server"
	"mwm/server/telemetry"
)

// What a hand does with the map, one after the other, on one page.
func TestMapByHand(t *testing.T) {
	s := serve(t, server.Config{StaleAfter: time.Hour, OfflineAfter: time.Hour}, server.Options{})
	gone, stays, goes := newTruck(t, s, "AAA"), newTruck(t, s, "BBB"), newTruck(t, s, "CCC")
	gone.report(42.52, 1.5)
	stays.report(42.51, 1.5)
	goes.report(42.50, 1.5)
	p := open(t, s.page()) // the map goes where the first devices are that it learns of: all three
	gone.leave()
	p.wait("mwm.located === 3 && mwm.counts.offline === 1")
	noteAtTheDevice(p)
	trailOfTheSelected(p, goes)
	dragEndsFollowing(p, goes)
}

// The map that went to the first device goes to both when another one reports just
// after it, and nothing comes after that.
func TestMapGoesToBoth(t *testing.T) {
	s := serve(t, server.Config{StaleAfter: time.Hour, OfflineAfter: time.Hour}, server.Options{})
	one, other := newTruck(t, s, "AAA"), newTruck(t, s, "BBB")
	p := open(t, s.page())
	one.report(42.5, 1.5)
	p.wait("mwm.inView === 1")
	other.report(48, 10)
	p.wait("mwm.located === 2 && mwm.inView === 2")
}

// dragMap drags the map by its middle, in steps, as a hand does.
func dragMap(p *page, dx, dy float64) {
	p.t.Helper()
	at := eval[point](p, `(({ left, top, width, height }) => ({ X: left + width / 2, Y: top + height / 2 }))(`+find("#map")+`.getBoundingClientRect())`)
	steps := []chromedp.Action[chromedp.Void]{chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y), chromedp.MouseEvent(chromedp.MousePressed, at.X, at.Y, chromedp.ButtonLeft)}
	for i := 1.0; i <= 4; i++ {
		steps = append(steps, chromedp.MouseEvent(chromedp.MouseMoved, at.X+dx*i/4, at.Y+dy*i/4, chromedp.ButtonLeft))
	}
	p.do("drag", append(steps, chromedp.MouseEvent(chromedp.MouseReleased, at.X+dx, at.Y+dy, chromedp.ButtonLeft))...)
}

// A note says what a device is when the pointer is on it, and goes with the pointer.
func noteAtTheDevice(p *page) {
	p.t.Helper()
	p.hover("BBB")
	p.wait(find(tagged("map-tip")+" .tip-state") + ".textContent.startsWith('idle')")
	p.wait(find("#map-view") + ".classList.contains('pointing')")
	p.do("point elsewhere", chromedp.MouseEvent(chromedp.MouseMoved, p.at("BBB").X+100, p.at("BBB").Y+5))
	p.wait(find(tagged("map-tip")) + ".hidden && !" + find("#map-view") + ".classList.contains('pointing')")
}

// Behind the selected device lies the way that it has come.
func trailOfTheSelected(p *page, goes *truck) {
	p.t.Helper()
	goes.report(42.5015, 1.5025)
	goes.report(42.503, 1.505)
	p.wait("mwm.position('CCC').x > mwm.position('BBB').x + 20")
	behind := func() bool { // is there paint a third of the way, from as far below BBB as AAA is above it
		return eval[bool](p, `(() => {
			const [above, beside, end] = ['AAA', 'BBB', 'CCC'].map((id) => mwm.position(id));
			const from = { x: beside.x, y: 2 * beside.y - above.y };
			const canvas = document.querySelector('.device-layer');
			const { left, top } = canvas.getBoundingClientRect();
			const pixel = (axis, edge) => (from[axis] + (end[axis] - from[axis]) / 3 - edge) * canvas.width / canvas.clientWidth - 3;
			const { data } = canvas.getContext('2d').getImageData(pixel('x', left), pixel('y', top), 6, 6);
			return data.some((v) => v > 0);
		})()`)
	}
	eventually(p.t, "there is no trail without a selection", func() bool { return !behind() })
	p.choose("CCC")
	eventually(p.t, "the trail is drawn", behind)
	p.click(tagged("card-close"))
	eventually(p.t, "the trail is gone", func() bool { return !behind() })
}

// The map follows a device until a hand moves it.
func dragEndsFollowing(p *page, goes *truck) {
	p.t.Helper()
	p.choose("CCC")
	p.click(tagged("follow"))
	p.wait("mwm.following && " + find(tagged("follow")) + ".ariaPressed === 'true'")
	p.wait(stands)
	goes.send([]byte(`{"deviceID":"CCC","lat":42.6,"lng":1.6,"speed":20}`))
	p.wait("!mwm.position('BBB').visible")
	eventually(p.t, "the map goes with the device", func() bool {
		middle := eval[point](p, `(() => { // of what the card leaves of the map
			const [map, card] = ['#map', '#card'].map((name) => document.querySelector(name).getBoundingClientRect());
			return { X: (map.left + card.left) / 2, Y: (map.top + map.bottom) / 2 };
		})()`)
		at := p.at("CCC")
		return math.Abs(at.X-middle.X) < 20 && math.Abs(at.Y-middle.Y) < 20
	})
	dragMap(p, 120, 80)
	p.wait("!mwm.following && " + find(tagged("follow")) + ".ariaPressed === 'false' && mwm.selected === 'CCC'")
}

// stands is true while the map does not move.
const stands = "!document.querySelector('.leaflet-zoom-anim, .leaflet-pan-anim')"

// Who wants no motion gets none: the map jumps, and an alert says what it says
// without moving.
func TestReducedMotion(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page()+"#map=5/0/60")
	newTruck(t, s, "AAA").report(42.5, 1.5)
	newPhone(t, s, "XYZ").move(telemetry.Motion{})
	p.wait("mwm.devices === 2 && mwm.located === 1")
	prefer := func(motion string) {
		t.Helper()
		p.call("prefer", func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-reduced-motion", Value: motion}}})
			return err
		})
	}
	eval[bool](p, `(() => {
		window.flights = 0;
		for (const way of ['flyTo', 'panBy']) {
			const go = L.Map.prototype[way];
			L.Map.prototype[way] = function (to, ...how) {
				if (how.at(-1)?.animate !== false) flights++;
				return go.call(this, to, ...how);
			};
		}
		window.moved = '';
		new MutationObserver(() => document.querySelectorAll('.alert-chip, .row.flash').forEach((e) => { moved = getComputedStyle(e).animationName; }))
			.observe(document.body, { subtree: true, childList: true, attributes: true });
		return true;
	})()`)
	for _, motion := range []string{"no-preference", "reduce"} {
		prefer(motion)
		eval[bool](p, "location.hash = '#map=5/0/60', true")
		p.wait("mwm.zoom === 5 && mwm.selected === null && " + stands)
		eval[bool](p, "flights = 0, moved = '', true")
		p.click(having("event", "data-device", "AAA"))
		p.wait("mwm.zoom === 15 && " + stands)
		s.run(t, mwm, "alert", "XYZ", "cyan").wait(0)
		p.wait("moved && " + js(motion == "reduce") + " === (moved === 'none')")
		if flew := eval[int](p, "flights") > 0; flew != (motion != "reduce") {
			t.Errorf("with %s, the map flies: %v", motion, flew)
		}
	}
}

// With --tiles somebody's map lies over the page's own, and says whose it is, as
// text; its server learns which page asks, and not what it looks at.
func TestTiles(t *testing.T) {
	var asked atomic.Int64
	var tile bytes.Buffer
	if err := png.Encode(&tile, image.NewGray(image.Rect(0, 0, 256, 256))); err != nil {
		t.Fatal(err)
	}
	maps := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at, err := url.Parse(r.Header.Get("Referer")); err != nil || at.Host == "" || at.Path != "/" || at.Fragment != "" {
			t.Errorf("the tiles' server is told %q", r.Header.Get("Referer"))
		}
		asked.Add(1)
		_, _ = w.Write(tile.Bytes()) // a browser that goes is no matter
	}))
	t.Cleanup(maps.Close)
	s := serve(t, server.Config{Tiles: maps.URL + "/{z}/{x}/{y}.png", TilesAttribution: "<b id=injected>© Maps & Co</b>", TilesMaxZoom: 19}, server.Options{})
	newTruck(t, s, "AAA").report(42.5, 1.5)
	p := newPage(t)
	p.hosts = map[string]bool{s.at.HTTP: true, maps.Listener.Addr().String(): true}
	p.resize(1280, 800, "light")
	p.navigate(s.page())
	p.wait("mwm.located === 1")
	p.wait(all("img.leaflet-tile") + ".length > 5 && " + all("img.leaflet-tile") + ".every((e) => e.complete && e.naturalWidth === 256)")
	p.wait(find(".leaflet-control-attribution") + ".textContent.includes('© Maps & Co') && !document.querySelector('#injected')")
	if asked.Load() == 0 {
		t.Error("the tiles came from nowhere")
	}
}
