package roads

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The next test proves it for all; this one drives a sample of the pairs.
func TestPlacesReachEachOther(t *testing.T) {
	g := Andorra()
	places := g.Places()
	if len(places) < 60 {
		t.Fatalf("%d places", len(places))
	}
	for i, a := range places {
		for _, b := range places[i%7 : min(len(places), i%7+12)] {
			r, err := g.Route(a.Node, b.Node)
			if err != nil {
				t.Fatalf("%s → %s: %v", a.Name, b.Name, err)
			}
			if straight := g.apart(a.Node, b.Node); r.Length() < straight-1 {
				t.Fatalf("%s → %s: %.0f m, shorter than the straight line of %.0f m", a.Name, b.Name, r.Length(), straight)
			}
		}
	}
}

func (g *Graph) apart(a, b Node) float64 {
	m, n := g.nodes[a], g.nodes[b]
	return math.Hypot(float64(m.x-n.x), float64(m.y-n.y))
}

// Nodes that lead nowhere would strand a driver that picks them as an address.
func TestEveryNodeReachesEveryOther(t *testing.T) {
	g := Andorra()
	forth, back := make([][]Node, g.Nodes()), make([][]Node, g.Nodes())
	for _, e := range g.edges {
		forth[e.from], back[e.to] = append(forth[e.from], e.to), append(back[e.to], e.from)
	}
	for name, next := range map[string][][]Node{"from": forth, "to": back} {
		seen := make([]bool, g.Nodes())
		seen[0] = true
		queue := []Node{0}
		for len(queue) > 0 {
			n := queue[0]
			queue = queue[1:]
			for _, m := range next[n] {
				if !seen[m] {
					seen[m] = true
					queue = append(queue, m)
				}
			}
		}
		for n, ok := range seen {
			if !ok {
				t.Fatalf("no way %s node 0 and node %d", name, n)
			}
		}
	}
}

func TestRouteIsContinuous(t *testing.T) {
	g := Andorra()
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		from, to := Node(random.IntN(g.Nodes())), Node(random.IntN(g.Nodes()))
		if from == to {
			continue
		}
		r, err := g.Route(from, to)
		if err != nil {
			t.Fatal(err)
		}
		var before Point
		n := 0
		for i, p := range r.All {
			if i != n {
				t.Fatalf("point %d came as number %d", i, n)
			}
			if at := r.At(i); at != p {
				t.Fatalf("point %d is %+v and %+v", i, at, p)
			}
			if i > 0 {
				step := math.Hypot((p.Lng-before.Lng)*g.metresPerLng, (p.Lat-before.Lat)*metresPerLat)
				if step > 25.2 || math.Abs(p.Elevation-before.Elevation) > 0.13*step+0.5 {
					t.Fatalf("from %+v to %+v: %.1f m", before, p, step)
				}
			}
			if p.Limit <= 0 || p.Limit > MaxSpeed || p.Curve < minSpeed || p.Curve > MaxSpeed+1e-3 || p.Class.String() == "" {
				t.Fatalf("point %d: %+v", i, p)
			}
			before = p
			n++
		}
		if n != r.Len() {
			t.Fatalf("%d points of %d", n, r.Len())
		}
		lat, lng := g.Position(to)
		if math.Abs(before.Lat-lat) > 1e-6 || math.Abs(before.Lng-lng) > 1e-6 {
			t.Fatalf("the route ends at %+v, not at %f %f", before, lat, lng)
		}
	}
}

// The heuristic must not cost the optimum: A* finds what Dijkstra's algorithm finds.
func TestRouteIsTheFastest(t *testing.T) {
	g := Andorra()
	random := rand.New(rand.NewPCG(1, 1))
	for range 5 {
		from := Node(random.IntN(g.Nodes()))
		want := g.bellmanFord(from)
		for range 40 {
			to := Node(random.IntN(g.Nodes()))
			edges, ok := g.search(from, to, nil)
			if !ok {
				t.Fatalf("no way from %d to %d", from, to)
			}
			cost := 0.0
			for _, e := range edges {
				cost += float64(g.edges[e].cost)
			}
			if math.Abs(cost-want[to]) > 0.01+want[to]*1e-4 {
				t.Fatalf("%d → %d costs %.3f s, %.3f s is possible", from, to, cost, want[to])
			}
		}
	}
}

