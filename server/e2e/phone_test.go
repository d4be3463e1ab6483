package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/deviceorientation"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	pahov3 "github.com/eclipse/paho.mqtt.golang"

	"mwm/server"
	"mwm/server/auth"
	"mwm/server/fleet"
	"mwm/server/telemetry"
)

// handset is the phone's page, /phone, in a browser that says it is a phone.
type handset struct {
	*page
	s  *testServer
	id string
}

// The sensors, as the browser's permissions call them.
var sensors = []string{"geolocation", "accelerometer", "gyroscope", "magnetometer", "screen-wake-lock"}

// pickUp opens the phone's page with what the user allows it. The link's hash may
// name the device.
func pickUp(t *testing.T, s *testServer, hash string, allowed ...string) *handset {
	t.Helper()
	h := handsetOf(t, s, allowed...)
	h.navigate(s.page() + "phone" + hash)
	h.connected()
	h.id = h.text(tagged("device-id"))
	return h
}

// handsetOf is a browser for the phone's page that has not opened it yet.
func handsetOf(t *testing.T, s *testServer, allowed ...string) *handset {
	t.Helper()
	h := &handset{page: newPage(t), s: s}
	h.hosts = map[string]bool{s.at.HTTP: true}
	h.resize(390, 844, "light")
	h.call("permissions", func(ctx context.Context) error {
		for _, name := range sensors {
			setting := cdpbrowser.PermissionSettingDenied
			if slices.Contains(allowed, name) {
				setting = cdpbrowser.PermissionSettingGranted
			}
			_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
				Permission: &cdpbrowser.PermissionDescriptor{Name: name}, Setting: setting, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
			})
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	})
	return h
}

// connected waits until both protocols are.
func (h *handset) connected() {
	h.t.Helper()
	h.wait(find(having("link-stomp", "data-state", "live")) + "&&" + find(having("link-mqtt", "data-state", "live")))
}

// settled waits until the page has fetched all that it is going to: a server that
// goes while its service worker is on the way is an error on the browser's console.
func (h *handset) settled() {
	h.t.Helper()
	eval[bool](h.page, "navigator.serviceWorker.ready.then(() => true)")
}

// moveTo puts the browser's phone somewhere.
func (h *handset) moveTo(lat, lng float64) {
	h.t.Helper()
	accuracy := 8.0
	h.call("geolocation", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetGeolocationOverride, emulation.SetGeolocationOverrideParams{Latitude: &lat, Longitude: &lng, Accuracy: &accuracy})
		return err
	})
}

// tilt turns the browser's phone, in degrees.
func (h *handset) tilt(alpha, beta, gamma float64) {
	h.t.Helper()
	h.call("orientation", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, deviceorientation.SetDeviceOrientationOverride, deviceorientation.SetDeviceOrientationOverrideParams{Alpha: alpha, Beta: beta, Gamma: gamma})
		return err
	})
}

// post asks the API for something to be sent to the phone.
func (h *handset) post(what, body string) {
	h.t.Helper()
	res, err := http.Post(h.s.page()+"api/v1/devices/"+url.PathEscape(h.id)+"/"+what, "application/json", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		h.t.Fatalf("%s: %s", what, res.Status)
	}
}

func (h *handset) sendText(body string) { h.post("texts", `{"body":`+js(body)+`}`) }

// textState is what the server knows of a text to the phone.
func (h *handset) textState(body string) fleet.TextState {
	h.t.Helper()
	if d := h.s.device(h.id); d != nil {
		for _, text := range d.Texts {
			if text.Body == body {
				return text.State
			}
		}
	}
	return ""
}

// listenTo subscribes with MQTT.
func listenTo(t *testing.T, s *testServer, topic string) <-chan pahov3.Message {
	t.Helper()
	got := make(chan pahov3.Message, 1000)
	c := mqttClient(t, s, pahov3.NewClientOptions().SetClientID(fmt.Sprintf("onlooker %p", got)))
	if tok := c.Subscribe(topic, 2, func(_ pahov3.Client, m pahov3.Message) { got <- m }); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatal("subscribe: ", tok.Error())
	}
	return got
}

