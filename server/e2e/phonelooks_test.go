package e2e

import (
	"fmt"
	"os"
	"testing"

	"mwm/server"
)

// fits checks that a thumb hits all that is to be touched, and that nothing is cut off.
func (h *handset) fits() {
	h.t.Helper()
	h.wait("document.documentElement.scrollWidth <= innerWidth")
	for _, fault := range eval[[]string](h.page, `(() => {
		const name = (e) => [innerWidth + ' px wide:', e.tagName, e.id || e.className, e.textContent.slice(0, 40)].join(' ');
		const seen = [...(document.querySelector('dialog[open]') ?? document.body).querySelectorAll('*')].filter((e) => e.checkVisibility() && !e.closest('.sr-only'));
		const small = seen.filter((e) => {
			const { left, right, width, height } = e.getBoundingClientRect();
			return e.matches('button, a, input, select') && (Math.min(width, height) < 44 || left < 0 || right > innerWidth);
		});
		const cut = seen.filter((e) => {
			const { overflowX, textOverflow } = getComputedStyle(e);
			return e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && overflowX !== 'visible' && textOverflow !== 'ellipsis';
		});
		return [...small.map((e) => 'hard to hit: ' + name(e)), ...cut.map((e) => 'cut off: ' + name(e))];
	})()`) {
		h.t.Error(fault)
	}
}

// Nothing of the phone's page shuts anybody out, as far as axe can tell, in any
// state, in both colour schemes and languages; with MWM_ARTIFACTS there are pictures.
func TestPhoneLooks(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, server.Config{}, server.Options{})
	for _, style := range pair {
		h := pickUp(t, s, "", "geolocation")
		look := func(what string) {
			t.Helper()
			for _, size := range [][2]int64{{390, 844}, {844, 390}} {
				h.resize(size[0], size[1], style.scheme)
				h.wait("document.getAnimations().every(({ playState }) => playState === 'finished')")
				h.fits()
				h.picture(fmt.Sprintf("phone-%dx%d-%s-%s-%s", size[0], size[1], style.scheme, style.lang, what))
				faults := eval[[]string](h.page, `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) =>
					violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => [id, help, html, failureSummary].join('\n'))))`)
				for _, fault := range faults {
					t.Errorf("%s %s %s: %s", style.scheme, style.lang, what, fault)
				}
			}
		}
		h.resize(390, 844, style.scheme)
		h.click(tagged("device-open"))
		h.click(tagged("lang-" + style.lang))
		eval[bool](h.page, string(axe)+"; true")
		look("sheet")
		h.click(tagged("sheet-close"))
		look("start")
		h.moveTo(48.8581, 2.2946)
		h.click(tagged("start"))
		h.waitText(tagged("position"), "φ:48.8581, λ:2.2946")
		look("sensors")
		h.click(tagged("location-simulated"))
		h.click(tagged("motion-simulated"))
		h.wait(find(tagged("own-pitch")) + ".textContent.includes('29°')")
		look("simulated")
		h.sendText("Where are you heading to?")
		h.wait(find(tagged("confirm")) + "?.disabled === false")
		look("text")
		h.click(tagged("confirm"))
		h.wait(find(tagged("dock")) + ".hidden")
		look("answered")
	}
}
