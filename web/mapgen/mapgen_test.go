package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/paulmach/osm"
)

// decoded is a layer as a reader of the format gets it.
type decoded struct {
	kind     kind
	features []decodedFeature
}

type decodedFeature struct {
	name  string
	attrs []uint64
	parts [][]vertex
}

// decodeMap reads the format by its documentation, independently of the encoder.
func decodeMap(t *testing.T, data []byte) (map[string]decoded, []string) {
	t.Helper()
	if string(data[:5]) != "MWMM\x01" {
		t.Fatalf("it begins with %q", data[:5])
	}
	data = data[5:]
	uint := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			t.Fatal("cut off")
		}
		data = data[n:]
		return v
	}
	int := func() int64 {
		v := uint()
		return int64(v>>1) ^ -int64(v&1)
	}
	texts := make([]string, uint())
	for i := range texts {
		n := uint()
		texts[i], data = string(data[:n]), data[n:]
	}
	out := map[string]decoded{}
	for range uint() {
		name := texts[uint()]
		l := decoded{kind: kind(data[0])}
		data = data[1:]
		scale := math.Exp2(float64(uint()))
		attrs, count := uint(), uint()
		var x, y int64
		for range count {
			f := decodedFeature{name: texts[uint()]}
			for range attrs {
				f.attrs = append(f.attrs, uint())
			}
			parts := uint64(1)
			if l.kind == areas {
				parts = uint()
			}
			for range parts {
				n := uint64(1)
				if l.kind != points {
					n = uint()
				}
				var part []vertex
				for range n {
					x, y = x+int(), y+int()
					part = append(part, vertex{float64(x) / scale, float64(y) / scale})
				}
				f.parts = append(f.parts, part)
			}
			l.features = append(l.features, f)
		}
		out[name] = l
	}
	if len(data) > 0 {
		t.Fatalf("%d bytes left", len(data))
	}
	return out, texts
}

func TestEncodeMapRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ring := func(n int) []vertex {
		out := make([]vertex, n)
		for i := range out {
			out[i] = vertex{random.Float64()*1.2 - 0.1, random.Float64()}
		}
		return out
	}
	in := []layer{
		{name: "lake", kind: areas, bits: 25, features: []feature{
			{name: "Estany", parts: [][]vertex{ring(40), ring(5)}}, {parts: [][]vertex{ring(3)}},
		}},
		{name: "road", kind: lines, bits: 25, attrs: 2, features: []feature{
			{name: "Estany", attrs: []attr{text("CG-1"), number(3)}, parts: [][]vertex{ring(9)}},
		}},
		{name: "peak", kind: points, bits: 27, attrs: 1, features: []feature{
			{name: "Pic", attrs: []attr{number(2942)}, parts: [][]vertex{ring(1)}},
		}},
	}
	got, texts := decodeMap(t, encodeMap(in))
	for _, l := range in {
		d := got[l.name]
		if d.kind != l.kind || len(d.features) != len(l.features) {
			t.Fatalf("%s: kind %d, %d features", l.name, d.kind, len(d.features))
		}
		for i, f := range l.features {
			checkFeature(t, l, f, d.features[i], texts)
		}
	}
}

func checkFeature(t *testing.T, l layer, want feature, got decodedFeature, texts []string) {
	t.Helper()
	if got.name != want.name || len(got.parts) != len(want.parts) {
		t.Fatalf("%s: %q with %d parts, want %q with %d", l.name, got.name, len(got.parts), want.name, len(want.parts))
	}
	for i, a := range want.attrs {
		if a.isText && texts[got.attrs[i]] != a.text || !a.isText && got.attrs[i] != a.number {
			t.Errorf("%s: attribute %d is %d", l.name, i, got.attrs[i])
		}
	}
	half := 0.5000001 / math.Exp2(float64(l.bits))
	for p := range want.parts {
		for i, v := range want.parts[p] {
			g := got.parts[p][i]
			if math.Abs(g.x-v.x) > half || math.Abs(g.y-v.y) > half {
				t.Errorf("%s: vertex %v became %v", l.name, v, g)
			}
		}
	}
}

