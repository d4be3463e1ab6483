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
	p.wait("document.getElementById(" + find(tagged("wire-list")) + ".getAttribute('aria-activedescendant'))?.ariaSelected === 'true'")
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

	// Of a gateway, what is about the device is shown, and nothing about others.
	gateway := newTruck(t, s, "gateway")
	report := func(id string) {
		gateway.conn.Send(telemetry.LocationDestination(id), "application/json", []byte(`{"deviceID":"`+id+`","lat":42.5,"lng":1.5}`))
	}
	report("behind 1")
	p.wait("mwm.devices === 3") // the gateway itself has not reported
	eval[string](p, "location.hash = '#view=wire&device=behind%201'")
	p.waitText(tagged("wire-title"), "behind 1 on the wire")
	p.waitText(tagged("wire-state"), "This device has no connection of its own. When a gateway next reports for it, that appears here.")
	eventually(t, "what the gateway says about the device", func() bool {
		report("behind 2")
		report("behind 1")
		return eval[bool](p, "!!"+row("in", "SEND"))
	})
	p.waitText(tagged("wire-state"), "Through a gateway: what its connection carries about this device")
	if others := eval[int](p, all(tagged("wire-row"))+".filter((e) => !e.textContent.includes('behind 1')).length"); others > 0 {
		t.Errorf("%d frames about others", others)
	}

	eval[string](p, "location.hash = '#view=wire&device=XYZ'")
	p.waitText(tagged("wire-state"), "Listening to 1 connection")
	ph.client.Disconnect(100)
	p.waitText(tagged("wire-state"), "This device is not connected. When it comes, what it says appears here.")
}
