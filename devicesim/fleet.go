package devicesim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"mwm/devicesim/gpx"
	"mwm/devicesim/link"
	"mwm/server/telemetry"
)

const (
	// connectRate is how many connections are begun a second, at most.
	connectRate = 500
	// handshakesAtOnce is how many connections are between dialling and done.
	handshakesAtOnce = 32
	// closesAtOnce is how many connections are being closed in order.
	closesAtOnce = 64
	// stopTimeout is after what time a stop cuts what is left of the connections.
	stopTimeout = 5 * time.Second
)

// ErrStopped is the error of Add once Run has ended or is about to.
var ErrStopped = errors.New("devicesim: the fleet has stopped")

// Fleet is a number of simulated devices. Add and Stats may be called at any time from any goroutine; Run once.
type Fleet struct {
	cfg     Config
	log     *slog.Logger
	console *console
	count   counters

	trucks, phones *wheel
	handshakes     chan struct{}
	closes         chan struct{}
	cut            chan struct{} // closed when a stop has taken too long
	stopTimeout    time.Duration
	within         float64 // radius in which trucks drive

	mu      sync.Mutex
	truckOf []*truck                // guarded by mu; only grows
	phoneOf []*phone                // guarded by mu; only grows
	links   [2]int                  // uplinks over STOMP and MQTT; guarded by mu
	waiting []func(context.Context) // uplinks to be run; guarded by mu
	stopped bool                    // guarded by mu
	wake    chan struct{}           // something waits
}

type counters struct {
	locations, motions, texts, alerts, skipped atomic.Int64
	connected                                  atomic.Int64 // uplinks
	lastError                                  atomic.Pointer[failure]
}

type failure struct {
	at   time.Time
	text string
}

// Stats says how a fleet does. The counts go up from the start.
type Stats struct {
	Trucks, Phones         int
	Connections, Connected int   // those there shall be, those there are
	Locations, Motions     int64 // reports sent
	Skipped                int64 // reports left out because a connection was behind
	Texts, Alerts          int64 // received
}

// Run simulates what cfg says until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	f, err := New(cfg)
	if err != nil {
		return err
	}
	return f.Run(ctx)
}

// New makes a fleet that does nothing yet. It fails when a setting is wrong, or when the system has not enough file descriptors or
// local ports for so many connections.
func New(cfg Config) (*Fleet, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	f := &Fleet{
		cfg: cfg, log: cfg.Logger,
		trucks: newWheel(cfg.Rate), phones: newWheel(cfg.Rate),
		handshakes: make(chan struct{}, handshakesAtOnce),
		closes:     make(chan struct{}, closesAtOnce),
		cut:        make(chan struct{}),
		within:     radius(cfg.Trucks),

		stopTimeout: stopTimeout,
		wake:        make(chan struct{}, 1),
	}
	f.console = newConsole(f, cfg.Output)
	return f, f.add(cfg.Replay, cfg.Trucks, cfg.Phones)
}

// Add adds devices, which connect when Run runs. It adds all or, with an error, none.
func (f *Fleet) Add(trucks, phones int) error { return f.add(nil, trucks, phones) }

func (f *Fleet) add(paths []*gpx.Path, trucks, phones int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	trucks += len(paths)
	switch err := f.cfg.checkCount(len(f.truckOf)+trucks, len(f.phoneOf)+phones); {
	case f.stopped:
		return ErrStopped
	case trucks < len(paths) || phones < 0:
		return fmt.Errorf("devicesim: cannot add %d trucks and %d phones", trucks, phones)
	case err != nil:
		return err
	}
	if err := f.checkCapacity(trucks, phones); err != nil {
		return fmt.Errorf("devicesim: %w", err)
	}
	f.addTrucks(paths, trucks)
	f.addPhones(phones)
	select {
	case f.wake <- struct{}{}:
	default:
	}
	return nil
}

func (f *Fleet) checkCapacity(trucks, phones int) error {
	per := f.cfg.PerConnection
	return link.CheckCapacity(link.Need{
		STOMP:       f.links[0] + (trucks+per-1)/per,
		MQTT:        f.links[1] + (phones+per-1)/per,
		SameAddress: f.cfg.STOMP == f.cfg.MQTT,
		ServerToo:   f.cfg.ServerInProcess,
	})
}

