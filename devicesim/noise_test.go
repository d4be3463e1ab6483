package devicesim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A GPS error is a few metres, and a slow one: white noise of that size would make a standing truck jump about.
func TestReceiverErrorIsSmallAndSlow(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := newReceiver()
	const lat, lng, seconds = 42.5, 1.5, 100_000
	var squares, steps, worst float64
	lastLat, lastLng := lat, lng
	for i := range seconds {
		la, ln, accuracy := r.observe(lat, lng, time.Second, rng)
		if accuracy < 3 || accuracy > 15 {
			t.Fatalf("claims %.1f m", accuracy)
		}
		off := distance(lat, lng, la, ln)
		squares += off * off
		worst = max(worst, off)
		if i > 0 {
			steps += distance(lastLat, lastLng, la, ln)
		}
		lastLat, lastLng = la, ln
	}
	if rms := math.Sqrt(squares / seconds); rms < 1.5 || rms > 4 {
		t.Errorf("off by %.1f m (root mean square)", rms)
	}
	if mean := steps / seconds; mean > 0.8 {
		t.Errorf("jumps %.2f m a second", mean)
	}
	if worst > 15 {
		t.Errorf("once off by %.1f m", worst)
	}
}

func TestDriftDoesNotDependOnTheRate(t *testing.T) {
	for _, dt := range []time.Duration{100 * time.Millisecond, time.Second, 10 * time.Second} {
		rng := rand.New(rand.NewPCG(3, 4))
		d := drift{sigma: 2, tau: 20 * time.Second}
		sum := 0.0
		const n = 200_000
		for range n {
			v := d.step(dt, rng)
			sum += v * v
		}
		if s := math.Sqrt(sum / n); s < 1.8 || s > 2.2 {
			t.Errorf("at %v the deviation is %.2f, not 2", dt, s)
		}
	}
}
