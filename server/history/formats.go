package history

import (
	"bytes"
	"encoding/xml"
	"strconv"
)

// jsonTrack is the API's own form.
type jsonTrack struct {
	Heading
	n int
}

func newJSON(h Heading) Encoder { return &jsonTrack{Heading: h} }

func (t *jsonTrack) Begin(dst []byte) []byte {
	dst = appendJSON(append(dst, `{"device":`...), t.Device)
	dst = strconv.AppendInt(append(dst, `,"from":`...), t.From.UnixMilli(), 10)
	dst = strconv.AppendInt(append(dst, `,"to":`...), t.To.UnixMilli(), 10)
	return append(dst, `,"fields":["lat","lng","ts","speed","heading","accuracy"],"points":[`...)
}

func (t *jsonTrack) Append(dst []byte, points []Point) []byte {
	for _, p := range points {
		if t.n++; t.n > 1 {
			dst = append(dst, ',')
		}
		dst = appendDegrees(append(dst, '['), p.Lat)
		dst = appendDegrees(append(dst, ','), p.Lng)
		dst = strconv.AppendInt(append(dst, ','), p.TS, 10)
		for _, m := range [...]Measure{p.Speed, p.Heading, p.Accuracy} {
			dst = appendMeasure(append(dst, ','), m, "null")
		}
		dst = append(dst, ']')
	}
	return dst
}

func (t *jsonTrack) End(dst []byte) []byte {
	return append(strconv.AppendInt(append(dst, `],"count":`...), int64(t.n), 10), '}')
}

// compactTrack is for programs that have no time for text: the page draws a day
// at one point a second. It is coded as a chunk is (see appendPoint), but counts
// from 1970: 6 to 9 bytes for a point where JSON has 50.
type compactTrack struct{ coder }

func newCompact(Heading) Encoder { return &compactTrack{newCoder(0)} }

func (*compactTrack) Begin(dst []byte) []byte { return append(dst, chunkVersion) }

func (t *compactTrack) Append(dst []byte, points []Point) []byte {
	for _, p := range points {
		dst = t.appendDifference(dst, p)
	}
	return dst
}

func (*compactTrack) End(dst []byte) []byte { return dst }

// csvTrack is a table (RFC 4180). The device is not in it: a name that begins
// with "=" would be a formula to a spreadsheet.
type csvTrack struct{}

func newCSV(Heading) Encoder { return csvTrack{} }

func (csvTrack) Begin(dst []byte) []byte {
	return append(dst, "time,latitude,longitude,speed_mps,heading_deg,accuracy_m\r\n"...)
}

func (csvTrack) Append(dst []byte, points []Point) []byte {
	for _, p := range points {
		dst = appendTime(dst, p.TS)
		dst = appendDegrees(append(dst, ','), p.Lat)
		dst = appendDegrees(append(dst, ','), p.Lng)
		for _, m := range [...]Measure{p.Speed, p.Heading, p.Accuracy} {
			dst = appendMeasure(append(dst, ','), m, "")
		}
		dst = append(dst, "\r\n"...)
	}
	return dst
}

func (csvTrack) End(dst []byte) []byte { return dst }

// gpxTrack is GPX 1.1. Speed and course, which it lost since 1.0, stand where
// Garmin's programs and most others look for them.
type gpxTrack struct {
	Heading
	last Point
	any  bool
}

func newGPX(h Heading) Encoder { return &gpxTrack{Heading: h} }

func (t *gpxTrack) Begin(dst []byte) []byte {
	dst = append(dst, xml.Header...)
	dst = append(dst, `<gpx version="1.1" creator="mwm" xmlns="http://www.topografix.com/GPX/1/1" `+
		`xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v2">`+"\n<metadata><time>"...)
	dst = appendTime(dst, t.From.UnixMilli())
	dst = append(dst, "</time></metadata>\n<trk><name>"...)
	var name bytes.Buffer
	_ = xml.EscapeText(&name, []byte(t.Device)) // writing to memory does not fail
	return append(append(dst, name.Bytes()...), "</name>"...)
}