func TestSimplifyStaysWithinTolerance(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	line := []vertex{{}}
	for range 500 {
		last := line[len(line)-1]
		line = append(line, vertex{last.x + random.Float64()*1e-5, last.y + random.NormFloat64()*3e-6})
	}
	const tolerance = 5e-6
	short := simplify(line, tolerance)
	if len(short) >= len(line) || short[0] != line[0] || short[len(short)-1] != line[len(line)-1] {
		t.Fatalf("%d of %d vertices, from %v to %v", len(short), len(line), short[0], short[len(short)-1])
	}
	for _, v := range line {
		nearest := math.Inf(1)
		for i := 1; i < len(short); i++ {
			nearest = min(nearest, distance(v, short[i-1], short[i]))
		}
		if nearest > tolerance {
			t.Errorf("%v is %g off", v, nearest)
		}
	}
}

func TestUnwrap(t *testing.T) {
	across := unwrap([][2]float64{{170, 10}, {-170, 10}, {-170, 0}, {170, 0}, {170, 10}}, true)
	if b := boundsOf(across); b.x1 <= 1 || b.x1-b.x0 > 0.1 {
		t.Errorf("a ring across the antimeridian covers %+v", b)
	}
	var polar [][2]float64
	for lng := -180.0; lng <= 180; lng += 10 {
		polar = append(polar, [2]float64{lng, -70})
	}
	if b := boundsOf(unwrap(polar, true)); b.y1 <= 1 {
		t.Errorf("a ring around the pole covers %+v: the pole is missing", b)
	}
}

func TestChain(t *testing.T) {
	a, b, c, d := vertex{0, 0}, vertex{1, 0}, vertex{2, 0}, vertex{1, 1}
	if got := chain([][]vertex{{c, b}, {a, b}}); len(got) != 1 || len(got[0]) != 3 {
		t.Errorf("two pieces became %v", got)
	}
	if got := chain([][]vertex{{a, b}, {b, c}, {b, d}}); len(got) != 3 {
		t.Errorf("three that meet became %v", got)
	}
	ring := chain([][]vertex{{a, b}, {d, a}, {b, d}})
	if len(ring) != 1 || ring[0][0] != ring[0][len(ring[0])-1] {
		t.Errorf("a ring of three became %v", ring)
	}
}

func TestCut(t *testing.T) {
	square := []vertex{{0, 0}, {10, 0}, {10, 10}, {0, 10}}
	line := []vertex{{-5, 5}, {-1, 5}, {5, 5}, {11, 5}, {15, 5}, {15, 2}, {5, 2}}
	got := cut(line, square)
	want := [][]vertex{line[1:4], line[5:7]}
	if len(got) != 2 || !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
		t.Errorf("cut to %v, want %v", got, want)
	}
}

func TestLabelAnchorLiesInside(t *testing.T) {
	horseshoe := []vertex{{0, 0}, {10, 0}, {10, 10}, {8, 10}, {8, 2}, {2, 2}, {2, 10}, {0, 10}}
	if at, _ := labelAnchor(horseshoe); !inside(horseshoe, at) {
		t.Errorf("%v lies outside", at)
	}
}

func TestRoadNumber(t *testing.T) {
	for ref, want := range map[string]string{
		"CG-1": "CG-1", "CG3i4": "CG-3i4", "CS 111": "CS-111", "CG3i4; CG-3": "CG-3i4",
		"FIXME": "", "fixme": "", "GR-11": "", "N-145": "N-145", "": "",
	} {
		if got := roadNumber(osm.Tags{{Key: "ref", Value: ref}}); got != want {
			t.Errorf("%q became %q, want %q", ref, got, want)
		}
	}
}

func TestParseCitiesRefusesDamage(t *testing.T) {
	for _, data := range [][]byte{{0xff}, {5, 1}, {2, 0x12, 9}, {2, 0x0d, 1}} {
		if _, err := parseCities(data); err == nil {
			t.Errorf("% x: no error", data)
		}
	}
}

// The committed files must be what the page expects.
func TestCommittedFiles(t *testing.T) {
	for file, layers := range map[string]map[string]int{
		"world.bin":   {"land": 1000, "land.low": 100, "border": 300, "lake": 200, "river": 400, "country": 200, "city": 3000},
		"andorra.bin": {"road.primary": 200, "road.street": 500, "building": 2500, "forest": 100, "peak": 100, "boundary": 1},
	} {
		data, err := os.ReadFile(filepath.Join("..", "map", file))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := decodeMap(t, data)
		for name, least := range layers {
			if n := len(got[name].features); n < least {
				t.Errorf("%s: layer %s has %d features, want at least %d", file, name, n, least)
			}
		}
	}
}
