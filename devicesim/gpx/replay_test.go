package gpx

import (
	"math"
	"testing"
	"time"
)

var noon = time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)

// north returns a point that many metres north of the start; seconds < 0: without a time.
func north(m float64, seconds int) Point {
	p := Point{Lat: 42 + m/earthRadius*180/math.Pi, Lng: 1}
	if seconds >= 0 {
		p.Time = noon.Add(time.Duration(seconds) * time.Second)
	}
	return p
}

func metresNorth(p Position) float64 { return (p.Lat - 42) * math.Pi / 180 * earthRadius }

func TestReplayKeepsTheRecordedTime(t *testing.T) {
	p := NewPath([][]Point{{north(0, 0), north(100, 10), north(100, 70), north(400, 80)}})
	for _, tt := range []struct {
		after         time.Duration
		metres, speed float64
	}{
		{0, 0, 10}, {5 * time.Second, 50, 10}, {40 * time.Second, 100, 0}, {75 * time.Second, 250, 30}, {80 * time.Second, 400, 0},
	} {
		at := p.At(tt.after)
		if m := metresNorth(at); math.Abs(m-tt.metres) > 0.5 || math.Abs(at.Speed-tt.speed) > 0.1 {
			t.Errorf("after %v: %.1f m at %.1f m/s, not %.1f at %.1f", tt.after, m, at.Speed, tt.metres, tt.speed)
		}
	}
	if at := p.At(5 * time.Second); at.Heading > 0.1 || !at.Moving {
		t.Errorf("heads %v°, moving %v", at.Heading, at.Moving)
	}
}

func TestReplayDrivesBackWithoutAJump(t *testing.T) {
	p := NewPath([][]Point{{north(0, 0), north(1000, 100)}})
	before := p.At(0)
	back := false
	for d := time.Duration(0); d < 10*time.Minute; d += time.Second {
		at := p.At(d)
		if m := math.Abs(metresNorth(at) - metresNorth(before)); m > 10.5 {
			t.Fatalf("after %v it jumps %.0f m", d, m)
		}
		if at.Back && at.Moving {
			back = true
			if math.Abs(at.Heading-180) > 0.1 {
				t.Fatalf("on the way back it heads %v°", at.Heading)
			}
		}
		before = at
	}
	if !back {
		t.Error("it never drove back")
	}
}

func TestReplayWithoutTimes(t *testing.T) {
	tests := map[string]struct {
		leg  []Point
		want time.Duration
	}{
		"none":           {[]Point{north(0, -1), north(500, -1), north(1000, -1)}, 72 * time.Second},
		"one":            {[]Point{north(0, -1), north(500, 10), north(1000, -1)}, 72 * time.Second},
		"between":        {[]Point{north(0, 0), north(250, -1), north(1000, 40)}, 40 * time.Second},
		"backwards":      {[]Point{north(0, 100), north(1000, 50)}, 72 * time.Second},
		"a single point": {[]Point{north(0, -1)}, 0},
	}
	for name, tt := range tests {
		d := NewPath([][]Point{tt.leg}).Duration()
		if (d - tt.want).Abs() > time.Second {
			t.Errorf("%s: takes %v, not %v", name, d, tt.want)
		}
	}
	p := NewPath([][]Point{{north(0, 0), north(250, -1), north(1000, 40)}})
	if m := metresNorth(p.At(10 * time.Second)); math.Abs(m-250) > 1 {
		t.Errorf("a quarter of the way is at %.0f m after a quarter of the time", m)
	}
}

func TestReplayDoesNotWaitForANightBetweenSegments(t *testing.T) {
	p := NewPath([][]Point{{north(0, 0), north(100, 10)}, {north(5000, 36000), north(5100, 36010)}})
	if d := p.Duration(); d != longestBreak+20*time.Second {
		t.Errorf("takes %v", d)
	}
}

func TestReplayAcrossTheAntimeridian(t *testing.T) {
	p := NewPath([][]Point{{{Lat: 0, Lng: 179.999, Time: noon}, {Lat: 0, Lng: -179.999, Time: noon.Add(10 * time.Second)}}})
	at := p.At(5 * time.Second)
	if math.Abs(math.Abs(at.Lng)-180) > 1e-6 || at.Speed > 30 || math.Abs(at.Heading-90) > 0.1 {
		t.Errorf("%+v", at)
	}
}
