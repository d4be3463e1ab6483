package roads

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Stop is why a truck stands.
type Stop uint8

// The reasons; None means that it drives.
const (
	None Stop = iota
	Light
	Crossing
	Delivery
	Rest
)

func (s Stop) String() string {
	names := [...]string{"", "light", "crossing", "delivery", "rest"}
	if int(s) < len(names) {
		return names[s]
	}
	return ""
}

// DriverOptions configures a Driver.
type DriverOptions struct {
	// Seed decides everything a driver does: the same options and the same steps
	// lead to the same states.
	Seed uint64
	// Lat, Lng and Radius (metres) bound where the driver goes; routes may leave
	// the circle for a short way where the roads inside do not connect. Radius 0 is
	// everywhere. A circle with fewer than two nodes is taken as everywhere too.
	Lat, Lng, Radius float64
}

// State is where a truck is and what it does.
type State struct {
	Lat, Lng    float64 // degrees, on the road
	Elevation   float64 // metres, estimated
	Speed       float64 // m/s
	Heading     float64 // degrees clockwise from north, 0 ≤ Heading < 360; kept while it stands
	Limit       float64 // m/s, signed or usual
	Class       Class
	Road        string // its name or number, may be empty
	Stop        Stop   // why it stands
	Destination string // a place's name or a road's, may be empty
}

// Driver drives from place to place for ever, with stops: at lights and crossings on
// the way, for deliveries and rests at the ends. It is not safe for concurrent use;
// many drivers may share a graph.
type Driver struct {
	g       *Graph
	random  *rand.Rand
	style   Style
	within  *region
	nodes   []Node  // where it may go
	places  []Place // of those, the named ones
	node    Node    // where the next trip starts
	arrival Stop    // why it goes where it goes

	route       *Route
	profile     Profile
	stops       []stop // on the way, in order
	destination string
	edge        int     // of the route
	point       int32   // of the edge; the truck is between it and the next
	elapsed     float32 // seconds since that point
	wait        float32 // seconds that it still stands
	reason      Stop    // why
}

// stop is a halt on the way.
type stop struct {
	point   int32
	reason  Stop
	seconds float32
}

// NewDriver starts a driver somewhere on its first trip, so that many do not start at
// one place. The graph must have roads.
func (g *Graph) NewDriver(o DriverOptions) *Driver {
	d := &Driver{g: g, random: rand.New(rand.NewPCG(o.Seed, 0x6d776d))} // #nosec G404 -- a simulation that can be repeated
	d.style = Style{
		Pace:  0.85 + 0.15*d.random.Float64(),
		Accel: 0.6 + 0.4*d.random.Float64(),
		Brake: 0.8 + 0.5*d.random.Float64(),
	}
	d.confine(o)
	d.node = d.anyNode()
	d.depart()
	d.skip(d.random.Float64())
	return d
}

// confine finds the nodes and places the driver goes to.
func (d *Driver) confine(o DriverOptions) {
	d.places = d.g.places
	if o.Radius <= 0 {
		return
	}
	x, y := d.g.plane(o.Lat, o.Lng)
	r := &region{x, y, o.Radius}
	var nodes []Node
	for i := range d.g.nodes {
		if r.contains(&d.g.nodes[i]) {
			nodes = append(nodes, Node(i))
		}
	}
	if len(nodes) < 2 {
		return
	}
	d.within, d.nodes = r, nodes
	d.places = slices.DeleteFunc(slices.Clone(d.places), func(p Place) bool {
		return !r.contains(&d.g.nodes[p.Node])
	})
}

func (d *Driver) anyNode() Node {
	if d.nodes != nil {
		return d.nodes[d.random.IntN(len(d.nodes))]
	}
	return Node(d.random.IntN(len(d.g.nodes)))
}

// depart plans the next trip from where the driver stands. Destinations that are too
// near to be worth one, or out of reach, are passed over.
func (d *Driver) depart() {
	const least = 400 // metres
	d.route = nil
	for range 8 {
		to, name, why := d.choose()
		if to == d.node {
			continue
		}
		r, err := d.g.route(d.node, to, d.within)
		if err != nil {
			continue
		}
		d.route, d.destination, d.arrival = r, name, why
		if r.Length() >= least {
			break
		}
	}
	d.edge, d.point, d.elapsed = 0, 0, 0
	if d.route == nil { // nowhere to go from here: look again later
		d.reason, d.wait = Rest, 60
		return
	}
	d.node = d.g.edges[d.route.edges[len(d.route.edges)-1]].to
	if d.destination == "" {
		d.destination = d.route.lastRoad()
	}
	d.stops = d.halts()
	points := make([]int, len(d.stops))
	for i, s := range d.stops {
		points[i] = int(s.point)
	}
	d.profile = NewProfile(d.route, d.style, points...)
}

// choose picks a destination: a place or some address, seldom a rest.
func (d *Driver) choose() (Node, string, Stop) {
	why := Delivery
	if d.random.Float64() < 0.12 {
		why = Rest
	}
	if len(d.places) > 0 && d.random.Float64() < 0.6 {
		p := d.places[d.random.IntN(len(d.places))]
		return p.Node, p.Name, why
	}
	return d.anyNode(), "", why
}

// lastRoad is the name of the last road with one.
func (r *Route) lastRoad() string {
	for i := len(r.edges) - 1; i >= 0; i-- {
		if s := r.g.segments[r.g.edges[r.edges[i]].segment]; s.road != "" {
			return s.road
		}
	}
	return ""
}

