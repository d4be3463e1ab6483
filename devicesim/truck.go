package devicesim

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-stomp/stomp/v3"

	"mwm/devicesim/gpx"
	"mwm/devicesim/link"
	"mwm/devicesim/terminal"
	"mwm/server/telemetry"
)

const (
	locationType = "application/json;charset=utf-8"

	// restReport is how often a truck that stands says so: its position does not change, but headquarters shall know that it lives.
	restReport = 5 * time.Second
	// maxText is how many bytes of a text are shown.
	maxText = 4 << 10
)

// fix is where a truck truly is.
type fix struct {
	lat, lng float64
	speed    float64 // m/s
	heading  float64 // degrees from north
	what     string  // what it is doing
}

// mover moves a truck.
type mover interface{ step(dt time.Duration) fix }

// truck drives, reports its location and shows its texts.
type truck struct {
	id          string
	destination string
	up          *uplink[*link.STOMP]
	fleet       *Fleet

	// Of the goroutine that steps.
	mover    mover
	receiver receiver
	rng      *rand.Rand
	stepped  time.Time
	reported time.Time // zero: not yet

	mu    sync.Mutex
	seen  truckState // guarded by mu
	texts int        // guarded by mu
}

// truckState is what a truck shows.
type truckState struct {
	fix
	accuracy float64
	known    bool
	text     string // the last one
	textAt   time.Time
}

func (t *truck) state() (s truckState, texts int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen, t.texts
}

// step implements stepper.
func (t *truck) step(now time.Time) {
	dt := t.fleet.elapsed(&t.stepped, now)
	seen, fresh := t.observe(t.mover.step(dt), dt)
	if fresh || now.Sub(t.reported) >= restReport {
		t.report(seen, now)
	}
}

// observe notes what the receiver makes of the true position. While the truck stands it keeps the last one, as receivers do, and the
// position is not fresh.
func (t *truck) observe(f fix, dt time.Duration) (seen truckState, fresh bool) {
	lat, lng, accuracy := t.receiver.observe(f.lat, f.lng, dt, t.rng)
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.speed == 0 && t.seen.known && t.seen.speed == 0 {
		t.seen.what = f.what
		return t.seen, false
	}
	f.lat, f.lng = lat, lng
	t.seen.fix, t.seen.accuracy, t.seen.known = f, accuracy, true
	return t.seen, true
}

func (t *truck) report(s truckState, now time.Time) {
	l, up := t.up.get()
	if !up {
		return
	}
	body := telemetry.AppendLocation(make([]byte, 0, 160), telemetry.Location{
		DeviceID: t.id, Lat: s.lat, Lng: s.lng, TS: now.UTC(),
		Speed: telemetry.Some(s.speed), Heading: telemetry.Some(s.heading), Accuracy: telemetry.Some(s.accuracy),
	})
	sent, err := l.TrySend(t.destination, locationType, body)
	switch {
	case sent:
		t.reported = now
		t.fleet.count.locations.Add(1)
	case err == nil:
		t.fleet.count.skipped.Add(1)
	}
}

// receive shows a text and acknowledges it once it has been shown.
func (t *truck) receive(l *link.STOMP, m *stomp.Message) {
	body := terminal.Clean(string(m.Body[:min(len(m.Body), maxText)]))
	now := time.Now()
	t.mu.Lock()
	t.seen.text, t.seen.textAt = body, now
	t.texts++
	t.mu.Unlock()
	t.fleet.count.texts.Add(1)
	t.fleet.console.show(event{at: now, kind: textEvent, device: t.id, text: body, shown: func() { l.Ack(m) }})
}

// openTrucks dials for trucks and subscribes to their texts.
func (f *Fleet) openTrucks(ctx context.Context, clientID string, trucks []*truck) (*link.STOMP, error) {
	l, err := link.DialSTOMP(ctx, link.STOMPConfig{Addr: f.cfg.STOMP, ClientID: clientID, Access: f.cfg.Access(clientID), Buffer: 1024, Logger: f.log})
	if err != nil {
		return nil, err
	}
	for _, t := range trucks {
		err := l.Subscribe(telemetry.TextDestination(t.id), stomp.AckClientIndividual, func(m *stomp.Message) { t.receive(l, m) })
		if err != nil {
			l.Close()
			return nil, err
		}
	}
	return l, nil
}

// replay moves a truck along a recorded path, at any multiple of its pace.
type replay struct {
	path  *gpx.Path
	speed float64
	at    time.Duration
}

func (r *replay) step(dt time.Duration) fix {
	r.at += time.Duration(float64(dt) * r.speed)
	p := r.path.At(r.at)
	out := fix{lat: p.Lat, lng: p.Lng, heading: p.Heading, what: "replay"}
	if p.Moving {
		out.speed = p.Speed * r.speed
	}
	if p.Back {
		out.what = "replay, back"
	}
	return out
}
