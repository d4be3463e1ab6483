package e2e

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
)

// standards are the rules that axe goes by.
const standards = `['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']`

// audit lets axe look at the page, once nothing moves.
func audit(p *page, what string) {
	p.t.Helper()
	p.wait("document.getAnimations().every(({ playState, effect }) => playState === 'finished' || effect.getTiming().iterations === Infinity)")
	p.picture(what)
	faults := eval[[]string](p, `axe.run({ runOnly: `+standards+` }).then(({ violations }) =>
		violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => [id, help, html, failureSummary].join('\n'))))`)
	for _, fault := range faults {
		p.t.Errorf("%s: %s", what, fault)
	}
}

func loadAxe(p *page) {
	p.t.Helper()
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		p.t.Fatal(err)
	}
	eval[bool](p, string(axe)+"; true")
}

// Nothing shuts anybody out of what is not one of the views: dialogs, the wire, a
// selection, a server without devices, a server that is gone.
func TestAccessibilityOfTheRest(t *testing.T) {
	s := lively(t)
	p := open(t, s.page())
	eachLook(p, s.page(), func(name string) { auditRest(p, name) })
}

func auditRest(p *page, prefix string) {
	p.t.Helper()
	p.press("?")
	p.wait(find("#help") + ".open")
	audit(p, prefix+"help")
	p.press(kb.Escape)
	p.press("w")
	audit(p, prefix+"wire of nobody")
	p.wait("mwm.shown > 0")
	eval[bool](p, find(tagged("mark-all"))+".click(), true") // below the wire on a phone
	p.press("t")
	p.wait(find(tagged("compose")) + ".open")
	audit(p, prefix+"compose")
	p.write(tagged("compose-body"), "to all")
	p.click(tagged("compose-next"))
	p.wait(find(tagged("compose-send")))
	audit(p, prefix+"confirm")
	p.click(tagged("compose-send"))
	p.wait("!" + find(tagged("compose-close")) + ".hidden")
	audit(p, prefix+"sent")
	p.click(tagged("compose-close"))
	turn(p, "#", "mwm.view === 'map'")
	audit(p, prefix+"selection")
}

func TestAccessibilityWithoutDevicesOrServer(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.wait(find("#connect") + ".open")
	loadAxe(p)
	audit(p, "no devices")
	p.press(kb.Escape)
	p.wait("!" + find("#connect") + ".open")
	audit(p, "an empty map")
	p.withoutServer()
	s.stop()
	p.wait("!" + find(tagged("banner")) + ".hidden")
	audit(p, "no server")
}
