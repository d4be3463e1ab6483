package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"mwm/server/netx"
)

// browser is one connection. The goroutine of its request reads from it, one
// other writes to it; they share only what is atomic.
type browser struct {
	hub    *Hub
	conn   *websocket.Conn
	below  net.Conn
	wake   chan struct{} // one token: there may be something to write
	cancel context.CancelCauseFunc

	acked  atomic.Uint64
	paused atomic.Bool
	sent   atomic.Uint64 // the last tick that it was to acknowledge
	oldest atomic.Int64  // when the first was sent that it has not acknowledged, or had not a tick ago; in ms since 1970

	// The writer's own.
	greeted  bool
	seq      uint64    // the last tick that was covered
	seqAt    time.Time // when; zero if that is not known
	inFlight []flight  // sent and not acknowledged
	sidePos  uint64    // the last item of the log that was sent
	named    int       // devices named
	items    [][]byte  // reused
	sentAt   time.Time // when it last got anything
}

// flight is a tick on its way to the browser and back.
type flight struct {
	tick uint64
	at   time.Time
}

// lag is for how long the browser has not acknowledged what it was sent.
func (b *browser) lag(now time.Time) time.Duration {
	if b.acked.Load() >= b.sent.Load() {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(b.oldest.Load())))
}

var errShutdown = errors.New("the server is shutting down")

// refusal ends a browser with a status and a reason for it.
type refusal struct {
	status websocket.StatusCode
	reason string
}

func (r *refusal) Error() string { return r.reason }

var errNotWelcome = &refusal{websocket.StatusPolicyViolation, "signed out"}

var errBehind = &refusal{websocket.StatusTryAgainLater, "too far behind with texts and events"}

const (
	maxRequest = 4096            // bytes of a message from the browser
	closeWait  = 2 * time.Second // for a browser to answer a close
	lagLimit   = 2 * time.Second // after which what a browser missed is old news
)

