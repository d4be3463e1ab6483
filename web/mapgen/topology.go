package main

import (
	"encoding/json"
	"fmt"
)

// topology is a TopoJSON file: geometries made of shared arcs.
type topology struct {
	Transform struct {
		Scale, Translate [2]float64
	}
	Objects map[string]struct{ Geometries []geometry }
	Arcs    [][][2]float64
}

type geometry struct {
	Type       string
	ID         string
	Arcs       json.RawMessage
	Properties struct{ Name string }
}

// parseTopology reads TopoJSON and undoes its quantization: arcs become degrees.
func parseTopology(data []byte) (*topology, error) {
	var t topology
	if err := json.Unmarshal(data, &t); err != nil {
		return nil, fmt.Errorf("TopoJSON: %w", err)
	}
	for _, arc := range t.Arcs {
		x, y := 0.0, 0.0
		for i, d := range arc {
			x, y = x+d[0], y+d[1]
			arc[i] = [2]float64{
				x*t.Transform.Scale[0] + t.Transform.Translate[0],
				y*t.Transform.Scale[1] + t.Transform.Translate[1],
			}
		}
	}
	return &t, nil
}

// polygons are the arc numbers of a geometry's polygons: polygon, ring, arc.
func (g geometry) polygons() ([][][]int, error) {
	switch g.Type {
	case "Polygon":
		var one [][]int
		err := json.Unmarshal(g.Arcs, &one)
		return [][][]int{one}, err
	case "MultiPolygon":
		var all [][][]int
		err := json.Unmarshal(g.Arcs, &all)
		return all, err
	}
	return nil, nil
}

// lines are the arc numbers of a geometry's lines: line, arc.
func (g geometry) lines() ([][]int, error) {
	switch g.Type {
	case "LineString":
		var one []int
		err := json.Unmarshal(g.Arcs, &one)
		return [][]int{one}, err
	case "MultiLineString":
		var all [][]int
		err := json.Unmarshal(g.Arcs, &all)
		return all, err
	}
	return nil, nil
}

// stitch joins arcs to one line in degrees; ^n is arc n backwards.
func (t *topology) stitch(arcs []int) [][2]float64 {
	var out [][2]float64
	for _, n := range arcs {
		arc := t.Arcs[max(n, ^n)]
		for i := range arc {
			p := arc[i]
			if n < 0 {
				p = arc[len(arc)-1-i]
			}
			if i == 0 && len(out) > 0 {
				continue // the end of the arc before
			}
			out = append(out, p)
		}
	}
	return out
}

// unwrap projects a line in degrees. Where it jumps across the antimeridian it goes
// on beyond the map's edge instead. A ring that ends a world away from its start
// winds around a pole: it is closed beyond the map's upper or lower edge.
func unwrap(p [][2]float64, ring bool) []vertex {
	out := make([]vertex, 0, len(p)+2)
	offset := 0.0
	for i, c := range p {
		if i > 0 && c[0]-p[i-1][0] > 180 {
			offset -= 360
		} else if i > 0 && p[i-1][0]-c[0] > 180 {
			offset += 360
		}
		out = append(out, mercator(c[0]+offset, c[1]))
	}
	first, last := out[0], out[len(out)-1]
	if ring && max(last.x-first.x, first.x-last.x) > 0.5 {
		pole := -0.01
		if first.y > 0.5 {
			pole = 1.01
		}
		out = append(out, vertex{last.x, pole}, vertex{first.x, pole})
	}
	return out
}
