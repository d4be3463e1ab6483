package fleet

import (
	"time"

	"mwm/server/telemetry"
)

// Saved is what outlives the server of a device: its last known values.
type Saved struct {
	ID       string
	Seen     time.Time           // last sign of life; zero for never
	Location *telemetry.Location // TS is set; Other and DeviceID are not
	Motion   *telemetry.Motion
}

// Snapshot calls yield with every device that has changed after tick seq, with
// all if it is 0, until yield returns false, and returns the tick to go on from.
// The fleet is not locked meanwhile, so devices may change from one call to the
// next.
func (f *Fleet) Snapshot(seq uint64, yield func(Saved) bool) (next uint64) {
	next = f.Seq()
	var chunk []Saved
	for i := 0; ; i += scanChunk {
		chunk = chunk[:0]
		f.mu.Lock()
		n := len(f.devices)
		for _, d := range f.devices[min(i, n):min(i+scanChunk, n)] {
			if seq == 0 || max(d.at[position], d.at[motion], d.at[presence]) > seq {
				chunk = append(chunk, d.saved())
			}
		}
		f.mu.Unlock()
		for _, s := range chunk {
			if !yield(s) {
				return next
			}
		}
		if i+scanChunk >= n {
			return next
		}
	}
}

func (d *device) saved() Saved {
	s := Saved{ID: d.id}
	if d.seenAt != 0 {
		s.Seen = time.UnixMilli(d.seenAt).UTC()
	}
	if d.located {
		s.Location = &telemetry.Location{
			Lat: d.fix.lat, Lng: d.fix.lng, TS: time.UnixMilli(d.fix.ts).UTC(), TSForm: telemetry.TSSeconds,
			Speed: optional(d.fix.speed), Heading: optional(d.fix.heading), Accuracy: optional(d.fix.accuracy),
		}
	}
	if d.moved {
		m := d.motion
		s.Motion = &m
	}
	return s
}

func optional(v float32) telemetry.Optional {
	if v < 0 {
		return telemetry.Optional{}
	}
	return telemetry.Some(float64(v))
}

// Restore gives a device back the values it had. They are no sign of life: how
// long it has been silent counts from when it was seen. What is known already
// stays. It reports false if there is no room for the device, or its ID is none.
func (f *Fleet) Restore(s Saved) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, err := f.lookup(s.ID)
	if err != nil {
		return false
	}
	if l := s.Location; l != nil && !d.located {
		f.moveTo(d, l, l.TS.UnixMilli(), l.TS.UnixMilli())
	}
	if s.Motion != nil && !d.moved {
		f.turn(d, *s.Motion, 0)
	}
	if seen := millis(s.Seen); d.seenAt == 0 && seen != 0 {
		d.seenAt, d.gone = seen, !d.conns.any()
	}
	return true
}

// RestoreText gives a text back that was remembered before, in the order of their
// times. It is no news to anybody. One that is known already stays.
func (f *Fleet) RestoreText(t Text) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t.ID == "" || f.texts.byID[t.ID] != nil || !t.State.valid() || telemetry.CheckID(t.Device) != nil {
		return
	}
	el := f.addText(TextUpdate{ID: t.ID, Device: t.Device, Body: t.Body, State: t.State})
	*el.Value.(*Text) = t
}

// RestoreEvent gives an event back that was told before, in their order. It is
// told again to those who come, as the newest ones are.
func (f *Fleet) RestoreEvent(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events.append(&e)
}