func (f *Fleet) addTrucks(paths []*gpx.Path, n int) {
	added := make([]*truck, n)
	for i := range added {
		number := len(f.truckOf) + i
		id := f.cfg.Prefix + TruckID(number)
		t := &truck{id: id, destination: telemetry.LocationDestination(id), fleet: f, receiver: newReceiver(), rng: f.random(2 * number)}
		if i < len(paths) {
			t.mover = &replay{path: paths[i], speed: f.cfg.Speed}
			t.receiver = receiver{} // a recording has the errors of its own receiver
		} else {
			t.mover = newDriver(t.rng.Uint64(), f.within)
		}
		added[i] = t
	}
	for group := range groups(added, f.cfg.PerConnection) {
		id := f.clientID(group[0].id, "stomp", f.links[0])
		u := &uplink[*link.STOMP]{fleet: f, id: id}
		u.open = func(ctx context.Context) (*link.STOMP, error) { return f.openTrucks(ctx, id, group) }
		for _, t := range group {
			t.up = u
			f.trucks.add(t)
		}
		f.links[0]++
		f.waiting = append(f.waiting, u.run)
	}
	f.truckOf = append(f.truckOf, added...)
}

func (f *Fleet) addPhones(n int) {
	added := make([]*phone, n)
	for i := range added {
		number := len(f.phoneOf) + i
		id := f.cfg.Prefix + PhoneID(number)
		added[i] = &phone{id: id, topic: telemetry.MotionTopic(id), fleet: f, handling: newHandling(f.random(2*number + 1))}
	}
	for group := range groups(added, f.cfg.PerConnection) {
		id := f.clientID(group[0].id, "mqtt", f.links[1])
		u := &uplink[*link.MQTT]{fleet: f, id: id}
		u.open = func(ctx context.Context) (*link.MQTT, error) { return f.openPhones(ctx, id, group) }
		for _, p := range group {
			p.up = u
			f.phones.add(p)
		}
		f.links[1]++
		f.waiting = append(f.waiting, u.run)
	}
	f.phoneOf = append(f.phoneOf, added...)
}

// clientID is the device's own ID, or that of the gateway with this number.
func (f *Fleet) clientID(device, protocol string, number int) string {
	if f.cfg.PerConnection == 1 {
		return device
	}
	return fmt.Sprintf("%sgateway-%s-%d", f.cfg.Prefix, protocol, number+1)
}

// elapsed returns the time since a device's last step, which it notes. It is bounded, for a computer that slept is not a truck that drove.
func (f *Fleet) elapsed(last *time.Time, now time.Time) time.Duration {
	dt := f.cfg.Rate
	if !last.IsZero() {
		dt = min(now.Sub(*last), 10*f.cfg.Rate)
	}
	*last = now
	return dt
}

func (f *Fleet) random(stream int) *rand.Rand {
	return rand.New(rand.NewPCG(f.cfg.Seed, uint64(stream))) // #nosec G404 -- a simulation that can be repeated
}

func groups[T any](all []T, size int) func(func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(all) > 0 {
			n := min(size, len(all))
			if !yield(all[:n:n]) {
				return
			}
			all = all[n:]
		}
	}
}

// devices returns the devices there are. The slices are never changed.
func (f *Fleet) devices() ([]*truck, []*phone) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.truckOf, f.phoneOf
}

// Stats returns how the fleet does.
func (f *Fleet) Stats() Stats {
	f.mu.Lock()
	s := Stats{Trucks: len(f.truckOf), Phones: len(f.phoneOf), Connections: f.links[0] + f.links[1]}
	f.mu.Unlock()
	s.Connected = int(f.count.connected.Load())
	s.Locations, s.Motions = f.count.locations.Load(), f.count.motions.Load()
	s.Skipped = f.count.skipped.Load()
	s.Texts, s.Alerts = f.count.texts.Load(), f.count.alerts.Load()
	return s
}
