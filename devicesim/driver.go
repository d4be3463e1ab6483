package devicesim

import (
	"math"
	"time"

	"mwm/devicesim/roads"
)

// Where trucks drive: about Andorra la Vella, few of them near each other so that whoever looks at all of them sees them move, many of
// them all over the country.
const (
	homeLat, homeLng = 42.5075, 1.5265
	homeRadius       = 2500.0 // metres, of up to 50 trucks
	countryRadius    = 8000.0 // from here on, everywhere
)

// radius returns how far from home that many trucks drive, in metres; 0 is everywhere.
func radius(trucks int) float64 {
	r := homeRadius * math.Sqrt(max(1, float64(trucks)/50))
	if r > countryRadius {
		return 0
	}
	return r
}

// driver moves a truck along the roads of Andorra.
type driver struct{ *roads.Driver }

func newDriver(seed uint64, within float64) driver {
	return driver{roads.Andorra().NewDriver(roads.DriverOptions{Seed: seed, Lat: homeLat, Lng: homeLng, Radius: within})}
}

func (d driver) step(dt time.Duration) fix {
	s := d.Advance(dt)
	f := fix{lat: s.Lat, lng: s.Lng, speed: s.Speed, heading: s.Heading}
	switch {
	case s.Stop != roads.None:
		f.what = s.Stop.String()
	case s.Destination != "":
		f.what = "to " + s.Destination
	default:
		f.what = "driving"
	}
	return f
}
