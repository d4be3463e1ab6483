package e2e

import (
	"os"
	"testing"

	"mwm/server"
)

// Nothing shuts anybody out of what is not one of the views: dialogs, the wire, a
// selection, a server without devices, a server that is gone.
func TestAccessibilityOfTheRest(t *testing.T) {
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
			check := func(what string) {
				t.Helper()
				p.wait("document.getAnimations().every(({ playState }) => playState === 'finished')")
				p.picture(what + "-" + scheme)
				faults := eval[[]string](p, `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
					violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => [id, help, html, failureSummary].join('\n'))))`)
				for _, fault := range faults {
					t.Errorf("%d pixels, %s, %s: %s", size[0], scheme, what, fault)
				}
			}
			p.press("?")
			p.wait(find("#help") + ".open")
			check("help")
			p.press("\x1b")
			turn(p, "#view=wire&device=AAA", all(tagged("wire-row"))+".length > 1")
			check("wire")
			eval[bool](p, find(tagged("mark-all"))+".click(), true") // below the wire on a phone
			p.press("t")
			p.wait(find(tagged("compose")) + ".open")
			check("compose")
			p.write(tagged("compose-body"), "to all")
			p.click(tagged("compose-next"))
			p.wait(find(tagged("compose-send")))
			check("confirm")
			p.click(tagged("compose-send"))
			p.wait("!" + find(tagged("compose-close")) + ".hidden")
			check("sent")
			p.click(tagged("compose-close"))
			turn(p, "#", "mwm.view === 'map'")
			check("selection")
		}
	}
}

func TestAccessibilityWithoutDevicesOrServer(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.wait(find("#connect") + ".open")
	eval[bool](p, string(axe)+"; true")
	check := func(what string) {
		t.Helper()
		p.wait("document.getAnimations().every(({ playState, effect }) => playState === 'finished' || effect.getTiming().iterations === Infinity)")
		p.picture(what)
		faults := eval[[]string](p, `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) =>
			violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => [id, help, html, failureSummary].join('\n'))))`)
		for _, fault := range faults {
			t.Errorf("%s: %s", what, fault)
		}
	}
	check("no devices")
	p.press("\x1b")
	p.wait("!" + find("#connect") + ".open")
	check("an empty map")
	p.provoke(`^browser error: .*(WebSocket connection to|net::ERR_CONNECTION_REFUSED)`)
	p.provoke(`^console warning: "?(account|status): `)
	s.stop()
	p.wait("!" + find(tagged("banner")) + ".hidden")
	check("no server")
}
