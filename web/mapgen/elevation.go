package main

import (
	"log"
	"math"

	"github.com/paulmach/osm"
)

// knownElevations are rounded elevations of places, in metres, that the extract names
// without one: common knowledge, on every map of the country.
var knownElevations = map[string]float64{
	"Sant Julià de Lòria": 908, "Les Escaldes": 1050, "Encamp": 1240, "Canillo": 1530,
	"La Massana": 1240, "Ordino": 1300, "Soldeu": 1830, "el Tarter": 1710, "Arinsal": 1470,
	"Pal": 1550, "el Serrat": 1540, "Llorts": 1410, "la Cortinada": 1330, "Grau Roig": 2110,
	"Fontaneda": 1330, "Bixessarri": 1160, "Juberri": 1310, "Engolasters": 1500,
	"les Bordes d'Envalira": 1960, "Vila": 1300, "Sispony": 1320, "Meritxell": 1520,
	"Aixirivall": 1080, "Certers": 1310, "la Margineda": 960,
}

// anchorElevations are the nodes of roads whose elevation is known: those next to a
// pass or a settlement. Peaks are no use, roads keep away from them.
func anchorElevations(x *extract, ways []*osm.Way) map[osm.NodeID]float64 {
	out := map[osm.NodeID]float64{}
	for _, n := range x.nodes {
		ele, reach := float64(wholeNumber(n.Tags.Find("ele"))), 400.0
		switch {
		case n.Tags.Find("place") != "":
			if known, ok := knownElevations[n.Tags.Find("name")]; ok {
				ele = known
			}
		case n.Tags.Find("natural") == "saddle" || n.Tags.Find("mountain_pass") == "yes":
			reach = 100
		default:
			continue
		}
		if id, d := nearestRoadNode(x, ways, position{n.Lat, n.Lon}); ele > 0 && d < reach {
			out[id] = ele
		}
	}
	return out
}

func nearestRoadNode(x *extract, ways []*osm.Way, at position) (osm.NodeID, float64) {
	best, nearest := osm.NodeID(0), math.Inf(1)
	for _, w := range ways {
		for _, n := range w.Nodes {
			if p, ok := x.at[n.ID]; ok {
				if d := between(at, p); d < nearest {
					best, nearest = n.ID, d
				}
			}
		}
	}
	return best, nearest
}

// The steepest gradient left in the graph. Roads in the Pyrenees reach 12 % and a
// little more.
const steepest = 0.12

// raise gives every node an elevation: between the anchors it is interpolated along
// the roads, so that each node's is the mean of its neighbours', the nearer the
// heavier (a harmonic function, by successive over-relaxation). Roads without an
// anchor at their end stay level.
func (g *roadGraph) raise(anchors map[osm.NodeID]float64) {
	fixed := make([]bool, len(g.nodes))
	for i := range g.nodes {
		g.nodes[i].ele, fixed[i] = 1000, false
		if ele, ok := anchors[g.nodes[i].id]; ok {
			g.nodes[i].ele, fixed[i] = ele, true
		}
	}
	type link struct {
		to     int
		weight float64
	}
	links := make([][]link, len(g.nodes))
	for _, s := range g.segments {
		w := 1 / max(s.length, 1)
		links[s.from] = append(links[s.from], link{s.to, w})
		links[s.to] = append(links[s.to], link{s.from, w})
	}
	const relaxation = 1.95
	for range 5000 {
		for i := range g.nodes {
			if fixed[i] {
				continue
			}
			sum, weight := 0.0, 0.0
			for _, l := range links[i] {
				sum += g.nodes[l.to].ele * l.weight
				weight += l.weight
			}
			g.nodes[i].ele += relaxation * (sum/weight - g.nodes[i].ele)
		}
	}
	g.flatten()
}

// flatten takes off what is steeper than any road: each such segment's ends move
// towards each other, anchors too, for some lie a little off the road they were tied to.
func (g *roadGraph) flatten() {
	worst := 0.0
	for range 2000 {
		worst = 0
		for _, s := range g.segments {
			a, b := &g.nodes[s.from].ele, &g.nodes[s.to].ele
			rise, most := *b-*a, steepest*max(s.length, 1)
			worst = max(worst, math.Abs(rise)/max(s.length, 1))
			if excess := math.Abs(rise) - most; excess > 0 {
				shift := math.Copysign(excess/2, rise)
				*a, *b = *a+shift, *b-shift
			}
		}
		if worst <= steepest {
			break
		}
	}
	log.Printf("roads: %d nodes, %d segments, steepest %.1f %%", len(g.nodes), len(g.segments), worst*100)
}
