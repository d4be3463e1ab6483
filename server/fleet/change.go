package fleet

import (
	"math"
)

// The kinds of changes that are followed apart.
const (
	position = iota
	motion
	presence
	kinds
)

// Position is a device's place on the map, in the units of the feed.
type Position struct {
	Index    uint32
	Lat, Lng int32  // 1e-7 degrees
	Heading  uint16 // 0.01 degrees; UnknownHeading
	Speed    uint8  // 0.5 m/s, 254 also for more; UnknownSpeed
	Status   Status
}

// Values that a Position, a Motion or a Presence has when there is none.
const (
	UnknownHeading = math.MaxUint16
	UnknownSpeed   = math.MaxUint8
	MaxMotionAge   = math.MaxUint16 // that or more
	NeverSeen      = math.MaxUint32
)

// Motion is a device's attitude, in the units of the feed.
type Motion struct {
	Index            uint32
	Pitch, Roll, Yaw int16  // 1e-4 radians
	Age              uint16 // ms
}

// Presence says whether a device is there.
type Presence struct {
	Index  uint32
	Age    uint32 // ms since the last sign of life; NeverSeen
	Status Status
	Flags  uint8
}

// The flags of a Presence.
const (
	FlagSTOMP    = 1 << iota // connected with STOMP
	FlagMQTT                 // connected with MQTT
	FlagPosition             // has a position
	FlagMotion               // is on the motion page
)

// Batch is what has changed in one tick or over several.
type Batch struct {
	Seq       uint64 // the last tick it holds
	Now       int64  // ms since 1970; ages count back from it
	Positions []Position
	Motions   []Motion
	Presences []Presence
}

func (b *Batch) reset() {
	b.Positions, b.Motions, b.Presences = b.Positions[:0], b.Motions[:0], b.Presences[:0]
}

// mark notes a change of a device for the current tick. The caller holds the
// lock.
func (f *Fleet) mark(d *device, kind int) {
	if d.at[kind] != f.tick {
		d.at[kind] = f.tick
		f.changed[kind] = append(f.changed[kind], d.index)
	}
}

// Tick ends the current tick and fills b with what changed in it, reusing its
// memory; it reports false, and does not end the tick, if nothing did. Only one
// goroutine may call it.
func (f *Fleet) Tick(b *Batch) bool {
	b.reset()
	f.mu.Lock()
	changed := f.changed
	n := len(changed[position]) + len(changed[motion]) + len(changed[presence])
	b.Seq, b.Now = f.tick, f.nowMs()
	if n > 0 {
		f.changed = [kinds][]uint32{}
		f.tick++
	}
	f.mu.Unlock()
	if n == 0 {
		b.Seq--
		return false
	}
	f.gather(changed[position], func(d *device) { b.Positions = append(b.Positions, d.position()) })
	f.gather(changed[motion], func(d *device) {
		if d.shown { // it may have been taken off the motion page since it moved
			b.Motions = append(b.Motions, d.attitude(b.Now))
		}
	})
	f.gather(changed[presence], func(d *device) { b.Presences = append(b.Presences, d.presence(b.Now)) })
	return true
}

// gather visits the devices with these indexes, letting others at the fleet in
// between. They may have changed again since: the newer value does no harm.
func (f *Fleet) gather(indexes []uint32, visit func(*device)) {
	for len(indexes) > 0 {
		n := min(len(indexes), scanChunk)
		f.mu.Lock()
		for _, i := range indexes[:n] {
			visit(f.devices[i])
		}
		f.mu.Unlock()
		indexes = indexes[n:]
	}
}

// Since fills b with all that changed after tick seq; after 0, with all there
// is. Unlike a tick's batch it has the presence of each device in it, since what
// changed in it may have done so a while ago.
func (f *Fleet) Since(seq uint64, b *Batch) {
	b.reset()
	f.mu.Lock()
	b.Seq, b.Now = f.tick-1, f.nowMs()
	f.mu.Unlock()
	f.scan(func(d *device) {
		moved, turned := d.at[position] > seq, d.at[motion] > seq && d.shown
		if moved {
			b.Positions = append(b.Positions, d.position())
		}
		if turned {
			b.Motions = append(b.Motions, d.attitude(b.Now))
		}
		if moved || turned || d.at[presence] > seq {
			b.Presences = append(b.Presences, d.presence(b.Now))
		}
	})
}

// Seq returns the last tick that has ended.
func (f *Fleet) Seq() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.tick - 1
}

// IDs returns the IDs of all devices from index first on. The caller must not
// change them.
func (f *Fleet) IDs(first int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.ids)
	return f.ids[min(first, n):n:n]
}

func (d *device) position() Position {
	p := Position{
		Index: d.index, Lat: e7(d.fix.lat), Lng: e7(d.fix.lng),
		Heading: UnknownHeading, Speed: UnknownSpeed, Status: d.status,
	}
	if h := d.fix.heading; h >= 0 {
		p.Heading = uint16(math.Round(float64(h)*100)) % 36000
	}
	if s := d.fix.speed; s >= 0 {
		p.Speed = uint8(min(254, math.Round(float64(s)*2)))
	}
	return p
}

func (d *device) attitude(now int64) Motion {
	age := uint16(MaxMotionAge)
	if d.motionAt != 0 {
		age = uint16(min(max(0, now-d.motionAt), MaxMotionAge))
	}
	return Motion{Index: d.index, Pitch: angle(d.motion.Pitch), Roll: angle(d.motion.Roll), Yaw: angle(d.motion.Yaw), Age: age}
}

// angle returns radians in the feed's unit. What does not fit is turned by whole
// circles, which shows the same attitude.
func angle(radians float64) int16 {
	if math.Abs(radians) > math.MaxInt16/1e4 {
		radians = math.Remainder(radians, 2*math.Pi)
	}
	return int16(math.Round(radians * 1e4))
}

func (d *device) presence(now int64) Presence {
	p := Presence{Index: d.index, Age: NeverSeen, Status: d.status}
	if d.seenAt != 0 {
		p.Age = uint32(min(max(0, now-d.seenAt), NeverSeen-1))
	}
	if d.conns[STOMP] > 0 {
		p.Flags |= FlagSTOMP
	}
	if d.conns[MQTT] > 0 {
		p.Flags |= FlagMQTT
	}
	if d.located {
		p.Flags |= FlagPosition
	}
	if d.shown {
		p.Flags |= FlagMotion
	}
	return p
}
