// Package wire shows what crosses the connections of a client, as it crosses
// them: the last frames and packets in both directions.
//
// Nothing is recorded unless somebody looks. Whoever calls [Monitor.Frames] begins
// a watch, which ends when nobody has asked for a minute; until then taps (see
// package netx) copy what the client's connections read and write into a ring.
// Frames are taken apart only when they are asked for.
//
// A device may report over the connection of a gateway, with others. Its watch
// then sees of that connection what is about the device, by destination.
package wire

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/broker"
	"mwm/server/telemetry"
	"mwm/server/topic"
)

const (
	maxWatches  = 32       // at a time
	maxBatches  = 256      // of one watch
	maxBytes    = 1 << 20  // of one watch
	maxBatch    = 32 << 10 // of what one read or write had
	lease       = time.Minute
	perBatch    = 1 << 16 // numbers of frames in a batch
	sweepEvery  = 5 * time.Second
	maxPerBatch = 1000 // frames that are taken apart
)

// ErrTooMany refuses one more watch.
var ErrTooMany = errors.New("too many connections are being watched; try again in a minute")

// Target is whose connections are watched: those of a client identifier in both
// protocols, or with Num one connection.
type Target struct {
	Client string
	Num    uint64
}

func (t Target) matches(c *broker.Client) bool {
	if t.Num != 0 {
		return c.Num() == t.Num
	}
	return c.ID == t.Client
}

// Frame is one frame or packet.
type Frame struct {
	broker.WireFrame
	Seq    uint64 // ascending, with gaps
	At     time.Time
	In     bool // from the client
	Client *broker.Client
}

// about reports whether a frame is about a device: its destination or topic is one
// of the device's addresses.
func about(f broker.WireFrame, device string) bool {
	for _, h := range f.Fields {
		name := h.Value
		switch h.Name {
		case "topic":
			name = topic.Swap(name)
		case "destination":
			name = strings.TrimPrefix(strings.TrimPrefix(name, "/topic/"), "/queue/")
		default:
			continue
		}
		if telemetry.DeviceOf(name) == device {
			return true
		}
	}
	return false
}

// Monitor watches connections. Make one with New; its methods may be called
// concurrently.
type Monitor struct {
	clients func() []*broker.Client
	active  atomic.Int32 // watches

	mu      sync.Mutex
	watches map[Target]*watch
	taps    map[*broker.Client]*tap
}

// New returns a monitor of the clients that a function lists.
func New(clients func() []*broker.Client) *Monitor {
	return &Monitor{clients: clients, watches: map[Target]*watch{}, taps: map[*broker.Client]*tap{}}
}

// Run ends watches that nobody asks for, until ctx ends.
func (m *Monitor) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			m.sweep(now)
		case <-ctx.Done():
			return nil
		}
	}
}

// Connected is to be called for each client that has been attached, by who reads
// what it has sent, Disconnected for each that has gone.
func (m *Monitor) Connected(c *broker.Client) {
	if m.active.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for t, w := range m.watches {
		if t.matches(c) {
			m.tap(c, w)
		}
	}
	if x := m.taps[c]; x != nil {
		x.begin()
	}
}

// Watching reports whether anybody is.
func (m *Monitor) Watching() bool { return m.active.Load() > 0 }

// Reported is to be called when a client has published a report of a device. If
// the device is watched and the client is another one, a gateway, its connection
// is watched as well.
func (m *Monitor) Reported(device string, c *broker.Client) {
	if c == nil || c.ID == device {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if w := m.watches[Target{Client: device}]; w != nil {
		m.tap(c, w)
	}
}

// Disconnected is the counterpart of Connected. What the client is still told is
// shown.
func (m *Monitor) Disconnected(c *broker.Client) {
	if m.active.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.taps, c)
}

// Links are the connections over which a target speaks.
type Links struct{ Own, Gateways int }

// Frames returns what has crossed the connections of a target after frame seq, at
// most the newest limit frames, and which connections it has. more is closed when
// there is something new.
func (m *Monitor) Frames(t Target, seq uint64, limit int) (frames []Frame, links Links, more <-chan struct{}, err error) {
	w, links, err := m.watch(t)
	if err != nil {
		return nil, links, nil, err
	}
	batches, more := w.after(seq)
	for _, b := range batches {
		frames = append(frames, b.frames(t, seq)...)
		frames = frames[max(0, len(frames)-limit):]
	}
	return frames, links, more, nil
}

// watch returns the watch of a target, and begins it if need be.
func (m *Monitor) watch(t Target) (w *watch, links Links, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w = m.watches[t]
	if w == nil {
		if len(m.watches) >= maxWatches {
			return nil, links, ErrTooMany
		}
		w = &watch{target: t, news: make(chan struct{})}
		m.watches[t] = w
		m.active.Store(int32(len(m.watches)))
		for _, c := range m.clients() {
			if t.matches(c) {
				m.tap(c, w)
			}
		}
	}
	w.until = time.Now().Add(lease)
	for c, x := range m.taps {
		switch {
		case t.matches(c):
			links.Own++
		case x.has(w):
			links.Gateways++
		}
	}
	return w, links, nil
}

