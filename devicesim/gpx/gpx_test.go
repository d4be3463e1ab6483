package gpx

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	head10 = `<?xml version="1.0"?><gpx version="1.0" creator="t" xmlns="http://www.topografix.com/GPX/1/0">`
	head11 = `<?xml version="1.0" encoding="UTF-8"?><gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">`
	pointA = `<trkpt lat="42.5" lon="1.5"><ele>1000</ele><time>2024-05-01T10:00:00Z</time></trkpt>`
	pointB = `<trkpt lat="42.501" lon="1.5"><time>2024-05-01T10:00:10Z</time></trkpt>`
)

func TestParse(t *testing.T) {
	tests := []struct {
		name, text                string
		tracks, routes, waypoints int // points of all segments
		legs                      int
	}{
		{"1.1 track", head11 + `<trk><trkseg>` + pointA + pointB + `</trkseg></trk></gpx>`, 2, 0, 0, 1},
		{"1.0 track", head10 + `<trk><trkseg>` + pointA + `</trkseg></trk></gpx>`, 1, 0, 0, 1},
		{"route", head11 + `<rte><rtept lat="42" lon="1"/><rtept lat="42.1" lon="1"/></rte></gpx>`, 0, 2, 0, 1},
		{"waypoints", head10 + `<wpt lat="42" lon="1"><name>a</name></wpt><wpt lat="43" lon="1"/></gpx>`, 0, 0, 2, 1},
		{"all, the tracks are the journey", head11 + `<wpt lat="1" lon="1"/><rte><rtept lat="2" lon="1"/></rte><trk><trkseg>` + pointA + `</trkseg></trk></gpx>`, 1, 1, 1, 1},
		{"byte order mark", "\xEF\xBB\xBF" + head11 + `<trk><trkseg>` + pointA + `</trkseg></trk></gpx>`, 1, 0, 0, 1},
		{"empty segments", head11 + `<trk/><trk><trkseg/><trkseg></trkseg><trkseg>` + pointA + `</trkseg><trkseg>` + pointB + `</trkseg></trk></gpx>`, 2, 0, 0, 2},
		{"no namespace, spaces", `<gpx><trk><trkseg><trkpt lat=" 42.5 " lon="1.5&#10;"/></trkseg></trk></gpx>`, 1, 0, 0, 1},
		{"prefixed", `<g:gpx xmlns:g="x"><g:trk><g:trkseg><g:trkpt lat="1" lon="2"/></g:trkseg></g:trk></g:gpx>`, 1, 0, 0, 1},
		{"Latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?><gpx><wpt lat="1" lon="2"><name>Oc` + "\xE9" + `an</name></wpt></gpx>`, 0, 0, 1, 1},
		{"HTML entities", `<gpx><wpt lat="1" lon="2"><name>&eacute;</name></wpt></gpx>`, 0, 0, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Parse(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if n := points(f.Tracks); n != tt.tracks {
				t.Errorf("%d track points, not %d", n, tt.tracks)
			}
			if n := points(f.Routes); n != tt.routes {
				t.Errorf("%d route points, not %d", n, tt.routes)
			}
			if n := len(f.Waypoints); n != tt.waypoints {
				t.Errorf("%d waypoints, not %d", n, tt.waypoints)
			}
			if n := len(f.Legs()); n != tt.legs {
				t.Errorf("%d legs, not %d", n, tt.legs)
			}
		})
	}
}

func points(segments [][]Point) (n int) {
	for _, s := range segments {
		n += len(s)
	}
	return n
}

func TestParseTime(t *testing.T) {
	const want = "2024-05-01T10:00:00Z"
	tests := map[string]string{
		"<time>2024-05-01T10:00:00Z</time>":                              want,
		"<time> 2024-05-01T12:00:00.000+02:00\n</time>":                  want,
		"<time>2024-05-01T10:00:00</time>":                               want,
		"<time>yesterday</time>":                                         "",
		"<time/>":                                                        "",
		"<extensions><time>2024-05-01T10:00:00Z</time></extensions>":     "",
		"<time>2024-05-01T10:00:00Z</time><extensions><x/></extensions>": want,
	}
	for inner, want := range tests {
		f, err := Parse(strings.NewReader(`<gpx><wpt lat="1" lon="2">` + inner + `</wpt></gpx>`))
		if err != nil {
			t.Fatalf("%s: %v", inner, err)
		}
		got := ""
		if w := f.Waypoints[0].Time; !w.IsZero() {
			got = w.Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s is %q, not %q", inner, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	var wide strings.Builder
	for _, u := range utf16.Encode([]rune("\uFEFF<gpx/>")) {
		wide.Write([]byte{byte(u >> 8), byte(u)})
	}
	tests := map[string]struct {
		text, names string // names is in the error
	}{
		"empty":                  {"", "no point"},
		"no points":              {head11 + "</gpx>", "no point"},
		"another root":           {"<kml/>", "kml"},
		"no XML":                 {"lat,lon\n1,2\n<", "line 3"},
		"cut off":                {head11 + "<trk><trkseg>" + pointA, "unexpected EOF"},
		"latitude":               {`<gpx><wpt lat="91" lon="2"/></gpx>`, "lat"},
		"longitude is no number": {`<gpx><wpt lat="1" lon="two"/></gpx>`, "lon"},
		"NaN":                    {`<gpx><wpt lat="NaN" lon="2"/></gpx>`, "lat"},
		"without longitude":      {`<gpx><wpt lat="1"/></gpx>`, "lacks"},
		"UTF-16":                 {wide.String(), "UTF-16"},
		"unknown encoding":       {`<?xml version="1.0" encoding="KOI8-R"?><gpx/>`, "KOI8-R"},
		"deep":                   {"<gpx>" + strings.Repeat("<a>", 100), "deeper"},
		"closes nothing":         {"</gpx>", "closes nothing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := Parse(strings.NewReader(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("parsed as %+v, error %v; want one that names %q", f, err, tt.names)
			}
		})
	}
}

// endless yields the same text for ever, after a start.
type endless struct {
	start, rest string
	at          int // in rest
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.start)
	if e.start = e.start[n:]; n > 0 {
		return n, nil
	}
	for n < len(p) {
		k := copy(p[n:], e.rest[e.at:])
		e.at = (e.at + k) % len(e.rest)
		n += k
	}
	return n, nil
}

