package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"mwm/server/httpd"
)

// TestBenchPage measures the page in Chromium. `make bench-page` runs it; it is
// no part of the tests. Its settings are variables:
//
//	MWM_BENCH_PAGE     what to measure, of own, gateways, feed and history; or all
//	MWM_BENCH_SECONDS  for each way to use the page; default 10
//	MWM_BENCH_MINUTES  to watch the heap; default 1
//	MWM_BENCH_SENDS    positions sent to measure the way to the pixel; default 100
//	MWM_BENCH_OWN      trucks with connections of their own; default 10,000
//	MWM_BENCH_GATEWAYS trucks behind gateways, 500 each; default 50,000
//
// own: trucks that report once a second, each on a connection of its own.
// gateways: trucks that share connections. feed: what a page was sent of the
// latter, recorded and sent again by a small feeder. history: a day of a device
// that reported each second, drawn and replayed. Server and simulator are
// processes of their own; everything shares the machine, whose load is part of the
// figures.
func TestBenchPage(t *testing.T) {
	which := os.Getenv("MWM_BENCH_PAGE")
	if which == "" {
		t.Skip("MWM_BENCH_PAGE is not set")
	}
	if raceDetector {
		t.Skip("the race detector would be measured")
	}
	wanted := func(name string) bool { return which == "all" || slices.Contains(strings.Split(which, ","), name) }
	own := crowd{"own", setting("MWM_BENCH_OWN", 10_000), 1}
	gateways := crowd{"gateways", setting("MWM_BENCH_GATEWAYS", 50_000), 500}
	for _, c := range []crowd{own, gateways} {
		if wanted(c.name) {
			t.Run(c.name, func(t *testing.T) { benchServer(t, c) })
		}
	}
	if wanted("history") {
		t.Run("history", benchHistory)
	}
	if wanted("feed") {
		var recorded *recording
		t.Run("record", func(t *testing.T) { recorded = record(t, gateways, 20*time.Second) })
		if recorded != nil {
			t.Run("feed", func(t *testing.T) { benchFeed(t, recorded) })
		}
	}
}

// crowd is a simulated fleet.
type crowd struct {
	name          string
	devices       int
	perConnection int
}

// start runs a server and the crowd's simulator until the test ends, and returns
// when all devices report.
func (c crowd) start(t *testing.T) (s *testServer, procs map[string]*process) {
	t.Helper()
	srv := run(t, mwm, append([]string{"serve"}, freePorts...)...)
	at := func(name string) string { return srv.expect(`for=` + name + ` addr=(\S+)`)[1] }
	s = &testServer{t: t, at: httpd.Addresses{HTTP: at("http"), STOMP: at("stomp"), MQTT: at("mqtt")}}
	srv.expect("ready")
	sim := s.run(t, mwm, "sim", "--trucks", strconv.Itoa(c.devices), "--phones", "0", "--per-connection", strconv.Itoa(c.perConnection))
	within(t, 10*time.Minute, "all devices report", func() bool { return s.status().Devices >= c.devices && !sim.over() })
	return s, map[string]*process{"server": srv, "simulator": sim}
}

// within waits longer than tests do.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

// figures are what was measured, in order.
type figures struct {
	t     *testing.T
	name  string
	lines []string
}

func (f *figures) add(what, format string, args ...any) {
	f.lines = append(f.lines, fmt.Sprintf("%-24s %s", what, fmt.Sprintf(format, args...)))
}