// What the sensors feel goes over the wire as SYSTEM says, and is shown as the
// book's truck and phone show it; a phone that is lost has its last will.
func TestPhoneReports(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "#id=hand%20set", sensors...)
	if h.id != "hand set" {
		t.Fatalf("the link named the device, and it is %q", h.id)
	}
	h.wait("location.hash === ''") // else the user could not choose another
	motions, places := listenTo(t, s, telemetry.MotionTopic(h.id)), listenTo(t, s, "device/hand set/location")
	h.moveTo(-33.85681, 151.2153)
	h.tilt(270, 45, -30)
	h.click(tagged("start"))

	m := receive(t, "motion", motions)
	if got, err := telemetry.DecodeMotion(m.Payload()); err != nil || math.Abs(got.Pitch-math.Pi/4) > 1e-12 || math.Abs(got.Roll+math.Pi/6) > 1e-12 || math.Abs(got.Yaw+math.Pi/2) > 1e-12 {
		t.Errorf("the motion is % x: %v %v", m.Payload(), got, err)
	}
	h.waitText(tagged("own-pitch"), "pitch: 45°")
	h.waitText(tagged("own-roll"), "roll: -30°")
	h.waitText(tagged("own-yaw"), "yaw: -90°")

	var report struct {
		DeviceID           string
		Lat, Lng, Accuracy float64
		TS                 time.Time
	}
	if err := json.Unmarshal(receive(t, "location", places).Payload(), &report); err != nil {
		t.Fatal(err)
	}
	if age := time.Since(report.TS); report.DeviceID != h.id || report.Lat != -33.85681 || report.Lng != 151.2153 || report.Accuracy != 8 || age < -time.Second || age > patience {
		t.Errorf("the location is %+v", report)
	}
	h.waitText(tagged("position"), "φ:-33.8568, λ:151.2153")
	eventually(t, "the fleet knows the phone in both protocols", func() bool {
		d := s.device(h.id)
		return d != nil && d.Location != nil && d.Motion != nil && d.Online.STOMP && d.Online.MQTT
	})
	retained := listenTo(t, s, telemetry.MotionTopic(h.id))
	if !receive(t, "retained motion", retained).Retained() {
		t.Error("the motion is not retained")
	}

	wills := listenTo(t, s, telemetry.LastWillMQTT)
	left := time.Now()
	h.navigate("about:blank")
	if will := receive(t, "last will", wills); string(will.Payload()) != `{"deviceID":"hand set"}` || will.Qos() != 2 {
		t.Errorf("the last will is %s", will.Payload())
	}
	if took := time.Since(left); took > 10*time.Second {
		t.Errorf("the server noticed only after %v that the page was left", took)
	}
	h.navigate(s.page() + "phone")
	h.connected()
}

