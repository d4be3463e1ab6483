package e2e

import (
	"testing"

	"mwm/server"
)

// A link with another ID does not take a phone's away while it has positions to
// send: it is offered, and taken when the user agrees.
func TestPhoneLinkWastesNothing(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "#id=AAA", sensors...)
	h.settled()
	eval[bool](h.page, `(localStorage.setItem('mwm.phone.outbox', JSON.stringify([{ lat: 42.5, lng: 1.5, ts: new Date().toISOString() }])), true)`)
	h.navigate("about:blank")
	h.navigate(s.page() + "phone#id=BBB")
	h.wait(find(tagged("sheet")) + ".open && " + find(tagged("sheet-id")) + ".value === 'BBB'")
	h.waitText(tagged("device-id"), "AAA")
	h.connected()
	eventually(t, "what AAA had still to send", func() bool {
		d := s.device("AAA")
		return d != nil && d.Location != nil
	})
	h.click(tagged("sheet-save"))
	h.waitText(tagged("device-id"), "BBB")
	h.connected()
}