// tap lets a watch see a connection. m.mu is held.
func (m *Monitor) tap(c *broker.Client, w *watch) {
	if c.In == nil || c.Out == nil || c.Explain == nil {
		return
	}
	x := m.taps[c]
	if x == nil {
		x = &tap{client: c}
		m.taps[c] = x
	}
	if x.add(w) {
		c.In.SetTap(x)
		c.Out.SetTap(x)
	}
}

// sweep ends watches that nobody asks for.
func (m *Monitor) sweep(now time.Time) {
	if m.active.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for t, w := range m.watches {
		if now.Before(w.until) {
			continue
		}
		delete(m.watches, t)
		for c, x := range m.taps {
			if x.remove(w) == 0 {
				c.In.SetTap(nil)
				c.Out.SetTap(nil)
				delete(m.taps, c)
			}
		}
	}
	m.active.Store(int32(len(m.watches)))
}

// tap is what a connection is tapped with.
type tap struct {
	client  *broker.Client
	mu      sync.Mutex
	watches []*watch
	begun   []*batch // what is being handled; see begin
}

// add reports whether the watch is new.
func (x *tap) add(w *watch) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if slices.Contains(x.watches, w) {
		return false
	}
	x.watches = append(x.watches, w)
	return true
}

func (x *tap) has(w *watch) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Contains(x.watches, w)
}

// remove returns how many watches are left.
func (x *tap) remove(w *watch) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.watches = slices.DeleteFunc(x.watches, func(o *watch) bool { return o == w })
	return len(x.watches)
}

// begin notes that input is being handled, which will be shown: that with which
// the client has introduced itself, before anybody knew that it is watched.
func (x *tap) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.begun = x.reserve(true)
}

// reserve makes a batch for each watch. x.mu is held.
func (x *tap) reserve(in bool) []*batch {
	batches := make([]*batch, len(x.watches))
	for i, w := range x.watches {
		batches[i] = &batch{watch: w, at: time.Now(), client: x.client, in: in}
		w.add(batches[i])
	}
	return batches
}

// Receiving implements netx.Tap.
func (x *tap) Receiving() func(p []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	batches := x.begun
	if x.begun = nil; batches == nil {
		batches = x.reserve(true)
	}
	return func(p []byte) { fill(batches, p) }
}

// Sending implements netx.Tap.
func (x *tap) Sending(p []byte) {
	x.mu.Lock()
	batches := x.reserve(false)
	x.mu.Unlock()
	fill(batches, p)
}

func fill(batches []*batch, p []byte) {
	data := slices.Clone(p[:min(len(p), maxBatch)])
	for _, b := range batches {
		b.watch.fill(b, data)
	}
}

// batch is what one read or write had.
type batch struct {
	watch  *watch
	seq    uint64
	at     time.Time
	client *broker.Client
	in     bool
	done   bool // it has its data
	data   []byte
}

// frames takes a batch apart, but for frames up to seq, and those of a gateway that
// are not about the target.
func (b *batch) frames(t Target, seq uint64) (frames []Frame) {
	all := b.client.Explain(slices.Clone(b.data), b.in)
	for i, f := range all[:min(len(all), maxPerBatch)] {
		if n := b.seq*perBatch + uint64(i) + 1; n > seq && (t.matches(b.client) || about(f, t.Client)) {
			frames = append(frames, Frame{WireFrame: f, Seq: n, At: b.at, In: b.in, Client: b.client})
		}
	}
	return frames
}

// watch is a ring of the newest batches of its connections.
type watch struct {
	target Target
	until  time.Time // guarded by the monitor's lock

	mu      sync.Mutex
	batches []*batch
	bytes   int
	seq     uint64
	news    chan struct{}
}

// add makes a batch the newest. Those behind it wait until it has its data.
func (w *watch) add(b *batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
	b.seq = w.seq
	w.batches = append(w.batches, b)
	w.trim()
}

func (w *watch) fill(b *batch, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b.done, b.data = true, data
	switch i := slices.Index(w.batches, b); {
	case i < 0: // trimmed meanwhile
		return
	case len(data) == 0 || !w.target.matches(b.client) && !mentions(data, w.target.Client): // nothing, or about others
		w.batches = slices.Delete(w.batches, i, i+1)
	default:
		w.bytes += len(data)
		w.trim()
	}
	close(w.news)
	w.news = make(chan struct{})
}

// mentions reports whether what a gateway says may be about a device: it is not
// taken apart for that. STOMP escapes what these characters begin (1.2, "Value
// Encoding").
func mentions(data []byte, device string) bool {
	return strings.ContainsAny(device, `:\`) || bytes.Contains(data, []byte(device))
}

// trim forgets the oldest batches beyond the limits. w.mu is held.
func (w *watch) trim() {
	n := 0
	for ; len(w.batches)-n > maxBatches || w.bytes > maxBytes && len(w.batches)-n > 1; n++ {
		w.bytes -= len(w.batches[n].data)
	}
	w.batches = slices.Delete(w.batches, 0, n)
}

// after returns the batches that may have frames after seq.
func (w *watch) after(seq uint64) (batches []*batch, more <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range w.batches {
		if !b.done {
			break
		}
		if (b.seq+1)*perBatch > seq {
			batches = append(batches, b)
		}
	}
	return batches, w.news
}
