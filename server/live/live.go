// Package live feeds the dashboards: it sends each browser what changes in the
// fleet, ten times a second, over one WebSocket.
//
// # What is sent
//
// Positions, motions and presences go in binary frames (see frame.go), whatever
// is rare in JSON text messages (see message.go). All frames of one tick carry
// its sequence number.
//
// # Flow control
//
// A browser acknowledges the frames it has handled by their number. With Credit
// ticks unacknowledged it gets no further frames; when it has caught up it gets
// one conflated set with the last value of everything that changed meanwhile. So
// does one that was paused, or that comes back with the epoch and the last number
// it knows. Browsers that are up to date share the same encoded bytes.
//
// Texts, alerts and events are never conflated. They are encoded once into a
// shared log of bounded size, in which every browser has a position: one that
// falls out of it is disconnected with a reason. Nothing is queued per browser,
// so one that stops reading costs no memory; a write that makes no progress, or a
// ping without an answer, ends it.
//
// A page sees nothing of pings. So that it can tell a quiet fleet from a dead
// link, it is sent a sign of life when there has been nothing else for a while.
package live

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/fleet"
)

// Subprotocol is the WebSocket subprotocol of the feed.
const Subprotocol = "mwm.feed.v1"

// Options are a Hub's settings. Zero values mean the defaults.
type Options struct {
	Fleet  *fleet.Fleet // required
	Logger *slog.Logger // default slog.Default

	Server string // name and version, for the hello
	Demo   bool   // whether the page may start simulated devices
	Tiles  *Tiles // of the map, beside the embedded ones; default none

	Every        time.Duration // between ticks; default 100 ms
	Credit       int           // ticks a browser may have unacknowledged; default 2
	MaxBrowsers  int           // at once; default 1000
	MaxBehind    int           // bytes of texts, alerts and events a browser may be behind; default 4 MiB
	WriteTimeout time.Duration // for one message; default 15 s
	PingEvery    time.Duration // to find browsers that are gone; default 30 s
	AliveEvery   time.Duration // a browser hears at least this often from the server; default 10 s
}

// Tiles is where the page gets map tiles.
type Tiles struct {
	URL         string `json:"url"` // template with {z}, {x}, {y}, {s}
	Attribution string `json:"attribution"`
	MaxZoom     int    `json:"maxZoom"`
}

func (o *Options) setDefaults() error {
	if o.Fleet == nil {
		return errors.New("live: Fleet is not set")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for _, s := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"Every", &o.Every, 100 * time.Millisecond}, {"WriteTimeout", &o.WriteTimeout, 15 * time.Second},
		{"PingEvery", &o.PingEvery, 30 * time.Second}, {"AliveEvery", &o.AliveEvery, 10 * time.Second},
	} {
		if *s.value < 0 {
			return fmt.Errorf("live: %s is %v; it must be positive, or 0 for %v", s.name, *s.value, s.standard)
		}
		if *s.value == 0 {
			*s.value = s.standard
		}
	}
	for _, s := range []struct {
		name     string
		value    *int
		standard int
	}{{"Credit", &o.Credit, 2}, {"MaxBrowsers", &o.MaxBrowsers, 1000}, {"MaxBehind", &o.MaxBehind, 4 << 20}} {
		if *s.value < 0 {
			return fmt.Errorf("live: %s is %d; it must be positive, or 0 for %d", s.name, *s.value, s.standard)
		}
		if *s.value == 0 {
			*s.value = s.standard
		}
	}
	return nil
}

// Hub is the feed. Make one with New, Run it, and let it serve the browsers'
// requests as an http.Handler.
type Hub struct {
	opts  Options
	epoch string // of sequence numbers and device indexes
	stats counters

	// now is the newest tick. Its frames are nil if nobody was there to see it.
	now atomic.Pointer[tick]

	mu       sync.Mutex
	stopped  bool
	browsers map[*browser]struct{}
	side     sideLog
	catchUps map[catchUpKey]*catchUp // that browsers ask for between two ticks

	serving sync.WaitGroup // one for each browser
}

// tick is what all browsers that are up to date get.
type tick struct {
	seq    uint64
	frames [][]byte
}

// New returns a hub that serves nobody until Run is called.
func New(opts Options) (*Hub, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	h := &Hub{
		opts:     opts,
		epoch:    rand.Text(),
		browsers: make(map[*browser]struct{}),
		side:     sideLog{max: opts.MaxBehind},
		catchUps: make(map[catchUpKey]*catchUp),
	}
	h.now.Store(&tick{seq: opts.Fleet.Seq()})
	return h, nil
}

