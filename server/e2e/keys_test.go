package e2e

import (
	"testing"

	"mwm/devicesim"
	"mwm/server"

	"github.com/chromedp/chromedp/kb"
)

// The page is used without a mouse.
func TestKeys(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	simulate(t, s, devicesim.Config{Trucks: 3, Phones: 1})
	p := open(t, s.page())
	p.wait("mwm.devices === 4 && mwm.located === 3 && mwm.shown === 4")

	p.press("l")
	p.wait("document.activeElement.id === 'list'")
	p.press(kb.ArrowDown + kb.Enter)
	p.wait("mwm.selected === 'BBB'")
	p.press("t")
	p.wait("document.activeElement === " + find(tagged("text-body")))
	p.press("to all? no: a letter is a letter while one types" + kb.Escape)
	p.wait("document.activeElement === document.body && mwm.view === 'map' && mwm.selected === 'BBB'")
	p.press("o")
	p.wait("mwm.following")
	p.press(kb.Escape)
	p.wait("!mwm.following && mwm.selected === 'BBB'")
	p.press("m")
	p.wait("mwm.view === 'motion'")
	p.press("m")
	p.wait("mwm.view === 'map'")
	p.press("?")
	p.wait(find("#help") + ".open")
	p.press(kb.Escape)
	p.wait("!" + find("#help") + ".open && mwm.selected === 'BBB'")
	p.press(kb.Escape)
	p.wait("mwm.selected === null")
	p.press("/xy")
	p.wait("mwm.shown === 1 && " + find(tagged("search")) + ".value === 'xy'")
	p.press(kb.Enter + kb.Enter)
	p.wait("mwm.selected === 'XYZ'")
}

// What goes does not take the keyboard with it: it goes on in the list, or at the tab
// of the view that has come instead.
func TestKeyboardOutlivesCard(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p := open(t, s.page())
	p.wait("mwm.located === 1 && mwm.shown === 1")
	enterAt := func(selector, then string) {
		t.Helper()
		p.wait(find(selector) + "?.checkVisibility() && (" + find(selector) + ".focus(), true)")
		p.press(kb.Enter)
		p.wait("document.activeElement === " + find(then))
	}
	p.press("l" + kb.Enter)
	enterAt(tagged("card-close"), "#list")
	p.press(kb.Enter)
	enterAt(tagged("card-wire"), tagged("view-wire"))
	enterAt(tagged("view-map"), tagged("view-map"))
	enterAt(tagged("card-history"), tagged("view-history"))
	enterAt(tagged("history-close"), "#list")
	p.press("/b")
	p.wait("mwm.shown === 1 && !" + find("#filter-clear") + ".hidden")
	enterAt("#filter-clear", "#list")
}

// Language and colours are chosen once, and the link in the address bar leads to
// the same sight again.
func TestChoicesStay(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	newTruck(t, s, "트럭 1").report(42.5, 1.5)
	p := open(t, s.page())
	p.wait("mwm.located === 1")
	p.choose("트럭 1")
	p.click(tagged("lang-toggle"))
	p.click(tagged("theme-toggle"))
	stay := func() {
		t.Helper()
		p.wait("document.documentElement.lang === 'ko' && document.documentElement.dataset.theme === 'dark'")
		p.waitText(tagged("view-map")+" span", "지도")
		p.waitText(tagged("card-id"), "트럭 1")
	}
	stay()
	zoom := eval[int](p, "mwm.zoom") - 1
	p.click("#zoom-out")
	p.wait("location.hash.includes('map=" + js(zoom) + "/')")
	link := eval[string](p, "location.href")
	p.navigate("about:blank")
	p.navigate(link)
	p.wait("window.mwm?.connection === 'live' && mwm.zoom === " + js(zoom))
	stay()
}