func (f *figures) print() {
	f.t.Logf("%s, load %s\n%s", f.name, load(), strings.Join(f.lines, "\n"))
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

func setting(name string, standard int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return standard
}

func benchServer(t *testing.T, c crowd) {
	s, procs := c.start(t)
	f := &figures{t: t, name: fmt.Sprintf("%s: %d devices at 1 Hz, %d per connection", c.name, c.devices, c.perConnection)}
	defer f.print()
	for range 3 {
		benchReady(f, s.page())
	}
	p := openCrowd(f, s.page(), c.devices)
	b := &bench{page: p, figures: f, procs: procs, bytes: func() float64 { return s.metric("mwm_feed_bytes_total") }}
	b.use()
	b.latency(s)
	b.heap()
}

func benchFeed(t *testing.T, r *recording) {
	address := r.feed(t)
	f := &figures{t: t, name: fmt.Sprintf("feed: %d devices, recorded", r.devices)}
	defer f.print()
	p := openCrowd(f, address, r.devices)
	b := &bench{page: p, figures: f}
	b.use()
	b.heap()
}

// benchReady opens the page with nothing in the cache and waits until the map and the
// first devices are drawn.
func benchReady(f *figures, address string) {
	f.t.Helper()
	p := newPage(f.t)
	p.resize(1280, 800, "light")
	var mu sync.Mutex
	var bytes float64
	requests := 0
	err := chromedp.Listen(p.ctx, func(ev any) {
		if ev, ok := ev.(*network.EventLoadingFinished); ok {
			mu.Lock()
			bytes += ev.EncodedDataLength
			requests++
			mu.Unlock()
		}
	})
	if err != nil {
		f.t.Fatal(err)
	}
	const look = `(() => {
		const look = () => {
			if (window.mwm?.inView > 0 && !window.devicesAt) window.devicesAt = performance.now();
			if (!window.mapAt && document.querySelector('.leaflet-tile-loaded')) window.mapAt = performance.now();
			if (!window.devicesAt || !window.mapAt) requestAnimationFrame(look);
		};
		requestAnimationFrame(look);
	})()`
	p.call("look", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: look})
		return err
	})
	p.navigate(address)
	p.wait("window.devicesAt && window.mapAt")
	mapAt, devicesAt := eval[float64](p, "mapAt"), eval[float64](p, "devicesAt")
	mu.Lock()
	defer mu.Unlock()
	f.add("ready, cold cache", "%.0f ms to the map, %.0f ms to the first devices; %.0f KB in %d requests", mapAt, devicesAt, bytes/1000, requests)
}

// openCrowd opens the page and lets it show all devices.
func openCrowd(f *figures, address string, devices int) *page {
	f.t.Helper()
	started := time.Now()
	p := open(f.t, address)
	p.wait(fmt.Sprintf("window.mwm?.located >= %d", devices))
	f.add("all devices known", "%d ms", time.Since(started).Milliseconds())
	p.press("f")
	p.wait(fmt.Sprintf("mwm.inView >= %d && Number.isInteger(mwm.zoom)", devices*9/10))
	f.add("in view", "%d devices at zoom %d", eval[int](p, "mwm.inView"), eval[int](p, "mwm.zoom"))
	return p
}

// bench measures a page that shows a crowd.
type bench struct {
	*page
	*figures
	procs map[string]*process
	bytes func() float64 // of the feed; nil if nobody knows
}

// use measures the page while nobody does anything, and while somebody does.
func (b *bench) use() {
	b.measure("steady", func(until time.Time) { <-time.After(time.Until(until)) })
	b.measure("dragging", b.drag)
	b.measure("zooming", b.zoom)
	b.press("f")
	b.measure("scrolling the list", b.scroll)
	b.filter()
}

// sample is what the page says of its frames, in milliseconds.
type sample struct{ FPS, P95, Longest, Redraw, Quality float64 }

func (b *bench) measure(what string, act func(until time.Time)) {
	b.page.t.Helper()
	cpu := b.cpu()
	var bytes float64
	if b.bytes != nil {
		bytes = b.bytes()
	}
	before, started := b.metrics(), time.Now()
	eval[bool](b.page, `(() => {
		const frames = [];
		let last = 0;
		let on = true;
		const tick = (now) => {
			if (last) frames.push(now - last);
			last = now;
			if (on) requestAnimationFrame(tick);
		};
		requestAnimationFrame(tick);
		window.benchEnd = () => {
			on = false;
			const sum = frames.reduce((a, b) => a + b, 0);
			frames.sort((a, b) => a - b);
			return {
				FPS: frames.length * 1000 / sum, P95: frames[Math.floor(frames.length * 0.95)], Longest: frames[frames.length - 1], Redraw: mwm.redrawMs, Quality: mwm.quality,
			};
		};
		return true;
	})()`)
	act(time.Now().Add(time.Duration(setting("MWM_BENCH_SECONDS", 10)) * time.Second))
	s := eval[sample](b.page, "benchEnd()")
	after, worked, seconds := b.metrics(), b.cpu(), time.Since(started).Seconds()
	perSecond := func(name string) float64 { return (after[name] - before[name]) / seconds * 1000 }
	line := fmt.Sprintf("%.1f fps (95 %% within %.0f ms, longest %.0f); main thread %.0f ms/s, script %.0f; redraw %.1f ms, quality %.0f",
		s.FPS, s.P95, s.Longest, perSecond("TaskDuration"), perSecond("ScriptDuration"), s.Redraw, s.Quality)
	if b.bytes != nil {
		line += fmt.Sprintf("; feed %.0f KB/s", (b.bytes()-bytes)/seconds/1000)
	}
	for _, name := range slices.Sorted(maps.Keys(cpu)) {
		line += fmt.Sprintf("; %s %.0f %% of a core", name, (worked[name]-cpu[name])/seconds*100)
	}
	b.add(what, "%s", line)
}

