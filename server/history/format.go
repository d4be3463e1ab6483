package history

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Encoder writes a track in some form, piece by piece.
type Encoder interface {
	// Begin appends what comes before the points.
	Begin(dst []byte) []byte
	// Append appends points, in their order.
	Append(dst []byte, points []Point) []byte
	// End appends what comes after them.
	End(dst []byte) []byte
}

// Heading is what is said about a track as a whole.
type Heading struct {
	Device   string
	From, To time.Time
}

// Format is a form that tracks can be written in.
type Format struct {
	Name        string
	ContentType string
	Extension   string // of a file that people keep; none of what is for programs
	New         func(Heading) Encoder
}

// Formats are all of them; the first is the API's own.
var Formats = []Format{
	{"json", "application/json", "", newJSON},
	{"compact", "application/vnd.mwm.track", "", newCompact},
	{"geojson", "application/geo+json", "geojson", newGeoJSON},
	{"gpx", "application/gpx+xml", "gpx", newGPX},
	{"csv", "text/csv; charset=utf-8; header=present", "csv", newCSV},
}

// FormatNamed returns the format of that name.
func FormatNamed(name string) (f Format, ok bool) {
	for _, f := range Formats {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// gap is how long a device must have said nothing for its track to be cut there.
const gap = 5 * time.Minute

// cut reports whether a track is drawn in two pieces around b: after a silence,
// and where it crosses the antimeridian (RFC 7946 §3.1.9).
func cut(a, b Point) bool {
	across := int64(b.Lng) - int64(a.Lng)
	return b.TS-a.TS > gap.Milliseconds() || across > maxLng || across < -maxLng
}

// FileName returns a name for a file with a track that no system takes offence
// at, whatever the device is called, without its extension. plain has letters,
// digits and hyphens of ASCII alone.
func FileName(h Heading) (name, plain string) {
	span := h.From.Format(time.DateOnly)
	if end := h.To.Add(-time.Millisecond); end.After(h.From) && end.Format(time.DateOnly) != span {
		span += "-to-" + end.Format(time.DateOnly)
	}
	safe := func(ok func(rune) bool) string {
		n := 0
		return "track-" + strings.Map(func(r rune) rune {
			if n++; n > 64 {
				return -1
			}
			if ok(r) {
				return r
			}
			return '_'
		}, h.Device) + "-" + span
	}
	return safe(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' }),
		safe(func(r rune) bool {
			return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_')
		})
}

// appendDegrees appends an angle to its 1e-7 degrees.
func appendDegrees(dst []byte, e7 int32) []byte {
	return strconv.AppendFloat(dst, float64(e7)/1e7, 'f', -1, 64)
}

// appendMeasure appends a measurement, or what stands for one that is not known.
func appendMeasure(dst []byte, m Measure, unknown string) []byte {
	v, ok := m.Value()
	if !ok {
		return append(dst, unknown...)
	}
	return strconv.AppendFloat(dst, math.Round(v*10)/10, 'f', -1, 64)
}

func appendTime(dst []byte, ms int64) []byte {
	return time.UnixMilli(ms).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

// appendJSON appends a string in quotes. Markup is escaped: the answer might be
// shown by something that takes it for a page.
func appendJSON(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r == '<' || r == '>' || r == '&' || r == 0x2028 || r == 0x2029 || r == 0x7f:
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}
