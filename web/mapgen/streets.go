package main

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/paulmach/osm"
)

// streetBits is the grid of the street map: 0.9 m at Andorra. Buildings get a finer
// one, or their corners would not stay square.
const (
	streetBits   = 25
	buildingBits = 27
)

// A rule puts what has one of the values of a tag on a layer; "*" is any value.
type rule struct {
	layer, key string
	values     []string
}

func (r rule) matches(t osm.Tags) bool {
	v := t.Find(r.key)
	return v != "" && v != "no" && (r.values[0] == "*" || slices.Contains(r.values, v))
}

// classify is the layer of the first rule that matches, or "".
func classify(rules []rule, t osm.Tags) string {
	for _, r := range rules {
		if r.matches(t) {
			return r.layer
		}
	}
	return ""
}

var areaRules = []rule{
	{"building", "building", []string{"*"}},
	{"water", "natural", []string{"water"}},
	{"water", "waterway", []string{"riverbank"}},
	{"water", "landuse", []string{"reservoir", "basin"}},
	{"water", "leisure", []string{"swimming_pool"}},
	{"pitch", "leisure", []string{"pitch", "track", "stadium", "sports_centre"}},
	{"park", "leisure", []string{"park", "garden", "playground", "golf_course"}},
	{"park", "landuse", []string{"cemetery", "recreation_ground", "village_green"}},
	{"forest", "landuse", []string{"forest"}},
	{"forest", "natural", []string{"wood"}},
	{"grass", "natural", []string{"grassland", "heath", "scrub", "wetland"}},
	{"grass", "landuse", []string{"meadow", "grass", "farmland", "orchard", "vineyard", "farmyard"}},
	{"rock", "natural", []string{"scree", "bare_rock", "glacier"}},
	{"parking", "amenity", []string{"parking"}},
	{"built", "landuse", []string{"residential", "commercial", "retail", "industrial", "construction"}},
	{"square", "highway", []string{"pedestrian"}},
}

var lineRules = []rule{
	{"river", "waterway", []string{"river", "canal"}},
	{"stream", "waterway", []string{"stream", "ditch", "drain"}},
	{"cliff", "natural", []string{"cliff"}},
	{"lift", "aerialway", []string{"chair_lift", "gondola", "cable_car", "drag_lift", "platter", "magic_carpet", "mixed_lift"}},
}

var roadRules = []rule{
	{"road.primary", "highway", []string{"trunk", "trunk_link", "primary", "primary_link"}},
	{"road.secondary", "highway", []string{"secondary", "secondary_link"}},
	{"road.tertiary", "highway", []string{"tertiary", "tertiary_link"}},
	{"road.street", "highway", []string{"residential", "unclassified", "living_street"}},
	{"road.service", "highway", []string{"service"}},
	{"road.pedestrian", "highway", []string{"pedestrian"}},
	{"road.track", "highway", []string{"track"}},
	{"road.path", "highway", []string{"path", "footway", "steps", "bridleway", "cycleway"}},
}

var pointRules = []rule{
	{"place.town", "place", []string{"city", "town"}},
	{"place.village", "place", []string{"village"}},
	{"place.hamlet", "place", []string{"hamlet", "suburb", "neighbourhood"}},
	{"place.locality", "place", []string{"locality"}},
	{"peak", "natural", []string{"peak"}},
	{"pass", "natural", []string{"saddle"}},
}

// tolerances of simplification by layer, in metres; 1 where none is given.
var tolerances = map[string]float64{
	"building": 0.3, "forest": 3, "rock": 3, "grass": 2.5, "built": 2.5, "water": 1.5,
	"stream": 2, "river": 1.5, "cliff": 2, "boundary": 4, "parish": 4, "road.path": 1.8, "road.track": 1.5,
}

func tolerance(layer string) float64 {
	if t, ok := tolerances[layer]; ok {
		return t * metre
	}
	return metre
}

// streetLayers cuts the street map.
func streetLayers(x *extract, outline []vertex) []layer {
	out := areaLayers(x)
	out = append(out, lineLayers(x)...)
	out = append(out, boundaryLayers(x, outline)...)
	out = append(out, roadLayers(x)...)
	for i := range out {
		out[i].within(outline)
	}
	return append(out, pointLayers(x)...)
}

