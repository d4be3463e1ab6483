package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/paulmach/osm"
)

// roadGraph is what package devicesim/roads reads; its documentation has the format
// and the meaning of classes, flags and kinds.
type roadGraph struct {
	nodes    []graphNode
	segments []graphSegment
	places   []graphPlace
}

type graphNode struct {
	id    osm.NodeID
	at    position
	ele   float64 // metres
	flags byte
}

type graphSegment struct {
	from, to int
	class    byte
	speed    int // km/h
	flags    byte
	road     string
	between  []position // without the ends
	length   float64    // metres
}

type graphPlace struct {
	name string
	kind byte
	at   position
	node int
}

const (
	nodeSignal   = 1
	nodeCrossing = 2

	segmentOneWay     = 1
	segmentRoundabout = 2
	segmentBridge     = 4
	segmentTunnel     = 8
)

// drivable are the classes of road that trucks use, with the speed in km/h where none
// is signed.
var drivable = map[string]struct {
	class byte
	speed int
}{
	"trunk": {1, 80}, "trunk_link": {1, 50}, "primary": {1, 60}, "primary_link": {1, 40},
	"secondary": {2, 60}, "secondary_link": {2, 40}, "tertiary": {3, 50}, "tertiary_link": {3, 40},
	"unclassified": {4, 40}, "residential": {5, 30}, "living_street": {6, 20},
}

var placeKinds = map[string]byte{"town": 1, "village": 2, "hamlet": 3, "neighbourhood": 3}

const (
	kindFuel = 4
	kindShop = 5
)

// cutRoads builds the graph: drivable ways, cut where they meet, where traffic lights
// and crossings are and where an elevation is known; then only the part within which
// every node reaches every other.
func cutRoads(x *extract) (*roadGraph, error) {
	var ways []*osm.Way
	for _, w := range x.ways {
		if isDrivable(w.Tags) {
			ways = append(ways, w)
		}
	}
	anchors := anchorElevations(x, ways)
	g := &roadGraph{}
	g.addWays(x, ways, cuts(x, ways, anchors))
	g.trim()
	if len(g.nodes) == 0 {
		return nil, fmt.Errorf("no roads in the extract")
	}
	g.raise(anchors)
	g.addPlaces(x)
	return g, nil
}

func isDrivable(t osm.Tags) bool {
	_, ok := drivable[t.Find("highway")]
	return ok && t.Find("area") != "yes" && t.Find("access") != "no" && t.Find("access") != "private"
}

// cuts are the OpenStreetMap nodes that become nodes of the graph, with their flags.
func cuts(x *extract, ways []*osm.Way, anchors map[osm.NodeID]float64) map[osm.NodeID]byte {
	uses := map[osm.NodeID]int{}
	for _, w := range ways {
		for i, n := range w.Nodes {
			uses[n.ID]++
			if i == 0 || i == len(w.Nodes)-1 {
				uses[n.ID]++
			}
		}
	}
	out := map[osm.NodeID]byte{}
	for id, n := range uses {
		if _, known := anchors[id]; n > 1 || known {
			out[id] = 0
		}
	}
	for _, n := range x.nodes {
		if uses[n.ID] == 0 {
			continue
		}
		switch n.Tags.Find("highway") {
		case "traffic_signals":
			out[n.ID] = nodeSignal
		case "crossing":
			out[n.ID] = nodeCrossing
		}
	}
	return out
}

