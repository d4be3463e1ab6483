package roads

import (
	"fmt"
	"math"
)

// Route is a way through the graph. It keeps edges only; its points are the graph's.
type Route struct {
	g     *Graph
	edges []int32
	first []int32 // number of each edge's first point within the route, then the last of all
}

// Point is a vertex of a route.
type Point struct {
	Lat, Lng  float64 // degrees
	Elevation float64 // metres, estimated
	Class     Class   // of the road that follows; at the end, that came
	Road      string  // its name or number, may be empty
	Limit     float64 // m/s, signed or usual
	Curve     float64 // m/s, what the bend here allows; at most MaxSpeed
}

// Route is the fastest route. It fails when a node does not exist or cannot be
// reached.
func (g *Graph) Route(from, to Node) (*Route, error) {
	return g.route(from, to, nil)
}

func (g *Graph) route(from, to Node, within *region) (*Route, error) {
	for _, n := range [...]Node{from, to} {
		if n < 0 || int(n) >= len(g.nodes) {
			return nil, fmt.Errorf("node %d: the graph has nodes 0 to %d", n, len(g.nodes)-1)
		}
	}
	edges, ok := g.search(from, to, within)
	if !ok {
		return nil, fmt.Errorf("no road leads from node %d to node %d", from, to)
	}
	r := &Route{g: g, edges: edges, first: make([]int32, len(edges)+1)}
	at := int32(0)
	for i, e := range edges {
		r.first[i] = at
		s := &g.segments[g.edges[e].segment]
		at += s.last - s.first // an edge's last point is the next one's first
	}
	r.first[len(edges)] = at
	return r, nil
}

// Len is the number of points; 1 for a route from a node to itself, which has no
// length and whose only point At does not describe.
func (r *Route) Len() int { return int(r.first[len(r.edges)]) + 1 }

// Length is in metres.
func (r *Route) Length() float64 {
	sum := 0.0
	for _, e := range r.edges {
		sum += float64(r.g.segments[r.g.edges[e].segment].length)
	}
	return sum
}

// At is point i. It searches; to go through all points use All.
func (r *Route) At(i int) Point {
	lo, hi := 0, len(r.edges)-1
	for lo < hi {
		if mid := (lo + hi + 1) / 2; int(r.first[mid]) <= i {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return r.describe(lo, int32(i)-r.first[lo])
}

// All calls yield for each point with its number.
func (r *Route) All(yield func(int, Point) bool) {
	for k := range r.edges {
		n := r.first[k+1] - r.first[k]
		if k == len(r.edges)-1 {
			n++
		}
		for i := range n {
			if !yield(int(r.first[k]+i), r.describe(k, i)) {
				return
			}
		}
	}
}

// describe is point i of the route's edge k.
func (r *Route) describe(k int, i int32) Point {
	e := r.g.edges[r.edges[k]]
	s := &r.g.segments[e.segment]
	p := r.g.point(e, i)
	out := Point{
		Lat: float64(p.lat) / 1e7, Lng: float64(p.lng) / 1e7,
		Elevation: float64(s.elevation + s.grade*p.at),
		Class:     s.class, Road: s.road, Limit: float64(s.limit), Curve: float64(p.curve),
	}
	if i == 0 && k > 0 {
		out.Curve = float64(r.g.joinSpeed(r.g.edges[r.edges[k-1]], e))
	}
	return out
}

// point is point i of an edge in its direction.
func (g *Graph) point(e edge, i int32) *point {
	s := &g.segments[e.segment]
	if e.back {
		return &g.points[s.last-i]
	}
	return &g.points[s.first+i]
}

// step is the length from point i of an edge to the next, in metres.
func (g *Graph) step(e edge, i int32) float32 {
	return float32(math.Abs(float64(g.point(e, i+1).at - g.point(e, i).at)))
}
