package e2e

import (
	"fmt"
	"os"
	"testing"

	"mwm/devicesim"
	"mwm/server"
	"mwm/server/fleet"
)

// The sizes of a desk's screen, a laptop's, a tablet's and a phone's.
var sizes = [][2]int64{{1440, 900}, {1280, 800}, {768, 1024}, {390, 844}}

var schemes = []string{"light", "dark"}

// views are what there is to look at, as links into the page.
var views = []struct{ name, link, ready string }{
	{"map", "#", "mwm.view === 'map' && mwm.inView > 5"},
	{"card", "#device=AAA", find(tagged("text"))},
	{"phone", "#device=XYZ", "mwm.motion('XYZ') && " + find(tagged("card-motion")) + "?.checkVisibility()"},
	{"motion", "#view=motion", "mwm.view === 'motion' && " + all(tagged("phone")) + ".length >= 6"},
	{"history", "#view=history&device=AAA", "mwm.history?.state === 'ready'"},
}

// lively is a server with devices that have something to show.
func lively(t *testing.T) *testServer {
	s := serve(t, server.Config{}, server.Options{})
	simulate(t, s, devicesim.Config{Trucks: 20, Phones: 6})
	eventually(t, "AAA is there", func() bool { d := s.device("AAA"); return d != nil && d.Online.STOMP })
	for _, text := range []string{"Where are you heading to?", "The delivery in Ordino can wait."} {
		s.run(t, mwm, "text", "AAA", text).wait(0)
	}
	s.run(t, mwm, "alert", "XYZ", "orange").wait(0)
	eventually(t, "the texts are confirmed", func() bool {
		texts := s.device("AAA").Texts
		return len(texts) == 2 && texts[1].State == fleet.TextConsumed
	})
	return s
}

// look opens the page in a size and a colour scheme.
func look(p *page, address string, size [2]int64, scheme string) {
	p.t.Helper()
	p.resize(size[0], size[1], scheme)
	p.navigate("about:blank")
	p.navigate(address)
	p.wait("window.mwm?.connection === 'live' && document.fonts.status === 'loaded'")
}

// turn goes to a view and waits until it is complete.
func turn(p *page, link, ready string) {
	p.t.Helper()
	eval[string](p, "location.hash = "+js(link))
	p.wait(ready)
	p.wait("!document.querySelector('.leaflet-zoom-anim, .leaflet-pan-anim')")
	p.wait(all(".leaflet-tile") + ".every((tile) => tile.matches('.leaflet-tile-loaded') && getComputedStyle(tile).opacity === '1')")
	p.wait("document.getAnimations().every(({ playState }) => playState === 'finished')")
}

// Pictures of every view, for people to look at.
func TestScreenshots(t *testing.T) {
	if os.Getenv("MWM_ARTIFACTS") == "" {
		t.Skip("MWM_ARTIFACTS is not set")
	}
	s := lively(t)
	empty := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.hosts[empty.at.HTTP] = true
	for _, size := range sizes {
		for _, scheme := range schemes {
			name := fmt.Sprintf("%dx%d-%s-", size[0], size[1], scheme)
			look(p, s.page(), size, scheme)
			p.wait("mwm.motion('XYZ')?.values > 10")
			for _, v := range views {
				turn(p, v.link, v.ready)
				p.picture(name + v.name)
			}
			p.press("?")
			p.wait(find("#help") + ".open")
			p.picture(name + "help")
			look(p, empty.page(), size, scheme)
			p.wait(find("#connect") + ".open")
			p.picture(name + "empty")
		}
	}
}

// Nothing of the page shuts anybody out, as far as axe can tell (WCAG 2.2 AA).
func TestAccessibility(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	s := lively(t)
	p := open(t, s.page())
	for _, size := range [][2]int64{{1280, 800}, {390, 844}} {
		for _, scheme := range schemes {
			look(p, s.page(), size, scheme)
			eval[bool](p, string(axe)+"; true")
			for _, v := range views {
				turn(p, v.link, v.ready)
				faults := eval[[]string](p, `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) =>
					violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => [id, help, html, failureSummary].join('\n'))))`)
				for _, fault := range faults {
					t.Errorf("%dx%d %s, %s: %s", size[0], size[1], scheme, v.name, fault)
				}
			}
		}
	}
}
