package e2e

import (
	"testing"

	"mwm/server"
)

// While the connection is lost the page says so, and all can still be read, and what
// can be pressed be reached.
func TestBannerCoversNothing(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p := open(t, s.page())
	look(p, s.page()+"#view=motion", [2]int64{390, 844}, "light")
	turn(p, "#view=console", find(".console-tab"))
	p.withoutServer()
	s.stop()
	p.wait(find(tagged("banner")) + ".checkVisibility()")
	p.picture("banner on the console")
	p.wait(below(".console-tab, .console-top button"))
	turn(p, "#view=motion", "mwm.view === 'motion'")
	p.picture("banner on motion")
	p.wait(below(".motion-head button"))
	turn(p, "#", "mwm.view === 'map'")
	p.picture("banner on the map")
	p.wait(below(".leaflet-control, .map-tool"))
	p.click("#zoom-in")
	p.click("#tools-more")
	p.click("#theme-toggle") // the menu lies over it
	p.resize(1280, 800, "light")
	turn(p, "#view=motion", "mwm.view === 'motion'")
	p.picture("banner on a desk")
	p.wait(below(".motion-head > *, .panel"))
}

// below is the expression for whether all of some elements begin where the banner
// ends.
func below(selector string) string {
	return all(selector) + ".every((e) => e.getBoundingClientRect().top >= " + find(tagged("banner")) + ".getBoundingClientRect().bottom)"
}