// within leaves out what lies beyond the country: the extract has patches of the
// neighbours. Lines are cut at the border, roads a piece after it; areas that only
// reach over it stay whole.
func (l *layer) within(outline []vertex) {
	if l.name == "boundary" {
		return
	}
	var kept []feature
	for _, f := range l.features {
		switch {
		case !f.touches(outline):
		case l.kind == lines && !strings.HasPrefix(l.name, "road."):
			for _, piece := range cut(f.parts[0], outline) {
				kept = append(kept, feature{name: f.name, attrs: f.attrs, parts: [][]vertex{piece}})
			}
		default:
			kept = append(kept, f)
		}
	}
	l.features = kept
}

func areaLayers(x *extract) []layer {
	byLayer := map[string][]feature{}
	var lakes []feature
	add := func(t osm.Tags, rings [][]vertex) {
		name := classify(areaRules, t)
		if name == "" || len(rings) == 0 {
			return
		}
		f := feature{}
		for _, r := range rings {
			f.parts = append(f.parts, simplifyRing(r, tolerance(name)))
		}
		byLayer[name] = append(byLayer[name], f)
		if label := t.Find("name"); name == "water" && label != "" {
			lakes = append(lakes, lakeLabel(label, f.parts[0]))
		}
	}
	inRelation := map[osm.WayID]bool{}
	for _, r := range x.relations {
		if r.Tags.Find("type") != "multipolygon" {
			continue
		}
		outer, inner := x.rings(r, "outer", ""), x.rings(r, "inner")
		add(r.Tags, append(outer, inner...))
		for _, m := range r.Members {
			if m.Role == "outer" && len(outer) > 0 {
				inRelation[osm.WayID(m.Ref)] = true
			}
		}
	}
	for _, w := range x.ways {
		if ring := x.line(w); isArea(w, ring) && !inRelation[w.ID] {
			add(w.Tags, [][]vertex{ring[:len(ring)-1]})
		}
	}
	var out []layer
	for _, name := range layerNames(areaRules) {
		l := layer{name: name, kind: areas, bits: streetBits, features: byLayer[name]}
		if name == "building" {
			l.bits = buildingBits
		}
		sortSpatially(l.features)
		out = append(out, l)
	}
	slices.SortStableFunc(lakes, func(a, b feature) int {
		return cmp.Compare(b.attrs[0].number, a.attrs[0].number)
	})
	return append(out, layer{name: "lakename", kind: points, bits: streetBits, attrs: 1, features: lakes})
}

// isArea tells closed lines from areas: a roundabout or a closed street is no square
// unless it says so.
func isArea(w *osm.Way, ring []vertex) bool {
	if len(ring) < 4 || ring[0] != ring[len(ring)-1] {
		return false
	}
	return w.Tags.Find("highway") == "" || w.Tags.Find("area") == "yes"
}

func lakeLabel(name string, ring []vertex) feature {
	at, _ := labelAnchor(ring)
	area := math.Abs(ringArea(ring)) * 1e12
	return feature{name: name, attrs: []attr{number(int(area))}, parts: [][]vertex{{at}}}
}

func lineLayers(x *extract) []layer {
	return chained(x, lineRules, 0, func(t osm.Tags) feature {
		return feature{name: t.Find("name")}
	})
}

func roadLayers(x *extract) []layer {
	return chained(x, roadRules, 2, func(t osm.Tags) feature {
		return feature{name: t.Find("name"), attrs: []attr{text(roadNumber(t)), number(roadFlags(t))}}
	})
}

// chained puts the ways that the rules match on their layers; ways that say the same
// and meet become one line, so that a name has room along it.
func chained(x *extract, rules []rule, attrs int, describe func(osm.Tags) feature) []layer {
	type key struct {
		layer, name string
		a, b        attr
	}
	pieces := map[key][][]vertex{}
	var order []key
	for _, w := range x.ways {
		name := classify(rules, w.Tags)
		if name == "" || skipped(w) {
			continue
		}
		f := describe(w.Tags)
		k := key{layer: name, name: f.name}
		if attrs == 2 {
			k.a, k.b = f.attrs[0], f.attrs[1]
		}
		if pieces[k] == nil {
			order = append(order, k)
		}
		pieces[k] = append(pieces[k], x.line(w))
	}
	byLayer := map[string][]feature{}
	for _, k := range order {
		for _, line := range chain(pieces[k]) {
			f := feature{name: k.name, parts: [][]vertex{simplify(line, tolerance(k.layer))}}
			if attrs == 2 {
				f.attrs = []attr{k.a, k.b}
			}
			byLayer[k.layer] = append(byLayer[k.layer], f)
		}
	}
	var out []layer
	for _, name := range layerNames(rules) {
		l := layer{name: name, kind: lines, bits: streetBits, attrs: attrs, features: byLayer[name]}
		sortSpatially(l.features)
		out = append(out, l)
	}
	return out
}

