package history

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"mwm/server/clock"
)

// Options are a Recorder's settings. Zero values mean the defaults.
type Options struct {
	Store Store // required

	// All keeps every report. Otherwise one is kept that differs from the last one
	// kept by Distance, by Turn while on the move, or by Interval.
	All      bool
	Distance float64       // m; default 5
	Turn     float64       // degrees; default 15
	Interval time.Duration // default 30 s

	MaxAge   time.Duration // how long a point is kept after it came in; default 30 days
	MaxBytes int64         // of all chunks; the oldest go first; default 2 GiB

	MaxDevices int // default 200,000
	MaxRate    int // points of a device in a second, on average; default 10
	MaxBurst   int // points of a device beyond that, as when it was offline for days; default 1,000,000
	MaxPending int // bytes that may wait for the disk, log and chunks each; default 64 MiB
	MaxLog     int // bytes of log that a crash may leave to be read; default 32 MiB

	Now    func() time.Time // default time.Now
	Logger *slog.Logger     // default slog.Default
}

func (o *Options) setDefaults() error {
	if o.Store == nil {
		return errors.New("history: Store is not set")
	}
	if o.MaxRate > 1000 {
		return fmt.Errorf("history: MaxRate is %d; it must be at most 1000", o.MaxRate)
	}
	if o.Distance < 0 || o.Turn < 0 || o.Interval < 0 || o.MaxAge < 0 || o.MaxBytes < 0 ||
		o.MaxDevices < 0 || o.MaxRate < 0 || o.MaxBurst < 0 || o.MaxPending < 0 || o.MaxLog < 0 {
		return errors.New("history: no setting may be negative; 0 stands for its default")
	}
	setDefault(&o.Distance, 5)
	setDefault(&o.Turn, 15)
	setDefault(&o.Interval, 30*time.Second)
	setDefault(&o.MaxAge, 30*24*time.Hour)
	setDefault(&o.MaxBytes, 2<<30)
	setDefault(&o.MaxDevices, 200_000)
	setDefault(&o.MaxRate, 10)
	setDefault(&o.MaxBurst, 1_000_000)
	setDefault(&o.MaxPending, 64<<20)
	setDefault(&o.MaxLog, 32<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return nil
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Recorder keeps the tracks of all devices. Its methods may be called
// concurrently.
type Recorder struct {
	opts    Options
	store   Store
	log     *slog.Logger
	started time.Time
	clock   func() time.Time // tests set it; the rest goes by up
	steady  clock.Steadiness // Run's own

	mu      sync.Mutex
	devices map[string]*device
	lastNum int64
	news    []NamedDevice // not known to the store yet
	open    list.List     // of *chunk, in the order in which they were begun, until they are saved
	closed  []*chunk      // of these, those that take no more points
	pending int           // bytes of the chunks in open
	batch   logBatch
	nextLog uint64
	unsaved []LogEntry // batches that wait for the disk
	waiting int        // their bytes
	logged  []logSize  // entries that are in the store
	logSum  int        // their bytes
	stats   Stats      // but what is not counted here

	deletions []deletion    // that wait to be written
	forget    []int64       // devices whose deletion is not in the store yet
	gone      []int64       // devices whose chunks are to be dropped
	wake      chan struct{} // has something if Run is to write at once
}

type logSize struct {
	id    uint64
	bytes int
}

// device is what is known of one that has a history.
type device struct {
	num    int64
	id     string
	open   []*chunk // by hour, those that take points first
	booked int64    // up to when its rate is used up, ms since the start
}

// maxOpen is how many hours of one device may be open at a time: the current one
// and some that late reports belong to.
const maxOpen = 4

// chunk is one that is being filled, or waits to be saved.
type chunk struct {
	dev         *device
	hour        int64
	coder       coder
	data        []byte
	first, last int64
	kept        Point         // the last one; sampling compares with it
	opened      time.Duration // since the start
	log         uint64        // the entry that its first point came in
	lastLog     uint64        // the same of its last point
	tail        int           // points that came in that entry
	closed      bool
	taken       bool // is being saved
	where       *list.Element
}

// chunkPoints is when a chunk is full: at one point a second, after four minutes.
const chunkPoints = 256

// New returns a recorder with what its store holds.
func New(ctx context.Context, opts Options) (*Recorder, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	r := &Recorder{
		opts: opts, store: opts.Store, log: opts.Logger, started: opts.Now(), clock: opts.Now,
		devices: map[string]*device{}, nextLog: 1, wake: make(chan struct{}, 1),
	}
	var l loading
	loaded, err := opts.Store.LoadHistory(ctx, l.loader(r))
	if err = errors.Join(err, l.damaged); err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	r.stats.Usage = loaded.Usage
	r.nextLog = max(r.nextLog, loaded.LastLog+1)
	if l.replayed > 0 {
		r.log.Info("the server was not stopped in order: points of the history were read from its log", "points", l.replayed)
	}
	return r, nil
}

func (r *Recorder) addDevice(n NamedDevice) *device {
	d := &device{num: n.Num, id: strings.Clone(n.ID)}
	r.devices[d.id] = d
	r.lastNum = max(r.lastNum, d.num)
	return d
}

// Add takes a point of a device, in any order of time. It never waits.
func (r *Recorder) Add(id string, p Point) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Lat < -maxLat || p.Lat > maxLat || p.Lng < -maxLng || p.Lng > maxLng || p.TS < -maxTS || p.TS > maxTS {
		r.stats.Dropped.Invalid++
		return
	}
	d := r.devices[id]
	if d == nil {
		if len(r.devices) >= r.opts.MaxDevices {
			r.stats.Dropped.Devices++
			return
		}
		d = r.addDevice(NamedDevice{r.lastNum + 1, id})
		r.news = append(r.news, NamedDevice{d.num, d.id})
	}
	if len(d.open) > 0 && d.open[0].hour == hourOf(p.TS) && !r.worth(p, d.open[0].kept) {
		r.stats.Sampled++
		return
	}
	if !r.admit(d) {
		return
	}
	if r.put(d, p) {
		r.batch.append(d.num, p)
		r.stats.Recorded++
	}
}

// worth reports whether a point says more than the one kept last.
func (r *Recorder) worth(p, last Point) bool {
	if r.opts.All {
		return p != last
	}
	ms := p.TS - last.TS
	if ms >= r.opts.Interval.Milliseconds() || -ms >= r.opts.Interval.Milliseconds() {
		return true
	}
	away := distance(last, p)
	return away >= r.opts.Distance || away >= 1 && turn(last.Heading, p.Heading) >= r.opts.Turn
}

// distance is about how many metres lie between points that are near each other.
func distance(a, b Point) float64 {
	const perUnit = 6371008.8 * math.Pi / 180 / 1e7
	dlng := int64(b.Lng) - int64(a.Lng)
	if dlng > maxLng {
		dlng -= 2 * maxLng
	} else if dlng < -maxLng {
		dlng += 2 * maxLng
	}
	lat, _ := a.Degrees()
	return math.Hypot(float64(b.Lat-a.Lat), float64(dlng)*math.Cos(lat*math.Pi/180)) * perUnit
}

// turn is the angle between two headings, 0 if one is not known.
func turn(a, b Measure) float64 {
	from, ok1 := a.Value()
	to, ok2 := b.Value()
	if !ok1 || !ok2 {
		return 0
	}
	return math.Abs(math.Remainder(to-from, 360))
}

// admit reports whether there is room for one more point, and counts why not.
func (r *Recorder) admit(d *device) bool {
	if r.waiting+len(r.batch.data) >= r.opts.MaxPending || r.pending >= r.opts.MaxPending {
		r.stats.Dropped.Disk++
		return false
	}
	now, each := r.up().Milliseconds(), 1000/int64(r.opts.MaxRate)
	if d.booked-now > int64(r.opts.MaxBurst)*each {
		r.stats.Dropped.Rate++
		return false
	}
	d.booked = max(d.booked, now) + each
	return true
}

// put adds a point to the device's chunk of its hour; false: it says nothing new.
func (r *Recorder) put(d *device, p Point) bool {
	c := r.chunkFor(d, hourOf(p.TS))
	if c.coder.n > 0 && !r.worth(p, c.kept) {
		r.stats.Sampled++
		return false
	}
	before := len(c.data)
	c.data = c.coder.appendPoint(c.data, p)
	r.pending += len(c.data) - before
	if c.coder.n == 1 {
		c.first, c.last = p.TS, p.TS
	}
	if c.lastLog != r.nextLog {
		c.lastLog, c.tail = r.nextLog, 0
	}
	c.tail++
	c.first, c.last, c.kept = min(c.first, p.TS), max(c.last, p.TS), p
	if c.coder.n >= chunkPoints {
		r.close(c)
	}
	return true
}

// chunkFor returns the open chunk of an hour, and begins it if need be; it is the
// first of the device's afterwards.
func (r *Recorder) chunkFor(d *device, hour int64) *chunk {
	for i, c := range d.open {
		if c.hour == hour && !c.closed {
			copy(d.open[1:i+1], d.open[:i])
			d.open[0] = c
			return c
		}
	}
	if open := d.taking(); len(open) >= maxOpen {
		r.close(open[len(open)-1])
	}
	c := &chunk{dev: d, hour: hour, coder: newCoder(hour), opened: r.up(), log: r.nextLog}
	c.where = r.open.PushBack(c)
	d.open = append(d.open, nil)
	copy(d.open[1:], d.open)
	d.open[0] = c
	return c
}

// taking returns the chunks that still take points.
func (d *device) taking() []*chunk {
	n := 0
	for n < len(d.open) && !d.open[n].closed {
		n++
	}
	return d.open[:n]
}

// close lets a chunk take no more points.
func (r *Recorder) close(c *chunk) {
	if c.closed {
		return
	}
	c.closed = true
	r.closed = append(r.closed, c)
	open := c.dev.open
	for i := range open { // to the end of the device's: those that take points come first
		if open[i] == c {
			copy(open[i:], open[i+1:])
			open[len(open)-1] = c
			return
		}
	}
}