// Run ticks until ctx is done; then it tells all browsers that the server goes
// away, and returns when they are gone. The fleet's Tick is the hub's alone.
func (h *Hub) Run(ctx context.Context) error {
	t := time.NewTicker(h.opts.Every)
	defer t.Stop()
	var batch fleet.Batch
	var items []fleet.Item
	for {
		select {
		case <-ctx.Done():
			h.stop()
			return nil
		case <-t.C:
			items = h.tick(&batch, items[:0])
		}
	}
}

func (h *Hub) tick(batch *fleet.Batch, items []fleet.Item) []fleet.Item {
	h.stats.ticks.Add(1)
	changed := h.opts.Fleet.Tick(batch)
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.catchUps)
	if len(h.browsers) == 0 {
		h.side.skipTo(h.opts.Fleet.LogEnd())
		h.now.Store(&tick{seq: batch.Seq})
		return items
	}
	items = h.opts.Fleet.Log(h.side.end, items)
	for _, it := range items {
		h.side.append(it.Seq, encodeItem(it))
	}
	if changed {
		t := &tick{seq: batch.Seq, frames: appendFrames(nil, batch, 0)}
		for _, f := range t.frames {
			h.stats.encoded.Add(uint64(len(f)))
		}
		h.now.Store(t)
	}
	if changed || len(items) > 0 {
		for b := range h.browsers {
			b.poke()
		}
	}
	return items
}

// stop ends all browsers and waits for them.
func (h *Hub) stop() {
	h.mu.Lock()
	h.stopped = true
	for b := range h.browsers {
		b.end(errShutdown)
	}
	h.mu.Unlock()
	h.serving.Wait()
}

// enter admits a browser, or says why not.
func (h *Hub) enter(b *browser) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopped {
		return errShutdown
	}
	if len(h.browsers) >= h.opts.MaxBrowsers {
		return fmt.Errorf("%d browsers are connected, which is the limit", h.opts.MaxBrowsers)
	}
	h.browsers[b] = struct{}{}
	h.serving.Add(1)
	return nil
}

func (h *Hub) leave(b *browser) {
	h.mu.Lock()
	delete(h.browsers, b)
	h.mu.Unlock()
	h.serving.Done()
}

// catchUp is a conflated set of frames, made once for all who need the same.
type catchUp struct {
	once   sync.Once
	seq    uint64
	frames [][]byte
}

type catchUpKey struct {
	since uint64
	flags uint16
}

// since returns all that has changed after a tick, and the tick it leads to.
func (h *Hub) since(seq uint64, flags uint16) (frames [][]byte, last uint64) {
	key := catchUpKey{seq, flags}
	h.mu.Lock()
	c := h.catchUps[key]
	if c == nil {
		c = new(catchUp)
		h.catchUps[key] = c
	}
	h.mu.Unlock()
	c.once.Do(func() {
		var batch fleet.Batch
		h.opts.Fleet.Since(seq, &batch)
		c.seq, c.frames = batch.Seq, appendFrames(nil, &batch, flags)
		h.stats.catchUps.Add(1)
	})
	return c.frames, c.seq
}

type counters struct {
	ticks, encoded, catchUps, sentBytes, sentMessages atomic.Uint64
	skipped, accepted, resumed, refused, slow         atomic.Uint64
}

// Stats are counts since the hub was made, and of what it serves now.
type Stats struct {
	Browsers     int    // now
	Ticks        uint64 // passed
	EncodedBytes uint64 // of frames that browsers share
	CatchUps     uint64 // conflated sets made
	SentMessages uint64 // to all browsers
	SentBytes    uint64
	Skipped      uint64 // times that a browser had no credit left
	Accepted     uint64 // browsers
	Resumed      uint64 // of these, where they had left off
	Refused      uint64 // beyond MaxBrowsers or while stopping
	Slow         uint64 // disconnected because they did not keep up
	// Lag is for how long the browser that is furthest behind has not acknowledged
	// what it was sent.
	Lag time.Duration
}

// Stats returns the counts.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	browsers, lag, now := len(h.browsers), time.Duration(0), time.Now()
	for b := range h.browsers {
		lag = max(lag, b.lag(now))
	}
	h.mu.Unlock()
	c := &h.stats
	return Stats{
		Browsers: browsers, Lag: lag, Ticks: c.ticks.Load(), EncodedBytes: c.encoded.Load(), CatchUps: c.catchUps.Load(),
		SentMessages: c.sentMessages.Load(), SentBytes: c.sentBytes.Load(), Skipped: c.skipped.Load(),
		Accepted: c.accepted.Load(), Resumed: c.resumed.Load(), Refused: c.refused.Load(), Slow: c.slow.Load(),
	}
}
