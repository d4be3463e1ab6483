package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"mwm/server"
	"mwm/server/telemetry"
)

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
	retained, again := listenTo(t, s, telemetry.MotionTopic(h.id)), 0
	for !receive(t, "retained motion", retained).Retained() {
		if again++; again > 2 { // one that it sends meanwhile may come before
			t.Fatal("the motion is not retained")
		}
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
	for i := 0; time.Since(begin) < 3*time.Second || count < 3 && time.Since(begin) < patience; i++ {
		h.tilt(0, float64(1+i%89), 0)
		for len(motions) > 0 {
			m, err := telemetry.DecodeMotion((<-motions).Payload())
			if err != nil {
				t.Fatal(err)
			}
			if m.Pitch > 0 { // else it is from before
				count++
			}
		}
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
	sent := receive(t, "position sent again", places)
	for before, tries := []byte(nil), 0; !bytes.Equal(before, sent.Payload()); tries++ {
		if tries == 3 { // a phone that has felt nothing for long looks anew, in between or before
			t.Fatalf("the same position is sent as %s and %s", before, sent.Payload())
		}
		before = sent.Payload()
		h.click(tagged("resend"))
		sent = receive(t, "position sent once more", places)
	}
	// A shake does it, too: the phone is thrown back and forth.
	eval[bool](h.page, `(() => {
		for (let i = 0; i < 8; i++) window.dispatchEvent(new DeviceMotionEvent('devicemotion', { acceleration: { x: i % 2 ? 25 : -25, y: 0, z: 0 } }));
		return true;
	})()`)
	receive(t, "position sent by shaking", places)
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
	h.withoutServer()
	h.settled()
	s.stop()
	h.wait(find(having("link-stomp", "data-state", "waiting")))
	const places = 20
	for i := 1; i <= places; i++ {
		if i == places/2 {
			h.reload()
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
