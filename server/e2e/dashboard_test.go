package e2e

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"mwm/devicesim"
	"mwm/server"
	"mwm/server/telemetry"
)

// The way through the whole system: trucks and phones are running, the page
// shows them and follows them, and what is sent from the page reaches them, also
// after the server was away.
func TestFromTruckToPageAndBack(t *testing.T) {
	s := serve(t, server.Config{Data: t.TempDir()}, server.Options{})
	simulate(t, s, devicesim.Config{Trucks: 20, Phones: 6})
	p := open(t, s.page())
	devicesAppearAndMove(p)
	textReachesTruck(p, s)
	textWaitsForTruck(p, s)
	alertReachesPhone(p, s)
	motionPageShowsPhones(p)
	pageSurvivesRestart(p, s)
}

func devicesAppearAndMove(p *page) {
	p.t.Helper()
	p.wait("mwm.connection === 'live' && mwm.devices === 26 && mwm.located === 20")
	p.waitText(tagged("connection")+" .link-text", "Live")
	p.wait(all(tagged("device-row")+":not([hidden])") + ".length > 5")
	p.wait("mwm.counts.moving >= 10 && mwm.inView >= 10")
	drawnWhereTheySay(p)
	if v := medianSpeed(p); v < 1 {
		p.t.Errorf("at the opening view the median moving truck goes %.2f pixels a second, less than one", v)
	} else {
		p.t.Logf("the median moving truck goes %.2f pixels a second", v)
	}
}

// drawnWhereTheySay looks at the canvas: there is paint where a truck is said to be.
func drawnWhereTheySay(p *page) {
	p.t.Helper()
	p.wait(`(() => {
		const canvas = document.querySelector('canvas.device-layer');
		const box = canvas.getBoundingClientRect();
		const ratio = canvas.width / box.width;
		for (let i = 0; i < 20; i++) {
			const at = mwm.position(String.fromCharCode(65 + i).repeat(3));
			if (!at?.visible) continue;
			const { data } = canvas.getContext('2d').getImageData((at.x - box.left) * ratio - 3, (at.y - box.top) * ratio - 3, 6, 6);
			return data.some((v) => v > 0);
		}
	})()`)
}

// medianSpeed measures how fast the moving trucks cross the screen, in pixels a
// second: how far each has come in five seconds, as the crow flies. A view that
// changes meanwhile, or a truck that stops, does not count.
func medianSpeed(p *page) float64 {
	p.t.Helper()
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = devicesim.TruckID(i)
	}
	type sample struct {
		At     float64 // ms
		View   string
		Trucks map[string]*place
	}
	take := func() sample {
		return eval[sample](p, `(() => ({
			At: performance.now(), View: location.hash + mwm.zoom + document.querySelector('.leaflet-map-pane').style.transform,
			Trucks: Object.fromEntries(`+js(ids)+`.map((id) => [id, mwm.position(id)])),
		}))()`)
	}
	var speeds []float64
	first := take()
	moving := map[string]bool{}
	eventually(p.t, "eight trucks move for five seconds in a view that stays", func() bool {
		now := take()
		if now.View != first.View || len(moving) == 0 {
			first, moving = now, map[string]bool{}
			for id, at := range now.Trucks {
				moving[id] = at != nil && at.Status == "moving"
			}
		}
		for id, at := range now.Trucks {
			moving[id] = moving[id] && at != nil && at.Status == "moving"
		}
		seconds := (now.At - first.At) / 1000
		if seconds < 5 {
			return false
		}
		speeds = nil
		for id, at := range now.Trucks {
			if moving[id] {
				speeds = append(speeds, math.Hypot(at.X-first.Trucks[id].X, at.Y-first.Trucks[id].Y)/seconds)
			}
		}
		moving = nil // too many stood meanwhile: once more
		return len(speeds) >= 8
	})
	slices.Sort(speeds)
	return speeds[len(speeds)/2]
}

// A text is typed and sent, the truck gets it, and the page sees what becomes of it.
func textReachesTruck(p *page, s *testServer) {
	p.t.Helper()
	bus := newTruck(p.t, s, "bus 7")
	bus.listen()
	bus.report(42.553, 1.51) // off the roads: nobody else is near
	p.wait(`mwm.position("bus 7")`)
	p.press("f") // all devices
	eventually(p.t, "a click on the map chooses the bus", func() bool {
		at := p.at("bus 7")
		if !at.Visible {
			return false // the map is on its way
		}
		p.clickAt(at.point)
		return eval[bool](p, "mwm.selected === 'bus 7'")
	})
	p.waitText(tagged("card-id"), "bus 7")

	const body = "Where are you heading to?"
	p.write(tagged("text-body"), body)
	p.click(tagged("text-send"))
	m := bus.text()
	if string(m.Body) != body || m.Header.Get("content-type") != "text/plain;charset=utf-8" {
		p.t.Errorf("the truck got %q with %v", m.Body, m.Header)
	}
	p.waitState(body, "delivered")
	bus.show(m)
	p.waitState(body, "consumed")
	p.wait(find(tagged("text-body")) + ".value === ''")
}