// A motion is sent at most ten times a second, and at least once; a position that
// did not change is sent again when the user wants it.
func TestPhonePace(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "", sensors...)
	motions := listenTo(t, s, telemetry.MotionTopic(h.id))
	h.tilt(0, 0, 0)
	h.moveTo(42.5, 1.5)
	h.click(tagged("start"))
	receive(t, "motion", motions)
	begin, count := time.Now(), 0
	for i := 0; time.Since(begin) < 3*time.Second; i++ {
		h.tilt(float64(i%360), float64(i%90), 0)
	}
	for len(motions) > 0 {
		<-motions
		count++
	}
	if most := int(time.Since(begin).Seconds()*10) + 2; count > most || count < 3 {
		t.Errorf("%d motions in %v of moving", count, time.Since(begin))
	}
	begin = time.Now()
	for range 3 {
		receive(t, "motion of a phone that lies still", motions)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("three motions of a phone that lies still took %v", took)
	}

	h.waitText(tagged("position"), "φ:42.5000, λ:1.5000")
	places := listenTo(t, s, "device/"+h.id+"/location")
	h.click(tagged("resend"))
	first := receive(t, "position sent again", places)
	h.click(tagged("resend"))
	if second := receive(t, "position sent once more", places); !bytes.Equal(first.Payload(), second.Payload()) {
		t.Errorf("the same position is sent as %s and %s", first.Payload(), second.Payload())
	}
	// A shake does it, too: the phone is thrown back and forth.
	eval[bool](h.page, `(async () => {
		for (let i = 0; i < 8; i++) {
			window.dispatchEvent(new DeviceMotionEvent('devicemotion', { acceleration: { x: i % 2 ? 25 : -25, y: 0, z: 0 } }));
			await new Promise(requestAnimationFrame);
		}
		return true;
	})()`)
	receive(t, "position sent by shaking", places)
}

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
	h.provoke(`^browser error: .*(WebSocket connection to|net::ERR_CONNECTION_REFUSED)|^console warning: "(STOMP|MQTT): `)
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
	h := pickUp(t, s, "", sensors...)
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
	h.wait(is(original))

	for name, c := range map[string]string{"green": "rgb(0, 255, 0)", "darkGray": "rgb(85, 85, 85)", "brown": "rgb(153, 102, 51)", "Green": "rgb(255, 0, 0)", hostileText: "rgb(255, 0, 0)"} {
		sender.send(telemetry.AlertTopic(h.id), []byte(name), false) // also while the one before is shown
		h.wait(is(c))
	}
	h.wait(is(original))
	h.wait("getComputedStyle(" + find("#frame") + ").opacity === '1'")
}

// Positions that cannot be sent are kept, sent in order with their own times, and
// survive the page.
func TestPhoneComesBack(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "", sensors...)
	h.moveTo(10, 20)
	h.click(tagged("start"))
	eventually(t, "the first position is there", func() bool { d := s.device(h.id); return d != nil && d.Location != nil })
	// With the page in the worker's keeping it opens also without a server.
	eventually(t, "the page is kept", func() bool {
		return eval[int](h.page, `caches.keys().then(async (all) => all.length === 1 ? (await (await caches.open(all[0])).keys()).length : 0)`) > 30
	})
	h.provoke(`^browser error: .*(WebSocket connection to|net::ERR_CONNECTION_REFUSED)|^console warning: "(STOMP|MQTT): `)
	h.settled()
	s.stop()
	h.wait(find(having("link-stomp", "data-state", "waiting")))
	const places = 20
	for i := 1; i <= places; i++ {
		if i == places/2 {
			h.do("reload", chromedp.Reload())
		}
		h.moveTo(10+float64(i)/1000, 20)
		h.waitText(tagged("position"), fmt.Sprintf("φ:%.4f, λ:20.0000", 10+float64(i)/1000))
	}
	h.wait(find(tagged("sent")) + ".textContent.includes('wait')")
	s.start()
	h.connected()
	eventually(t, "all have arrived", func() bool {
		d := s.device(h.id)
		return d != nil && d.Location != nil && math.Abs(d.Location.Lat-(10+places/1000.0)) < 1e-9 && len(d.Trail) >= places-1
	})
	for i, p := range s.device(h.id).Trail[1:] {
		if before := s.device(h.id).Trail[i]; p[2] < before[2] || p[0] < before[0] {
			t.Errorf("%v comes after %v", p, before)
		}
	}
	h.wait("!" + find(tagged("sent")) + ".textContent.includes('wait')")
}

// Two pages with one ID do not throw each other out for ever: the older one stops,
// and says so.
func TestPhoneInUseElsewhere(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	one := pickUp(t, s, "#id=AAA", sensors...)
	one.click(tagged("start-simulated"))
	two := pickUp(t, s, "#id=AAA", sensors...)
	one.wait(find(having("link-stomp", "data-state", "taken")) + "&&" + find(having("link-mqtt", "data-state", "taken")))
	two.connected()
	one.wait(find(tagged("banner")) + ".textContent.includes('Another page or device reports as AAA')")
	one.click(tagged("retry"))
	one.connected()
	two.wait(find(having("link-stomp", "data-state", "taken")) + "&&" + find(having("link-mqtt", "data-state", "taken")))
}

