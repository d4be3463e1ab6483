package devicesim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"mwm/server/telemetry"
)

// turned is the greatest turn about one axis between two attitudes.
func turned(a, b telemetry.Motion) float64 {
	return max(math.Abs(b.Pitch-a.Pitch), math.Abs(wrap(b.Roll-a.Roll)), math.Abs(wrap(b.Yaw-a.Yaw)))
}

func TestMotionIsSmooth(t *testing.T) {
	const dt = 20 * time.Millisecond
	seen := map[string]bool{}
	for seed := range uint64(5) {
		h := newHandling(rand.New(rand.NewPCG(seed, 0)))
		last := h.step(dt)
		for range 50 * 60 * 10 {
			m := h.step(dt)
			if math.Abs(m.Pitch) > math.Pi/2 || math.Abs(m.Roll) > math.Pi || math.Abs(m.Yaw) > math.Pi {
				t.Fatalf("%+v is no attitude", m)
			}
			if speed := turned(last, m) / dt.Seconds(); speed > 8 {
				t.Fatalf("seed %d, %s: turns at %.1f rad/s, as no hand does", seed, h.what(), speed)
			}
			seen[h.what()] = true
			last = m
		}
	}
	if len(seen) != len(activities) {
		t.Errorf("in 50 minutes only %v", seen)
	}
}

// settled returns a phone that has done one thing for a while.
func settled(what int) *handling {
	h := newHandling(rand.New(rand.NewPCG(7, 7)))
	h.begin(what)
	h.left = time.Hour
	for range 500 {
		h.step(20 * time.Millisecond)
	}
	return h
}

// restless is how much the pitch changes in a second, on average.
func restless(what int) float64 {
	h := settled(what)
	last, sum := h.step(time.Second), 0.0
	const n = 600
	for range n {
		m := h.step(100 * time.Millisecond)
		sum += math.Abs(m.Pitch - last.Pitch)
		last = m
	}
	return sum / n * 10
}

func TestMotionSuitsTheActivity(t *testing.T) {
	table, hand, pocket := restless(onTable), restless(inHand), restless(inPocket)
	if table > 0.02 || hand < 5*table || pocket < 2*hand {
		t.Errorf("pitch changes by %.4f on a table, %.4f in a hand, %.4f in a pocket (rad/s)", table, hand, pocket)
	}
	if m := settled(onTable).step(time.Second); math.Abs(m.Pitch) > 0.1 || math.Abs(m.Roll) > 0.1 {
		t.Errorf("on a table it lies at %+v", m)
	}
	if m := settled(inHand).step(time.Second); m.Pitch < 0.2 || m.Pitch > 1.4 {
		t.Errorf("in a hand it is held at %+v", m)
	}
}

func TestNobodyPocketsATable(t *testing.T) {
	for what, a := range activities {
		for _, next := range a.then {
			if what != inHand && next != inHand {
				t.Errorf("from %q to %q without a hand", a.name, activities[next].name)
			}
		}
	}
}
