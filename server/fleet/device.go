package fleet

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"mwm/server/telemetry"
)

// device is all that is known about one. Times are milliseconds since 1970, 0
// for never. The fields that scans read come first.
type device struct {
	at     [kinds]uint64 // the tick of the last change of each kind
	seenAt int64         // last sign of life
	index  uint32
	status Status
	conns  conns
	gone   bool // known to have left, until its next sign of life

	located bool
	moved   bool // a motion is known
	shown   bool // and was not taken off the motion page by a last will

	reportedAt int64 // arrival of the last location
	fix        fix
	anchor     anchor
	motion     telemetry.Motion
	motionAt   int64 // its arrival; 0 when replayed

	id        string
	other     []byte // members of the last location that have no meaning here
	trail     trail
	refusedAt int64 // when a payload was last among the events
}

// maxOther is how many bytes of members without a meaning a device may leave.
const maxOther = 1024

var errFull = errors.New("fleet: full")

// lookup returns the device id, and makes it if it is not known. The caller
// holds the lock.
func (f *Fleet) lookup(id string) (*device, error) {
	if d := f.latest; d != nil && d.id == id {
		return d, nil
	}
	if d := f.byID[id]; d != nil {
		f.latest = d
		return d, nil
	}
	if err := telemetry.CheckID(id); err != nil {
		return nil, err
	}
	if len(f.devices) >= f.opts.MaxDevices {
		return nil, errFull
	}
	if len(f.slab) == 0 {
		f.slab = make([]device, 64)
	}
	d := &f.slab[0]
	f.slab = f.slab[1:]
	d.id = strings.Clone(id) // the caller's may be part of something large
	d.index = uint32(len(f.devices))
	d.conns = f.clients[id]
	delete(f.clients, id)
	f.byID[d.id] = d
	f.devices = append(f.devices, d)
	f.ids = append(f.ids, d.id)
	f.byStatus[Offline]++
	f.mark(d, presence)
	return d, nil
}

// notBelieved tells why a payload of device id, a location, a motion or a
// last will, changed nothing.
func (f *Fleet) notBelieved(id string, what string, err error, at int64) {
	if f.muted(at) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notBelievedLocked(id, what, err, at)
}

// muted counts a payload that is not believed if nothing more is told of such
// ones now. It takes no lock: a flood of them must not cost those who report well.
func (f *Fleet) muted(at int64) bool {
	if f.mute.Load() != at/1000 {
		return false
	}
	f.untold.Add(1)
	f.stats.eventsLost.Add(1)
	return true
}

func (f *Fleet) notBelievedLocked(id, what string, err error, at int64) {
	n := news{params: Params{What: strings.TrimPrefix(what, "last ")}, detail: fmt.Sprintf("%s not believed: %v", what, err)}
	if r := (*telemetry.Refusal)(nil); errors.As(err, &r) {
		n.code, n.params.Member = string(r.Reason), r.Member
	}
	if errors.Is(err, errFull) {
		f.stats.full.Add(1)
		n.code, n.params.N = "full", f.opts.MaxDevices
		n.detail = fmt.Sprintf("%s not taken: the fleet is full with %d devices", what, f.opts.MaxDevices)
	}
	d := f.byID[id]
	switch {
	case d == nil && telemetry.CheckID(id) != nil:
		id = ""
	case d == nil:
		id = strings.Clone(id)
	case d.refusedAt != 0 && at-d.refusedAt < refusalPause.Milliseconds():
		// One faulty device tells its fault once in a while, not once a report.
		f.stats.eventsLost.Add(1)
		return
	default:
		d.refusedAt, id = at, d.id
	}
	f.event(EventPayload, id, n, at)
}

// refusalPause is the least time between two events about a device's payloads.
const refusalPause = 10 * time.Second

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
