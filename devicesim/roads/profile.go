package roads

import "math"

// Style is how somebody drives. The zero value is a calm driver at the limits.
type Style struct {
	Pace  float64 // share of the speeds allowed that is used, 0..1; 0 means 1
	Accel float64 // m/s², at most MaxAccel; 0 means 0.8
	Brake float64 // m/s², at most MaxBrake; 0 means 1.0
}

func (s Style) withDefaults() Style {
	if s.Pace <= 0 || s.Pace > 1 {
		s.Pace = 1
	}
	if s.Accel <= 0 {
		s.Accel = 0.8
	}
	if s.Brake <= 0 {
		s.Brake = 1
	}
	s.Accel, s.Brake = min(s.Accel, MaxAccel), min(s.Brake, MaxBrake)
	return s
}

// Profile is the speed at every point of a route, in m/s. It is 0 at both ends and at
// the points given as stops, within the limits everywhere, and reachable: between
// two points the acceleration is constant and bounded by the style.
type Profile []float32

// NewProfile computes the profile of a route that stops at the points stops, in
// addition to its ends.
func NewProfile(r *Route, style Style, stops ...int) Profile {
	style = style.withDefaults()
	v := make(Profile, r.Len())
	steps := make([]float32, r.Len()-1)
	r.limits(v, steps, float32(style.Pace))
	v[0], v[len(v)-1] = 0, 0
	for _, i := range stops {
		v[i] = 0
	}
	for i := len(steps) - 1; i >= 0; i-- {
		v[i] = min(v[i], after(v[i+1], float32(style.Brake), steps[i]))
	}
	for i := range steps {
		v[i+1] = min(v[i+1], after(v[i], float32(style.Accel), steps[i]))
	}
	return v
}

// after is the speed that a constant acceleration over a distance leads to.
func after(v, accel, distance float32) float32 {
	return float32(math.Sqrt(float64(v*v + 2*accel*distance)))
}

// limits fills in what the roads allow at each point, and the steps between them.
// A point belongs to the stretches on both its sides and takes the lower limit.
func (r *Route) limits(v, steps []float32, pace float32) {
	for i := range v {
		v[i] = MaxSpeed
	}
	for k, number := range r.edges {
		e := r.g.edges[number]
		s := &r.g.segments[e.segment]
		limit := min(s.limit, gradeSpeed(s.gradeOf(e.back))) * pace
		first, n := r.first[k], s.last-s.first
		for i := range n + 1 {
			v[first+i] = min(v[first+i], limit, r.g.point(e, i).curve*pace)
			if i < n {
				steps[first+i] = r.g.step(e, i)
			}
		}
		if k > 0 {
			v[first] = min(v[first], r.g.joinSpeed(r.g.edges[r.edges[k-1]], e)*pace)
		}
	}
}
