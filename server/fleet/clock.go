package fleet

import "sort"

// A clock that was wrong and is set back leaves times behind that lie ahead of it:
// devices would not fall silent until then, and a position from then would stay the
// newest one.

// backwards is how far a clock may go back, in ms, before it is taken to have been
// set: what keeps it right does so in smaller steps.
const backwards = 1000

// unset is the time before which a clock has not been set yet, as on a small machine
// without a battery, which starts in 1970; in ms since then.
const unset = 946_684_800_000 // 2000

// noticeSetBack brings all devices up to the present if the clock has been set
// back since the last call, or the server's since the database was written. As long as
// it is not set, it does so with those that are there, whose reports would not count:
// of the others what is known is right.
func (f *Fleet) noticeSetBack(now int64) {
	if now < unset {
		f.scan(func(d *device) {
			if !d.gone {
				f.setBack(d, now)
			}
		})
		return
	}
	if f.agedAt == 0 || now < f.agedAt-backwards {
		f.scan(func(d *device) { f.setBack(d, now) })
	}
	f.agedAt = now
}

// setBack lets nothing that is known of a device lie ahead. f.mu is held.
func (f *Fleet) setBack(d *device, now int64) {
	if d.seenAt > now {
		f.mark(d, presence)
	}
	for _, at := range []*int64{&d.seenAt, &d.reportedAt, &d.motionAt, &d.refusedAt} {
		*at = min(*at, now)
	}
	limit := now + f.opts.MaxAhead.Milliseconds()
	if d.anchor.at > limit {
		d.anchor = anchor{}
	}
	if d.located && d.fix.ts > limit {
		d.fix.ts = now
		d.trail.forgetAfter(limit)
		f.mark(d, position)
	}
}

// forgetAfter drops the points that are later than ts.
func (t *trail) forgetAfter(ts int64) {
	t.points = t.points[:sort.Search(len(t.points), func(i int) bool { return t.points[i].ts > ts })]
}