// skipped are ways no map of streets shows: what is under ground but carries no
// traffic, aisles of car parks, squares (areas), and what is only planned.
func skipped(w *osm.Way) bool {
	t := w.Tags
	switch {
	case t.Find("area") == "yes", t.Find("service") == "parking_aisle":
		return true
	case t.Find("waterway") != "" && t.Find("tunnel") != "":
		return true
	}
	return false
}

// roadNumber is the number to show on a shield. Mappers write "CG3i4", "CG-3i4" and
// "FIXME" too; "GR-11" is a hiking trail.
func roadNumber(t osm.Tags) string {
	ref, _, _ := strings.Cut(t.Find("ref"), ";")
	ref = strings.TrimSpace(strings.ReplaceAll(ref, " ", "-"))
	if strings.EqualFold(ref, "fixme") || strings.HasPrefix(ref, "GR") {
		return ""
	}
	if len(ref) > 2 && ref[2] != '-' && (strings.HasPrefix(ref, "CG") || strings.HasPrefix(ref, "CS")) {
		ref = ref[:2] + "-" + ref[2:]
	}
	return ref
}

func roadFlags(t osm.Tags) int {
	flags := 0
	if b := t.Find("bridge"); b != "" && b != "no" {
		flags |= 1
	}
	if u := t.Find("tunnel"); u != "" && u != "no" {
		flags |= 2
	}
	if strings.HasSuffix(t.Find("highway"), "_link") {
		flags |= 4
	}
	return flags
}

// boundaryLayers are the country's outline and the borders of its parishes
// (admin_level 7), each way once.
func boundaryLayers(x *extract, outline []vertex) []layer {
	parish := layer{name: "parish", kind: lines, bits: streetBits}
	seen := map[osm.WayID]bool{}
	var pieces [][]vertex
	for _, r := range x.relations {
		if r.Tags.Find("boundary") != "administrative" || r.Tags.Find("admin_level") != "7" {
			continue
		}
		for _, m := range r.Members {
			w := x.wayByID[osm.WayID(m.Ref)]
			if m.Type != osm.TypeWay || w == nil || seen[w.ID] || w.Tags.Find("admin_level") != "7" {
				continue
			}
			seen[w.ID] = true
			pieces = append(pieces, x.line(w))
		}
	}
	for _, line := range chain(pieces) {
		parish.features = append(parish.features, feature{parts: [][]vertex{simplify(line, tolerance("parish"))}})
	}
	ring := simplifyRing(outline, tolerance("boundary"))
	return []layer{parish, {name: "boundary", kind: areas, bits: streetBits, features: []feature{{parts: [][]vertex{ring}}}}}
}

func pointLayers(x *extract) []layer {
	byLayer := map[string][]feature{}
	for _, n := range x.nodes {
		name, label := classify(pointRules, n.Tags), n.Tags.Find("name")
		if name == "" || label == "" {
			continue
		}
		value := wholeNumber(n.Tags.Find("population"))
		if name == "peak" || name == "pass" {
			value = wholeNumber(n.Tags.Find("ele"))
		}
		byLayer[name] = append(byLayer[name], feature{
			name: label, attrs: []attr{number(value)}, parts: [][]vertex{{mercator(n.Lon, n.Lat)}},
		})
	}
	var out []layer
	for _, name := range layerNames(pointRules) {
		l := layer{name: name, kind: points, bits: streetBits, attrs: 1, features: byLayer[name]}
		slices.SortStableFunc(l.features, func(a, b feature) int {
			return cmp.Compare(b.attrs[0].number, a.attrs[0].number)
		})
		out = append(out, l)
	}
	return out
}

// wholeNumber reads a number as mappers write it ("2556", "2161.7", "972m"); 0 when
// there is none.
func wholeNumber(s string) int {
	f, err := strconv.ParseFloat(strings.TrimRight(s, " m"), 64)
	if err != nil {
		return 0
	}
	return int(math.Round(f))
}

// layerNames are the layers of rules, each once, in order.
func layerNames(rules []rule) []string {
	var out []string
	for _, r := range rules {
		if !slices.Contains(out, r.layer) {
			out = append(out, r.layer)
		}
	}
	return out
}
