package devicesim

import (
	"math"
	"math/rand/v2"
	"time"

	"mwm/server/telemetry"
)

// activity is what somebody does with a phone.
type activity struct {
	name        string
	pitch, roll float64 // how the phone lies on average, radians
	spread      float64 // how much that differs from one time to the next
	wander      float64 // standard deviation of the slow movements
	turn        float64 // the same of the direction
	stride      float64 // amplitude of the steps; 0: not walking
	least, most time.Duration
	then        []int // what may follow
}

const (
	onTable = iota
	inHand
	inPocket
)

// A phone goes from the table to the hand, and only from there into the pocket: nobody walks off with a table.
var activities = [...]activity{
	onTable:  {"on a table", 0.01, 0, 0.01, 0.0015, 0.001, 0, 8 * time.Second, 30 * time.Second, []int{inHand}},
	inHand:   {"in a hand", 0.75, 0.02, 0.15, 0.06, 0.1, 0, 8 * time.Second, 25 * time.Second, []int{onTable, inPocket, inPocket}},
	inPocket: {"in a pocket, walking", -1.15, 0.15, 0.1, 0.08, 0.25, 0.22, 15 * time.Second, 45 * time.Second, []int{inHand}},
}

const (
	stepRate  = 1.8 // steps a second
	stiffness = 4.0 // 1/s, of the springs that carry a phone from one attitude to the next
)

// spring moves towards a target without overshooting (critically damped). It is solved exactly, so that it is stable and
// the same at every rate of sampling.
type spring struct{ x, v float64 }

func (s *spring) step(target float64, dt time.Duration) {
	t := dt.Seconds()
	a := s.x - target
	b := s.v + stiffness*a
	e := math.Exp(-stiffness * t)
	s.x = target + (a+b*t)*e
	s.v = (b - stiffness*(a+b*t)) * e
}

// axis is how a phone is held about one of its axes: a pose, what wanders about it, and the inertia of both.
type axis struct {
	pose   float64
	wander drift
	spring
}

func (a *axis) step(dt time.Duration, rng *rand.Rand) {
	a.spring.step(a.pose+a.wander.step(dt, rng), dt)
}

// handling moves a phone: on a table, in a hand, in the pocket of somebody who walks, and from one to the other.
type handling struct {
	rng              *rand.Rand
	doing            int
	left             time.Duration // until something else is done
	pitch, roll, yaw axis
	stride           spring  // amplitude of the steps
	phase            float64 // of the steps, in turns
}

func newHandling(rng *rand.Rand) *handling {
	h := &handling{rng: rng}
	for _, a := range []*axis{&h.pitch, &h.roll, &h.yaw} {
		a.wander.tau = 1500 * time.Millisecond
	}
	h.yaw.wander.tau = 4 * time.Second
	h.yaw.pose = (rng.Float64()*2 - 1) * math.Pi
	h.begin(rng.IntN(len(activities)))
	for _, a := range []*axis{&h.pitch, &h.roll, &h.yaw} {
		a.x = a.pose
	}
	h.stride.x = activities[h.doing].stride
	return h
}

func (h *handling) begin(what int) {
	a := &activities[what]
	h.doing = what
	h.left = a.least + time.Duration(h.rng.Int64N(int64(a.most-a.least)))
	h.pitch.pose = a.pitch + a.spread*h.rng.NormFloat64()
	h.roll.pose = a.roll + a.spread*h.rng.NormFloat64()
	h.yaw.pose += 0.6 * h.rng.NormFloat64()
	h.pitch.wander.sigma, h.roll.wander.sigma, h.yaw.wander.sigma = a.wander, a.wander, a.turn
}

// what says what is done with the phone.
func (h *handling) what() string { return activities[h.doing].name }

// step returns the attitude dt after the one before.
func (h *handling) step(dt time.Duration) telemetry.Motion {
	if h.left -= dt; h.left <= 0 {
		next := activities[h.doing].then
		h.begin(next[h.rng.IntN(len(next))])
	}
	h.pitch.step(dt, h.rng)
	h.roll.step(dt, h.rng)
	h.yaw.step(dt, h.rng)
	h.stride.step(activities[h.doing].stride, dt)
	_, h.phase = math.Modf(h.phase + dt.Seconds()*stepRate/2) // a turn is two steps, left and right
	h.unwind()

	leg := 2 * math.Pi * h.phase
	swing := h.stride.x
	return telemetry.Motion{
		Pitch: min(max(h.pitch.x+swing*math.Sin(2*leg), -math.Pi/2), math.Pi/2),
		Roll:  wrap(h.roll.x + 0.6*swing*math.Sin(leg)),
		Yaw:   wrap(h.yaw.x + 0.4*swing*math.Cos(leg)),
	}
}

// unwind keeps the direction near zero without a jump, however often somebody has turned about.
func (h *handling) unwind() {
	turns := 2 * math.Pi * math.Round(h.yaw.pose/(2*math.Pi))
	h.yaw.pose -= turns
	h.yaw.x -= turns
}

// wrap returns the angle in −π to π.
func wrap(a float64) float64 { return math.Remainder(a, 2*math.Pi) }
