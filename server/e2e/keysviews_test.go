package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

// tabTo presses the tabulator until the keyboard has got to the element that an
// expression names.
func (p *page) tabTo(element string) {
	p.t.Helper()
	eventually(p.t, "the keyboard gets to "+element, func() bool {
		p.press(kb.Tab)
		return eval[bool](p, "!!document.activeElement && document.activeElement === "+element)
	})
	p.wait("document.activeElement.matches(':focus-visible')")
}

// The motion page is used without a mouse; degrees or radians are chosen once, for
// all pages and visits.
func TestMotionPageByKeyboard(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page()+"#view=motion")
	phones := map[string]*phone{}
	for _, id := range []string{"WXY", "XYZ"} {
		phones[id] = newPhone(t, s, id)
		phones[id].move(telemetry.Motion{Pitch: 1, Roll: -2})
	}
	of := func(id, selector string) string { return find(having("phone", "data-device", id) + " " + selector) }
	p.wait(of("XYZ", ".phone-values") + "?.textContent === '57°−115°0°'")
	p.tabTo(find(tagged("unit-rad")))
	p.press(" ")
	p.wait(of("XYZ", ".phone-values") + ".textContent === '1.00−2.000.00'")
	if !eval[bool](p, find(tagged("unit-rad"))+".ariaPressed === 'true'") {
		t.Error("the angles are in radians, and the button does not say so")
	}
	p.tabTo(of("WXY", tagged("motion-alert")))
	p.press(kb.Enter)
	if colour := receive(t, "alert", phones["WXY"].alerts); colour != "red" {
		t.Errorf("the phone got %q", colour)
	}
	p.wait(all(".notice") + ".some((e) => e.textContent === 'Alert sent: red.')")
	p.tabTo(of("XYZ", ".phone-name"))
	p.press(kb.Enter)
	p.wait("mwm.selected === 'XYZ' && " + find(having("phone", "data-device", "XYZ")) + ".classList.contains('selected')")
	p.waitText(tagged("motion-pitch"), "1.00")
	p.wait("location.hash.includes('device=XYZ')")
	p.reload()
	p.wait("window.mwm?.motion('XYZ') && " + of("XYZ", ".phone-values") + "?.textContent === '1.00−2.000.00'")
	p.click(tagged("unit-deg"))
	p.wait(of("XYZ", ".phone-values") + ".textContent === '57°−115°0°'")
	p.waitText(tagged("motion-pitch"), "57°")
	p.click(tagged("lang-toggle"))
	p.wait(of("XYZ", tagged("motion-alert")) + "?.textContent === '알림!'")
	if summary := p.text("#motion-summary"); summary != "휴대폰 2대" {
		t.Errorf("in Korean, the page says %q", summary)
	}
}

// What crosses the wire is looked through without a mouse.
func TestWireByKeyboard(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	tr := newTruck(t, s, "BBB")
	tr.report(42.5, 1.5)
	p.wait("mwm.located === 1 && mwm.shown === 1")
	p.press("l" + kb.Enter)
	p.wait("mwm.selected === 'BBB'")
	p.press("w")
	p.waitText(tagged("wire-state"), "Listening to 1 connection")
	p.press("t") // there is no card to write on
	p.waitText("#compose-title", "Text to BBB")
	p.press(kb.Escape)
	p.wait("!" + find(tagged("compose")) + ".open")
	for i := range 5 { // a SEND and a RECEIPT each
		tr.report(42+float64(i)/10, 1.5)
	}
	p.wait(all(tagged("wire-row")) + ".length === 10")
	chosen := func(row int) {
		t.Helper()
		p.wait(all(tagged("wire-row")) + ".findIndex((e) => e.ariaSelected === 'true') === " + js(row))
		p.wait(all(tagged("wire-row")+"[aria-selected=true]") + ".length === 1 && " + find(".wire-head h3") + ".textContent === " + all(tagged("wire-row")) + "[" + js(row) + "].querySelector('b').textContent")
	}
	chosen(9) // the newest
	p.tabTo(find(tagged("wire-list")))
	p.press(kb.ArrowUp)
	chosen(8)
	p.press(kb.Home)
	chosen(0)
	p.press(kb.ArrowDown + kb.ArrowDown)
	chosen(2)
	tr.report(42.6, 1.5)
	p.wait(all(tagged("wire-row")) + ".length === 12")
	chosen(2) // stays with what is looked at
	p.tabTo(find(tagged("wire-detail")))
	p.click(tagged("wire-newest"))
	chosen(11)
	tr.report(42.7, 1.5)
	p.wait(all(tagged("wire-row")) + ".length === 14")
	chosen(13)
	p.press(kb.Escape)
	p.wait("mwm.selected === null")
}
