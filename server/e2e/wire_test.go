package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

// What a device and the server say to each other can be read along, in either
// protocol, byte by byte, and is never anything but text.
func TestWire(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	tr := newTruck(t, s, "BBB")
	tr.listen()
	tr.report(42.5, 1.5)
	p.wait("mwm.devices === 1")
	p.choose("BBB")
	p.click(tagged("card-wire"))
	p.wait("mwm.view === 'wire' && location.hash.includes('view=wire')")
	p.waitText(tagged("wire-title"), "BBB on the wire")
	p.waitText(tagged("wire-state"), "Listening to 1 connection")

	row := func(direction, kind string) string {
		return all(having("wire-row", "data-direction", direction)) + ".find((e) => e.querySelector('b').textContent === " + js(kind) + ")"
	}
	tr.report(42.6, 1.5)
	p.wait(row("in", "SEND"))
	p.wait(row("out", "RECEIPT"))
	s.run(t, mwm, "text", "BBB", hostileText).wait(0)
	p.wait(row("out", "MESSAGE"))
	p.click(tagged("wire-list") + " .wire-row:last-child")
	p.press(kb.Home)
	p.wait(find(tagged("wire-detail")) + ".textContent.includes('destination:/topic/device.BBB.location')")
	eval[bool](p, row("out", "MESSAGE")+".click(), true")
	p.wait(find(tagged("wire-detail")) + ".textContent.includes(" + js(hostileText) + ")")
	p.wait(find(tagged("wire-detail")) + ".textContent.includes('NUL: the frame ends')")
	if eval[bool](p, "'hacked' in window || !!document.querySelector('#injected')") {
		t.Error("markup on the wire was taken for markup")
	}

	ph := newPhone(t, s, "XYZ")
	ph.move(telemetry.Motion{})
	p.wait("mwm.devices === 2")
	eval[string](p, "location.hash = '#view=wire&device=XYZ'")
	p.waitText(tagged("wire-title"), "XYZ on the wire")
	p.waitText(tagged("wire-state"), "Listening to 1 connection")
	ph.move(telemetry.Motion{Pitch: 1.5707963, Roll: -1})
	p.wait(row("in", "PUBLISH"))
	eval[bool](p, row("in", "PUBLISH")+".click(), true") // else the newest is shown, soon the PUBACK
	for _, said := range []string{"PUBLISH, QoS 1, to be retained", "topic: /mwm/XYZ/motion", "pitch: 1.5708 rad = 90°", "roll: -1.0000 rad = -57°"} {
		p.wait(find(tagged("wire-detail")) + ".textContent.includes(" + js(said) + ")")
	}
	p.wait(row("out", "PUBACK"))

	ph.client.Disconnect(100)
	p.waitText(tagged("wire-state"), "This device is not connected. When it comes, what it says appears here.")
}