// A text to a truck that is away waits for it.
func textWaitsForTruck(p *page, s *testServer) {
	p.t.Helper()
	away := newTruck(p.t, s, "away")
	away.report(42.556, 1.513)
	away.leave()
	p.wait(`mwm.position("away")?.status === "offline"`)
	p.choose("away")

	p.write(tagged("text-body"), "돌아오면 전화해 주세요 ☎")
	p.press("\r") // Enter sends
	p.waitState("돌아오면 전화해 주세요 ☎", "waiting")
	back := newTruck(p.t, s, "away")
	back.listen()
	m := back.text()
	if string(m.Body) != "돌아오면 전화해 주세요 ☎" {
		p.t.Errorf("the truck got %q", m.Body)
	}
	back.show(m)
	p.waitState(string(m.Body), "consumed")
	p.wait(`mwm.position("away").status !== "offline"`)
}

// One click turns a phone red.
func alertReachesPhone(p *page, s *testServer) {
	p.t.Helper()
	ph := newPhone(p.t, s, "my phone")
	ph.move(telemetry.Motion{Pitch: 0.5, Roll: -1, Yaw: 3})
	p.wait(`mwm.motion("my phone")`)
	p.choose("my phone")
	p.wait(find(tagged("card-motion")) + ".checkVisibility()")
	p.waitText(tagged("motion-pitch"), "29°")
	p.click(tagged("alert-red"))
	if color := receive(p.t, "alert", ph.alerts); color != "red" {
		p.t.Errorf("the phone got %q", color)
	}
	p.waitText(tagged("alert-result"), "Alert sent: red.")
	p.wait(find(having("event", "data-kind", "alert") + `[data-device="my phone"]`))
}

func motionPageShowsPhones(p *page) {
	p.t.Helper()
	p.click(tagged("view-motion"))
	p.wait("mwm.view === 'motion' && location.hash.includes('view=motion')")
	phones := all(tagged("phone")+":not([hidden])") + `.map((e) => e.dataset.device).sort().join()`
	p.wait(phones + ` === 'STU,TUV,UVW,VWX,WXY,XYZ,my phone'`)
	p.waitText("#motion-summary", "7 phones")
	p.wait("mwm.motion('XYZ').values >= 5") // the sparkline grows
	before := p.text(having("phone", "data-device", "XYZ") + " .phone-values")
	p.wait(find(having("phone", "data-device", "XYZ")+" .phone-values") + ".textContent !== " + js(before))
	p.click(tagged("view-map"))
}

// The server goes away and comes back: the page says so, and goes on by itself.
func pageSurvivesRestart(p *page, s *testServer) {
	p.t.Helper()
	newTruck(p.t, s, "away").leave() // it takes the place of the one that is still there
	p.choose("away")
	p.wait(`mwm.position("away").status === "offline"`)
	p.write(tagged("text-body"), "see you after the break")
	p.click(tagged("text-send"))
	p.waitState("see you after the break", "waiting")

	epoch := eval[string](p, "mwm.epoch")
	p.withoutServer()
	s.stop()
	p.wait("mwm.connection === 'waiting'")
	p.wait("!" + find(tagged("banner")) + ".hidden")
	s.start()
	p.wait("mwm.connection === 'live' && mwm.epoch !== " + js(epoch))
	p.wait(find(tagged("banner")) + ".hidden")
	// The simulator's devices come back, those of the test do not; all are known.
	p.wait("mwm.devices === 29 && mwm.counts.moving >= 5")
	p.wait(`mwm.position("bus 7")?.status === "offline"`) // it may be named before its place is told
	p.wait("mwm.selected === 'away'")
	p.waitState("see you after the break", "waiting")
	back := newTruck(p.t, s, "away")
	back.listen()
	back.show(back.text())
	p.waitState("see you after the break", "consumed")
}

// The circle round the selected device is as large as the device says that its
// error may be, and goes with it.
func TestAccuracyOfTheSelected(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	tr := newTruck(t, s, "BBB")
	say := func(lat float64, accuracy string) {
		t.Helper()
		tr.send([]byte(fmt.Sprintf(`{"deviceID":"BBB","lat":%g,"lng":1.5,"ts":%q%s}`, lat, time.Now().UTC().Format(time.RFC3339Nano), accuracy)))
	}
	say(42.5, `,"accuracy":300`)
	p.wait("mwm.located === 1")
	painted := func() bool { // well beside the ring, and inside a circle of 300 m
		return eval[bool](p, `(() => {
			const at = mwm.position('BBB');
			const canvas = document.querySelector('.device-layer');
			const { left, top } = canvas.getBoundingClientRect();
			const scale = canvas.width / canvas.clientWidth;
			return canvas.getContext('2d').getImageData((at.x - left) * scale, (at.y - top + 40) * scale, 1, 1).data[3] > 0;
		})()`)
	}
	if painted() {
		t.Error("a circle without a selection")
	}
	p.choose("BBB")
	p.waitText(tagged("fact-accuracy"), "± 300 m")
	eventually(t, "the circle is drawn", painted)
	say(42.5001, `,"accuracy":4`)
	p.waitText(tagged("fact-accuracy"), "± 4 m")
	eventually(t, "the circle is gone", func() bool { return !painted() })
	say(42.5002, "")
	p.waitText(tagged("fact-accuracy"), "")
}
