// Package clock tells by which time messages and sessions are given up. The
// machine's clock may be wrong: a small machine without a battery starts in 1970,
// or where it was switched off, until the network tells it the time; somebody
// mistypes a year. What was accepted must not be lost by that.
//
// While the server runs, its time goes on as time does, whatever the clock is set
// to. After a stop it goes on from the last time that is on disk, unless the clock
// shows one that is little later. A clock that shows something else is believed
// when it has gone without a jump for an hour; and what is to be given up must be
// due by both, what is believed and what the clock shows.
package clock

import (
	"sync"
	"sync/atomic"
	"time"
)

// plausible is for how long the server may have been stopped for its clock to be
// believed at once.
const plausible = 24 * time.Hour

// Clock is the server's time. Its methods may be called concurrently.
type Clock struct {
	wall    func() time.Time
	started time.Time // with a monotonic reading, which no setting of the clock changes

	// What was shown when the server started, as one knows by now; in ns since 1970,
	// for whoever compares it with the machine's clock rounds up.
	believed atomic.Int64
	earliest atomic.Int64 // of what is believed, and what the machine's clock says

	mu        sync.Mutex
	steady    Steadiness
	confirmed bool // the machine's clock has been believed since the start
}

// New returns a clock over the machine's, whose time wall tells; last is the latest
// time, in ms since 1970, that is known from before the start, 0 if there is none.
func New(wall func() time.Time, last int64) *Clock {
	c := &Clock{wall: wall, started: time.Now()}
	c.believed.Store(time.UnixMilli(last).UnixNano())
	if last == 0 {
		c.believed.Store(wall().UnixNano())
		c.confirmed = true
	}
	c.Look()
	return c
}

// Look looks at the machine's clock, as somebody has to do each second. It returns
// by how much that is ahead of what is believed: 0 if it is believed, and whether
// this moves what is believed by more than clocks are corrected.
func (c *Clock) Look() (ahead time.Duration, set bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	up := time.Since(c.started)
	now := c.wall()
	c.steady.Look(now, up)
	shown, believed := int64(offset(now, up)), c.believed.Load()
	ahead = time.Duration(shown - believed)
	near := ahead.Abs() <= jump || !c.confirmed && 0 < ahead && ahead <= plausible
	if near || c.steady.Steady(up) {
		set = ahead.Abs() > jump
		c.believed.Store(shown)
		c.confirmed, ahead, believed = true, 0, shown
	}
	c.earliest.Store(min(shown, believed))
	return ahead, set
}

// At is the time at the moment that t tells, as the server believes.
func (c *Clock) At(t time.Time) time.Time { return c.after(&c.believed, t) }

// Due is the time at the moment that t tells, for what is to be given up: nothing
// that is later than it has to be.
func (c *Clock) Due(t time.Time) time.Time { return c.after(&c.earliest, t) }

func (c *Clock) after(start *atomic.Int64, t time.Time) time.Time {
	return time.Unix(0, start.Load()).Add(t.Sub(c.started))
}

// Moment is the inverse of At: when the server's time shows what at says.
func (c *Clock) Moment(at time.Time) time.Time {
	return c.started.Add(at.Sub(time.Unix(0, c.believed.Load())))
}