// metrics asks the browser what the page's main thread has done, in seconds of
// CPU time: waiting for a core does not count.
func (b *bench) metrics() map[string]float64 {
	b.page.t.Helper()
	values := map[string]float64{}
	b.call("metrics", func(ctx context.Context) error {
		if _, err := chromedp.Call(ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks}); err != nil {
			return err
		}
		r, err := chromedp.Call(ctx, performance.GetMetrics, cdp.Empty{})
		if err != nil {
			return err
		}
		for _, m := range r.Metrics {
			values[m.Name] = m.Value
		}
		return nil
	})
	return values
}

// cpu returns the seconds that each process has worked.
func (b *bench) cpu() map[string]float64 {
	seconds := map[string]float64{}
	for name, p := range b.procs {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
		user, _ := strconv.ParseFloat(fields[11], 64)
		system, _ := strconv.ParseFloat(fields[12], 64)
		seconds[name] = (user + system) / 100
	}
	return seconds
}

// often acts at 60 Hz, as a hand does.
func (b *bench) often(until time.Time, act func(k int)) {
	tick := time.NewTicker(time.Second / 60)
	defer tick.Stop()
	for k := 0; time.Now().Before(until); k++ {
		act(k)
		<-tick.C
	}
}

func (b *bench) drag(until time.Time) {
	const x, y = 800, 420
	mouse := func(typ input.DispatchMouseEventType, dx, dy float64) {
		b.do("drag", chromedp.MouseEvent(typ, x+dx, y+dy, func(p *input.DispatchMouseEventParams) {
			p.Button, p.Buttons, p.ClickCount = "left", 1, 1
		}))
	}
	mouse(input.DispatchMouseEventTypeMousePressed, 0, 0)
	b.often(until, func(k int) {
		a := float64(k) / 20
		mouse(input.DispatchMouseEventTypeMouseMoved, 260*math.Sin(a), 180*math.Sin(1.7*a))
	})
	mouse(input.DispatchMouseEventTypeMouseReleased, 0, 0)
}

// wheel is a mouse's event that says deltaX also when it is 0, which the browser
// insists on.
type wheel struct {
	Type   input.DispatchMouseEventType `json:"type"`
	X      float64                      `json:"x"`
	Y      float64                      `json:"y"`
	DeltaX float64                      `json:"deltaX"`
	DeltaY float64                      `json:"deltaY"`
}

var turnWheel = cdp.Command[wheel, cdp.Empty]{Method: input.CommandDispatchMouseEvent}

func (b *bench) wheel(x, y, delta float64) {
	b.call("wheel", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, turnWheel, wheel{Type: input.DispatchMouseEventTypeMouseWheel, X: x, Y: y, DeltaY: delta})
		return err
	})
}

func (b *bench) zoom(until time.Time) {
	b.often(until, func(k int) {
		if k%40 == 0 { // in, in, out, out
			b.wheel(800, 420, []float64{-240, -240, 240, 240}[k/40%4])
		}
	})
}

func (b *bench) scroll(until time.Time) {
	b.often(until, func(int) { b.wheel(160, 400, 120) })
}

// filter types a name's part, letter by letter.
func (b *bench) filter() {
	b.page.t.Helper()
	slowest := eval[float64](b.page, `(async () => {
		const field = document.querySelector('#search');
		let slowest = 0;
		for (const query of ['A', 'AB', 'ABC', 'AB', 'A', '']) {
			field.value = query;
			const started = performance.now();
			field.dispatchEvent(new Event('input', { bubbles: true }));
			await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
			slowest = Math.max(slowest, performance.now() - started);
		}
		return slowest;
	})()`)
	b.add("filtering by name", "%.0f ms at most from a key to the rows drawn", slowest)
}

