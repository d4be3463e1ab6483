package fleet

import (
	"math"
	"slices"
	"sort"
)

// point is one of a trail, 16 bytes.
type point struct {
	lat, lng int32 // 1e-7 degrees
	ts       int64
}

func pointAt(lat, lng float64, ts int64) point {
	return point{e7(lat), e7(lng), ts}
}

func e7(degrees float64) int32 { return int32(math.Round(degrees * 1e7)) }

func (p point) degrees() (lat, lng float64) { return float64(p.lat) / 1e7, float64(p.lng) / 1e7 }

// trail is where a device has been, oldest first. It may hold a quarter more
// points than its limit, so that it need not be moved for each one.
type trail struct {
	points []point
}

// A point joins the trail when it is farSteps from the last one, or nearSteps
// and some time: neither a parked truck nor a crawling one fills it.
const (
	farSteps  = 20.0 // m
	nearSteps = 5.0  // m
	nearMs    = 10_000
)

// trailLimit shares MaxTrailPoints among the devices there are.
func (f *Fleet) trailLimit() int {
	return max(16, min(f.opts.TrailPoints, f.opts.MaxTrailPoints/max(1, len(f.devices))))
}

// add appends a point that is no older than the last.
func (t *trail) add(p point, limit int) {
	if n := len(t.points); n > 0 && !p.worthAfter(t.points[n-1]) {
		return
	}
	t.points = append(t.points, p)
	t.trim(limit)
}

func (p point) worthAfter(last point) bool {
	lat1, lng1 := last.degrees()
	lat2, lng2 := p.degrees()
	away, _ := distance(lat1, lng1, lat2, lng2)
	return away >= farSteps || away >= nearSteps && p.ts-last.ts >= nearMs
}

// insert puts a point that came late where it belongs.
func (t *trail) insert(p point, limit int) {
	i := sort.Search(len(t.points), func(i int) bool { return t.points[i].ts >= p.ts })
	switch {
	case i == 0 && len(t.points) >= limit:
		return // older than all that a full trail remembers
	case i > 0 && !p.worthAfter(t.points[i-1]):
		return
	case i < len(t.points) && t.points[i] == p:
		return
	}
	t.points = slices.Insert(t.points, i, p)
	t.trim(limit)
}

func (t *trail) trim(limit int) {
	n := len(t.points)
	if n <= limit+limit/4 {
		return
	}
	kept := t.points[n-limit:]
	if cap(t.points) > 2*limit+64 { // the limit has shrunk since
		t.points = append(make([]point, 0, limit+limit/4+1), kept...)
		return
	}
	t.points = t.points[:copy(t.points, kept)]
}

// newest returns the last points, at most limit, sharing their memory.
func (t *trail) newest(limit int) []point {
	return t.points[max(0, len(t.points)-limit):]
}
