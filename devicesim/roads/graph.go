package roads

import (
	_ "embed"
	"math"
	"slices"
	"sync"
)

//go:embed andorra.bin
var andorraData []byte

// Andorra is the embedded graph, decoded on first use.
var Andorra = sync.OnceValue(func() *Graph {
	g, err := Decode(andorraData)
	if err != nil {
		panic("roads: the embedded graph: " + err.Error())
	}
	return g
})

// Class says how important a road is.
type Class uint8

// The classes, as OpenStreetMap has them.
const (
	Primary Class = iota + 1
	Secondary
	Tertiary
	Unclassified
	Residential
	LivingStreet
)

func (c Class) String() string {
	names := [...]string{"", "primary", "secondary", "tertiary", "unclassified", "residential", "living street"}
	if int(c) < len(names) {
		return names[c]
	}
	return ""
}

// Kind says what a place is.
type Kind uint8

// The kinds of places.
const (
	Town Kind = iota + 1
	Village
	Hamlet
	Fuel
	Shop
)

// Place is a named place next to a road: a settlement, a filling station, a shop.
type Place struct {
	Name     string
	Kind     Kind
	Lat, Lng float64
	Node     Node // the nearest one
}

// Node is the number of a point where roads meet, end, or may make a truck wait.
type Node int32

const (
	nodeSignal   = 1
	nodeCrossing = 2

	segmentOneWay = 1
)

// Graph is a road network. It is immutable and safe for concurrent use.
type Graph struct {
	nodes    []node
	segments []segment
	points   []point // of all segments, one after the other
	edges    []edge  // sorted by from
	places   []Place

	metresPerLng float64 // at the graph's middle latitude
	searches     sync.Pool
}

type node struct {
	lat, lng  float64
	x, y      float32 // metres on the graph's plane
	elevation float32
	flags     byte
	edges     [2]int32 // edges[0] ≤ number < edges[1] leave the node
}

// segment is a stretch of road between two nodes; its points run from its first end to
// its second, both included.
type segment struct {
	first, last int32
	length      float32 // metres
	elevation   float32 // at the first end, metres
	grade       float32 // rise per metre
	limit       float32 // m/s
	class       Class
	road        string
	ends        [2]end
}

// end describes how a segment leaves one of its nodes: for the curve where two meet.
type end struct {
	bearing  float32 // radians clockwise from north, away from the node
	straight float32 // metres until the first bend
}

// point is a vertex of a segment. Long straight stretches have some too, so that a
// speed profile has room to rise and fall between two curves.
type point struct {
	lat, lng int32   // 1e-7°
	at       float32 // metres from the segment's first end
	curve    float32 // m/s
}

// edge is a segment in one direction.
type edge struct {
	from, to Node
	segment  int32
	back     bool    // from the second end to the first
	cost     float32 // seconds
}

const metresPerLat = 111_195

// build derives what searching and driving need from the file's records.
func build(nodes []rawNode, segments []rawSegment, places []Place) *Graph {
	g := &Graph{nodes: make([]node, len(nodes)), places: places}
	sum := 0.0
	for _, n := range nodes {
		sum += float64(n.at.lat) / 1e6
	}
	middle := sum / float64(max(len(nodes), 1)) * math.Pi / 180
	g.metresPerLng = metresPerLat * math.Cos(middle)
	for i, n := range nodes {
		lat, lng := float64(n.at.lat)/1e6, float64(n.at.lng)/1e6
		x, y := g.plane(lat, lng)
		g.nodes[i] = node{lat: lat, lng: lng, x: float32(x), y: float32(y), elevation: n.elevation, flags: n.flags}
	}
	for _, s := range segments {
		g.addSegment(nodes, s)
	}
	g.addEdges(segments)
	g.searches.New = func() any { return newSearch(len(g.nodes)) }
	return g
}

// plane projects to metres; good for a small country.
func (g *Graph) plane(lat, lng float64) (x, y float64) {
	return lng * g.metresPerLng, lat * metresPerLat
}

