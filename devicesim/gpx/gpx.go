// Package gpx reads GPX files, versions 1.0 and 1.1 (https://www.topografix.com/gpx.asp), and replays them as a drive.
//
// [Parse] takes what receivers and programs really write: with or without a byte order mark, a namespace, times or heights; segments
// that are empty; text in UTF-8, Latin-1 or Windows-1252. It bounds what a file may hold, and holds no more of it in memory than its points.
package gpx

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Limits of a file.
const (
	MaxSize    = 64 << 20  // bytes
	MaxPoints  = 500_000   // of all kinds
	maxDepth   = 64        // of nested elements
	maxElement = 256 << 10 // bytes of one tag, text or comment
)

// Point is one place. Time is zero when the file gives none.
type Point struct {
	Lat, Lng float64
	Time     time.Time
}

// File is what a GPX file holds. Segments without points are left out.
type File struct {
	Tracks    [][]Point // the segments of all tracks, in order
	Routes    [][]Point
	Waypoints []Point
}

// Legs returns what the file says about a journey, best first: its tracks, or else its routes, or else its waypoints in their order.
func (f *File) Legs() [][]Point {
	switch {
	case len(f.Tracks) > 0:
		return f.Tracks
	case len(f.Routes) > 0:
		return f.Routes
	case len(f.Waypoints) > 0:
		return [][]Point{f.Waypoints}
	}
	return nil
}

// ErrEmpty is the error of a file without any point.
var ErrEmpty = errors.New("gpx: there is no point in it (trkpt, rtept or wpt)")

// Parse reads a GPX file.
func Parse(r io.Reader) (*File, error) { return parse(r, MaxSize, MaxPoints) }

func parse(r io.Reader, maxSize, maxPoints int) (*File, error) {
	in := &metered{r: r, most: maxSize}
	buffered := bufio.NewReaderSize(in, 4096)
	if err := skipMark(buffered); err != nil {
		return nil, err
	}
	d := xml.NewDecoder(buffered)
	d.Entity = xml.HTMLEntity
	d.CharsetReader = charset
	p := parser{in: in, dec: d, most: maxPoints}
	if err := p.run(); err != nil {
		line, _ := d.InputPos()
		return nil, fmt.Errorf("gpx: line %d: %w", line, err)
	}
	if len(p.file.Legs()) == 0 {
		return nil, ErrEmpty
	}
	return &p.file, nil
}

func skipMark(r *bufio.Reader) error {
	head, err := r.Peek(3)
	switch {
	case bytes.Equal(head, []byte("\xEF\xBB\xBF")):
		_, err = r.Discard(3)
		return err
	case bytes.HasPrefix(head, []byte("\xFE\xFF")), bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return errors.New("gpx: the file is in UTF-16; save it as UTF-8")
	case err != nil && !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// metered bounds what the XML decoder may gather between two tokens, and the whole.
type metered struct {
	r                  io.Reader
	total, token, most int
}

func (m *metered) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.total += n
	m.token += n
	switch {
	case m.total > m.most:
		return 0, fmt.Errorf("the file is larger than %d MiB", m.most>>20)
	case m.token > maxElement:
		return 0, fmt.Errorf("an element is longer than %d KiB", maxElement>>10)
	}
	return n, err
}

type parser struct {
	in     *metered
	dec    *xml.Decoder
	file   File
	depth  int
	points int
	most   int // points

	seg     []Point // segment or route being read
	point   *Point  // point being read
	inPoint int     // depth of its element
	inTime  bool
}

func (p *parser) run() error {
	for {
		p.in.token = 0
		tok, err := p.dec.RawToken()
		if errors.Is(err, io.EOF) && p.depth == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			err = p.start(t)
		case xml.EndElement:
			err = p.end(t.Name.Local)
		case xml.CharData:
			p.text(t)
		}
		if err != nil {
			return err
		}
	}
}

func (p *parser) start(e xml.StartElement) error {
	p.depth++
	switch name := e.Name.Local; {
	case p.depth > maxDepth:
		return fmt.Errorf("elements are nested deeper than %d", maxDepth)
	case p.depth == 1 && name != "gpx":
		return fmt.Errorf("this is no GPX file: its root is <%.40s>, not <gpx>", name)
	case p.point == nil && (name == "trkpt" || name == "rtept" || name == "wpt"):
		return p.begin(e)
	case p.point != nil && name == "time":
		p.inTime = p.depth == p.inPoint+1 // not one in the extensions
	}
	return nil
}

func (p *parser) begin(e xml.StartElement) (err error) {
	if p.points++; p.points > p.most {
		return fmt.Errorf("there are more than %d points", p.most)
	}
	pt := Point{Lat: math.NaN(), Lng: math.NaN()}
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "lat":
			pt.Lat, err = degrees(a, 90)
		case "lon":
			pt.Lng, err = degrees(a, 180)
		}
		if err != nil {
			return err
		}
	}
	if math.IsNaN(pt.Lat) || math.IsNaN(pt.Lng) {
		return fmt.Errorf("<%s> lacks lat or lon", e.Name.Local)
	}
	p.point, p.inPoint = &pt, p.depth
	return nil
}

func degrees(a xml.Attr, limit float64) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(a.Value), 64)
	if err != nil || math.IsNaN(v) || v < -limit || v > limit {
		return 0, fmt.Errorf("%s is %.40q, not a number of degrees between %g and %g", a.Name.Local, a.Value, -limit, limit)
	}
	return v, nil
}

func (p *parser) end(name string) error {
	if p.depth--; p.depth < 0 {
		return fmt.Errorf("</%.40s> closes nothing", name)
	}
	switch {
	case p.point != nil && p.depth == p.inPoint-1:
		p.add(name)
	case p.point != nil:
		p.inTime = false
	case name == "trkseg":
		p.file.Tracks = p.flush(p.file.Tracks)
	case name == "rte":
		p.file.Routes = p.flush(p.file.Routes)
	}
	return nil
}

// add puts the point that has ended where it belongs.
func (p *parser) add(name string) {
	if name == "wpt" {
		p.file.Waypoints = append(p.file.Waypoints, *p.point)
	} else {
		p.seg = append(p.seg, *p.point)
	}
	p.point, p.inTime = nil, false
}

func (p *parser) flush(to [][]Point) [][]Point {
	if len(p.seg) > 0 {
		to = append(to, p.seg)
		p.seg = nil
	}
	return to
}

// text reads a point's time. One that cannot be read is as good as none: the point still has its place.
func (p *parser) text(t xml.CharData) {
	if !p.inTime {
		return
	}
	s := strings.TrimSpace(string(t))
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if when, err := time.Parse(layout, s); err == nil {
			p.point.Time = when.UTC()
			return
		}
	}
}

// charset reads the encodings of one byte a character that old receivers' programs write.
func charset(label string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return in, nil
	case "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252":
		return &latin1{in: in}, nil
	}
	return nil, fmt.Errorf("the file's encoding is %.40q; save it as UTF-8", label)
}

// latin1 turns each byte into the character of that number. What differs in Windows-1252 are quotation marks in names, which nobody reads.
type latin1 struct {
	in   io.Reader
	rest []byte
}

func (l *latin1) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		var raw [1024]byte
		n, err := l.in.Read(raw[:])
		if n == 0 {
			return 0, err
		}
		for _, b := range raw[:n] {
			l.rest = append(l.rest, string(rune(b))...)
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