// Where a sensor is refused, the page says so and simulates it: a finger tilts
// the phone, and it walks around a place.
func TestPhoneSimulates(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "")
	h.click(tagged("start"))
	h.wait(find(tagged("location-trouble")) + ".textContent.includes('may not have your location')")
	h.click(tagged("location-simulate"))
	h.wait(find("#motion") + ".dataset.state !== 'asking'")
	h.click(tagged("motion-simulated"))
	h.waitText(tagged("own-pitch"), "pitch: 29°")
	h.wait(find(tagged("attitude")) + ".clientWidth > 150")
	at := eval[point](h.page, `(() => { const e = `+find(tagged("attitude"))+`; e.scrollIntoView({ block: 'center', behavior: 'instant' }); const b = e.getBoundingClientRect(); return { X: b.left + 60, Y: b.top + 60 }; })()`)
	h.do("drag", chromedp.MouseEvent(chromedp.MousePressed, at.X, at.Y, chromedp.ButtonLeft), chromedp.MouseEvent(chromedp.MouseMoved, at.X+50, at.Y+25, chromedp.ButtonLeft), chromedp.MouseEvent(chromedp.MouseReleased, at.X+50, at.Y+25, chromedp.ButtonLeft))
	h.waitText(tagged("own-pitch"), "pitch: 46°")
	h.waitText(tagged("own-roll"), "roll: 34°")
	eventually(t, "the fleet sees how it is held", func() bool {
		d := s.device(h.id)
		return d != nil && d.Motion != nil && math.Abs(float64(d.Motion.Roll)-0.6) < 0.01
	})
	eval[bool](h.page, `(() => { const e = `+find(tagged("place"))+`; e.value = 'seoul'; e.dispatchEvent(new Event('change', { bubbles: true })); return true; })()`)
	h.click(tagged("pace-drive"))
	eventually(t, "it drives around Seoul", func() bool {
		d := s.device(h.id)
		return d != nil && d.Location != nil && math.Abs(d.Location.Lat-37.5663) < 0.1 && d.Location.Speed != nil && *d.Location.Speed > 5
	})
}

// The ID can be changed to whatever the server takes, and is kept; texts wait for
// the new one.
func TestPhoneIsRenamed(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "", sensors...)
	h.click(tagged("start-simulated"))
	scripts := eval[int](h.page, "document.scripts.length")
	for _, id := range hostileIDs[:4] {
		id = strings.TrimSpace(id)
		h.click(tagged("device-open"))
		h.wait(find(tagged("sheet")) + ".open")
		eval[bool](h.page, find(tagged("sheet-id"))+".select() ?? true")
		h.enter("a/b")
		h.click(tagged("sheet-save"))
		h.wait(find(tagged("sheet-wrong")) + ".textContent && " + find(tagged("sheet")) + ".open")
		eval[bool](h.page, find(tagged("sheet-id"))+".select() ?? true")
		h.enter(id)
		h.wait(find(tagged("sheet-id")) + ".value === " + js(id))
		h.click(tagged("sheet-save"))
		h.waitText(tagged("device-id"), id)
		h.connected()
		h.id = id
		eventually(t, "the fleet knows "+id, func() bool { d := s.device(id); return d != nil && d.Online.STOMP && d.Online.MQTT })
	}
	h.do("reload", chromedp.Reload())
	h.waitText(tagged("device-id"), h.id)
	h.wait(fmt.Sprintf("document.scripts.length === %d && !document.querySelector('#injected') && typeof hacked === 'undefined'", scripts))
}

