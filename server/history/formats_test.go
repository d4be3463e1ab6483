package history

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

const hostile = "</name><script>&\"'=cmd\u2028\ufffe"

// piece is a track of three parts: one of two points, one point after a silence,
// and two after the antimeridian.
func piece() []Point {
	at := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli()
	points := []Point{At(at, 42.5, 1.5), At(at+1500, 42.5000001, 1.6), At(at+600_000, 0, 179.9), At(at+601_000, 0, -179.9), At(at+602_000, -1e-7, -179.8)}
	points[1].Speed, points[1].Heading, points[1].Accuracy = Known(12.34), Known(0), Known(3)
	return points
}

// write encodes points as a reader of a track gets them: in pieces.
func write(t *testing.T, format string, points []Point) string {
	t.Helper()
	f, ok := FormatNamed(format)
	if !ok {
		t.Fatal("no format ", format)
	}
	day := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	e := f.New(Heading{hostile, day, day.AddDate(0, 0, 1)})
	out := e.Begin(nil)
	for len(points) > 0 {
		n := min(2, len(points))
		out = e.Append(out, points[:n])
		points = points[n:]
	}
	out = e.End(out)
	if format != "compact" && !utf8.Valid(out) {
		t.Error("not UTF-8")
	}
	return string(out)
}

// The compact form is that of a chunk, counted from 1970, and no larger.
func TestCompact(t *testing.T) {
	for name, points := range map[string][]Point{"a drive": drive(0, 3000, rand.New(rand.NewPCG(1, 2))), "a point": {At(5, 1, -1)}, "nothing": nil} {
		data := write(t, "compact", points)
		got, err := appendDecoded(nil, 0, []byte(data))
		if err != nil || !slices.Equal(got, points) {
			t.Errorf("%s: %d points, %v, want %d", name, len(got), err, len(points))
		}
	}
	year2025 := write(t, "compact", piece())
	if want := "\x01" + "\x80\xc0\xf7\xc9\xd1\xaa\x06" + "\x80\xf1\xa7\x95\x03" + "\x80\x87\xa7\x0e"; !strings.HasPrefix(year2025, want) {
		t.Errorf("%x, want %x", year2025[:18], want)
	}
}

func TestJSON(t *testing.T) {
	const want = `"from":1740787200000,"to":1740873600000,"fields":["lat","lng","ts","speed","heading","accuracy"],"points":[` +
		`[42.5,1.5,1740830400000,null,null,null],[42.5000001,1.6,1740830401500,12.3,0,3],[0,179.9,1740831000000,null,null,null],` +
		`[0,-179.9,1740831001000,null,null,null],[-0.0000001,-179.8,1740831002000,null,null,null]],"count":5}`
	got := write(t, "json", piece())
	if !strings.HasSuffix(got, want) || strings.Contains(got, "<") {
		t.Error(got)
	}
	for _, points := range [][]Point{piece(), nil} {
		var v struct{ Device string }
		if err := json.Unmarshal([]byte(write(t, "json", points)), &v); err != nil || v.Device != hostile {
			t.Errorf("%q, %v", v.Device, err)
		}
	}
}

func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(write(t, "csv", piece()))).ReadAll()
	if err != nil || len(rows) != 6 || strings.Join(rows[2], "|") != "2025-03-01T12:00:01.500Z|42.5000001|1.6|12.3|0|3" || strings.Join(rows[3], "|") != "2025-03-01T12:10:00.000Z|0|179.9|||" {
		t.Errorf("%q, %v", rows, err)
	}
}