func (g *Graph) bellmanFord(from Node) []float64 {
	cost := make([]float64, g.Nodes())
	for i := range cost {
		cost[i] = math.Inf(1)
	}
	cost[from] = 0
	for changed := true; changed; {
		changed = false
		for _, e := range g.edges {
			if c := cost[e.from] + float64(e.cost); c < cost[e.to]-1e-9 {
				cost[e.to], changed = c, true
			}
		}
	}
	return cost
}

func TestRouteKeepsToOneWayStreets(t *testing.T) {
	g := square(segmentOneWay)
	r, err := g.Route(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.edges) != 3 {
		t.Errorf("%d edges against a one-way street, want the way round, 3", len(r.edges))
	}
}

func TestRouteRefuses(t *testing.T) {
	g := Andorra()
	for _, c := range []struct{ from, to Node }{{-1, 0}, {0, -1}, {0, Node(g.Nodes())}} {
		if _, err := g.Route(c.from, c.to); err == nil {
			t.Errorf("%d → %d: no error", c.from, c.to)
		}
	}
	apart := build([]rawNode{{}, {at: position{lat: 1000}}}, nil, nil)
	if _, err := apart.Route(0, 1); err == nil {
		t.Error("a route where no road leads")
	}
}

func TestRouteToItself(t *testing.T) {
	r, err := Andorra().Route(4, 4)
	if err != nil || r.Len() != 1 || r.Length() != 0 {
		t.Errorf("%d points, %f m, %v", r.Len(), r.Length(), err)
	}
}

func TestNearest(t *testing.T) {
	g := Andorra()
	for _, n := range []Node{0, 100, Node(g.Nodes() - 1)} {
		lat, lng := g.Position(n)
		if got := g.Nearest(lat, lng); g.apart(got, n) > 0.5 {
			t.Errorf("nearest to node %d is %d", n, got)
		}
	}
	if got := (&Graph{}).Nearest(0, 0); got != -1 {
		t.Errorf("nearest in an empty graph is %d", got)
	}
}

func TestLoadsFast(t *testing.T) {
	best := time.Hour
	for range 20 { // others may be at work
		start := time.Now()
		if _, err := Decode(andorraData); err != nil {
			t.Fatal(err)
		}
		if best = min(best, time.Since(start)); best < 500*time.Millisecond { // 5 ms; slow machines and the race detector
			return
		}
	}
	t.Errorf("decoding took %v", best)
}

func TestCurveSpeed(t *testing.T) {
	for _, c := range []struct {
		name     string
		line     []xy
		low, top float64 // km/h
	}{
		{"straight", []xy{{0, 0}, {0, 50}, {0, 100}}, 90, 90},
		{"gentle, long", []xy{{0, 0}, {0, 50}, {5, 100}}, 80, 90},
		{"corner", []xy{{0, 0}, {0, 100}, {100, 100}}, 10, 18},
		{"hairpin", []xy{{0, 0}, {0, 100}, {5, 104}, {10, 100}, {10, 0}}, 7, 13},
		{"shaky hand", []xy{{0, 0}, {0, 40}, {0.3, 42}, {0, 44}, {0, 90}}, 60, 90},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := curveSpeed(c.line, len(c.line)/2) * 3.6; got < c.low-0.1 || got > c.top+0.1 {
				t.Errorf("%.0f km/h, want %.0f to %.0f", got, c.low, c.top)
			}
		})
	}
}

