package e2e

import (
	"math"
	"net"
	"net/url"
	"strings"
	"testing"

	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/telemetry"
)

// hostileIDs are legal IDs. None may be anything but text in the page, and none
// may confuse it.
var hostileIDs = []string{
	`<img src=x onerror=hacked=1 id=injected `,
	`<script id=injected src=x `,
	`" onfocus="hacked=1" autofocus id="injected`,
	`' onmouseover='hacked=1' id='injected`,
	`&lt;b id=injected&gt;`,
	`"]:is(x`,
	`back\slash \" \u0041 {{7-7}} ${hacked=1}`,
	`?a=b&c=%2F%00;d:e,f|g`,
	`__proto__`,
	`constructor`,
	`  white  space  `,
	"left\u202eright\u200b\ufeff",
	`길동이의 트럭 🚚 ️`,
	strings.Repeat("ẞ", telemetry.MaxIDLength),
}

// hostileText is a text to a device, an alert, anything that is free.
const hostileText = `<script>hacked=1</script><img src=x onerror=hacked=1 id=injected>"'<b id=injected>&amp;`

// Whatever a device calls itself and whatever is said to it is shown as text.
func TestMarkupIsText(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.wait("mwm.connection === 'live'")
	scripts := eval[int](p, "document.scripts.length")
	for i, id := range hostileIDs {
		tr := newTruck(t, s, id)
		tr.listen()
		tr.report(42.5+float64(i)/500, 1.5)
		p.wait("mwm.position(" + js(id) + ")")
		p.choose(id)
		p.wait(all(tagged("device-row")+" .row-id") + ".some((e) => e.textContent === " + js(id) + ")")
		textIsText(p, tr)
		alertIsText(p, s, id)
		p.wait("new URLSearchParams(location.hash.slice(1)).get('device') === " + js(id))
	}
	harmless(p, scripts)

	p.click(tagged("view-motion"))
	p.wait(all(tagged("phone")+":not([hidden])") + ".length > 5")
	harmless(p, scripts)
	for i, id := range hostileIDs {
		linkLeadsTo(p, s, id, i%4 == 0)
	}
	harmless(p, scripts)
}

// textIsText sends markup from the page to the selected device and back again.
func textIsText(p *page, tr *truck) {
	p.t.Helper()
	p.write(tagged("text-body"), hostileText)
	p.click(tagged("text-send"))
	m := tr.text()
	if string(m.Body) != hostileText {
		p.t.Errorf("%q got %q", tr.id, m.Body)
	}
	tr.show(m)
	p.waitState(hostileText, "consumed")
}

// alertIsText has a phone of that name move, be alerted with something that is no
// colour, and die.
func alertIsText(p *page, s *testServer, id string) {
	p.t.Helper()
	ph, lose := newMortal(p.t, s, id)
	ph.move(telemetry.Motion{Pitch: 1})
	ph.send(telemetry.AlertTopic(id), []byte(hostileText), false)
	p.wait("mwm.motion(" + js(id) + ")?.pitch === 1")
	lose()
	for _, kind := range []string{"alert", "lastwill", "online", "text"} {
		p.wait(all(having("event", "data-kind", kind)) + ".some((e) => e.dataset.device === " + js(id) + " && e.querySelector('b').textContent === " + js(id) + ")")
	}
	// The will takes it off the motion page; back it comes.
	back := newPhone(p.t, s, id)
	back.move(telemetry.Motion{Pitch: 2})
	p.wait("mwm.motion(" + js(id) + ")?.pitch === 2")
}

// linkLeadsTo follows the link to a device, or opens the page with it.
func linkLeadsTo(p *page, s *testServer, id string, open bool) {
	p.t.Helper()
	if open {
		p.navigate("about:blank")
	}
	p.navigate(s.page() + "#" + url.Values{"device": {id}}.Encode())
	p.wait("window.mwm?.selected === " + js(id))
	p.waitText(tagged("card-id"), id)
	p.waitState(hostileText, "consumed")
}