// ServeHTTP serves one browser until it leaves. Whoever calls it has checked
// the request's Origin.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := &browser{hub: h, wake: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
	b.cancel = cancel
	defer cancel(nil)
	if err := h.enter(b); err != nil {
		h.stats.refused.Add(1)
		refuse(w, err)
		return
	}
	defer h.leave(b)
	below := &netx.Hijacker{ResponseWriter: w}
	conn, err := websocket.Accept(below, r, &websocket.AcceptOptions{
		Subprotocols: []string{Subprotocol}, InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	conn.SetReadLimit(maxRequest)
	b.conn, b.below = conn, below.Conn
	h.stats.accepted.Add(1)

	// Whoever calls may end the browser, too: its user has signed out.
	stop := context.AfterFunc(r.Context(), func() { b.end(errNotWelcome) })
	defer stop()

	var writer sync.WaitGroup
	writer.Go(func() { b.end(b.write(ctx, r.URL.Query().Get("epoch"), number(r, "seq"), number(r, "dir"))) })
	writer.Go(func() { b.closeWhenDone(ctx) })
	b.end(b.read(ctx))
	writer.Wait()
	h.opts.Logger.Debug("browser left", "remote", r.RemoteAddr, "reason", context.Cause(ctx))
}

// refuse answers a browser that may not enter, as the rest of the API does (RFC 9457).
func refuse(w http.ResponseWriter, why error) {
	const status = http.StatusServiceUnavailable
	w.Header().Set("Retry-After", "5")
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(encode(problem{http.StatusText(status), status, why.Error()})) // it has left
}

func number(r *http.Request, name string) uint64 {
	n, _ := strconv.ParseUint(r.URL.Query().Get(name), 10, 64)
	return n
}

func (b *browser) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// end ends the browser for a reason; the first one counts.
func (b *browser) end(reason error) { b.cancel(reason) }

// closeWhenDone closes the connection once the browser has ended, telling it
// why if it still listens.
func (b *browser) closeWhenDone(ctx context.Context) {
	<-ctx.Done()
	status, reason := websocket.StatusGoingAway, errShutdown.Error()
	if r := (*refusal)(nil); errors.As(context.Cause(ctx), &r) {
		status, reason = r.status, r.reason
		b.hub.opts.Logger.Info("browser disconnected", "reason", reason)
	}
	abandon := time.AfterFunc(closeWait, func() { _ = b.below.Close() })
	defer abandon.Stop()
	_ = b.conn.Close(status, reason) // it may be gone already
}

// read handles what the browser says until it ends. The context of a read must
// not end with the browser: that would cut the connection before its close.
func (b *browser) read(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	for {
		kind, data, err := b.conn.Read(ctx)
		if err != nil {
			return err
		}
		var req request
		if kind != websocket.MessageText || json.Unmarshal(data, &req) != nil {
			return &refusal{websocket.StatusPolicyViolation, "a message is none of ack, pause and resume in JSON"}
		}
		switch req.Type {
		case "ack":
			if req.Seq > b.acked.Load() {
				b.acked.Store(req.Seq)
			}
		case "pause":
			b.paused.Store(true)
		case "resume":
			b.paused.Store(false)
		}
		b.poke()
	}
}

// write sends until the browser ends.
func (b *browser) write(ctx context.Context, epoch string, seq, named uint64) error {
	if err := b.greet(ctx, epoch, seq, named); err != nil {
		return err
	}
	ping := time.NewTicker(b.hub.opts.PingEvery)
	defer ping.Stop()
	quiet := time.NewTimer(b.hub.opts.AliveEvery)
	defer quiet.Stop()
	for {
		if err := b.sendSide(ctx); err != nil {
			return err
		}
		if err := b.sendFrames(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-b.wake:
		case <-ping.C:
			if err := b.ping(ctx); err != nil {
				return err
			}
		case <-quiet.C:
			if time.Since(b.sentAt) >= b.hub.opts.AliveEvery {
				if err := b.sendText(ctx, alive); err != nil {
					return err
				}
			}
			quiet.Reset(b.hub.opts.AliveEvery - time.Since(b.sentAt))
		}
	}
}

func (b *browser) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, b.hub.opts.WriteTimeout)
	defer cancel()
	err := b.conn.Ping(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		b.hub.stats.slow.Add(1)
	}
	return err
}

// greet says hello and all that was said of late, or since the browser left.
func (b *browser) greet(ctx context.Context, epoch string, seq, named uint64) error {
	f := b.hub.opts.Fleet
	hi := hello{
		Type: "hello", Version: version, Epoch: b.hub.epoch, Server: b.hub.opts.Server, Now: time.Now().UnixMilli(), Seq: f.Seq(),
		Demo: b.hub.opts.Demo,
		Settings: settings{
			BatchMs: b.hub.opts.Every.Milliseconds(), StaleMs: f.StaleAfter().Milliseconds(),
			OfflineMs: f.OfflineAfter().Milliseconds(), Tiles: b.hub.opts.Tiles,
		},
	}
	var news [][]byte
	if epoch == b.hub.epoch && seq > 0 && seq <= hi.Seq {
		// The tick that was acknowledged last counts as missed: its frames are
		// acknowledged one by one, and the later ones may not have come.
		items, end, complete := f.LogFrom(seq)
		for _, it := range items {
			news = append(news, encodeItem(it))
		}
		if hi.Resumed = complete; complete {
			b.sidePos, b.seq, b.named = end, seq-1, int(min(named, uint64(len(f.IDs(0)))))
			b.hub.stats.resumed.Add(1)
		}
	}
	if !hi.Resumed {
		news = news[:0]
		events, end := f.Events()
		for _, e := range events {
			news = append(news, encode(eventMessage{"event", e}))
		}
		b.sidePos = end
	}
	if err := b.sendText(ctx, encode(hi)); err != nil {
		return err
	}
	if err := b.sendNames(ctx); err != nil {
		return err
	}
	for _, data := range news {
		if err := b.sendText(ctx, data); err != nil {
			return err
		}
	}
	return nil
}

