package main

import (
	"cmp"
	"math"
	"slices"
)

// maxLat is where the square Web Mercator map ends.
const maxLat = 85.0511287798

// metre is about one metre at Andorra's latitude, in Web Mercator.
const metre = 1 / (40_075_017 * 0.737)

// mercator projects degrees to 0..1; x is not wrapped.
func mercator(lng, lat float64) vertex {
	s := math.Sin(max(-maxLat, min(maxLat, lat)) * math.Pi / 180)
	return vertex{(lng + 180) / 360, 0.5 - math.Log((1+s)/(1-s))/(4*math.Pi)}
}

// simplify is Douglas and Peucker's: it leaves out vertices that lie within
// tolerance of the line without them. The ends stay.
func simplify(p []vertex, tolerance float64) []vertex {
	if len(p) < 3 {
		return p
	}
	keep := make([]bool, len(p))
	keep[0], keep[len(p)-1] = true, true
	mark(p, keep, 0, len(p)-1, tolerance)
	var out []vertex
	for i, v := range p {
		if keep[i] {
			out = append(out, v)
		}
	}
	return out
}

func mark(p []vertex, keep []bool, first, last int, tolerance float64) {
	worst, at := tolerance, 0
	for i := first + 1; i < last; i++ {
		if d := distance(p[i], p[first], p[last]); d > worst {
			worst, at = d, i
		}
	}
	if at == 0 {
		return
	}
	keep[at] = true
	mark(p, keep, first, at, tolerance)
	mark(p, keep, at, last, tolerance)
}

// distance is from v to the segment a b.
func distance(v, a, b vertex) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = max(0, min(1, ((v.x-a.x)*dx+(v.y-a.y)*dy)/l))
	}
	return math.Hypot(v.x-a.x-t*dx, v.y-a.y-t*dy)
}

// simplifyRing simplifies a closed ring; it splits it at the vertex farthest from
// the first, because Douglas and Peucker need two ends.
func simplifyRing(p []vertex, tolerance float64) []vertex {
	if len(p) < 5 {
		return p
	}
	far := 0
	for i, v := range p {
		if math.Hypot(v.x-p[0].x, v.y-p[0].y) > math.Hypot(p[far].x-p[0].x, p[far].y-p[0].y) {
			far = i
		}
	}
	if far == 0 {
		return p
	}
	back := append(slices.Clone(p[far:]), p[0])
	out := append(simplify(p[:far+1], tolerance), simplify(back, tolerance)[1:]...)
	return out[:len(out)-1]
}

// ringArea is signed: positive when the ring runs clockwise on the map, y down.
func ringArea(p []vertex) float64 {
	sum := 0.0
	for i, a := range p {
		b := p[(i+1)%len(p)]
		sum += a.x*b.y - b.x*a.y
	}
	return sum / 2
}

type bounds struct{ x0, y0, x1, y1 float64 }

func boundsOf(p []vertex) bounds {
	b := bounds{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, v := range p {
		b = bounds{min(b.x0, v.x), min(b.y0, v.y), max(b.x1, v.x), max(b.y1, v.y)}
	}
	return b
}

// labelAnchor is the middle of a ring's widest horizontal chord near its vertical
// middle: a cheap place where a name looks right. width is the chord's.
func labelAnchor(ring []vertex) (at vertex, width float64) {
	b := boundsOf(ring)
	at = vertex{(b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2}
	const rows = 24
	best := 0.0
	for k := 3; k <= rows-3; k++ {
		y := b.y0 + (b.y1-b.y0)*float64(k)/rows
		weight := 1 - math.Abs(float64(k)-rows/2)/(rows*1.5)
		xs := crossings(ring, y)
		for i := 0; i+1 < len(xs); i += 2 {
			if w := (xs[i+1] - xs[i]) * weight; w > best {
				best, width = w, xs[i+1]-xs[i]
				at = vertex{(xs[i] + xs[i+1]) / 2, y}
			}
		}
	}
	return at, width
}

// crossings are the x where a ring crosses the horizontal y, sorted.
func crossings(ring []vertex, y float64) []float64 {
	var xs []float64
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if (a.y > y) != (b.y > y) {
			xs = append(xs, a.x+(b.x-a.x)*(y-a.y)/(b.y-a.y))
		}
	}
	slices.Sort(xs)
	return xs
}

// sortSpatially orders features along a Z curve, so that neighbours in the file are
// neighbours on the map and their differences are small.
func sortSpatially(fs []feature) {
	slices.SortStableFunc(fs, func(a, b feature) int {
		return cmp.Compare(zOrder(a.parts[0][0]), zOrder(b.parts[0][0]))
	})
}

func zOrder(v vertex) uint64 {
	x, y := uint64(v.x*(1<<20)), uint64(v.y*(1<<20))
	z := uint64(0)
	for bit := range 20 {
		z |= (x>>bit&1)<<(2*bit) | (y>>bit&1)<<(2*bit+1)
	}
	return z
}

// inside tells whether a ring contains a point, even-odd.
func inside(ring []vertex, v vertex) bool {
	in := false
	for i, a := range ring {
		b := ring[(i+1)%len(ring)]
		if (a.y > v.y) != (b.y > v.y) && v.x < a.x+(b.x-a.x)*(v.y-a.y)/(b.y-a.y) {
			in = !in
		}
	}
	return in
}

// touches tells whether any vertex of a feature lies in a ring.
func (f feature) touches(ring []vertex) bool {
	for _, p := range f.parts {
		for _, v := range p {
			if inside(ring, v) {
				return true
			}
		}
	}
	return false
}

// cut returns the pieces of a line in a ring, each with the vertex before and after
// it if there is one.
func cut(line, ring []vertex) [][]vertex {
	var out [][]vertex
	start := -1
	for i, v := range line {
		in := inside(ring, v)
		if in && start < 0 {
			start = max(i-1, 0)
		}
		if !in && start >= 0 {
			out = append(out, line[start:i+1])
			start = -1
		}
	}
	if start >= 0 {
		out = append(out, line[start:])
	}
	return out
}