func (t *gpxTrack) Append(dst []byte, points []Point) []byte {
	for _, p := range points {
		switch {
		case !t.any:
			dst = append(dst, "<trkseg>\n"...)
		case cut(t.last, p):
			dst = append(dst, "</trkseg><trkseg>\n"...)
		}
		t.any, t.last = true, p
		dst = appendDegrees(append(dst, `<trkpt lat="`...), p.Lat)
		dst = appendDegrees(append(dst, `" lon="`...), p.Lng)
		dst = appendTime(append(dst, `"><time>`...), p.TS)
		dst = append(dst, "</time>"...)
		if p.Speed != 0 || p.Heading != 0 {
			dst = append(dst, "<extensions><gpxtpx:TrackPointExtension>"...)
			if p.Speed != 0 {
				dst = appendMeasure(append(dst, "<gpxtpx:speed>"...), p.Speed, "")
				dst = append(dst, "</gpxtpx:speed>"...)
			}
			if p.Heading != 0 {
				dst = appendMeasure(append(dst, "<gpxtpx:course>"...), p.Heading, "")
				dst = append(dst, "</gpxtpx:course>"...)
			}
			dst = append(dst, "</gpxtpx:TrackPointExtension></extensions>"...)
		}
		dst = append(dst, "</trkpt>\n"...)
	}
	return dst
}

func (t *gpxTrack) End(dst []byte) []byte {
	if t.any {
		dst = append(dst, "</trkseg>"...)
	}
	return append(dst, "</trk>\n</gpx>\n"...)
}

// geoJSON is a FeatureCollection (RFC 7946) with a LineString for each piece of
// the track, or a Point for a piece of one, whose property coordTimes has the
// times, as of many programs that convert GPX.
type geoJSON struct {
	Heading
	piece  []Point
	pieces int
}

func newGeoJSON(h Heading) Encoder { return &geoJSON{Heading: h} }

func (t *geoJSON) Begin(dst []byte) []byte {
	return append(dst, `{"type":"FeatureCollection","features":[`...)
}

// maxPiece is how many points of a piece are in memory; then the next one begins,
// with the last point of this one.
const maxPiece = 10_000

func (t *geoJSON) Append(dst []byte, points []Point) []byte {
	for _, p := range points {
		n := len(t.piece)
		switch {
		case n == 0:
		case cut(t.piece[n-1], p):
			dst = t.appendPiece(dst)
		case n >= maxPiece:
			last := t.piece[n-1]
			dst = t.appendPiece(dst)
			t.piece = append(t.piece, last)
		}
		t.piece = append(t.piece, p)
	}
	return dst
}

// appendPiece ends a piece.
func (t *geoJSON) appendPiece(dst []byte) []byte {
	if t.pieces++; t.pieces > 1 {
		dst = append(dst, ',')
	}
	dst = append(dst, "\n"+`{"type":"Feature","geometry":{"type":`...)
	single := len(t.piece) == 1
	if single {
		dst = append(dst, `"Point","coordinates":`...)
	} else {
		dst = append(dst, `"LineString","coordinates":[`...)
	}
	for i, p := range t.piece {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendDegrees(append(dst, '['), p.Lng)
		dst = append(appendDegrees(append(dst, ','), p.Lat), ']')
	}
	if !single {
		dst = append(dst, ']')
	}
	dst = appendJSON(append(dst, `},"properties":{"device":`...), t.Device)
	dst = append(dst, `,"coordTimes":[`...)
	for i, p := range t.piece {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendTime(append(dst, '"'), p.TS), '"')
	}
	dst = t.appendMeasures(append(dst, `],"speeds":[`...), func(p Point) Measure { return p.Speed })
	dst = t.appendMeasures(append(dst, `],"headings":[`...), func(p Point) Measure { return p.Heading })
	t.piece = t.piece[:0]
	return append(dst, "]}}"...)
}

func (t *geoJSON) appendMeasures(dst []byte, of func(Point) Measure) []byte {
	for i, p := range t.piece {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMeasure(dst, of(p), "null")
	}
	return dst
}

func (t *geoJSON) End(dst []byte) []byte {
	if len(t.piece) > 0 {
		dst = t.appendPiece(dst)
	}
	return append(dst, "\n]}\n"...)
}
