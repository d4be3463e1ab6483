package history

import (
	"time"

	"mwm/server/clock"
)

// up is the time since the start, which no setting of the clock changes.
func (r *Recorder) up() time.Duration { return r.opts.Now().Sub(r.started) }

// watchClock looks whether the clock has jumped.
func (r *Recorder) watchClock() {
	if r.steady.Look(r.clock(), r.up()) {
		r.log.Warn("the clock has jumped; nothing of the history is deleted because of its age until it has gone steadily for a while",
			"clock", r.clock().UTC().Format(time.DateTime), "while", clock.Steady)
	}
}

// dropRule is what of the history is to go now. A clock that is a year ahead for a
// moment would delete everything, and that of a machine without a battery is not
// set yet when the server starts.
func (r *Recorder) dropRule() DropRule {
	now := r.clock()
	rule := DropRule{Now: now.UnixMilli(), Bytes: r.over(), Limit: dropChunks}
	if r.steady.Steady(r.up()) {
		rule.Before = now.Add(-r.opts.MaxAge).UnixMilli()
	}
	return rule
}
