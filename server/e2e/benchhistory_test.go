package e2e

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

// dayOfReports is a day at a report a second.
const dayOfReports = 86_400

// benchHistory measures the history with the longest day there is: how long it
// takes from the link to the drawn track, and how the replay runs.
func benchHistory(t *testing.T) {
	s := serve(t, server.Config{History: "all"}, server.Options{})
	yesterday := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	newTruck(t, s, "truck").roam(yesterday, dayOfReports)
	f := &figures{t: t, name: fmt.Sprintf("history: a day of %d points", dayOfReports)}
	defer f.print()
	p := abroad(t, s, "UTC", "")
	p.wait("window.mwm?.located === 1")
	b := &bench{page: p, figures: f}
	before := b.held()
	const link = "#view=history&device=truck"
	for k, what := range []string{"modules not loaded", "modules loaded", "once more"} {
		busy := b.metrics()["TaskDuration"]
		took := eval[float64](p, `new Promise((done) => {
			const started = performance.now();
			location.hash = `+js(fmt.Sprintf("%s&day=%s&at=%d", link, yesterday.Format(time.DateOnly), k))+`;
			const look = () => (mwm.history?.state === 'ready' && mwm.history.draws > 0
				? requestAnimationFrame(() => setTimeout(() => done(performance.now() - started))) : requestAnimationFrame(look));
			requestAnimationFrame(look);
		})`)
		f.add("drawn, "+what, "%.0f ms from the link, of which the main thread works %.0f ms; %.0f ms from the first request; a redraw %.1f ms",
			took, (b.metrics()["TaskDuration"]-busy)*1000, eval[float64](p, "mwm.history.readyMs"), eval[float64](p, "mwm.history.drawMs"))
		if k < 2 {
			eval[string](p, "location.hash = '#device=truck'")
			p.wait("mwm.view === 'map'")
		}
	}
	if n := eval[int](p, "mwm.history.points"); n != dayOfReports {
		t.Fatalf("%d points, not %d", n, dayOfReports)
	}
	for _, speed := range []string{"1", "60", "300"} {
		p.click(tagged("speed-" + speed))
		p.click(tagged("scrubber"))
		p.press(kb.Home)
		p.click(tagged("play"))
		b.measure("replay at "+speed+"×", func(until time.Time) { <-time.After(time.Until(until)) })
		p.click(tagged("play"))
	}
	b.measure("zooming", b.zoom)
	eval[string](p, "location.hash = '#'")
	p.wait("mwm.view === 'map' && !document.querySelector('#history-view')")
	f.add("heap", "%.1f MB before, %.1f MB after leaving", before, b.held())
}

// roam reports a way through the mountains, second by second, as fast as the
// server takes it.
func (tr *truck) roam(from time.Time, seconds int) {
	tr.t.Helper()
	lat, lng := 42.5, 1.5
	for s := range seconds {
		a := float64(s)
		lat += 15 / 111_195.0 * math.Cos(a/700+2*math.Sin(a/90))
		lng += 15 / 82_000.0 * math.Sin(a/700+2*math.Sin(a/90))
		body := fmt.Appendf(nil, `{"deviceID":%q,"lat":%.6f,"lng":%.6f,"ts":%q,"speed":%.1f}`, tr.id, lat, lng, from.Add(time.Duration(s)*time.Second).Format(time.RFC3339), 15+10*math.Sin(a/300))
		if s == seconds-1 {
			tr.send(body) // and waits: by then the server has all
		} else if err := tr.conn.Send(telemetry.LocationDestination(tr.id), "application/json", body); err != nil {
			tr.t.Fatal(err)
		}
	}
}
