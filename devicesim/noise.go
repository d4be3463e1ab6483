package devicesim

import (
	"math"
	"math/rand/v2"
	"time"
)

// drift is a random quantity around zero that forgets its past with the time constant tau (an Ornstein–Uhlenbeck process): near values of
// it are alike, far ones are not. It may be asked at any interval; what it yields does not depend on how often.
type drift struct {
	sigma float64 // standard deviation
	tau   time.Duration
	value float64
}

func (d *drift) step(dt time.Duration, rng *rand.Rand) float64 {
	keep := math.Exp(-dt.Seconds() / d.tau.Seconds())
	d.value = d.value*keep + d.sigma*math.Sqrt(1-keep*keep)*rng.NormFloat64()
	return d.value
}

const metresPerDegree = 111_195 // of latitude, on a sphere of 6,371 km

// receiver is what stands between where a truck is and what it reports: a GPS error of a few metres that wanders slowly, as reflections and
// the satellites' geometry do, rather than jumping at each fix.
type receiver struct {
	north, east, quality drift
}

func newReceiver() receiver {
	return receiver{
		north:   drift{sigma: 1.8, tau: 40 * time.Second},
		east:    drift{sigma: 1.8, tau: 40 * time.Second},
		quality: drift{sigma: 1.2, tau: 2 * time.Minute},
	}
}

// observe returns the position as received, dt after the one before, and the accuracy in metres that the receiver claims.
func (r *receiver) observe(lat, lng float64, dt time.Duration, rng *rand.Rand) (float64, float64, float64) {
	north, east := r.north.step(dt, rng), r.east.step(dt, rng)
	accuracy := max(3, 5+r.quality.step(dt, rng))
	lat += north / metresPerDegree
	lng += east / (metresPerDegree * max(0.01, math.Cos(lat*math.Pi/180)))
	return min(max(lat, -90), 90), math.Remainder(lng, 360), accuracy
}

// distance returns the metres between two positions that are near each other.
func distance(lat1, lng1, lat2, lng2 float64) float64 {
	y := (lat2 - lat1) * metresPerDegree
	x := math.Remainder(lng2-lng1, 360) * metresPerDegree * math.Cos((lat1+lat2)/2*math.Pi/180)
	return math.Hypot(x, y)
}
