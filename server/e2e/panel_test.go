package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
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
