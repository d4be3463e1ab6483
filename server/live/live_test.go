package live

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"mwm/server/fleet"
	"mwm/server/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long something may take on a busy machine.
const patience = 30 * time.Second

// bench is a fleet with its hub, served on loopback.
type bench struct {
	t     *testing.T
	fleet *fleet.Fleet
	hub   *Hub
	url   string
	stop  func()
}

func start(t *testing.T, opts Options) *bench {
	t.Helper()
	f, err := fleet.New(fleet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opts.Fleet, opts.Logger = f, slog.New(slog.NewTextHandler(io.Discard, nil))
	if opts.Every == 0 {
		opts.Every = 5 * time.Millisecond
	}
	h, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	b := &bench{t: t, fleet: f, hub: h, url: srv.URL, stop: func() { cancel(); <-done }}
	t.Cleanup(func() { b.stop(); srv.Close() })
	return b
}

// move reports a device's position, lat in ten-thousandths of a degree.
func (b *bench) move(id string, lat int) {
	loc := telemetry.Location{DeviceID: id, Lat: float64(lat) / 1e4, Lng: 1.5, Speed: telemetry.Some(10), Heading: telemetry.Some(90)}
	b.fleet.Location(id, telemetry.AppendLocation(nil, loc), time.Now(), false)
}

// firstTick waits until the tick is over that has what has changed so far: else it
// may come behind the snapshot of a browser.
func (b *bench) firstTick() {
	b.t.Helper()
	waitFor(b.t, "the first tick", func() bool { return b.fleet.Seq() > 0 })
	at := b.hub.Stats().Ticks
	waitFor(b.t, "the next one", func() bool { return b.hub.Stats().Ticks > at })
}

// page is a browser that keeps what it is told, as the dashboard does.
type page struct {
	t       *testing.T
	conn    *websocket.Conn
	silent  bool // does not acknowledge
	hello   hello
	ids     []string
	lat     map[string]int
	status  map[string]uint8
	pitch   map[string]int16
	seq     uint64
	flags   uint16
	frames  int
	texts   []fleet.Text
	alerts  []fleet.Alert
	events  []fleet.Event
	dirs    int
	removed []uint32
	alive   int
	closed  error
}

func (b *bench) open(query string) *page {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, b.url+"/api/v1/feed"+query, &websocket.DialOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		b.t.Fatal(err)
	}
	conn.SetReadLimit(8 << 20)
	b.t.Cleanup(func() { _ = conn.CloseNow() })
	if conn.Subprotocol() != Subprotocol {
		b.t.Errorf("subprotocol %q", conn.Subprotocol())
	}
	return &page{t: b.t, conn: conn, lat: map[string]int{}, status: map[string]uint8{}, pitch: map[string]int16{}}
}

// next handles one message; it reports false when the connection has ended.
func (p *page) next() bool {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	kind, data, err := p.conn.Read(ctx)
	if err != nil {
		if ctx.Err() != nil {
			p.t.Fatalf("nothing came for %v", patience)
		}
		p.closed = err
		return false
	}
	if kind == websocket.MessageBinary {
		p.frame(data)
	} else {
		p.message(data)
	}
	return true
}

// until handles messages until what it waits for is so.
func (p *page) until(what string, so func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(patience) // signs of life come in any case
	for !so() {
		if !p.next() || time.Now().After(deadline) {
			p.t.Fatalf("waiting for %s: %v", what, p.closed)
		}
	}
}