func TestGPX(t *testing.T) {
	var v struct {
		XMLName xml.Name `xml:"http://www.topografix.com/GPX/1/1 gpx"`
		Version string   `xml:"version,attr"`
		Name    string   `xml:"trk>name"`
		Segs    []struct {
			Points []struct {
				Lat   float64   `xml:"lat,attr"`
				Lon   float64   `xml:"lon,attr"`
				Time  time.Time `xml:"time"`
				Speed float64   `xml:"extensions>TrackPointExtension>speed"`
			} `xml:"trkpt"`
		} `xml:"trk>trkseg"`
	}
	if err := xml.Unmarshal([]byte(write(t, "gpx", piece())), &v); err != nil {
		t.Fatal(err)
	}
	if v.Version != "1.1" || !strings.HasPrefix(v.Name, "</name><script>&\"'=cmd") || len(v.Segs) != 3 || len(v.Segs[0].Points) != 2 || len(v.Segs[2].Points) != 2 {
		t.Errorf("%+v", v)
	}
	if p := v.Segs[0].Points[1]; p.Lat != 42.5000001 || p.Lon != 1.6 || p.Speed != 12.3 || p.Time.UnixMilli() != piece()[1].TS {
		t.Errorf("%+v", p)
	}
	if err := xml.Unmarshal([]byte(write(t, "gpx", nil)), &v); err != nil {
		t.Errorf("an empty track: %v", err)
	}
}

func TestGeoJSON(t *testing.T) {
	type collection struct {
		Type     string
		Features []struct {
			Geometry struct {
				Type        string
				Coordinates json.RawMessage
			}
			Properties struct {
				Device           string
				CoordTimes       []time.Time
				Speeds, Headings []*float64
			}
		}
	}
	var v collection
	got := write(t, "geojson", piece())
	if err := json.Unmarshal([]byte(got), &v); err != nil || v.Type != "FeatureCollection" || len(v.Features) != 3 {
		t.Fatalf("%v in %s", err, got)
	}
	a, b := v.Features[0], v.Features[1]
	if a.Geometry.Type != "LineString" || string(a.Geometry.Coordinates) != "[[1.5,42.5],[1.6,42.5000001]]" || a.Properties.Device != hostile ||
		len(a.Properties.CoordTimes) != 2 || a.Properties.Speeds[0] != nil || *a.Properties.Headings[1] != 0 {
		t.Errorf("%+v", a)
	}
	if b.Geometry.Type != "Point" || string(b.Geometry.Coordinates) != "[179.9,0]" {
		t.Errorf("%+v", b)
	}
	if err := json.Unmarshal([]byte(write(t, "geojson", nil)), &v); err != nil {
		t.Errorf("an empty track: %v", err)
	}
	long := make([]Point, maxPiece+5)
	if err := json.Unmarshal([]byte(write(t, "geojson", long)), &v); err != nil || len(v.Features) != 2 || len(v.Features[1].Properties.CoordTimes) != 6 {
		t.Errorf("a long track: %v, %d pieces", err, len(v.Features))
	}
}

func TestFileName(t *testing.T) {
	day := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		device, name, plain string
		days                int
	}{
		{"BBB", "track-BBB-2025-03-01", "track-BBB-2025-03-01", 1},
		{"트럭 1", "track-트럭_1-2025-03-01-to-2025-03-02", "track-___1-2025-03-01-to-2025-03-02", 2},
		{"\\..\r\n\"<b>;x", "track-_______b__x-2025-03-01", "track-_______b__x-2025-03-01", 1},
		{strings.Repeat("ä", 128), "track-" + strings.Repeat("ä", 64) + "-2025-03-01", "track-" + strings.Repeat("_", 64) + "-2025-03-01", 1},
	} {
		name, plain := FileName(Heading{c.device, day, day.AddDate(0, 0, c.days)})
		if name != c.name || plain != c.plain {
			t.Errorf("%q: %q and %q", c.device, name, plain)
		}
	}
}

func BenchmarkFormats(b *testing.B) {
	points := make([]Point, 86_400)
	for i := range points {
		points[i] = At(begin+int64(i)*1000, 42.5+float64(i)/1e5, 1.5)
		points[i].Speed, points[i].Heading = Known(15.1), Known(90.5)
	}
	for _, f := range Formats {
		b.Run(f.Name, func(b *testing.B) {
			var out []byte
			for b.Loop() {
				e := f.New(Heading{Device: "BBB"})
				out = e.Begin(out[:0])
				for i := 0; i < len(points); i += 3600 {
					out = e.Append(out, points[i:i+3600])
				}
				out = e.End(out)
			}
			b.ReportMetric(float64(len(bytes.TrimSpace(out))), "bytes")
		})
	}
}
