package fleet

import (
	"time"

	"mwm/server/telemetry"
)

// Motion takes a motion's payload that came to the address of device id. A
// retained one is a last value, not a sign of life; an empty one clears it.
func (f *Fleet) Motion(id string, payload []byte, at time.Time, retained bool) {
	now := millis(at)
	if len(payload) == 0 {
		f.hideMotion(id, now)
		return
	}
	m, err := telemetry.DecodeMotion(payload)
	if err != nil {
		f.stats.refusedMotions.Add(1)
		f.notBelieved(id, "motion", err, now)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	d, err := f.lookup(id)
	if err != nil {
		f.notBelievedLocked(id, "motion", err, now)
		return
	}
	if retained {
		f.stats.retained.Add(1)
		if !d.moved {
			f.turn(d, m, 0)
		}
		return
	}
	f.stats.motions.Add(1)
	f.turn(d, m, now)
	f.alive(d, now, newsMotion)
}

func (f *Fleet) turn(d *device, m telemetry.Motion, at int64) {
	d.motion, d.motionAt = m, at
	if !d.shown {
		d.moved, d.shown = true, true
		f.mark(d, presence)
	}
	f.mark(d, motion)
}

// hideMotion takes a device off the motion page; its last values stay known.
func (f *Fleet) hideMotion(id string, now int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.byID[id]; d != nil && d.shown {
		f.hideMotionLocked(d, now)
		f.event(EventRemoved, d.id, newsCleared, now)
	}
}

func (f *Fleet) hideMotionLocked(d *device, now int64) {
	d.shown = false
	f.mark(d, presence)
	f.append(Item{Hidden: &Hidden{Index: d.index}}, budgetOther, now)
}

// Will takes the last will that the broker published on behalf of the client
// sender, who was lost. It is believed when it speaks of nobody else.
func (f *Fleet) Will(sender string, payload []byte, at time.Time) {
	now := millis(at)
	id, err := telemetry.DecodeWill(payload)
	if err == nil && id != sender {
		err = &telemetry.Refusal{Reason: telemetry.WrongDevice, Member: "deviceID", Detail: "deviceID names another device than the sender"}
	}
	if err != nil {
		f.stats.refusedLastWills.Add(1)
		f.notBelieved(sender, "last will", err, now)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.wills.Add(1)
	d := f.byID[id]
	if d == nil {
		return // nothing was ever heard from it, so nothing ends
	}
	f.event(EventLastWill, d.id, news{code: newsWill.code, detail: "lost: the broker published its last will"}, now)
	if d.shown {
		f.hideMotionLocked(d, now)
	}
	// A second MQTT connection is the one that took over from the lost one.
	if d.conns[STOMP] == 0 && d.conns[MQTT] <= 1 {
		d.gone = true
		f.refreshStatus(d, now, newsWill)
	}
}