// latency measures the way from a SEND to the pixel: a truck jumps to and fro
// between two places where nobody else is, farther apart than the page lets it
// glide, and the page looks at its canvas in every frame.
func (b *bench) latency(s *testServer) {
	b.page.t.Helper()
	places := [2][2]float64{{42.42, 1.32}, {42.60, 1.32}} // west of Andorra
	probe := newTruck(b.page.t, s, "probe")
	var pixels [2]place
	for i, at := range places {
		probe.report(at[0], at[1])
		var now, before *place
		eventually(b.page.t, "the probe stands in view", func() bool {
			before, now = now, b.at("probe")
			return before != nil && now.Visible && *before == *now && (i == 0 || now.point != pixels[0].point)
		})
		pixels[i] = *now
	}
	b.watchPixels(pixels)
	n := setting("MWM_BENCH_SENDS", 100)
	took := make([]float64, n)
	for k := range took {
		<-time.After(time.Duration(150+rand.IntN(200)) * time.Millisecond) // at any moment of the feed's tick
		to := places[k%2]
		started := time.Now()
		probe.report(to[0], to[1])
		seen := eval[float64](b.page, fmt.Sprintf(`new Promise((done) => {
			const wait = () => (seen.length > %[1]d ? done(seen[%[1]d]) : requestAnimationFrame(wait));
			wait();
		})`, k+1))
		took[k] = seen - float64(started.UnixMicro())/1000
	}
	slices.Sort(took)
	b.add("SEND to pixel", "p50 %.0f ms, p99 %.0f ms, longest %.0f ms of %d", took[n/2], took[min(n-1, n*99/100)], took[n-1], n)
}

// watchPixels lets the page note when there comes paint to one of two places.
func (b *bench) watchPixels(places [2]place) {
	b.page.t.Helper()
	eval[bool](b.page, `(() => {
		const canvas = document.querySelector('canvas.device-layer');
		const g = canvas.getContext('2d');
		const places = `+js([]point{places[0].point, places[1].point})+`;
		window.seen = [];
		let last = -1;
		const look = () => {
			const box = canvas.getBoundingClientRect();
			const ratio = canvas.width / box.width;
			places.forEach(({ X, Y }, i) => {
				const { data } = g.getImageData(Math.round((X - box.left) * ratio) - 2, Math.round((Y - box.top) * ratio) - 2, 4, 4);
				if (i === last || !data.some((v) => v > 0)) return;
				last = i;
				seen.push(performance.timeOrigin + performance.now());
			});
			requestAnimationFrame(look);
		};
		requestAnimationFrame(look);
		return true;
	})()`)
	b.wait("seen.length === 1")
}

// held is what the page holds after collecting garbage, in MB.
func (b *bench) held() (mb float64) {
	b.page.t.Helper()
	b.call("heap", func(ctx context.Context) error {
		if _, err := chromedp.Call(ctx, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return err
		}
		r, err := chromedp.Call(ctx, runtime.GetHeapUsage, cdp.Empty{})
		if err == nil {
			mb = (r.UsedSize + r.BackingStorageSize) / 1e6
		}
		return err
	})
	return mb
}

// heap watches what the page holds.
func (b *bench) heap() {
	b.page.t.Helper()
	line := []string{fmt.Sprintf("%.1f", b.held())}
	for range setting("MWM_BENCH_MINUTES", 1) {
		<-time.After(time.Minute)
		line = append(line, fmt.Sprintf("%.1f", b.held()))
	}
	b.add("heap, minute by minute", "%s MB", strings.Join(line, ", "))
}

// metric reads a counter of the server.
func (s *testServer) metric(name string) float64 {
	s.t.Helper()
	res, err := http.Get(s.page() + "metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + name + `(?:\{[^}]*\})? (\S+)$`).FindSubmatch(text)
	if m == nil {
		s.t.Fatalf("there is no metric %s", name)
	}
	v, _ := strconv.ParseFloat(string(m[1]), 64)
	return v
}
