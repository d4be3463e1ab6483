package clock

import "time"

const (
	// Steady is for how long a clock must have gone without a jump before anything
	// is given up because of what it says.
	Steady = time.Hour
	// jump is more than a clock is corrected by at once while it goes well.
	jump = time.Minute
)

// Steadiness watches a clock: how long has it gone as time does? The zero value
// has it begin at the first look.
type Steadiness struct {
	looked bool
	offset time.Duration // of the clock from the time since the start, at the last look
	since  time.Duration // when it jumped the last time; 0 is the start
}

// Look compares the clock with the time since the start, and reports whether it
// has jumped since the look before.
func (s *Steadiness) Look(clock time.Time, up time.Duration) (jumped bool) {
	offset := offset(clock, up)
	step := offset - s.offset
	jumped = s.looked && step.Abs() > jump
	s.looked, s.offset = true, offset
	if jumped {
		s.since = up
	}
	return jumped
}

// Steady reports whether the clock has gone for long enough without a jump.
func (s *Steadiness) Steady(up time.Duration) bool { return up-s.since >= Steady }

// offset is what the clock showed at the start, if it has gone well since then.
func offset(clock time.Time, up time.Duration) time.Duration {
	return time.Duration(clock.UnixNano()) - up
}
