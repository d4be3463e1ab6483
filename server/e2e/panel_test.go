package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

// rows is the expression for the devices of the list in their order.
var rows = all(tagged("device-row")+":not([hidden])") + ".sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map((e) => e.dataset.device).join()"

// mixed is a server with a moving truck, a standing one and one that is gone, near
// each other; none falls silent while it is looked at.
func mixed(t *testing.T) *testServer {
	t.Helper()
	s := serve(t, server.Config{StaleAfter: time.Hour, OfflineAfter: time.Hour}, server.Options{})
	for i, id := range []string{"CCC", "AAA", "BBB"} {
		tr := newTruck(t, s, id)
		tr.send([]byte(fmt.Sprintf(`{"deviceID":%q,"lat":%g,"lng":1.5,"speed":%d}`, id, 42.5+float64(i)/1000, 10*i)))
		if id == "BBB" {
			tr.leave()
		}
	}
	return s
}

// The list has an order, which the link keeps.
func TestListIsSorted(t *testing.T) {
	p := open(t, mixed(t).page())
	p.wait("mwm.counts.offline === 1 && mwm.counts.idle === 1 && mwm.counts.moving === 1 && " + rows + " === 'AAA,BBB,CCC'")
	pick := func(key string) {
		t.Helper()
		eval[bool](p, find(tagged("sort"))+".focus(), true")
		p.press(key)
	}
	pick(kb.ArrowDown + kb.ArrowDown)
	p.wait(find(tagged("sort")) + ".value === 'speed' && " + rows + " === 'BBB,AAA,CCC'")
	pick(kb.ArrowDown)
	p.wait(find(tagged("sort")) + ".value === 'status' && " + rows + " === 'AAA,CCC,BBB'")
	p.wait("location.hash.includes('sort=status')")
	p.reload()
	p.wait("window.mwm?.devices === 3 && " + find(tagged("sort")) + ".value === 'status' && " + rows + " === 'AAA,CCC,BBB'")
	pick(kb.Home)
	p.wait(rows + " === 'AAA,BBB,CCC' && !location.hash.includes('sort=')")
}

// A click on a count shows who is counted, on the map as in the list; others are added
// by further clicks, and when none is left all are shown.
func TestCountsFilter(t *testing.T) {
	p := open(t, mixed(t).page())
	p.wait("mwm.counts.offline === 1 && " + rows + " === 'AAA,BBB,CCC' && mwm.inView === 3")
	pressed := all(".count") + ".filter((e) => e.ariaPressed === 'true').map((e) => e.querySelector('span').textContent).join()"
	p.click(tagged("count-offline"))
	p.wait(rows + " === 'BBB' && mwm.inView === 1 && " + pressed + " === 'offline'")
	p.waitText(tagged("list-summary"), "1 of 3")
	p.wait("location.hash.includes('status=offline')")
	p.click(tagged("count-idle"))
	p.wait(rows + " === 'BBB,CCC' && mwm.inView === 2 && " + pressed + " === 'idle,offline'")
	p.click(tagged("count-stale"))
	p.click(tagged("count-idle"))
	p.click(tagged("count-offline"))
	p.wait(rows + " === '' && " + pressed + " === 'stale'")
	p.waitText(tagged("list-empty"), "No device matches this filter.")
	p.click(tagged("count-stale"))
	p.wait(rows + " === 'AAA,BBB,CCC' && mwm.inView === 3 && " + pressed + " === ''")
	p.waitText(tagged("list-summary"), "3 devices")
	p.click(tagged("count-moving"))
	p.wait(rows + " === 'AAA'")
	p.click("#filter-clear")
	p.wait(rows + " === 'AAA,BBB,CCC' && " + pressed + " === '' && !location.hash.includes('status=')")
}

// What is copied is on the clipboard, and the page says so, above a dialog, too.
func TestCopy(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.permit("clipboard-read", true)
	p.permit("clipboard-write", true)
	p.wait(find("#connect") + ".open")
	p.click(tagged("copy-netcat"))
	p.wait(find(".notice") + "?.textContent === 'Copied.' && " + find(tagged("notices")) + ".matches(':popover-open')")
	command := p.text(".command:has(" + tagged("copy-netcat") + ") code")
	if got := eval[string](p, "navigator.clipboard.readText()"); got != command || got == "" {
		t.Errorf("of %q, %q is on the clipboard", command, got)
	}
	p.press(kb.Escape)
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p.choose("BBB")
	p.click(tagged("fact-position") + " button")
	eventually(t, "the position is on the clipboard", func() bool {
		return eval[string](p, "navigator.clipboard.readText()") == "42.50000, 1.50000"
	})
}

// On a phone all of a card that is half up can be reached, and writing takes the room
// that it needs.
func TestHalfSheet(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	ph := newPhone(t, s, "XYZ")
	ph.move(telemetry.Motion{Pitch: 1})
	p := open(t, s.page())
	look(p, s.page()+"#device=XYZ", [2]int64{390, 844}, "light")
	p.wait("mwm.motion('XYZ') && " + find(tagged("card-motion")) + "?.checkVisibility() && " + find("#card") + ".dataset.stop === 'half'")
	p.click(".swatch" + tagged("alert-purple"))
	if colour := receive(t, "alert", ph.alerts); colour != "purple" {
		t.Errorf("the phone got %q", colour)
	}
	p.click(tagged("card-text"))
	p.wait(find("#card") + ".dataset.stop === 'full' && document.activeElement === " + find(tagged("text-body")))
	p.wait(find(tagged("text-send")) + ".getBoundingClientRect().bottom < innerHeight")
}

// A page that is zoomed to the room of a phone is used without a mouse, too: the sheet
// with the list, of which little is seen, rises when the keyboard gets into it, and
// leaves the map when that does.
func TestSheetRisesToKeyboard(t *testing.T) {
	_, p := withTruck(t)
	p.resize(720, 450, "light")
	p.wait("document.getElementById('panel').dataset.stop === 'peek'")
	eval[bool](p, find("#tools-more")+".focus(), true")
	p.tabTo(find("#search"))
	p.wait("document.getElementById('panel').dataset.stop === 'full' && " + find("#search") + ".getBoundingClientRect().bottom < innerHeight")
	p.tabTo(find(tagged("map")))
	p.wait("document.getElementById('panel').dataset.stop === 'peek'")
}