// harmless looks for what must not be there.
func harmless(p *page, scripts int) {
	p.t.Helper()
	if eval[bool](p, "'hacked' in window") {
		p.t.Error("a script of a device has run")
	}
	if n := eval[int](p, "document.scripts.length"); n != scripts {
		p.t.Errorf("the page has %d scripts, not %d", n, scripts)
	}
	injected := eval[[]string](p, `[...document.querySelectorAll('*')].filter((e) => e.id === 'injected' || e.localName === 'b' && e.closest('.row-id, .text-body, .event-detail')
		|| ['img', 'iframe', 'object', 'embed', 'base'].includes(e.localName) || [...e.attributes].some((a) => /^on/i.test(a.name))).map((e) => e.outerHTML)`)
	if len(injected) > 0 {
		p.t.Errorf("elements were injected: %q", injected)
	}
}

// Payloads that cannot be believed reach who has subscribed, change nothing, and
// stand among the events with the reason.
func TestBadPayloads(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	nan := telemetry.AppendMotion(nil, telemetry.Motion{Roll: math.NaN()})
	tests := []struct{ id, topic, payload, why string }{
		{"no JSON", "", `"lat":1`, "position: not a JSON object"},
		{"no payload", "", `{}`, "position: deviceID is missing"},
		{"91 degrees", "", `{"deviceID":"91 degrees","lat":91,"lng":0}`, "position: lat is out of range"},
		{"no number", "", `{"deviceID":"no number","lat":"42","lng":0}`, "position: lat is of the wrong type"},
		{"liar", "", `{"deviceID":"BBB","lat":1,"lng":1}`, "position: deviceID names another device"},
		{"short", telemetry.MotionTopic("short"), string(nan[:23]), "motion: not 24 bytes long"},
		{"NaN", telemetry.MotionTopic("NaN"), string(nan), "motion: roll is not a finite number"},
		{"murderer", telemetry.LastWillMQTT, `{"deviceID":"BBB"}`, "last will: deviceID names another device"},
	}
	bbb := newTruck(t, s, "BBB")
	bbb.report(42.5, 1.5)
	watch := newTruck(t, s, "watch")
	everything, err := watch.conn.Subscribe("/topic/>", gostomp.AckAuto)
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.conn.Send("/topic/ready", "text/plain", nil); err != nil { // after SUBSCRIBE
		t.Fatal(err)
	}
	receive(t, "message to itself", everything.C)
	for _, tt := range tests {
		if tt.topic == "" {
			newTruck(t, s, tt.id).send([]byte(tt.payload))
		} else {
			newPhone(t, s, tt.id).send(tt.topic, []byte(tt.payload), false)
		}
		if m := receive(t, "message", everything.C); string(m.Body) != tt.payload {
			t.Errorf("a subscriber got %q of %s", m.Body, tt.id)
		}
		p.waitText(having("event", "data-kind", "payload")+`[data-device="`+tt.id+`"] .event-detail`, tt.why)
		p.wait("!mwm.position(" + js(tt.id) + ") && !mwm.motion(" + js(tt.id) + ")")
	}
	at := s.device("BBB")
	if at.Location == nil || at.Location.Lat != 42.5 || !at.Online.STOMP {
		t.Errorf("BBB is harmed: %+v", at.Device)
	}
	before := p.at("BBB")
	bbb.report(42.6, 1.5)
	p.wait("mwm.position('BBB').y !== " + js(before.Y))
}

// A frame or packet that is none ends the connection that it came on, with the
// reason, and no other.
func TestBadFramesAreRefused(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	bbb := newTruck(t, s, "BBB")
	bbb.report(42.5, 1.5)
	nc := run(t, "nc", splitPort(s.at.STOMP)...)
	nc.say("CONNECT\naccept-version:1.2\n\n\x00SEND\ndestination:no/where\n\nx\x00")
	nc.expect(`ERROR\n(.+\n)*message:.*destination`)
	nc.closeInput()
	nc.wait(0)
	nc = run(t, "nc", splitPort(s.at.MQTT)...)
	nc.say("this is no MQTT packet")
	nc.closeInput()
	nc.wait(0)
	bbb.report(42.6, 1.5)
	p.wait("mwm.position('BBB')")
}

// splitPort splits an address for programs that want host and port as two words.
func splitPort(addr string) []string {
	host, port, _ := net.SplitHostPort(addr)
	return []string{host, port}
}
