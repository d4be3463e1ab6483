package httpd

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"mwm/server/history"
)

const (
	hourMs = 3_600_000
	begin  = 480_000 * hourMs
)

// damaged is a store whose chunks cannot be read from an hour on.
type damaged struct {
	*history.Memory
	from int64
}

func (d *damaged) TrackChunks(ctx context.Context, device, hour int64) ([][]byte, error) {
	if hour >= d.from {
		return [][]byte{{0}}, nil
	}
	return d.Memory.TrackChunks(ctx, device, hour)
}

// withHistory returns a server on which BBB has reported once a second in two hours.
func withHistory(t *testing.T) (*Server, *damaged) {
	t.Helper()
	store := &damaged{history.NewMemory(), 1 << 40}
	r, err := history.New(t.Context(), history.Options{Store: store, All: true})
	if err != nil {
		t.Fatal(err)
	}
	for s := range int64(7200) {
		r.Add("BBB", history.At(begin+s*1000, 42.5, 1+float64(s)/1e4))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	opts, _ := options(t)
	opts.History = r
	return newServer(t, opts), store
}

const track = "/api/v1/devices/BBB/track?format=csv&from=1728000000000&to=1728007200000"

// A track that cannot be read is no file; one that has begun is cut off, so that
// nobody takes it for the whole.
func TestTrackThatCannotBeRead(t *testing.T) {
	s, store := withHistory(t)
	if w := ask(s, "GET", track, ""); w.Code != 200 || strings.Count(w.Body.String(), "\n") != 7201 || w.Header().Get("Content-Disposition") == "" {
		t.Errorf("the whole: %d, %d lines", w.Code, strings.Count(w.Body.String(), "\n"))
	}
	store.from = begin / hourMs
	if w := ask(s, "GET", track, ""); w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("nothing of it: %d %v %s", w.Code, w.Header(), w.Body)
	}
	store.from++
	defer func() {
		if cut := recover(); cut != http.ErrAbortHandler {
			t.Errorf("half of it is not cut off: %v", cut)
		}
	}()
	w := ask(s, "GET", track, "")
	t.Errorf("half of it: %d, %d bytes", w.Code, w.Body.Len())
}

// A track of no time is empty in every form, and whole.
func TestTrackOfNoTime(t *testing.T) {
	s, _ := withHistory(t)
	for format, want := range map[string]string{
		"json":    `{"device":"BBB","from":1728000000000,"to":1728000000000,"fields":["lat","lng","ts","speed","heading","accuracy"],"points":[],"count":0}`,
		"compact": "\x01",
		"geojson": "{\"type\":\"FeatureCollection\",\"features\":[\n]}\n",
		"csv":     "time,latitude,longitude,speed_mps,heading_deg,accuracy_m\r\n",
	} {
		if w := ask(s, "GET", "/api/v1/devices/BBB/track?from=1728000000000&to=1728000000000&format="+format, ""); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", format, w.Code, w.Body)
		}
	}
	w := ask(s, "GET", "/api/v1/devices/BBB/track?from=1728000000000&to=1728000000000&format=gpx", "")
	if w.Code != 200 || strings.Contains(w.Body.String(), "trkseg") || !strings.HasSuffix(w.Body.String(), "<name>BBB</name></trk>\n</gpx>\n") {
		t.Errorf("gpx: %d %s", w.Code, w.Body)
	}
	if name := w.Header().Get("Content-Disposition"); !strings.Contains(name, `"track-BBB-2024-10-04.gpx"`) {
		t.Errorf("%s", name)
	}
}