func (g *Graph) addSegment(nodes []rawNode, s rawSegment) {
	line := make([]xy, 0, len(s.between)+2)
	add := func(p position) {
		x, y := g.plane(float64(p.lat)/1e6, float64(p.lng)/1e6)
		line = append(line, xy{x, y})
	}
	add(nodes[s.from].at)
	for _, p := range s.between {
		add(p)
	}
	add(nodes[s.to].at)
	if line = slices.Compact(line); len(line) == 1 { // nodes on top of one another
		line = append(line, line[0])
	}

	first := len(g.points)
	g.appendPoints(line)
	last := len(g.points) - 1
	length := g.points[last].at
	a, b := nodes[s.from].elevation, nodes[s.to].elevation
	out := segment{
		first: int32(first), last: int32(last), length: length,
		elevation: a, grade: (b - a) / max(length, 1),
		limit: min(float32(s.speed)/3.6, MaxSpeed), class: s.class, road: s.road,
	}
	out.ends[0] = endOf(line)
	out.ends[1] = endOf(reversed(line))
	g.segments = append(g.segments, out)
}

// appendPoints adds a segment's vertices with their curve speeds, and more between
// them: none farther than spacing from the next, and at least one inside.
func (g *Graph) appendPoints(line []xy) {
	const spacing = 25
	at := 0.0
	for i, p := range line {
		if i > 0 {
			before := line[i-1]
			length := before.distance(p)
			pieces := max(1, int(math.Ceil(length/spacing)))
			if len(line) == 2 {
				pieces = max(pieces, 2)
			}
			for k := 1; k < pieces; k++ {
				f := float64(k) / float64(pieces)
				g.appendPoint(before.towards(p, f), at+length*f, MaxSpeed)
			}
			at += length
		}
		g.appendPoint(p, at, curveSpeed(line, i))
	}
}

func (g *Graph) appendPoint(p xy, at, curve float64) {
	g.points = append(g.points, point{
		lat: int32(math.Round(p.y / metresPerLat * 1e7)), lng: int32(math.Round(p.x / g.metresPerLng * 1e7)),
		at: float32(at), curve: float32(curve),
	})
}

func (g *Graph) addEdges(segments []rawSegment) {
	leaving := make([]int32, len(g.nodes)+1)
	for _, s := range segments {
		leaving[s.from]++
		if s.flags&segmentOneWay == 0 {
			leaving[s.to]++
		}
	}
	next := int32(0)
	for i := range g.nodes {
		g.nodes[i].edges = [2]int32{next, next}
		next += leaving[i]
	}
	g.edges = make([]edge, next)
	add := func(e edge) {
		e.cost = g.cost(e)
		slot := &g.nodes[e.from].edges[1]
		g.edges[*slot] = e
		*slot++
	}
	for i, s := range segments {
		add(edge{from: s.from, to: s.to, segment: int32(i)})
		if s.flags&segmentOneWay == 0 {
			add(edge{from: s.to, to: s.from, segment: int32(i), back: true})
		}
	}
}

// cost is about the time an edge takes, with a reluctance to go through where people
// live.
func (g *Graph) cost(e edge) float32 {
	s := &g.segments[e.segment]
	limit := min(s.limit, gradeSpeed(s.gradeOf(e.back)))
	cost := float32(0)
	for i := s.first; i < s.last; i++ {
		a, b := g.points[i], g.points[i+1]
		cost += (b.at - a.at) / min(limit, (a.curve+b.curve)/2)
	}
	if s.class >= Residential {
		cost *= 1.3
	}
	switch {
	case g.nodes[e.to].flags&nodeSignal != 0:
		cost += 8
	case g.nodes[e.to].flags&nodeCrossing != 0:
		cost++
	}
	return cost
}

func (s *segment) gradeOf(back bool) float32 {
	if back {
		return -s.grade
	}
	return s.grade
}

// Places are the named places next to roads, settlements first. The caller must not
// change them.
func (g *Graph) Places() []Place { return g.places }

// Nodes is the number of nodes; they are numbered from 0.
func (g *Graph) Nodes() int { return len(g.nodes) }

// Position is where a node is.
func (g *Graph) Position(n Node) (lat, lng float64) {
	return g.nodes[n].lat, g.nodes[n].lng
}

// Nearest is the node nearest to a position, -1 in an empty graph.
func (g *Graph) Nearest(lat, lng float64) Node {
	x, y := g.plane(lat, lng)
	best, nearest := Node(-1), math.Inf(1)
	for i := range g.nodes {
		n := &g.nodes[i]
		if d := math.Hypot(float64(n.x)-x, float64(n.y)-y); d < nearest {
			best, nearest = Node(i), d
		}
	}
	return best
}
