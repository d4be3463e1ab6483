package history

import (
	"encoding/binary"
	"errors"
	"math"
)

// Point is where a device was at a moment.
type Point struct {
	TS       int64 // ms since 1970 UTC
	Lat, Lng int32 // 1e-7 degrees

	Speed    Measure // m/s
	Heading  Measure // degrees from north, clockwise
	Accuracy Measure // m
}

// At returns a point in degrees, without measurements.
func At(ts int64, lat, lng float64) Point {
	return Point{TS: ts, Lat: int32(math.Round(lat * 1e7)), Lng: int32(math.Round(lng * 1e7))}
}

// Degrees are where the point is.
func (p Point) Degrees() (lat, lng float64) { return float64(p.Lat) / 1e7, float64(p.Lng) / 1e7 }

const (
	maxLat = 90_0000000
	maxLng = 180_0000000
)

// Measure is a measurement in tenths, plus one; 0 is one that is not known.
type Measure uint32

const maxMeasure = 1 << 30

// Known returns a measurement; what is negative or no number is not known.
func Known(v float64) Measure {
	if !(v >= 0) {
		return 0
	}
	return 1 + Measure(math.Round(min(v*10, maxMeasure-1)))
}

// Value is the measurement; ok is false if it is not known.
func (m Measure) Value() (v float64, ok bool) {
	if m == 0 {
		return 0, false
	}
	return float64(m-1) / 10, true
}

const hourMs = 3_600_000

// hourOf is the number of the hour, since 1970 UTC, that a time lies in.
func hourOf(ms int64) int64 {
	h := ms / hourMs
	if ms%hourMs < 0 {
		h--
	}
	return h
}

// A chunk's data are a byte of version and its points, each coded by what
// differs from a point that went on as the one before did:
//
//	uvarint  zigzag(change of the time step) << 3 | which measurements change
//	varint   latitude, longitude: what the step differs from the step before
//	varint   the change of each measurement that changes
//
// The first point counts from the start of the hour and from 0° 0°.
const chunkVersion = 1

// Which measurements change.
const (
	speedChanges = 1 << iota
	headingChanges
	accuracyChanges

	changeBits = iota
)

var errChunk = errors.New("history: the chunk is damaged")

// coder is what encoding and decoding remember from one point to the next.
type coder struct {
	last             Point
	step, slat, slng int64
	n                int
}

func newCoder(hour int64) coder { return coder{last: Point{TS: hour * hourMs}} }

// advance makes p the point that the next one counts from.
func (c *coder) advance(p Point) {
	if c.n > 0 {
		c.step, c.slat, c.slng = p.TS-c.last.TS, int64(p.Lat)-int64(c.last.Lat), int64(p.Lng)-int64(c.last.Lng)
	}
	c.last = p
	c.n++
}

// appendPoint appends a point of a chunk, whose time lies in the coder's hour.
func (c *coder) appendPoint(dst []byte, p Point) []byte {
	if c.n == 0 {
		dst = append(dst, chunkVersion)
	}
	return c.appendDifference(dst, p)
}

// appendDifference appends what differs in a point.
func (c *coder) appendDifference(dst []byte, p Point) []byte {
	changes := uint64(0)
	if p.Speed != c.last.Speed {
		changes |= speedChanges
	}
	if p.Heading != c.last.Heading {
		changes |= headingChanges
	}
	if p.Accuracy != c.last.Accuracy {
		changes |= accuracyChanges
	}
	dst = binary.AppendUvarint(dst, zigzag(p.TS-c.last.TS-c.step)<<changeBits|changes)
	dst = binary.AppendVarint(dst, int64(p.Lat)-int64(c.last.Lat)-c.slat)
	dst = binary.AppendVarint(dst, int64(p.Lng)-int64(c.last.Lng)-c.slng)
	if changes&speedChanges != 0 {
		dst = binary.AppendVarint(dst, int64(p.Speed)-int64(c.last.Speed))
	}
	if changes&headingChanges != 0 {
		dst = binary.AppendVarint(dst, int64(p.Heading)-int64(c.last.Heading))
	}
	if changes&accuracyChanges != 0 {
		dst = binary.AppendVarint(dst, int64(p.Accuracy)-int64(c.last.Accuracy))
	}
	c.advance(p)
	return dst
}

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// appendDecoded appends the points of a chunk of the given hour to dst.
func appendDecoded(dst []Point, hour int64, data []byte) ([]Point, error) {
	if len(data) == 0 || data[0] != chunkVersion {
		return dst, errChunk
	}
	r := reader{p: data[1:]}
	c := newCoder(hour)
	for len(r.p) > 0 {
		head := r.uvarint()
		p := c.last
		p.TS = r.sum(c.last.TS, c.step, unzigzag(head>>changeBits), hour*hourMs, (hour+1)*hourMs-1)
		p.Lat = int32(r.sum(int64(c.last.Lat), c.slat, r.varint(), -maxLat, maxLat))
		p.Lng = int32(r.sum(int64(c.last.Lng), c.slng, r.varint(), -maxLng, maxLng))
		if head&speedChanges != 0 {
			p.Speed = r.measure(p.Speed)
		}
		if head&headingChanges != 0 {
			p.Heading = r.measure(p.Heading)
		}
		if head&accuracyChanges != 0 {
			p.Accuracy = r.measure(p.Accuracy)
		}
		if r.bad {
			return dst, errChunk
		}
		c.advance(p)
		dst = append(dst, p)
	}
	return dst, nil
}

// reader takes numbers from the front of p; once something is wrong it is bad.
type reader struct {
	p   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.p)
	r.skip(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.p)
	r.skip(n)
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad, r.p = true, nil
		return
	}
	r.p = r.p[n:]
}

// sum adds a difference that was read to what is known to be small, and checks
// the result.
func (r *reader) sum(last, step, diff, least, most int64) int64 {
	const huge = 1 << 50 // keeps the sum from overflowing
	v := last + step + diff
	if diff < -huge || diff > huge || v < least || v > most {
		r.bad = true
		return least
	}
	return v
}

func (r *reader) measure(last Measure) Measure {
	return Measure(r.sum(int64(last), 0, r.varint(), 0, maxMeasure))
}
