package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/devicesim"
	"mwm/server"
	"mwm/server/fleet"
)

// The sizes of a desk's screen, a laptop's, a tablet's and a phone's.
var sizes = [][2]int64{{1440, 900}, {1280, 800}, {768, 1024}, {390, 844}}

var schemes = []string{"light", "dark"}

type style struct{ scheme, lang string }

// styles are the colour schemes and the languages. What is said has no colour: the
// second language is seen in one.
var styles = []style{{"light", "en"}, {"dark", "en"}, {"light", "ko"}}

// pair has each scheme and each language once.
var pair = []style{{"light", "en"}, {"dark", "ko"}}

// views are what there is to look at, as links into the page.
var views = []struct{ name, link, ready string }{
	{"map", "#", "mwm.view === 'map' && mwm.inView > 5"},
	{"card", "#device=AAA", find(tagged("text"))},
	{"phone", "#device=XYZ", "mwm.motion('XYZ') && " + find(tagged("card-motion")) + "?.checkVisibility()"},
	{"motion", "#view=motion", "mwm.view === 'motion' && " + all(tagged("phone")) + ".length >= 6"},
	{"history", "#view=history&device=AAA", "mwm.history?.state === 'ready'"},
	{"wire", "#view=wire&device=AAA", all(tagged("wire-row")) + ".length > 1"},
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

// speak turns the page to a language.
func speak(p *page, lang string) {
	p.t.Helper()
	p.wait("document.documentElement.lang === " + js(lang) + " || (" + find("#lang-toggle") + ".click(), false)")
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

// fits checks that the page is no wider than its window, and takes a picture.
func fits(p *page, name string) {
	p.t.Helper()
	if over := eval[int](p, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		p.t.Errorf("%s is %d pixels too wide", name, over)
	}
	p.picture(name)
}

// Every view fits every size, in every language; for people to look at, there are
// pictures.
func TestScreenshots(t *testing.T) {
	if os.Getenv("MWM_ARTIFACTS") == "" {
		t.Skip("MWM_ARTIFACTS is not set")
	}
	s := lively(t)
	empty := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.hosts[empty.at.HTTP] = true
	for _, size := range sizes {
		for _, style := range styles {
			name := fmt.Sprintf("%dx%d-%s-%s-", size[0], size[1], style.scheme, style.lang)
			look(p, s.page(), size, style.scheme)
			speak(p, style.lang)
			seeViews(p, name)
			seeDialogs(p, name)
			look(p, empty.page(), size, style.scheme)
			speak(p, style.lang)
			p.wait(find("#connect") + ".open && " + find("#connect .ways"))
			fits(p, name+"empty")
		}
	}
}

func seeViews(p *page, name string) {
	p.t.Helper()
	p.wait("mwm.motion('XYZ')?.values > 10")
	for _, v := range views {
		turn(p, v.link, v.ready)
		fits(p, name+v.name)
	}
}

func seeDialogs(p *page, name string) {
	p.t.Helper()
	p.press("?")
	p.wait(find("#help") + ".open")
	fits(p, name+"help")
	p.press(kb.Escape)
	turn(p, "#", "mwm.view === 'map' && mwm.selected === null")
	eval[bool](p, find(tagged("mark-all"))+".click(), true") // below the sheet's edge on a phone
	p.press("t")
	p.wait(find(tagged("compose")) + ".open")
	fits(p, name+"compose")
	p.write(tagged("compose-body"), "Snow on the pass.")
	p.click(tagged("compose-next"))
	p.wait(find(tagged("compose-send")))
	fits(p, name+"confirm")
}

// worn are the styles in which the tests look at the i-th of what they look at: one,
// so that each scheme and language has its turn, or all with pictures.
func worn(i int) []style {
	if os.Getenv("MWM_ARTIFACTS") != "" {
		return styles
	}
	return pair[i%2 : i%2+1]
}

// eachLook opens the page in the sizes of a desk and of a hand.
func eachLook(p *page, address string, see func(name string)) {
	p.t.Helper()
	for i, size := range [][2]int64{{1280, 800}, {390, 844}} {
		for _, style := range worn(i) {
			look(p, address, size, style.scheme)
			speak(p, style.lang)
			loadAxe(p)
			see(fmt.Sprintf("%d-%s-%s-", size[0], style.scheme, style.lang))
		}
	}
}

// Nothing of the page shuts anybody out, as far as axe can tell (WCAG 2.2 AA).
func TestAccessibility(t *testing.T) {
	s := lively(t)
	p := open(t, s.page())
	eachLook(p, s.page(), func(name string) {
		for _, v := range views {
			turn(p, v.link, v.ready)
			audit(p, name+v.name)
		}
	})
}
