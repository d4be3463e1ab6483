package gpx

import (
	"math"
	"sort"
	"time"
)

const (
	// pace is how fast what has no times is driven, m/s.
	pace = 50 / 3.6
	// longestBreak is what a pause between two segments is cut to: a receiver that was off for a night is not waited for.
	longestBreak = time.Minute
	// turnaround is how long a replay rests at either end.
	turnaround = 10 * time.Second

	earthRadius = 6_371_000 // m
)

type node struct {
	lat, lng float64
	at       time.Duration // since the start
}

// Path is a journey with a time for every point.
type Path struct{ nodes []node }

// NewPath lays the legs out in time: in their own where points have it and it goes forward, at 50 km/h where not. Between two legs
// no more than a minute passes. There must be at least one point.
func NewPath(legs [][]Point) *Path {
	p := &Path{}
	var last Point
	for _, leg := range legs {
		for i, pt := range timed(leg) {
			var gap time.Duration
			if n := len(p.nodes); n > 0 {
				gap = p.nodes[n-1].at + step(last, pt, i == 0)
			}
			p.nodes = append(p.nodes, node{pt.Lat, pt.Lng, gap})
			last = pt
		}
	}
	return p
}

// timed returns the leg with the times filled in that lie between two known ones, in proportion to the way.
func timed(leg []Point) []Point {
	out := append([]Point(nil), leg...)
	known := -1
	for i := range out {
		if out[i].Time.IsZero() {
			continue
		}
		if known >= 0 && i > known+1 {
			fill(out[known : i+1])
		}
		known = i
	}
	return out
}

func fill(points []Point) {
	last := len(points) - 1
	whole := points[last].Time.Sub(points[0].Time)
	way := make([]float64, len(points))
	for i := 1; i <= last; i++ {
		way[i] = way[i-1] + metres(points[i-1], points[i])
	}
	if whole <= 0 || way[last] == 0 {
		return
	}
	for i := 1; i < last; i++ {
		points[i].Time = points[0].Time.Add(time.Duration(float64(whole) * way[i] / way[last]))
	}
}

// step returns how long it takes from one point to the next.
func step(a, b Point, newLeg bool) time.Duration {
	d := time.Duration(metres(a, b) / pace * float64(time.Second))
	if !a.Time.IsZero() && !b.Time.IsZero() && !b.Time.Before(a.Time) {
		d = b.Time.Sub(a.Time)
	}
	if newLeg {
		d = min(d, longestBreak)
	}
	return d
}

func metres(a, b Point) float64 {
	y := (b.Lat - a.Lat) * math.Pi / 180
	x := math.Remainder(b.Lng-a.Lng, 360) * math.Pi / 180 * math.Cos((a.Lat+b.Lat)/2*math.Pi/180)
	return earthRadius * math.Hypot(x, y)
}

// Duration returns how long the journey takes, one way.
func (p *Path) Duration() time.Duration { return p.nodes[len(p.nodes)-1].at }

// Position is where a replay is.
type Position struct {
	Lat, Lng float64
	Speed    float64 // m/s, as driven at the replay's own pace
	Heading  float64 // degrees from north, clockwise
	Moving   bool
	Back     bool // on the way back
}

// At returns the position after d. A journey that has ended is driven back, and so on: a replay goes on for ever and never jumps.
func (p *Path) At(d time.Duration) Position {
	whole := p.Duration()
	round := 2 * (whole + turnaround)
	d = max(d, 0) % round
	back := d >= whole+turnaround
	if back {
		d = round - turnaround - d
	}
	return p.between(min(max(d, 0), whole), back)
}

func (p *Path) between(d time.Duration, back bool) Position {
	i := sort.Search(len(p.nodes), func(i int) bool { return p.nodes[i].at > d })
	if i == 0 || i == len(p.nodes) {
		n := p.nodes[min(i, len(p.nodes)-1)]
		return Position{Lat: n.lat, Lng: n.lng, Back: back}
	}
	a, b := p.nodes[i-1], p.nodes[i]
	span := b.at - a.at
	f := float64(d-a.at) / float64(span)
	way := metres(Point{Lat: a.lat, Lng: a.lng}, Point{Lat: b.lat, Lng: b.lng})
	out := Position{
		Lat:   a.lat + f*(b.lat-a.lat),
		Lng:   math.Remainder(a.lng+f*math.Remainder(b.lng-a.lng, 360), 360),
		Speed: way / span.Seconds(),
		Back:  back,
	}
	out.Moving = out.Speed > 0.3
	if back {
		a, b = b, a
	}
	out.Heading = heading(a, b)
	return out
}

func heading(a, b node) float64 {
	x := math.Remainder(b.lng-a.lng, 360) * math.Cos((a.lat+b.lat)/2*math.Pi/180)
	return math.Mod(math.Atan2(x, b.lat-a.lat)*180/math.Pi+360, 360)
}
