package e2e

import (
	"fmt"
	"testing"

	"mwm/server"
	"mwm/server/fleet"
	"mwm/server/telemetry"
)

// Each text is confirmed or refused; headquarters knows which.
func TestPhoneTexts(t *testing.T) {
	s := serve(t, server.Config{Data: t.TempDir()}, server.Options{})
	h := pickUp(t, s, "", sensors...)
	h.click(tagged("start-simulated"))
	eventually(t, "the phone is known", func() bool { return s.device(h.id) != nil })
	h.sendText(hostileText)
	h.waitText(tagged("open-text")+" .hs-panel-body", hostileText)
	h.sendText("second")
	h.wait(all(tagged("received-text")) + ".length === 2")
	h.click(tagged("confirm"))
	h.waitText(tagged("open-text")+" .hs-panel-body", "second")
	h.click(tagged("refuse"))
	h.wait(find(tagged("dock")) + ".hidden")
	eventually(t, "one is consumed, the other refused", func() bool {
		return h.textState(hostileText) == fleet.TextConsumed && h.textState("second") == fleet.TextRefused
	})
	h.wait(`!document.querySelector('#injected') && typeof hacked === 'undefined'`)

	// An answer that is given while there is no connection is told later.
	h.sendText("third")
	h.wait(find(tagged("confirm")))
	h.withoutServer()
	h.settled()
	s.stop()
	h.wait(find(having("link-stomp", "data-state", "waiting")))
	h.click(tagged("confirm"))
	h.wait(find(tagged("received-text")) + ".textContent.includes('confirmed, told when connected')")
	h.wait("!" + find(tagged("banner")) + ".hidden")
	s.start()
	h.connected()
	eventually(t, "the third is consumed", func() bool { return h.textState("third") == fleet.TextConsumed })
	h.wait("!" + find(tagged("received-text")) + ".textContent.includes('told when')")
	h.wait(find(tagged("banner")) + ".hidden")
}

// An alert turns the background to its colour and back; one that comes meanwhile
// starts again; an unknown name is red.
func TestPhoneAlerts(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := handsetOf(t, s, sensors...)
	h.beforePage(alertsStay)
	h.open("")
	sender := newPhone(t, s, "sender")
	original := eval[string](h.page, "getComputedStyle(document.body).backgroundColor")
	is := func(rgb string) string { return "getComputedStyle(document.body).backgroundColor === " + js(rgb) }

	h.post("alerts", `{"color":"blue"}`)
	h.wait(is("rgb(0, 0, 255)"))
	h.waitText("#alert span", "Alert: blue")
	got := eval[string](h.page, `(({ effect }) => effect.getTiming().duration + ' ms: ' + effect.getKeyframes().map(({ computedOffset, backgroundColor }) =>
		Math.round(computedOffset * effect.getTiming().duration) + ' ' + backgroundColor).join('; '))(document.body.getAnimations()[0])`)
	if want := fmt.Sprintf("3000 ms: 0 %s; 500 rgb(0, 0, 255); 2500 rgb(0, 0, 255); 3000 %[1]s", original); got != want {
		t.Errorf("the background goes %s\nwant %s", got, want)
	}
	eval[bool](h.page, "alertsGoOn() ?? true")
	h.wait(is(original))

	for _, alert := range []struct{ name, rgb string }{ // neighbours differ: each is seen to have come
		{"green", "rgb(0, 255, 0)"}, {"Green", "rgb(255, 0, 0)"}, {"darkGray", "rgb(85, 85, 85)"}, {hostileText, "rgb(255, 0, 0)"}, {"brown", "rgb(153, 102, 51)"},
	} {
		sender.send(telemetry.AlertTopic(h.id), []byte(alert.name), false) // also while the one before is shown
		h.wait(is(alert.rgb))
	}
	eval[bool](h.page, "alertsGoOn() ?? true")
	h.wait(is(original))
	h.wait("getComputedStyle(" + find("#frame") + ").opacity === '1'")
}
