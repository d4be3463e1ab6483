package fleet

import (
	"encoding/json"
	"strings"
)

// Device is what is known about a device, as the API shows it. Times are
// milliseconds since 1970.
type Device struct {
	ID       string        `json:"id"`
	Index    uint32        `json:"index"`
	Status   string        `json:"status"`
	Online   Online        `json:"online"`
	LastSeen *int64        `json:"lastSeen"`
	Location *LocationView `json:"location"`
	Motion   *MotionView   `json:"motion"`
}

// Online says which protocols a device is connected with.
type Online struct {
	STOMP bool `json:"stomp"`
	MQTT  bool `json:"mqtt"`
}

// LocationView is where a device was last. Unknown measurements are nil.
type LocationView struct {
	Lat      float64         `json:"lat"`
	Lng      float64         `json:"lng"`
	TS       int64           `json:"ts"`
	Speed    *float32        `json:"speed"`
	Heading  *float32        `json:"heading"`
	Accuracy *float32        `json:"accuracy"`
	Other    json.RawMessage `json:"other,omitempty"` // members without a meaning here
}

// MotionView is how a device was last held, in radians.
type MotionView struct {
	Pitch float64 `json:"pitch"`
	Roll  float64 `json:"roll"`
	Yaw   float64 `json:"yaw"`
	At    int64   `json:"at"` // 0: not known, the value was replayed
}

// TrailPoint is [latitude, longitude, milliseconds since 1970].
type TrailPoint [3]float64

// Details are a device with where it has been and what it was told.
type Details struct {
	Device
	Trail []TrailPoint `json:"trail"` // newest last
	Texts []Text       `json:"texts"` // newest last
}

// Device returns the device id; ok is false if nothing was ever heard from it.
func (f *Fleet) Device(id string) (details Details, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.byID[id]
	if d == nil {
		return Details{}, false
	}
	points := d.trail.newest(f.opts.TrailPoints)
	details = Details{Device: d.view(), Trail: make([]TrailPoint, len(points)), Texts: f.texts.of(id)}
	for i, p := range points {
		lat, lng := p.degrees()
		details.Trail[i] = TrailPoint{lat, lng, float64(p.ts)}
	}
	return details, true
}

// Index returns the index of device id.
func (f *Fleet) Index(id string) (index int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.byID[id]; d != nil {
		return int(d.index), true
	}
	return 0, false
}

// List returns up to limit devices from index first on whose ID contains match
// in any case, in the order in which they were first heard from; more says that
// there are others.
func (f *Fleet) List(first, limit int, match string) (devices []Device, more bool) {
	match = strings.ToLower(match)
	for chunk := first; ; chunk += scanChunk {
		f.mu.Lock()
		n := len(f.devices)
		for _, d := range f.devices[min(chunk, n):min(chunk+scanChunk, n)] {
			if match != "" && !strings.Contains(strings.ToLower(d.id), match) {
				continue
			}
			if len(devices) == limit {
				more = true
				break
			}
			devices = append(devices, d.view())
		}
		f.mu.Unlock()
		if more || chunk+scanChunk >= n {
			return devices, more
		}
	}
}

func (d *device) view() Device {
	v := Device{
		ID: d.id, Index: d.index, Status: d.status.String(),
		Online: Online{STOMP: d.conns[STOMP] > 0, MQTT: d.conns[MQTT] > 0},
	}
	if d.seenAt != 0 {
		seen := d.seenAt
		v.LastSeen = &seen
	}
	if d.located {
		v.Location = &LocationView{
			Lat: d.fix.lat, Lng: d.fix.lng, TS: d.fix.ts,
			Speed: known(d.fix.speed), Heading: known(d.fix.heading), Accuracy: known(d.fix.accuracy), Other: d.other,
		}
	}
	if d.moved {
		v.Motion = &MotionView{Pitch: d.motion.Pitch, Roll: d.motion.Roll, Yaw: d.motion.Yaw, At: d.motionAt}
	}
	return v
}

func known(v float32) *float32 {
	if v < 0 {
		return nil
	}
	return &v
}