func (g *roadGraph) addWays(x *extract, ways []*osm.Way, cuts map[osm.NodeID]byte) {
	index := map[osm.NodeID]int{}
	node := func(id osm.NodeID) int {
		i, ok := index[id]
		if !ok {
			i = len(g.nodes)
			index[id] = i
			g.nodes = append(g.nodes, graphNode{id: id, at: x.at[id], flags: cuts[id]})
		}
		return i
	}
	for _, w := range ways {
		ids := slices.Clone(w.Nodes.NodeIDs())
		ids = slices.DeleteFunc(ids, func(id osm.NodeID) bool { _, ok := x.at[id]; return !ok })
		proto := describeSegment(w.Tags)
		if w.Tags.Find("oneway") == "-1" {
			slices.Reverse(ids)
		}
		start := 0
		for i := 1; i < len(ids); i++ {
			if _, cut := cuts[ids[i]]; !cut && i < len(ids)-1 {
				continue
			}
			if ids[i] != ids[start] { // a loop leads nowhere
				s := proto
				s.from, s.to = node(ids[start]), node(ids[i])
				s.setGeometry(x, ids[start:i+1])
				g.segments = append(g.segments, s)
			}
			start = i
		}
	}
}

func describeSegment(t osm.Tags) graphSegment {
	d := drivable[t.Find("highway")]
	s := graphSegment{class: d.class, speed: d.speed, road: t.Find("name")}
	if s.road == "" {
		s.road = roadNumber(t)
	}
	if v, err := strconv.Atoi(t.Find("maxspeed")); err == nil && v > 0 {
		s.speed = max(5, min(90, v))
	}
	if o := t.Find("oneway"); o == "yes" || o == "1" || o == "true" || o == "-1" {
		s.flags |= segmentOneWay
	}
	if t.Find("junction") == "roundabout" {
		s.flags |= segmentRoundabout | segmentOneWay
	}
	flags := roadFlags(t)
	if flags&1 != 0 {
		s.flags |= segmentBridge
	}
	if flags&2 != 0 {
		s.flags |= segmentTunnel
	}
	return s
}

// setGeometry measures a segment and keeps the vertices that matter: a truck must
// follow the road to half a metre.
func (s *graphSegment) setGeometry(x *extract, ids []osm.NodeID) {
	line := make([]vertex, len(ids))
	back := map[vertex]position{}
	for i, id := range ids {
		line[i] = x.at[id].mercator()
		back[line[i]] = x.at[id]
		if i > 0 {
			s.length += between(x.at[ids[i-1]], x.at[id])
		}
	}
	line = simplify(line, 0.5*metre)
	for _, v := range line[1 : len(line)-1] {
		s.between = append(s.between, back[v])
	}
}

// between is the distance in metres, on a plane good for a few kilometres.
func between(a, b position) float64 {
	const perDegree = 111_195
	mid := (a.lat + b.lat) / 2 * math.Pi / 180
	return perDegree * math.Hypot(b.lat-a.lat, (b.lng-a.lng)*math.Cos(mid))
}

// trim keeps the largest strongly connected part: out of anything else a truck would
// not find back, or never get there.
func (g *roadGraph) trim() {
	forth, back := make([][]int, len(g.nodes)), make([][]int, len(g.nodes))
	for _, s := range g.segments {
		forth[s.from], back[s.to] = append(forth[s.from], s.to), append(back[s.to], s.from)
		if s.flags&segmentOneWay == 0 {
			forth[s.to], back[s.from] = append(forth[s.to], s.from), append(back[s.from], s.to)
		}
	}
	best := []int(nil)
	tried := make([]bool, len(g.nodes))
	for n := range g.nodes {
		if tried[n] {
			continue
		}
		reaching := reach(back, n)
		var both []int
		for m := range reach(forth, n) {
			if reaching[m] {
				both = append(both, m)
				tried[m] = true
			}
		}
		if len(both) > len(best) {
			best = both
		}
	}
	g.keep(best)
}

// reach are the nodes that can be reached from n.
func reach(next [][]int, n int) map[int]bool {
	seen, queue := map[int]bool{n: true}, []int{n}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, m := range next[at] {
			if !seen[m] {
				seen[m] = true
				queue = append(queue, m)
			}
		}
	}
	return seen
}

