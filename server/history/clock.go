package history

import "time"

const (
	// steady is for how long the clock must have gone without a jump before
	// anything is deleted because of its age: a clock that is a year ahead for a
	// moment would delete everything. It holds after a start, too, when the clock
	// of a machine without a battery is not set yet.
	steady = time.Hour
	// jump is more than a clock is corrected by at once while it goes well.
	jump = time.Minute
)

// steadiness watches the clock: how long has it gone as time does?
type steadiness struct {
	offset time.Duration // of the clock from the time since the start, at the last look
	since  time.Duration // when it jumped the last time; 0 is the start
}

// look compares the clock with the time since the start, and reports whether it
// has jumped since the look before.
func (s *steadiness) look(clock time.Time, up time.Duration) (jumped bool) {
	offset := time.Duration(clock.UnixMilli())*time.Millisecond - up
	step := offset - s.offset
	s.offset = offset
	if jumped = step.Abs() > jump; jumped {
		s.since = up
	}
	return jumped
}

// up is the time since the start, which no setting of the clock changes.
func (r *Recorder) up() time.Duration { return r.opts.Now().Sub(r.started) }

// watchClock looks whether the clock has jumped.
func (r *Recorder) watchClock() {
	if r.steady.look(r.clock(), r.up()) {
		r.log.Warn("the clock has jumped; nothing of the history is deleted because of its age until it has gone steadily for a while",
			"clock", r.clock().UTC().Format(time.DateTime), "while", steady)
	}
}

// dropRule is what of the history is to go now.
func (r *Recorder) dropRule() DropRule {
	now := r.clock()
	rule := DropRule{Now: now.UnixMilli(), Bytes: r.over(), Limit: dropChunks}
	if r.up()-r.steady.since >= steady {
		rule.Before = now.Add(-r.opts.MaxAge).UnixMilli()
	}
	return rule
}