// halts decides at which lights and crossings of the route the truck will have to stop.
func (d *Driver) halts() []stop {
	var out []stop
	for k := 1; k < len(d.route.edges); k++ {
		flags := d.g.nodes[d.g.edges[d.route.edges[k]].from].flags
		switch {
		case flags&nodeSignal != 0 && d.random.Float64() < 0.5:
			out = append(out, stop{d.route.first[k], Light, float32(5 + 25*d.random.Float64())})
		case flags&nodeCrossing != 0 && d.random.Float64() < 0.06:
			out = append(out, stop{d.route.first[k], Crossing, float32(2 + 6*d.random.Float64())})
		}
	}
	return out
}

// skip puts the driver a share of the way along its route, as if it had driven there.
func (d *Driver) skip(share float64) {
	if d.route == nil {
		return
	}
	target := int32(share * float64(d.route.Len()-2))
	for d.route.first[d.edge+1] <= target {
		d.edge++
	}
	d.point = target - d.route.first[d.edge]
	for len(d.stops) > 0 && d.stops[0].point <= target {
		d.stops = d.stops[1:]
	}
}

// Advance drives on for a time and says where that leads. Steps may be of any length;
// their sum alone matters, to the rounding of float32.
func (d *Driver) Advance(dt time.Duration) State {
	left := float32(dt.Seconds())
	for left > 0 {
		if d.wait > 0 {
			waited := min(d.wait, left)
			d.wait -= waited
			left -= waited
			continue
		}
		if d.route == nil || d.finished() {
			d.reason = None
			d.depart()
			continue
		}
		d.reason = None
		left = d.drive(left)
	}
	return d.State()
}

// finished tells whether the truck has come to the end of its route.
func (d *Driver) finished() bool { return d.edge == len(d.route.edges) }

// drive goes on to the next point at most; it returns the time that is left.
func (d *Driver) drive(left float32) float32 {
	e := d.g.edges[d.route.edges[d.edge]]
	i := d.route.first[d.edge] + d.point
	v0, v1 := d.profile[i], d.profile[i+1]
	whole := duration(d.g.step(e, d.point), v0, v1)
	rest := max(whole-d.elapsed, 0)
	if left < rest {
		d.elapsed += left
		return 0
	}
	left -= rest
	d.elapsed = 0
	d.point++
	if s := &d.g.segments[e.segment]; d.point == s.last-s.first {
		d.edge, d.point = d.edge+1, 0
	}
	d.arrive(i + 1)
	return left
}

// arrive stops the truck at point i of the route if it has to stand there.
func (d *Driver) arrive(i int32) {
	if d.finished() {
		d.reason = d.arrival
		d.wait = float32(15 + 45*d.random.Float64())
		if d.reason == Rest {
			d.wait *= 3
		}
		return
	}
	if len(d.stops) > 0 && d.stops[0].point == i {
		d.reason, d.wait = d.stops[0].reason, d.stops[0].seconds
		d.stops = d.stops[1:]
	}
}

// duration is the time over a distance from one speed to another, at a constant
// acceleration. Two stops have a point between them, so not both are 0 but on a
// step of no length.
func duration(distance, v0, v1 float32) float32 {
	if v0+v1 <= 0 {
		return 0
	}
	return 2 * distance / (v0 + v1)
}

// State is where the truck is now.
func (d *Driver) State() State {
	if d.route == nil {
		lat, lng := d.g.Position(d.node)
		return State{Lat: lat, Lng: lng, Elevation: float64(d.g.nodes[d.node].elevation), Stop: d.reason}
	}
	number, i := d.edge, d.point
	f, v := float32(0), float32(0)
	if d.finished() {
		number = len(d.route.edges) - 1
		s := &d.g.segments[d.g.edges[d.route.edges[number]].segment]
		i, f = s.last-s.first-1, 1
	}
	e := d.g.edges[d.route.edges[number]]
	s := &d.g.segments[e.segment]
	a, b := d.g.point(e, i), d.g.point(e, i+1)
	if !d.finished() {
		f, v = d.between(d.g.step(e, i), d.route.first[number]+i)
	}
	return State{
		Lat:       lerp(float64(a.lat), float64(b.lat), f) / 1e7,
		Lng:       lerp(float64(a.lng), float64(b.lng), f) / 1e7,
		Elevation: float64(s.elevation) + float64(s.grade)*lerp(float64(a.at), float64(b.at), f),
		Speed:     float64(v),
		Heading:   d.g.heading(a, b),
		Limit:     float64(s.limit), Class: s.class, Road: s.road,
		Stop: d.reason, Destination: d.destination,
	}
}

// between is how much of a step the truck has done, and its speed, on from point i of
// the route.
func (d *Driver) between(step float32, i int32) (share, speed float32) {
	v0, v1 := d.profile[i], d.profile[i+1]
	if d.wait > 0 {
		return 0, 0
	}
	whole := duration(step, v0, v1)
	if whole <= 0 {
		return 0, v0
	}
	accel := (v1 - v0) / whole
	t := d.elapsed
	return min(1, (v0*t+accel*t*t/2)/step), v0 + accel*t
}

func lerp(a, b float64, f float32) float64 { return a + (b-a)*float64(f) }

// heading is from a to b in degrees.
func (g *Graph) heading(a, b *point) float64 {
	east := float64(b.lng-a.lng) * g.metresPerLng
	north := float64(b.lat-a.lat) * metresPerLat
	return math.Mod(math.Atan2(east, north)*180/math.Pi+360, 360)
}
