package e2e

import (
	"testing"

	"mwm/server"
)

// From the map as from another view, a click on an event flies to its device, also
// when the room for the map changes on the way.
func TestEventFliesToItsDevice(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page()+"#map=5/0/60")
	newTruck(t, s, "AAA").report(42.5, 1.5)
	p.wait("mwm.located === 1")
	arrived := "mwm.view === 'map' && mwm.selected === 'AAA' && mwm.zoom === 15 && mwm.position('AAA').visible && " + stands
	away := func(view string) {
		t.Helper()
		eval[bool](p, "location.hash = '#map=5/0/60&view="+view+"', true")
		p.wait("mwm.view === " + js(view) + " && mwm.zoom === 5 && mwm.selected === null && " + stands)
	}
	for _, view := range []string{"map", "motion"} {
		away(view)
		p.click(having("event", "data-device", "AAA"))
		p.wait(arrived)
	}
	away("map")
	eval[bool](p, find(having("event", "data-device", "AAA"))+".click(), "+find("#stage")+".style.height = '60%', true")
	p.wait(arrived)
}

// Fit shows all that the filter shows, and ends following.
func TestFit(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page()+"#map=12/0/60&device=AAA")
	newTruck(t, s, "AAA").report(42.5, 1.5)
	newTruck(t, s, "BBB").report(44.5, 3.5)
	p.wait("mwm.located === 2 && mwm.selected === 'AAA'")
	p.click(tagged("follow"))
	p.wait("mwm.following && mwm.position('AAA').visible && " + stands)
	covered := find("#card") + ".getBoundingClientRect().left"
	p.click(tagged("fit"))
	p.wait("!mwm.following && Number.isInteger(mwm.zoom) && ['AAA', 'BBB'].every((id) => mwm.position(id).visible && mwm.position(id).x < " + covered + ")")
	if zoom := eval[int](p, "mwm.zoom"); zoom < 6 {
		t.Errorf("they are shown at zoom %d: there is room for more", zoom)
	}
	p.write(tagged("search"), "bb")
	p.wait("mwm.shown === 1")
	p.click(tagged("fit"))
	p.wait("mwm.zoom === 16 && mwm.position('BBB').visible && !mwm.position('AAA').visible && " + stands)
}

// A link that names a place and a device leads to the place, wherever the device is.
func TestLinkToPlaceAndDevice(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	newTruck(t, s, "AAA").report(42.5, 1.5)
	p.wait("mwm.located === 1 && mwm.position('AAA').visible")
	p.choose("AAA")
	p.click(tagged("follow"))
	p.wait("mwm.following")
	p.click(tagged("card-close"))
	eval[bool](p, "location.hash = '#device=AAA&map=5/0/60', true")
	p.wait("mwm.selected === 'AAA' && location.hash.startsWith('#map=5/')") // the page's own words for where it is
}

// Whoever has gone to a device, or has asked for all, is not taken away because others
// come.
func TestMapStays(t *testing.T) {
	for what, act := range map[string]func(*page){
		"at the chosen": func(p *page) { p.choose("AAA") },
		"at all":        func(p *page) { p.press("f") },
	} {
		t.Run(what, func(t *testing.T) {
			s := serve(t, server.Config{}, server.Options{})
			p := open(t, s.page())
			newTruck(t, s, "AAA").report(42.5, 1.5)
			p.wait("mwm.located === 1 && mwm.position('AAA').visible")
			act(p)
			p.wait(stands)
			zoom, acted := eval[int](p, "mwm.zoom"), eval[float64](p, "performance.now()")
			others := []*truck{newTruck(t, s, "BBB"), newTruck(t, s, "CCC")}
			eventually(t, "more than a second passes, in which others report", func() bool {
				for i, tr := range others {
					tr.report(10*float64(i), 100)
				}
				return eval[bool](p, "mwm.located === 3 && performance.now() > 1500 + "+js(acted))
			})
			if now := eval[int](p, "mwm.zoom"); now != zoom {
				t.Errorf("the map went from zoom %d to %d", zoom, now)
			}
		})
	}
}
