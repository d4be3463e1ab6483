package roads

import (
	"math"
	"slices"
)

// Bounds of a truck's motion, in m/s and m/s².
const (
	MaxSpeed     = 90 / 3.6
	MaxAccel     = 1.1
	MaxBrake     = 1.5
	LateralAccel = 2.0
	minSpeed     = 2.0 // through the tightest curve
)

// xy is a position in metres on the graph's plane, y to the north.
type xy struct{ x, y float64 }

func (p xy) distance(q xy) float64 { return math.Hypot(q.x-p.x, q.y-p.y) }

func (p xy) towards(q xy, f float64) xy { return xy{p.x + (q.x-p.x)*f, p.y + (q.y-p.y)*f} }

// bearing is from p to q, in radians clockwise from north.
func (p xy) bearing(q xy) float64 { return math.Atan2(q.x-p.x, q.y-p.y) }

func reversed(line []xy) []xy {
	out := slices.Clone(line)
	slices.Reverse(out)
	return out
}

// turn is the angle between two bearings, 0 to π.
func turn(a, b float64) float64 {
	return math.Abs(math.Remainder(b-a, 2*math.Pi))
}

// A line drawn through a curve has its vertices as far apart as the curve is gentle,
// and mappers' hands shake: over less than shortWindow an angle says nothing, over
// more than longWindow it is another curve, and a sharp one is a corner, however long
// the straights before and after it.
const (
	shortWindow = 10.0 // metres
	longWindow  = 50.0
	sharp       = 35 * math.Pi / 180
)

// turnSpeed is the speed for a bend by an angle between straights of given lengths.
func turnSpeed(angle, before, after float64) float64 {
	if angle < 0.03 {
		return MaxSpeed
	}
	window := shortWindow
	if angle < sharp {
		window = max(shortWindow, min(before, after, longWindow))
	}
	return max(minSpeed, min(MaxSpeed, math.Sqrt(LateralAccel*window/angle)))
}

// curveSpeed is the speed for the bend of a line at vertex i. At its ends, where
// another segment decides, there is none.
func curveSpeed(line []xy, i int) float64 {
	if i == 0 || i == len(line)-1 {
		return MaxSpeed
	}
	before, after := line[i].distance(line[i-1]), line[i].distance(line[i+1])
	angle := turn(line[i-1].bearing(line[i]), line[i].bearing(line[i+1]))
	if min(before, after) < shortWindow {
		a, b := along(line, i, -1, shortWindow), along(line, i, 1, shortWindow)
		angle = turn(a.bearing(line[i]), line[i].bearing(b))
	}
	return turnSpeed(angle, before, after)
}

// along is the point of the line a distance from vertex i, forwards or backwards; the
// line's end when it is shorter.
func along(line []xy, i, step int, distance float64) xy {
	for ; i+step >= 0 && i+step < len(line); i += step {
		d := line[i].distance(line[i+step])
		if d >= distance && d > 0 {
			return line[i].towards(line[i+step], distance/d)
		}
		distance -= d
	}
	return line[i]
}

func endOf(line []xy) end {
	return end{
		bearing:  float32(line[0].bearing(along(line, 0, 1, shortWindow))),
		straight: float32(line[0].distance(line[1])),
	}
}

// joinSpeed is the speed for going over from one edge to the next.
func (g *Graph) joinSpeed(a, b edge) float32 {
	out, in := g.segments[a.segment].ends[1], g.segments[b.segment].ends[0]
	if a.back {
		out = g.segments[a.segment].ends[0]
	}
	if b.back {
		in = g.segments[b.segment].ends[1]
	}
	angle := turn(float64(out.bearing)+math.Pi, float64(in.bearing))
	return float32(turnSpeed(angle, float64(out.straight), float64(in.straight)))
}

// gradeSpeed is how fast a loaded truck goes on a gradient: engines are weak, and
// brakes get hot.
func gradeSpeed(grade float32) float32 {
	if grade > 0 {
		return MaxSpeed / (1 + 8*grade)
	}
	return MaxSpeed / (1 - 5*grade)
}
