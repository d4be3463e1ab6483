package roads

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A driver's motion must be what a truck's could be, whatever it drives into.
func TestDriverMovesLikeATruck(t *testing.T) {
	g := Andorra()
	const dt = 100 * time.Millisecond
	stops := map[Stop]int{}
	for seed := range uint64(30) {
		d := g.NewDriver(DriverOptions{Seed: seed})
		before := d.State()
		for range 36_000 {
			s := d.Advance(dt)
			if s.Speed < 0 || s.Speed > s.Limit+1e-3 || s.Speed > MaxSpeed {
				t.Fatalf("seed %d: %.2f m/s where %.2f are allowed", seed, s.Speed, s.Limit)
			}
			accel := (s.Speed - before.Speed) / dt.Seconds()
			if accel > MaxAccel+0.01 || accel < -MaxBrake-0.01 {
				t.Fatalf("seed %d: acceleration of %.2f m/s² from %+v to %+v", seed, accel, before, s)
			}
			moved := g.metres(before, s)
			if most := math.Max(before.Speed, s.Speed)*dt.Seconds() + 0.08; moved > most {
				t.Fatalf("seed %d: %.2f m in a step at %.2f m/s", seed, moved, s.Speed)
			}
			if s.Stop != None && s.Speed != 0 {
				t.Fatalf("seed %d: drives at %.2f m/s while it stands for %v", seed, s.Speed, s.Stop)
			}
			if s.Stop != before.Stop {
				stops[s.Stop]++
			}
			if s.Heading < 0 || s.Heading >= 360 || math.IsNaN(s.Lat) || s.Elevation < 700 || s.Elevation > 2500 {
				t.Fatalf("seed %d: %+v", seed, s)
			}
			before = s
		}
	}
	for _, why := range []Stop{Light, Crossing, Delivery, Rest} {
		if stops[why] == 0 {
			t.Errorf("in 30 hours nobody stopped for %v", why)
		}
	}
}

func (g *Graph) metres(a, b State) float64 {
	return math.Hypot((b.Lng-a.Lng)*g.metresPerLng, (b.Lat-a.Lat)*metresPerLat)
}

func TestDriverStaysOnTheRoad(t *testing.T) {
	g := Andorra()
	d := g.NewDriver(DriverOptions{Seed: 7})
	for range 400 {
		s := d.Advance(3 * time.Second)
		x, y := g.plane(s.Lat, s.Lng)
		if off := g.offRoad(xy{x, y}); off > 0.1 {
			t.Fatalf("%.2f m off every road: %+v", off, s)
		}
	}
}

// offRoad is the distance to the nearest road.
func (g *Graph) offRoad(p xy) float64 {
	at := func(i int32) xy {
		x, y := g.plane(float64(g.points[i].lat)/1e7, float64(g.points[i].lng)/1e7)
		return xy{x, y}
	}
	nearest := math.Inf(1)
	for _, s := range g.segments {
		for i := s.first; i < s.last; i++ {
			a, b := at(i), at(i+1)
			f := 0.0
			if l := (b.x-a.x)*(b.x-a.x) + (b.y-a.y)*(b.y-a.y); l > 0 {
				f = max(0, min(1, ((p.x-a.x)*(b.x-a.x)+(p.y-a.y)*(b.y-a.y))/l))
			}
			nearest = min(nearest, p.distance(a.towards(b, f)))
		}
	}
	return nearest
}

func TestDriverIsDeterministic(t *testing.T) {
	g := Andorra()
	a, b := g.NewDriver(DriverOptions{Seed: 3}), g.NewDriver(DriverOptions{Seed: 3})
	other := g.NewDriver(DriverOptions{Seed: 4})
	differs := false
	for range 2000 {
		sa, sb, so := a.Advance(time.Second), b.Advance(time.Second), other.Advance(time.Second)
		if sa != sb {
			t.Fatalf("the same seed led to %+v and %+v", sa, sb)
		}
		differs = differs || sa != so
	}
	if !differs {
		t.Error("another seed drove the same way")
	}
}

// Positions follow from the time alone, not from how it is cut into steps.
func TestDriverStepLengthDoesNotMatter(t *testing.T) {
	g := Andorra()
	long, short := g.NewDriver(DriverOptions{Seed: 11}), g.NewDriver(DriverOptions{Seed: 11})
	for range 60 {
		a := long.Advance(10 * time.Second)
		var b State
		for range 40 {
			b = short.Advance(250 * time.Millisecond)
		}
		if off := g.metres(a, b); off > 1 {
			t.Fatalf("%.2f m apart: %+v %+v", off, a, b)
		}
	}
}

func TestDriverKeepsToItsRegion(t *testing.T) {
	g := Andorra()
	o := DriverOptions{Lat: 42.507, Lng: 1.527, Radius: 2500}
	x, y := g.plane(o.Lat, o.Lng)
	outside, total := 0, 0
	for seed := range uint64(40) {
		o.Seed = seed
		d := g.NewDriver(o)
		for range 600 {
			s := d.Advance(2 * time.Second)
			sx, sy := g.plane(s.Lat, s.Lng)
			total++
			if math.Hypot(sx-x, sy-y) > o.Radius*1.2 {
				outside++
			}
		}
	}
	if outside*50 > total {
		t.Errorf("%d of %d reports from outside the region", outside, total)
	}
}

// A truck spends its time on the road, at a truck's pace.
func TestDriversMostlyDrive(t *testing.T) {
	g := Andorra()
	moving, total, metres := 0, 0, 0.0
	for seed := range uint64(100) {
		d := g.NewDriver(DriverOptions{Seed: seed})
		for range 300 {
			s := d.Advance(2 * time.Second)
			total++
			metres += s.Speed
			if s.Speed > 0.5 {
				moving++
			}
		}
	}
	share, kmh := float64(moving)/float64(total), metres/float64(moving)*3.6
	t.Logf("moving %.0f %% of the time at %.0f km/h", share*100, kmh)
	if share < 0.75 || kmh < 25 || kmh > 60 {
		t.Errorf("moving %.0f %% of the time at %.0f km/h", share*100, kmh)
	}
}

func BenchmarkAdvance(b *testing.B) {
	g := Andorra()
	drivers := make([]*Driver, 5000)
	for i := range drivers {
		drivers[i] = g.NewDriver(DriverOptions{Seed: uint64(i)})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		drivers[i%len(drivers)].Advance(time.Second)
	}
}

func BenchmarkNewDriver(b *testing.B) {
	g := Andorra()
	for i := 0; b.Loop(); i++ {
		g.NewDriver(DriverOptions{Seed: uint64(i)})
	}
}

func BenchmarkRoute(b *testing.B) {
	g := Andorra()
	random := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Route(Node(random.IntN(g.Nodes())), Node(random.IntN(g.Nodes()))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		if _, err := Decode(andorraData); err != nil {
			b.Fatal(err)
		}
	}
}