// Where the server wants a password the page asks for it, and keeps it.
func TestPhonePassword(t *testing.T) {
	hash, err := auth.HashPassword("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	accounts := filepath.Join(t.TempDir(), "accounts")
	if err := os.WriteFile(accounts, []byte("operator alice -\ndevice AAA "+hash+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, server.Config{Accounts: accounts}, server.Options{})
	h := handsetOf(t, s, sensors...)
	h.navigate(s.page() + "phone#id=AAA")
	refused := find(having("link-stomp", "data-state", "refused")) + "&&" + find(having("link-mqtt", "data-state", "refused"))
	h.wait(refused)
	h.click(tagged("start-simulated"))
	for _, password := range []string{"wrong", "open sesame"} {
		h.wait(refused)
		// The attempt before may just be under way: then there is nothing to enter yet.
		h.wait(find(tagged("sheet")) + ".open || (" + find(tagged("retry")) + ".click(), false)")
		h.wait("document.activeElement === " + find(tagged("sheet-password")))
		eval[bool](h.page, find(tagged("sheet-password"))+".select() ?? true")
		h.enter(password)
		h.click(tagged("sheet-save"))
	}
	h.connected()
	h.wait(find(tagged("sent")) + ".textContent.includes('sent')")
	h.do("reload", chromedp.Reload())
	h.connected()
}

// The QR code on the dashboard says an address at which the phone's page is.
func TestPhoneCode(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.click(tagged("connect-open"))
	p.wait(find(tagged("copy-phone"))) // listening on this machine alone: the page says what to start
	p.wait("!" + find(tagged("qr")))

	// A name that only this browser knows stands in for the network's address.
	eval[bool](p, `(() => {
		const fetched = window.fetch;
		window.fetch = async (...args) => {
			const response = await fetched(...args);
			if (!String(args[0]).endsWith('/status')) return response;
			const status = await response.json();
			status.phone = { urls: ['http://192.168.1.5:8080/phone'], container: false };
			return new Response(JSON.stringify(status), { headers: { 'content-type': 'application/json' } });
		};
		return true;
	})()`)
	p.press("\x1b")
	p.click(tagged("connect-open"))
	p.wait(find(tagged("qr")+" canvas") + "?.getAttribute('aria-label') === 'http://192.168.1.5:8080/phone'")
	p.waitText(tagged("phone-link"), "http://192.168.1.5:8080/phone")
	dark := eval[float64](p, `(() => {
		const { width, height } = `+find(tagged("qr")+" canvas")+`;
		const { data } = `+find(tagged("qr")+" canvas")+`.getContext('2d').getImageData(0, 0, width, height);
		return data.filter((v, i) => i % 4 === 0 && v === 0).length / (width * height);
	})()`)
	if dark < 0.2 || dark > 0.5 {
		t.Errorf("%.0f %% of the code are dark", 100*dark)
	}
}

// Nothing of the phone's page shuts anybody out, as far as axe can tell, in any
// state, colour scheme and language; with MWM_ARTIFACTS there are pictures.
func TestPhoneLooks(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, server.Config{}, server.Options{})
	for _, scheme := range schemes {
		for _, lang := range []string{"en", "ko"} {
			h := pickUp(t, s, "", "geolocation")
			look := func(what string) {
				t.Helper()
				for _, size := range [][2]int64{{390, 844}, {844, 390}} {
					h.resize(size[0], size[1], scheme)
					h.wait("document.getAnimations().every(({ playState }) => playState === 'finished')")
					h.wait("document.documentElement.scrollWidth <= innerWidth")
					h.picture(fmt.Sprintf("phone-%dx%d-%s-%s-%s", size[0], size[1], scheme, lang, what))
					faults := eval[[]string](h.page, `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) =>
						violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => [id, help, html, failureSummary].join('\n'))))`)
					for _, fault := range faults {
						t.Errorf("%s %s %s: %s", scheme, lang, what, fault)
					}
				}
			}
			h.resize(390, 844, scheme)
			h.click(tagged("device-open"))
			h.click(tagged("lang-" + lang))
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
}