// sendSide sends the texts, alerts and events that are new.
func (b *browser) sendSide(ctx context.Context) error {
	b.hub.mu.Lock()
	items, end, ok := b.hub.side.after(b.sidePos, b.items[:0])
	b.hub.mu.Unlock()
	if !ok {
		b.hub.stats.slow.Add(1)
		return errBehind
	}
	if len(items) == 0 {
		return nil
	}
	defer clear(items)
	b.items, b.sidePos = items, end
	if err := b.sendNames(ctx); err != nil { // an item may be about a new device
		return err
	}
	for _, data := range items {
		if err := b.sendText(ctx, data); err != nil {
			return err
		}
	}
	return nil
}

// sendFrames sends what has changed, if the browser may get it.
func (b *browser) sendFrames(ctx context.Context) error {
	now := b.hub.now.Load()
	if b.paused.Load() || b.greeted && now.seq <= b.seq {
		return nil
	}
	b.land()
	if len(b.inFlight) >= b.hub.opts.Credit {
		b.hub.stats.skipped.Add(1)
		return nil
	}
	frames, seq := now.frames, now.seq
	if !b.greeted || frames == nil || seq != b.seq+1 {
		var flags uint16
		if time.Since(b.seqAt) > lagLimit {
			flags = flagSnapshot
		}
		frames, seq = b.hub.since(b.seq, flags)
	}
	b.greeted, b.seq, b.seqAt = true, seq, time.Now()
	if len(frames) == 0 {
		return nil
	}
	b.inFlight = append(b.inFlight, flight{seq, b.seqAt})
	b.land()
	b.sent.Store(seq)
	if err := b.sendNames(ctx); err != nil {
		return err
	}
	for _, f := range frames {
		if err := b.send(ctx, websocket.MessageBinary, f); err != nil {
			return err
		}
	}
	return nil
}

// land takes what has been acknowledged out of what is in flight.
func (b *browser) land() {
	acked := b.acked.Load()
	for len(b.inFlight) > 0 && b.inFlight[0].tick <= acked {
		b.inFlight = b.inFlight[1:]
	}
	if len(b.inFlight) > 0 {
		b.oldest.Store(b.inFlight[0].at.UnixMilli())
	}
}

// maxNames is how many devices one message names.
const maxNames = 4096

// sendNames names the devices that are new. What is about to be said of a device
// was found before, so the directory has it.
func (b *browser) sendNames(ctx context.Context) error {
	ids := b.hub.opts.Fleet.IDs(b.named)
	for len(ids) > 0 {
		n := min(len(ids), maxNames)
		if err := b.sendText(ctx, encode(dir{"dir", b.named, ids[:n]})); err != nil {
			return err
		}
		b.named += n
		ids = ids[n:]
	}
	return nil
}

func (b *browser) sendText(ctx context.Context, data []byte) error {
	return b.send(ctx, websocket.MessageText, data)
}

// send writes one message within the deadline. When the browser is ended from
// elsewhere a write that is under way goes on: cutting it would cut the close.
func (b *browser) send(ctx context.Context, kind websocket.MessageType, data []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.hub.opts.WriteTimeout)
	defer cancel()
	if err := b.conn.Write(wctx, kind, data); err != nil {
		if wctx.Err() != nil {
			b.hub.stats.slow.Add(1)
			return &refusal{websocket.StatusTryAgainLater, fmt.Sprintf("took no message for %v", b.hub.opts.WriteTimeout)}
		}
		return err
	}
	b.sentAt = time.Now()
	b.hub.stats.sentMessages.Add(1)
	b.hub.stats.sentBytes.Add(uint64(len(data)))
	return nil
}