func (p *page) say(format string, args ...any) {
	p.t.Helper()
	if err := p.conn.Write(p.t.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *page) message(data []byte) {
	p.t.Helper()
	var m struct {
		Type  string
		First int
		IDs   []string
		Text  fleet.Text
		Index uint32
	}
	if err := json.Unmarshal(data, &m); err != nil {
		p.t.Fatalf("%s: %v", data, err)
	}
	var err error
	switch m.Type {
	case "hello":
		err = json.Unmarshal(data, &p.hello)
	case "dir":
		p.dirs++
		p.ids = append(p.ids[:m.First], m.IDs...)
	case "text":
		p.texts = append(p.texts, m.Text)
	case "alert":
		p.alerts = append(p.alerts, fleet.Alert{})
		err = json.Unmarshal(data, &p.alerts[len(p.alerts)-1])
	case "event":
		p.events = append(p.events, fleet.Event{})
		err = json.Unmarshal(data, &p.events[len(p.events)-1])
	case "motion-removed":
		p.removed = append(p.removed, m.Index)
	case "alive":
		p.alive++
	default:
		p.t.Errorf("message of type %q", m.Type)
	}
	if err != nil {
		p.t.Errorf("%s: %v", data, err)
	}
}

// frame reads a frame by the layout that the page's own reader has.
func (p *page) frame(f []byte) {
	p.t.Helper()
	le := binary.LittleEndian
	n := int(le.Uint32(f[4:]))
	size := map[uint8]int{1: 16, 2: 12, 3: 10}[f[1]]
	if f[0] != 1 || size == 0 || n == 0 || len(f) != 24+n*size {
		p.t.Fatalf("frame version %d, type %d, %d rows, %d bytes", f[0], f[1], n, len(f))
	}
	if at := math.Float64frombits(le.Uint64(f[16:])); math.Abs(at-float64(time.Now().UnixMilli())) > 60_000 {
		p.t.Errorf("server time %v", at)
	}
	p.frames++
	p.flags, p.seq = le.Uint16(f[2:]), le.Uint64(f[8:])
	col := f[24:]
	for i := range n {
		index := int(le.Uint32(col[4*i:]))
		if index >= len(p.ids) {
			p.t.Fatalf("device %d was used before it was named", index)
		}
		switch id := p.ids[index]; f[1] {
		case 1:
			p.lat[id] = int(int32(le.Uint32(col[4*n+4*i:])) / 1e3)
			if h, s := le.Uint16(col[12*n+2*i:]), col[14*n+i]; h != 9000 || s != 20 {
				p.t.Errorf("heading %d, speed %d", h, s)
			}
			p.status[id] = col[15*n+i]
		case 2:
			p.pitch[id] = int16(le.Uint16(col[4*n+2*i:]))
		case 3:
			p.status[id] = col[8*n+i]
		}
	}
	if !p.silent {
		p.say(`{"type":"ack","seq":%d}`, p.seq)
	}
}

func TestSnapshotThenChanges(t *testing.T) {
	b := start(t, Options{Server: "mwm/test", Demo: true, Tiles: &Tiles{URL: "https://t/{z}", MaxZoom: 19}})
	b.move("BBB", 425000)
	b.fleet.Motion("AAA", telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 0.5}), time.Now(), false)
	p := b.open("")
	p.until("the snapshot", func() bool { return p.lat["BBB"] == 425000 && p.pitch["AAA"] == 5000 })
	if h := p.hello; h.Type != "hello" || h.Version != 1 || h.Epoch == "" || h.Resumed || !h.Demo || h.Server != "mwm/test" ||
		h.Settings.StaleMs != 15000 || h.Settings.OfflineMs != 120000 || h.Settings.BatchMs != 5 || h.Settings.Tiles.MaxZoom != 19 {
		t.Errorf("hello %+v", h)
	}
	if p.flags != flagSnapshot {
		t.Errorf("flags %d, want a snapshot's", p.flags)
	}
	if p.status["BBB"] != uint8(fleet.Moving) || p.status["AAA"] != uint8(fleet.Idle) {
		t.Errorf("status %v", p.status)
	}
	if len(p.events) != 2 || p.events[0].Kind != fleet.EventOnline {
		t.Errorf("events %+v", p.events)
	}
	for i := range 20 {
		b.move("BBB", 425100+i)
		p.until("a move", func() bool { return p.lat["BBB"] == 425100+i })
	}
	if p.flags != 0 {
		t.Errorf("flags %d, want none", p.flags)
	}
	b.move("CCC", 1)
	p.until("a new device", func() bool { return p.lat["CCC"] == 1 })
}

func TestCreditAndConflation(t *testing.T) {
	b := start(t, Options{})
	b.move("BBB", 1)
	b.firstTick()
	p := b.open("")
	p.silent = true
	p.until("the snapshot", func() bool { return p.lat["BBB"] == 1 })
	first := p.seq
	b.move("BBB", 2)
	p.until("the second tick", func() bool { return p.lat["BBB"] == 2 })

	// Both credits are spent: no frame may come, however much moves.
	for i := range 50 {
		b.move("BBB", 10+i)
		b.move("CCC", 10+i)
		at := b.hub.Stats().Ticks
		waitFor(t, "a tick", func() bool { return b.hub.Stats().Ticks > at+1 })
	}
	if b.hub.Stats().Skipped == 0 {
		t.Error("no tick was skipped")
	}
	if lag := b.hub.Stats().Lag; lag <= 0 || lag > time.Minute {
		t.Errorf("it is %v behind", lag)
	}
	p.silent = false
	frames := p.frames
	p.say(`{"type":"ack","seq":%d}`, first)
	p.until("the last values", func() bool { return p.lat["BBB"] == 59 && p.lat["CCC"] == 59 })
	if got := p.frames - frames; got > 4 {
		t.Errorf("%d frames, want one conflated set", got)
	}
	waitFor(t, "nobody is behind", func() bool { return b.hub.Stats().Lag == 0 })
}

