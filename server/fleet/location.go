package fleet

import (
	"math"
	"time"

	"mwm/server/telemetry"
)

// fix is where a device was measured to be.
type fix struct {
	lat, lng float64
	ts       int64
	speed    float32 // m/s; unknown below 0, as the others
	heading  float32
	accuracy float32
}

const unknown = -1

// Fix is a location that was believed, as it counts.
type Fix struct {
	TS       int64 // ms since 1970
	Lat, Lng float64
	// Speed, Heading and Accuracy are what the device said or, of its current
	// position, what follows from successive ones; below 0 when not known.
	Speed, Heading, Accuracy float32
}

// Location takes a location's payload that came to the address of device id at
// the given time. A retained one was replayed by the broker, not sent just now.
// It returns what was believed; ok is false for nothing, or nothing new.
func (f *Fleet) Location(id string, payload []byte, at time.Time, retained bool) (believed Fix, ok bool) {
	if len(payload) == 0 {
		return Fix{}, false // clears a retained value: says nothing about the device
	}
	now := millis(at)
	if f.mute.Load() == now/1000 && telemetry.NoLocation(payload) && f.muted(now) { // nobody will ask what is wrong with it
		f.stats.refusedLocations.Add(1)
		return Fix{}, false
	}
	loc, err := telemetry.DecodeLocation(payload, id)
	if err != nil {
		f.stats.refusedLocations.Add(1)
		f.notBelieved(id, "location", err, now)
		return Fix{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d, err := f.lookup(id)
	if err != nil {
		f.notBelievedLocked(id, "location", err, now)
		return Fix{}, false
	}
	ts, timed := f.reportTime(&loc, now)
	where := f.place(d, &loc, ts, timed, now, retained)
	if minute := now - ts; !timed && minute >= 0 && minute < 60_000 {
		where.ts = now // of the same minute: the arrival says it better
	}
	return Fix{TS: where.ts, Lat: where.lat, Lng: where.lng, Speed: where.speed, Heading: where.heading, Accuracy: where.accuracy}, !retained
}

// reportTime returns the time a report counts for, and whether it is good
// enough to measure speed by.
func (f *Fleet) reportTime(loc *telemetry.Location, now int64) (ts int64, timed bool) {
	switch loc.TSForm {
	case telemetry.TSMissing, telemetry.TSUnreadable:
		f.stats.noTS.Add(1)
		return now, true
	}
	if ts = loc.TS.UnixMilli(); ts > now+f.opts.MaxAhead.Milliseconds() {
		f.stats.ahead.Add(1)
		return now, true
	}
	return ts, loc.TSForm == telemetry.TSSeconds
}

// place takes a report, and returns it with what is measured of it.
func (f *Fleet) place(d *device, loc *telemetry.Location, ts int64, timed bool, now int64, retained bool) fix {
	where := fixOf(loc, ts)
	late := d.located && ts < d.fix.ts
	if retained {
		f.stats.retained.Add(1)
		if late || d.located && ts == d.fix.ts {
			return where
		}
	} else {
		f.stats.locations.Add(1)
	}
	if late {
		f.stats.late.Add(1)
		d.trail.insert(pointAt(loc.Lat, loc.Lng, ts), f.trailLimit())
		f.mark(d, presence) // its age starts anew, and no position says so
	} else {
		clock := ts
		if !timed {
			clock = now
		}
		f.moveTo(d, loc, ts, clock)
		where = d.fix
	}
	if retained {
		return where
	}
	d.reportedAt = max(d.reportedAt, now)
	f.alive(d, now, newsLocation)
	return where
}

// fixOf returns a report without what follows from others.
func fixOf(loc *telemetry.Location, ts int64) fix {
	measured := func(o telemetry.Optional) float32 {
		if !o.Set {
			return unknown
		}
		return float32(o.Value)
	}
	return fix{
		lat: loc.Lat, lng: loc.Lng, ts: ts,
		speed: measured(loc.Speed), heading: measured(loc.Heading), accuracy: measured(loc.Accuracy),
	}
}

// moveTo makes loc the current position. clock is the time to measure speed by.
func (f *Fleet) moveTo(d *device, loc *telemetry.Location, ts, clock int64) {
	next := fixOf(loc, ts)
	if !loc.Speed.Set || !loc.Heading.Set {
		speed, heading := d.anchor.measure(next, clock)
		if !loc.Speed.Set {
			next.speed = speed
		}
		if !loc.Heading.Set {
			next.heading = heading
		}
	}
	d.fix, d.located = next, true
	if d.other = loc.Other; len(d.other) > maxOther {
		d.other = nil
	}
	d.trail.add(pointAt(next.lat, next.lng, ts), f.trailLimit())
	f.mark(d, position)
}

// anchor derives speed and heading from successive positions. It stays where it
// is until the device is further from it than receivers err by, or has not gone
// so far for a while: then the way between is the speed, and the anchor moves.
// Measuring from one report to the next would make a parked truck dance.
type anchor struct {
	set            bool
	lat, lng       float64
	at             int64
	speed, heading float32
}

const (
	minError   = 5.0    // m that receivers err by when they do not say
	maxError   = 50.0   // m beyond which an accuracy is not taken seriously
	restMs     = 10_000 // after which a device that has not left the anchor's surroundings is at rest
	jumpMeters = 340.0  // m/s: faster is no drive but a jump
)

func (a *anchor) measure(next fix, clock int64) (speed, heading float32) {
	if !a.set {
		*a = anchor{set: true, lat: next.lat, lng: next.lng, at: clock, speed: unknown, heading: unknown}
		return a.speed, a.heading
	}
	away, bearing := distance(a.lat, a.lng, next.lat, next.lng)
	ms := float64(clock - a.at)
	switch {
	case ms <= 0:
		return a.speed, a.heading
	case away < min(max(minError, float64(next.accuracy)), maxError):
		if ms < restMs {
			return a.speed, a.heading
		}
		a.speed = float32(away / ms * 1000)
		if a.speed < movingSpeed {
			a.speed = 0
		}
	case away/ms*1000 > jumpMeters:
		a.speed, a.heading = unknown, unknown
	default:
		a.speed, a.heading = float32(away/ms*1000), float32(bearing)
	}
	a.lat, a.lng, a.at = next.lat, next.lng, clock
	return a.speed, a.heading
}

// distance returns the metres and the bearing from one position to another near
// it, on a plane that touches the globe there: exact to a thousandth over the
// few kilometres that lie between two reports.
func distance(lat1, lng1, lat2, lng2 float64) (meters, bearing float64) {
	const perDegree = 6371008.8 * math.Pi / 180
	north := (lat2 - lat1) * perDegree
	turn := lng2 - lng1
	if turn > 180 {
		turn -= 360
	} else if turn < -180 {
		turn += 360
	}
	east := turn * perDegree * math.Cos((lat1+lat2)/2*math.Pi/180)
	if bearing = math.Atan2(east, north) * 180 / math.Pi; bearing < 0 {
		bearing += 360
	}
	return math.Sqrt(north*north + east*east), bearing
}