func TestProfile(t *testing.T) {
	g := Andorra()
	random := rand.New(rand.NewPCG(9, 9))
	style := Style{Accel: 0.7, Brake: 1.2}
	for range 100 {
		r, err := g.Route(Node(random.IntN(g.Nodes())), Node(random.IntN(g.Nodes())))
		if err != nil || r.Len() < 10 {
			continue
		}
		halt := r.Len() / 2
		v := NewProfile(r, style, halt)
		if v[0] != 0 || v[halt] != 0 || v[len(v)-1] != 0 {
			t.Fatalf("it does not stand at %v, %v, %v", v[0], v[halt], v[len(v)-1])
		}
		var before Point
		for i, p := range r.All {
			if s := float64(v[i]); s > p.Limit+1e-3 || s > p.Curve+1e-3 {
				t.Fatalf("point %d: %.2f m/s at %+v", i, s, p)
			}
			if i > 0 {
				step := math.Hypot((p.Lng-before.Lng)*g.metresPerLng, (p.Lat-before.Lat)*metresPerLat)
				a := (float64(v[i])*float64(v[i]) - float64(v[i-1])*float64(v[i-1])) / 2
				if a > style.Accel*step*1.01+0.05 || a < -style.Brake*step*1.01-0.05 {
					t.Fatalf("point %d: from %.2f to %.2f m/s in %.2f m", i, v[i-1], v[i], step)
				}
			}
			before = p
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty":           nil,
		"another file":    []byte("MWMM\x01\x00\x00\x00\x00"),
		"another version": []byte("MWMR\x02\x00\x00\x00\x00"),
		"cut off":         andorraData[:len(andorraData)/2],
		"more than that":  append(append([]byte(nil), andorraData...), 0),
		"many nodes":      []byte("MWMR\x01\x01\x00\xff\xff\xff\xff\x0f"),
		"a node nowhere":  []byte("MWMR\x01\x00\x01\xff\xff\xff\xff\x0f\x00\x00\x00\x00\x00"),
		"segment to -1":   []byte("MWMR\x01\x01\x00\x01\x00\x00\x00\x00\x01\x00\x01\x01\x1e\x00\x00\x00\x00"),
		"a long leap":     []byte("MWMR\x01\x01\x00\x02\x00\x00\x00\x00\x80\x89\x7a\x02\x00\x00\x01\x00\x02\x01\x32\x00\x00\x00\x00"),
		"no such class":   []byte("MWMR\x01\x01\x00\x01\x00\x00\x00\x00\x01\x00\x00\x09\x1e\x00\x00\x00\x00"),
	} {
		if _, err := Decode(data); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// square is a street round a block of 100 m; its first side has the flags.
func square(flags byte) *Graph {
	corner := func(lat, lng int32) rawNode { return rawNode{at: position{lat, lng}} }
	side := func(a, b Node, flags byte) rawSegment {
		return rawSegment{from: a, to: b, class: Residential, speed: 30, flags: flags}
	}
	return build(
		[]rawNode{corner(0, 0), corner(0, 900), corner(900, 900), corner(900, 0)},
		[]rawSegment{side(0, 1, flags), side(1, 2, 0), side(2, 3, 0), side(3, 0, 0)}, nil)
}

// Whatever decodes must be safe to drive on.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("MWMR\x01\x00\x00\x00\x00"))
	f.Add([]byte("MWMR\x01\x01\x00\x02\x00\x00\x00\x00\x02\x02\x00\x00\x01\x00\x02\x01\x32\x00\x00\x00\x01\x00\x01\x00\x00\x00"))
	f.Add(andorraData[:4000])
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := Decode(data)
		if err != nil || g.Nodes() == 0 {
			return
		}
		d := g.NewDriver(DriverOptions{Seed: 1})
		for range 20 {
			s := d.Advance(10 * time.Second)
			if math.IsNaN(s.Lat) || math.IsNaN(s.Lng) || math.IsNaN(s.Speed) || s.Speed > MaxSpeed {
				t.Fatalf("%+v", s)
			}
		}
	})
}