// keep renumbers: the kept nodes along a Z curve, the segments by their start.
func (g *roadGraph) keep(kept []int) {
	slices.SortFunc(kept, func(a, b int) int {
		za, zb := zOrder(g.nodes[a].at.mercator()), zOrder(g.nodes[b].at.mercator())
		if za != zb {
			return map[bool]int{true: -1, false: 1}[za < zb]
		}
		return int(g.nodes[a].id - g.nodes[b].id)
	})
	renumbered := map[int]int{}
	var nodes []graphNode
	for i, n := range kept {
		renumbered[n] = i
		nodes = append(nodes, g.nodes[n])
	}
	var segments []graphSegment
	for _, s := range g.segments {
		from, okFrom := renumbered[s.from]
		to, okTo := renumbered[s.to]
		if okFrom && okTo {
			s.from, s.to = from, to
			segments = append(segments, s)
		}
	}
	slices.SortStableFunc(segments, func(a, b graphSegment) int { return a.from - b.from })
	g.nodes, g.segments = nodes, segments
}

// addPlaces takes named settlements, filling stations and shops within reach of a
// road: where trucks go and why they stop.
func (g *roadGraph) addPlaces(x *extract) {
	const reach = 250 // metres to the nearest node
	for _, n := range x.nodes {
		kind, name := placeKind(n.Tags), n.Tags.Find("name")
		if kind == 0 || name == "" {
			continue
		}
		at := position{n.Lat, n.Lon}
		best, nearest := 0, math.Inf(1)
		for i, m := range g.nodes {
			if d := between(at, m.at); d < nearest {
				best, nearest = i, d
			}
		}
		if nearest <= reach {
			g.places = append(g.places, graphPlace{name, kind, at, best})
		}
	}
	slices.SortStableFunc(g.places, func(a, b graphPlace) int { return int(a.kind) - int(b.kind) })
}

func placeKind(t osm.Tags) byte {
	if k := placeKinds[t.Find("place")]; k != 0 {
		return k
	}
	if t.Find("amenity") == "fuel" {
		return kindFuel
	}
	switch t.Find("shop") {
	case "supermarket", "department_store", "mall", "convenience":
		return kindShop
	}
	return 0
}

// encode writes the format that devicesim/roads documents.
func (g *roadGraph) encode() []byte {
	e := encoder{index: map[string]uint64{"": 0}, strings: []string{""}}
	var body []byte
	var lat, lng int64
	move := func(p position) {
		y, x := int64(math.Round(p.lat*1e6)), int64(math.Round(p.lng*1e6))
		body = binary.AppendVarint(body, y-lat)
		body = binary.AppendVarint(body, x-lng)
		lat, lng = y, x
	}
	body = binary.AppendUvarint(body, uint64(len(g.nodes)))
	for _, n := range g.nodes {
		move(n.at)
		body = binary.AppendUvarint(body, uint64(math.Round(n.ele*10)))
		body = append(body, n.flags)
	}
	body = binary.AppendUvarint(body, uint64(len(g.segments)))
	from := 0
	for _, s := range g.segments {
		body = binary.AppendUvarint(body, uint64(s.from-from))
		from = s.from
		body = binary.AppendVarint(body, int64(s.to-s.from))
		body = append(body, s.class, byte(s.speed), s.flags)
		body = binary.AppendUvarint(body, e.intern(s.road))
		body = binary.AppendUvarint(body, uint64(len(s.between)))
		at := g.nodes[s.from].at
		lat, lng = int64(math.Round(at.lat*1e6)), int64(math.Round(at.lng*1e6))
		for _, p := range s.between {
			move(p)
		}
	}
	body = binary.AppendUvarint(body, uint64(len(g.places)))
	for _, p := range g.places {
		body = binary.AppendUvarint(body, e.intern(p.name))
		body = append(body, p.kind)
		move(p.at)
		body = binary.AppendUvarint(body, uint64(p.node))
	}
	return append(e.appendHeader([]byte("MWMR")), body...)
}