func TestPause(t *testing.T) {
	b := start(t, Options{})
	b.move("BBB", 1)
	b.firstTick()
	p := b.open("")
	p.until("the snapshot", func() bool { return p.lat["BBB"] == 1 })
	p.say(`{"type":"pause"}`)
	// What the server reads is not answered: a text that is sent shows the order.
	waitFor(t, "the pause", func() bool { return b.paused() })
	frames := p.frames
	for i := range 10 {
		b.move("BBB", 10+i)
	}
	b.fleet.Text(fleet.TextUpdate{ID: "1", Device: "BBB", Body: "hi", State: fleet.TextAccepted, At: time.Now()})
	b.fleet.Alerted("BBB", "green", 0, time.Now())
	p.until("text and alert", func() bool { return len(p.texts) == 1 && len(p.alerts) == 1 })
	if p.frames != frames {
		t.Errorf("%d frames while paused", p.frames-frames)
	}
	if p.alerts[0].Color != "green" || *p.alerts[0].Listeners != 0 || p.texts[0].Body != "hi" {
		t.Errorf("%+v, %+v", p.alerts, p.texts)
	}
	p.say(`{"type":"resume"}`)
	p.until("the last value", func() bool { return p.lat["BBB"] == 19 })
}

func (b *bench) paused() bool {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for br := range b.hub.browsers {
		return br.paused.Load()
	}
	return false
}

func TestResume(t *testing.T) {
	b := start(t, Options{})
	b.move("AAA", 1)
	b.firstTick()
	p := b.open("")
	p.until("the snapshot", func() bool { return p.lat["AAA"] == 1 })
	b.move("BBB", 1)
	p.until("another", func() bool { return p.lat["BBB"] == 1 })
	_ = p.conn.CloseNow()
	waitFor(t, "the browser to leave", func() bool { return b.hub.Stats().Browsers == 0 })
	for range 300 { // more than the events that a newcomer is told
		b.fleet.Will("BBB", []byte("?"), time.Now())
	}
	b.fleet.Text(fleet.TextUpdate{ID: "1", Device: "BBB", Body: "missed", State: fleet.TextAccepted, At: time.Now()})
	b.move("BBB", 2)
	at := b.hub.Stats().Ticks
	waitFor(t, "ticks without anybody", func() bool { return b.hub.Stats().Ticks > at+2 })

	again := b.open(fmt.Sprintf("?epoch=%s&seq=%d", p.hello.Epoch, p.seq))
	again.until("what was missed", func() bool { return again.lat["BBB"] == 2 && len(again.texts) == 1 })
	if !again.hello.Resumed {
		t.Error("not resumed")
	}
	if _, told := again.lat["AAA"]; told {
		t.Error("what had not changed was sent again")
	}
	b.move("AAA", 3)
	again.until("what comes after", func() bool { return again.lat["AAA"] == 3 })
	if len(again.ids) != 2 {
		t.Errorf("who did not say whom it knows was told %q", again.ids)
	}

	knowing := b.open(fmt.Sprintf("?epoch=%s&seq=%d&dir=2", p.hello.Epoch, p.seq))
	knowing.ids = slices.Clone(p.ids)
	b.move("CCC", 1)
	knowing.until("a newcomer", func() bool { return knowing.lat["CCC"] == 1 })
	if knowing.dirs != 1 || len(knowing.ids) != 3 {
		t.Errorf("who knows two of three was told %d times, and knows %q", knowing.dirs, knowing.ids)
	}

	for _, query := range []string{"?epoch=other&seq=1", "?epoch=" + p.hello.Epoch + "&seq=999999", "?epoch=" + p.hello.Epoch + "&seq=x"} {
		fresh := b.open(query)
		fresh.until("the snapshot", func() bool { return fresh.lat["AAA"] == 3 && fresh.lat["BBB"] == 2 })
		if fresh.hello.Resumed {
			t.Errorf("%s: resumed", query)
		}
	}
}

