package main

import (
	"bytes"
	"compress/bzip2"
	"context"
	"fmt"

	"github.com/paulmach/osm"
	"github.com/paulmach/osm/osmxml"
)

// extract is an OpenStreetMap extract in memory.
type extract struct {
	nodes     []*osm.Node // with tags
	at        map[osm.NodeID]position
	ways      []*osm.Way
	wayByID   map[osm.WayID]*osm.Way
	relations []*osm.Relation
}

type position struct{ lat, lng float64 }

func (p position) mercator() vertex { return mercator(p.lng, p.lat) }

func readExtract(path string) (*extract, error) {
	data, err := readInput(path)
	if err != nil {
		return nil, err
	}
	x := &extract{at: map[osm.NodeID]position{}, wayByID: map[osm.WayID]*osm.Way{}}
	scanner := osmxml.New(context.Background(), bzip2.NewReader(bytes.NewReader(data)))
	defer scanner.Close()
	for scanner.Scan() {
		switch o := scanner.Object().(type) {
		case *osm.Node:
			x.at[o.ID] = position{o.Lat, o.Lon}
			if len(o.Tags) > 0 {
				x.nodes = append(x.nodes, o)
			}
		case *osm.Way:
			x.ways = append(x.ways, o)
			x.wayByID[o.ID] = o
		case *osm.Relation:
			x.relations = append(x.relations, o)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

// line is a way's geometry; nodes that the extract lacks are left out.
func (x *extract) line(w *osm.Way) []vertex {
	out := make([]vertex, 0, len(w.Nodes))
	for _, n := range w.Nodes {
		if p, ok := x.at[n.ID]; ok {
			out = append(out, p.mercator())
		}
	}
	return out
}

// rings joins the member ways of a relation with one of the roles to closed rings.
// What does not close, because the extract lacks a part of it, is left out.
func (x *extract) rings(r *osm.Relation, roles ...string) [][]vertex {
	var pieces [][]vertex
	for _, m := range r.Members {
		w := x.wayByID[osm.WayID(m.Ref)]
		if m.Type != osm.TypeWay || w == nil {
			continue
		}
		for _, role := range roles {
			if m.Role == role {
				pieces = append(pieces, x.line(w))
			}
		}
	}
	var out [][]vertex
	for _, p := range chain(pieces) {
		if len(p) > 3 && p[0] == p[len(p)-1] {
			out = append(out, p[:len(p)-1])
		}
	}
	return out
}

// outline is the largest ring of the boundary relation of that name and level.
func (x *extract) outline(name, level string) ([]vertex, error) {
	for _, r := range x.relations {
		if r.Tags.Find("name") != name || r.Tags.Find("admin_level") != level {
			continue
		}
		if rings := x.rings(r, "outer", ""); len(rings) > 0 {
			return rings[0], nil
		}
	}
	return nil, fmt.Errorf("the extract has no closed boundary of %s", name)
}

// chain joins lines that meet end to end, as far as exactly those two do: where three
// meet, all three end. The direction of lines may change.
func chain(pieces [][]vertex) [][]vertex {
	ends := map[vertex][]int{}
	for i, p := range pieces {
		if len(p) > 1 {
			ends[p[0]] = append(ends[p[0]], i)
			ends[p[len(p)-1]] = append(ends[p[len(p)-1]], i)
		}
	}
	used := make([]bool, len(pieces))
	var out [][]vertex
	for i, p := range pieces {
		if used[i] || len(p) < 2 {
			continue
		}
		used[i] = true
		line := extend(append([]vertex(nil), p...), pieces, ends, used)
		reverse(line)
		out = append(out, extend(line, pieces, ends, used))
	}
	return out
}

// extend appends to a line the pieces that go on from its end.
func extend(line []vertex, pieces [][]vertex, ends map[vertex][]int, used []bool) []vertex {
	for {
		end := line[len(line)-1]
		next := -1
		if at := ends[end]; len(at) == 2 {
			for _, i := range at {
				if !used[i] {
					next = i
				}
			}
		}
		if next < 0 {
			return line
		}
		used[next] = true
		piece := append([]vertex(nil), pieces[next]...)
		if piece[0] != end {
			reverse(piece)
		}
		line = append(line, piece[1:]...)
	}
}

func reverse(p []vertex) {
	for i, j := 0, len(p)-1; i < j; i, j = i+1, j-1 {
		p[i], p[j] = p[j], p[i]
	}
}
