// Package fleet keeps what is known about every device: its last location and
// motion, whether it is there, where it has been, the texts sent to it and what
// became of them, and the events worth telling.
//
// A Fleet is fed by plain methods, one per thing that may happen, which whoever
// listens to the broker calls; it calls nobody. Payloads are judged here: what
// is not believed changes nothing and leaves a reason among the events.
//
// # Time
//
// A report has two times. Its ts says when it was measured, and decides which of
// a device's reports is its current position. Its arrival says that the device
// is alive. A retained value that is replayed is neither new nor a sign of life.
//
// # Following it
//
// Whoever shows the fleet follows it with Tick, which gathers what has changed
// since the tick before, and Since, which gathers all that has changed since any
// earlier tick, last value each. Texts, alerts and events go to a bounded log,
// read with Log.
//
// # Concurrency
//
// All methods but Tick may be called concurrently. One mutex guards all state;
// it is held for one device's update or one chunk of a scan, never while
// decoding or calling out, so nobody who feeds the fleet waits for a reader.
package fleet

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Options are a Fleet's settings. Zero values mean the defaults.
type Options struct {
	MaxDevices     int           // devices remembered; reports of others are refused; default 100,000
	StaleAfter     time.Duration // without a sign of life, a device is stale; default 15 s
	OfflineAfter   time.Duration // the same without an open connection, offline; default 2 min
	MaxAhead       time.Duration // a ts further ahead of the server counts as arrival; default 5 min
	TrailPoints    int           // points of a device's trail; default 500
	MaxTrailPoints int           // points of all trails (16 to 32 bytes each); with many devices each gets fewer; default 2,000,000
	TextsPerDevice int           // texts remembered for a device, newest; default 50
	MaxTexts       int           // texts remembered in all, newest; default 20,000
	MaxTextBody    int           // bytes of a text's body that are remembered; default 4096
	Events         int           // events remembered, newest; default 200
	MaxLog         int           // texts, alerts and events kept for followers that lag; default 8192

	// Now is the clock that ages devices; default time.Now.
	Now func() time.Time
}

func (o *Options) setDefaults() error {
	for _, s := range []struct {
		name     string
		value    *int
		standard int
	}{
		{"MaxDevices", &o.MaxDevices, 100_000}, {"TrailPoints", &o.TrailPoints, 500},
		{"MaxTrailPoints", &o.MaxTrailPoints, 2_000_000}, {"TextsPerDevice", &o.TextsPerDevice, 50},
		{"MaxTexts", &o.MaxTexts, 20_000}, {"MaxTextBody", &o.MaxTextBody, 4096},
		{"Events", &o.Events, 200}, {"MaxLog", &o.MaxLog, 8192},
	} {
		if *s.value < 0 {
			return fmt.Errorf("fleet: %s is %d; it must be positive, or 0 for %d", s.name, *s.value, s.standard)
		}
		if *s.value == 0 {
			*s.value = s.standard
		}
	}
	for _, s := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"StaleAfter", &o.StaleAfter, 15 * time.Second}, {"OfflineAfter", &o.OfflineAfter, 2 * time.Minute},
		{"MaxAhead", &o.MaxAhead, 5 * time.Minute},
	} {
		if *s.value < 0 {
			return fmt.Errorf("fleet: %s is %v; it must be positive, or 0 for %v", s.name, *s.value, s.standard)
		}
		if *s.value == 0 {
			*s.value = s.standard
		}
	}
	if o.OfflineAfter < o.StaleAfter {
		return fmt.Errorf("fleet: OfflineAfter is %v; it must not be less than StaleAfter, %v", o.OfflineAfter, o.StaleAfter)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// Fleet is the table of devices. Make one with New.
type Fleet struct {
	opts    Options
	staleMs int64
	goneMs  int64
	stats   counters
	agedAt  int64 // when devices have been aged last; Run's own

	mu       sync.Mutex
	byID     map[string]*device
	latest   *device          // that was looked up: reports come in batches
	devices  []*device        // by index
	ids      []string         // by index; elements never change
	slab     []device         // room for devices to come, side by side for the sake of scans
	clients  map[string]conns // connections of clients that are no devices (yet)
	byStatus [4]int

	tick    uint64 // the one that what changes now will be part of
	changed [kinds][]uint32

	texts  textTable
	log    itemLog
	events eventRing
	limits [budgets]budget
	alerts uint64 // numbered so far

	// Safe without mu: the second in which nothing more is told of payloads that
	// are not believed, and how many were not told of.
	mute   atomic.Int64
	untold atomic.Int64
}

// New returns an empty fleet.
func New(opts Options) (*Fleet, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	return &Fleet{
		opts:    opts,
		staleMs: opts.StaleAfter.Milliseconds(),
		goneMs:  opts.OfflineAfter.Milliseconds(),
		byID:    make(map[string]*device),
		clients: make(map[string]conns),
		tick:    1,
		texts:   newTextTable(opts),
		log:     itemLog{max: opts.MaxLog},
		events:  eventRing{max: opts.Events},
	}, nil
}

// StaleAfter returns the setting of that name, and OfflineAfter its own.
func (f *Fleet) StaleAfter() time.Duration { return f.opts.StaleAfter }

// OfflineAfter returns the setting of that name.
func (f *Fleet) OfflineAfter() time.Duration { return f.opts.OfflineAfter }

// counters are atomics, so that reading them never waits for the fleet.
type counters struct {
	locations, late, noTS, ahead, motions, wills       atomic.Uint64
	full, eventsLost, retained, textsEvicted           atomic.Uint64
	refusedLocations, refusedMotions, refusedLastWills atomic.Uint64
}

// Stats are counts since the fleet was made, and of what it holds now.
type Stats struct {
	Locations        uint64 // believed
	Late             uint64 // of these, older than the current one
	WithoutTS        uint64 // of these, without a ts that could be read
	Ahead            uint64 // of these, with a ts too far ahead
	Motions          uint64
	LastWills        uint64
	Retained         uint64 // last values replayed
	RefusedLocations uint64
	RefusedMotions   uint64
	RefusedLastWills uint64
	RefusedFull      uint64 // from devices beyond MaxDevices
	LogSuppressed    uint64 // texts, alerts and events that came too fast to be told one by one
	TextsForgotten   uint64 // beyond TextsPerDevice or MaxTexts

	Devices  int
	ByStatus [4]int // by Status
	Clients  int    // connected clients that are not known devices
	Texts    int
}

// Stats returns the counts.
func (f *Fleet) Stats() Stats {
	c := &f.stats
	s := Stats{
		Locations: c.locations.Load(), Late: c.late.Load(), WithoutTS: c.noTS.Load(), Ahead: c.ahead.Load(),
		Motions: c.motions.Load(), LastWills: c.wills.Load(), Retained: c.retained.Load(),
		RefusedLocations: c.refusedLocations.Load(), RefusedMotions: c.refusedMotions.Load(),
		RefusedLastWills: c.refusedLastWills.Load(), RefusedFull: c.full.Load(),
		LogSuppressed: c.eventsLost.Load(), TextsForgotten: c.textsEvicted.Load(),
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Devices, s.ByStatus, s.Clients, s.Texts = len(f.devices), f.byStatus, len(f.clients), f.texts.len()
	return s
}