func TestLastWillLeavesTheMotions(t *testing.T) {
	b := start(t, Options{})
	b.fleet.Motion("AAA", telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 1}), time.Now(), false)
	p := b.open("")
	p.until("the motion", func() bool { return p.pitch["AAA"] == 10000 })
	b.fleet.Will("AAA", []byte(`{"deviceID":"AAA"}`), time.Now())
	p.until("its removal", func() bool { return len(p.removed) == 1 && p.status["AAA"] == uint8(fleet.Offline) })
	late := b.open("")
	late.until("the snapshot", func() bool { return late.frames > 0 })
	if _, there := late.pitch["AAA"]; there {
		t.Error("a newcomer is shown the motion")
	}
}

func TestSignOfLife(t *testing.T) {
	b := start(t, Options{AliveEvery: 50 * time.Millisecond})
	p := b.open("")
	p.until("signs of life, nothing else happening", func() bool { return p.alive >= 3 })
}

func TestBrowsersShareFrames(t *testing.T) {
	b := start(t, Options{})
	b.move("BBB", 1)
	b.firstTick()
	var pages []*page
	for range 5 {
		p := b.open("")
		p.until("the snapshot", func() bool { return p.lat["BBB"] == 1 })
		pages = append(pages, p)
	}
	before := b.hub.Stats()
	const moves = 20
	for i := range moves {
		b.move("BBB", 10+i)
		for _, p := range pages {
			p.until("a move", func() bool { return p.lat["BBB"] == 10+i })
		}
	}
	after := b.hub.Stats()
	if got := after.EncodedBytes - before.EncodedBytes; got != moves*(24+16) {
		t.Errorf("%d bytes encoded for %d moves, whoever looks", got, moves)
	}
}

func TestBehindWithTexts(t *testing.T) {
	b := start(t, Options{MaxBehind: 4096, Every: time.Hour})
	p := b.open("")
	p.until("hello", func() bool { return p.hello.Type != "" })
	for i := range 200 { // one tick brings more than a browser may be behind
		b.fleet.Text(fleet.TextUpdate{ID: fmt.Sprint(i), Device: "BBB", Body: strings.Repeat("x", 100), State: fleet.TextAccepted, At: time.Now()})
	}
	var batch fleet.Batch
	b.hub.tick(&batch, nil)
	for p.next() {
	}
	if websocket.CloseStatus(p.closed) != websocket.StatusTryAgainLater || !strings.Contains(p.closed.Error(), "behind") {
		t.Errorf("closed with %v", p.closed)
	}
	waitFor(t, "the count", func() bool { return b.hub.Stats().Slow == 1 && b.hub.Stats().Browsers == 0 })
}

// A browser that does not read gets as far as the socket's buffers, and then
// ends, while others are served.
func TestStuckBrowser(t *testing.T) {
	b := start(t, Options{WriteTimeout: 300 * time.Millisecond, MaxBehind: 64 << 20})
	b.open("") // and never read
	p := b.open("")
	p.until("hello", func() bool { return p.hello.Type != "" })
	body := strings.Repeat("x", 4000)
	n := 0
	waitFor(t, "the stuck one to end", func() bool {
		for range 100 {
			n++
			// One a second, as the fleet sees it: it would sum up what comes faster.
			at := time.Now().Add(time.Duration(n) * time.Second)
			b.fleet.Text(fleet.TextUpdate{ID: fmt.Sprint(n), Device: "BBB", Body: body, State: fleet.TextAccepted, At: at})
		}
		p.until("the texts", func() bool { return len(p.texts) == n })
		return b.hub.Stats().Slow == 1
	})
	waitFor(t, "one browser alone", func() bool { return b.hub.Stats().Browsers == 1 })
}

func TestOptionsAreChecked(t *testing.T) {
	f, _ := fleet.New(fleet.Options{})
	for name, o := range map[string]Options{
		"Fleet": {}, "Every": {Fleet: f, Every: -1}, "Credit": {Fleet: f, Credit: -1},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// waitFor polls what no message tells of.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("no sign of %s within %v", what, patience)
		}
		<-time.After(time.Millisecond)
	}
}
