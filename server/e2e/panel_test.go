package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

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

// On a phone all of a sheet that is half up can be reached, and writing takes the
// room that it needs.
func TestHalfSheet(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	ph := newPhone(t, s, "XYZ")
	ph.move(telemetry.Motion{Pitch: 1})
	for i := range 30 {
		newTruck(t, s, fmt.Sprintf("truck %d", i)).report(42.5, 1.5)
	}
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
	p.click(tagged("card-close"))
	p.wait(find("#panel") + ".getAnimations().length === 0") // it comes up again
	p.click("#sheet-handle")
	p.wait(find("#panel") + ".dataset.stop === 'half'")
	eval[bool](p, find(tagged("device-list"))+".focus(), true")
	p.press(kb.End)
	p.click(having("device-row", "data-device", "XYZ") + ":not([hidden])")
	p.wait("mwm.selected === 'XYZ'")
}
