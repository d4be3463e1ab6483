package devicesim

import (
	"math/rand/v2"
	"testing"
	"time"
)

// In a day's driving a truck moves and stands, with a reason, and stays near home when there are few.
func TestDriversStayNearHome(t *testing.T) {
	reasons := map[string]bool{}
	moving := 0
	const seconds = 20_000
	d := newDriver(3, radius(10))
	for range seconds {
		f := d.step(time.Second)
		if far := distance(homeLat, homeLng, f.lat, f.lng); far > homeRadius*1.6 {
			t.Fatalf("%.0f m from home", far)
		}
		if f.speed > 0 {
			moving++
		} else {
			reasons[f.what] = true
		}
	}
	if share := float64(moving) / seconds; share < 0.4 || share > 0.98 {
		t.Errorf("drives %.0f %% of the time", share*100)
	}
	for _, want := range []string{"light", "delivery"} {
		if !reasons[want] {
			t.Errorf("it stood for %v, never for %q", reasons, want)
		}
	}
}

func TestRadiusGrowsWithTheFleet(t *testing.T) {
	if radius(0) != homeRadius || radius(50) != homeRadius || radius(200) <= homeRadius || radius(10_000) != 0 {
		t.Errorf("radius of 0: %v, 50: %v, 200: %v, 10,000: %v", radius(0), radius(50), radius(200), radius(10_000))
	}
}

// standing is a truck that stands from the second step on.
type standing struct{ steps int }

func (s *standing) step(time.Duration) fix {
	if s.steps++; s.steps == 1 {
		return fix{lat: 42, lng: 1, speed: 10, what: "to A"}
	}
	return fix{lat: 42, lng: 1, what: "rest"}
}

// A receiver that stands holds its position, and the truck says only now and then that it lives.
func TestStandingTrucksHoldTheirPosition(t *testing.T) {
	f, err := New(Config{STOMP: "127.0.0.1:61613", Trucks: 1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	truck := f.truckOf[0]
	truck.mover, truck.rng = &standing{}, rand.New(rand.NewPCG(1, 1))
	if _, fresh := truck.observe(truck.mover.step(time.Second), time.Second); !fresh {
		t.Error("its first position is news")
	}
	if s, fresh := truck.observe(truck.mover.step(time.Second), time.Second); !fresh || s.speed != 0 {
		t.Error("that it stands is news")
	}
	held, _ := truck.state()
	for range 60 {
		s, fresh := truck.observe(truck.mover.step(time.Second), time.Second)
		if fresh || s.lat != held.lat || s.lng != held.lng {
			t.Fatalf("it crawls about while it stands: %+v", s)
		}
	}
	if s, _ := truck.state(); s.what != "rest" {
		t.Errorf("it is at %q", s.what)
	}
}