// What does not end must be refused before it has filled the memory.
func TestParseIsBounded(t *testing.T) {
	tests := map[string]struct {
		in    io.Reader
		names string
	}{
		"points":     {&endless{start: "<gpx><trk><trkseg>", rest: `<trkpt lat="1" lon="2"/>`}, "points"},
		"text":       {&endless{start: "<gpx><trk><name>", rest: "aaaaaaaaaaaaaaaa"}, "longer"},
		"attributes": {&endless{start: "<gpx ", rest: `a="" `}, "longer"},
		"comment":    {&endless{start: "<gpx><!--", rest: "aaaaaaaaaaaaaaaa"}, "longer"},
		"elements":   {&endless{start: "<gpx>", rest: "<a>" + strings.Repeat("a", maxElement/2) + "</a>"}, "MiB"},
		"depth":      {&endless{start: "<gpx>", rest: "<a>"}, "deeper"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(tt.in, 1<<20, 1000); err == nil || !strings.Contains(err.Error(), tt.names) {
				t.Errorf("error %v does not name %q", err, tt.names)
			}
		})
	}
}

func TestSamples(t *testing.T) {
	tests := []struct {
		file   string
		points int
		timed  bool
	}{
		{"around-visnjan-with-car.gpx", 104, true},
		{"cerknicko-jezero.gpx", 296, true},
		{"korita-zbevnica.gpx", 871, true},
	}
	for _, tt := range tests {
		f := sample(t, tt.file)
		legs := f.Legs()
		if n := points(legs); n == 0 || n > tt.points {
			t.Errorf("%s: a journey of %d points", tt.file, n)
		}
		if d := NewPath(legs).Duration(); d < 5*time.Minute || d > 48*time.Hour {
			t.Errorf("%s: takes %v", tt.file, d)
		}
	}
}

func sample(t testing.TB, name string) *File {
	t.Helper()
	r, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	f, err := Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(head10 + `<trk><trkseg>` + pointA + pointB + `</trkseg><trkseg/></trk></gpx>`))
	f.Add([]byte("\xEF\xBB\xBF" + `<?xml version="1.0" encoding="latin1"?><gpx><rte><rtept lat="1" lon="180"/></rte><wpt lat="-90" lon="-180"/></gpx>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := Parse(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		p := NewPath(parsed.Legs())
		if p.Duration() < 0 {
			t.Fatalf("takes %v", p.Duration())
		}
		for _, d := range []time.Duration{-1, 0, time.Second, p.Duration() / 2, p.Duration(), p.Duration() + turnaround, 1 << 62} {
			if at := p.At(d); !(at.Lat >= -90 && at.Lat <= 90 && at.Lng >= -180 && at.Lng <= 180 && at.Speed >= 0 && at.Heading >= 0 && at.Heading < 360) {
				t.Fatalf("after %v: %s", d, fmt.Sprintf("%+v", at))
			}
		}
	})
}
