package telemetry

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"time"
)

// MaxLocationSize is the greatest length of a location that is read.
const MaxLocationSize = 16 << 10

// Location is what a truck reports.
type Location struct {
	DeviceID string
	Lat, Lng float64   // degrees, WGS 84
	TS       time.Time // UTC; zero unless TSForm is TSMinutes or TSSeconds
	TSForm   TSForm

	Speed    Optional // m/s
	Heading  Optional // degrees from north, clockwise, in [0, 360)
	Accuracy Optional // m

	// Other holds the members that this package has no use for, as a JSON
	// object; nil when there are none. It is a copy.
	Other []byte
}

// DecodeLocation reads a location's payload as it came to the address of device
// id; with an empty id it may name any. Every member but deviceID, lat and lng
// may be missing. A ts that cannot be read does not refuse the report (see
// TSForm); nor does a speed, heading or accuracy that measures nothing, such as
// the −1 by which iOS says "unknown".
func DecodeLocation(payload []byte, id string) (Location, error) {
	if len(payload) > MaxLocationSize {
		return Location{}, refuse(TooLarge, "a location has at most %d bytes, not %d", MaxLocationSize, len(payload))
	}
	m, err := decodeMembers(payload)
	if err != nil {
		return Location{}, err
	}
	return m.location(id)
}

// NoLocation reports whether DecodeLocation would certainly refuse the payload, at
// a tenth of the cost of finding out why: there is no deviceID in it. (With a
// backslash there may be one that is escaped.)
func NoLocation(payload []byte) bool {
	return !bytes.Contains(payload, []byte("deviceID")) && bytes.IndexByte(payload, '\\') < 0
}

func (m *members) location(id string) (loc Location, err error) {
	if err := m.checkID(id); err != nil {
		return Location{}, err
	}
	if loc.DeviceID = id; id == "" {
		loc.DeviceID = string(m.deviceID.text)
	}
	if loc.Lat, err = m.lat.degrees("lat", 90); err != nil {
		return Location{}, err
	}
	if loc.Lng, err = m.lng.degrees("lng", 180); err != nil {
		return Location{}, err
	}
	loc.TS, loc.TSForm = m.ts.time()
	loc.Speed = m.speed.measure(maxSpeed)
	loc.Accuracy = m.accuracy.measure(math.MaxFloat32)
	if loc.Heading = m.heading.measure(360); loc.Heading.Value == 360 {
		loc.Heading.Value = 0
	}
	loc.Other = m.other
	return loc, nil
}

// maxSpeed is faster than anything that reports, m/s: what is beyond is a unit
// mistaken or a fault of the receiver.
const maxSpeed = 12000

// checkID judges the member deviceID against the ID of the address.
func (m *members) checkID(id string) error {
	switch got := m.deviceID; {
	case got.kind == absent:
		return refuseMember(Missing, "deviceID", "is missing")
	case got.kind != aString:
		return refuseMember(WrongType, "deviceID", "is not a string")
	case id == "":
		return CheckID(string(got.text))
	case string(got.text) != id:
		return refuseMember(WrongDevice, "deviceID", "names another device than the address")
	}
	return nil
}

func (v value) degrees(name string, limit float64) (float64, error) {
	switch v.kind {
	case aNumber:
	case absent:
		return 0, refuseMember(Missing, name, "is missing")
	default:
		return 0, refuseMember(WrongType, name, "is not a number")
	}
	deg, err := strconv.ParseFloat(string(v.text), 64)
	if err != nil || deg < -limit || deg > limit {
		return 0, refuseMember(OutOfRange, name, fmt.Sprintf("is not between %g and %g degrees", -limit, limit))
	}
	return deg, nil
}

func (v value) measure(limit float64) Optional {
	if v.kind != aNumber {
		return Optional{}
	}
	x, err := strconv.ParseFloat(string(v.text), 64)
	if err != nil || x < 0 || x > limit {
		return Optional{}
	}
	return Some(x)
}

func (v value) time() (time.Time, TSForm) {
	switch {
	case v.kind == absent || v.kind == aLiteral && string(v.text) == "null":
		return time.Time{}, TSMissing
	case v.kind != aString:
		return time.Time{}, TSUnreadable
	}
	return ParseTS(v.text)
}

// AppendLocation appends the payload that DecodeLocation reads: degrees to 1e-7
// (a centimetre), measurements to a tenth, ts to the millisecond when it has
// any. Other is not written.
func AppendLocation(dst []byte, l Location) []byte {
	dst = append(dst, `{"deviceID":`...)
	dst = appendString(dst, l.DeviceID)
	dst = append(dst, `,"lat":`...)
	dst = appendRounded(dst, l.Lat, 1e7)
	dst = append(dst, `,"lng":`...)
	dst = appendRounded(dst, l.Lng, 1e7)
	if !l.TS.IsZero() {
		dst = append(dst, `,"ts":"`...)
		dst = AppendTS(dst, l.TS)
		dst = append(dst, '"')
	}
	dst = appendMeasure(dst, "speed", l.Speed)
	dst = appendMeasure(dst, "heading", l.Heading)
	dst = appendMeasure(dst, "accuracy", l.Accuracy)
	return append(dst, '}')
}

func appendMeasure(dst []byte, name string, o Optional) []byte {
	if !o.Set {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	return appendRounded(dst, o.Value, 10)
}

func appendRounded(dst []byte, v, unit float64) []byte {
	return strconv.AppendFloat(dst, math.Round(v*unit)/unit, 'f', -1, 64)
}
