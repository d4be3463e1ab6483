package history

import "iter"

// DropRule says what [Store.DropChunks] deletes: the oldest chunks, in the order in
// which they were saved.
type DropRule struct {
	// Before is a time, in ms since 1970: chunks written before it go.
	Before int64
	// Now is the time. A chunk that was written later was dated by a clock that
	// went ahead: it is at least as old as those that were saved after it.
	Now int64
	// Bytes are to become free, however old the chunks are.
	Bytes int64
	// Limit is how many chunks go at most.
	Limit int
}

// Aged is what the rule looks at of a chunk.
type Aged struct{ Written, Points, Bytes int64 }

// Choose returns what goes, as many chunks from the first on. It is given the chunks
// in the order in which they were saved: the first, as many as the limit, and of
// those behind them any, as witnesses to the age of the first.
func (r DropRule) Choose(oldest iter.Seq[Aged]) (drop Usage) {
	var seen Usage // within the limit
	for c := range oldest {
		tooMuch, ahead := seen.Bytes < r.Bytes, c.Written > r.Now
		if !tooMuch && !ahead && c.Written >= r.Before {
			break
		}
		if seen.Chunks < int64(r.Limit) {
			seen.add(Usage{1, c.Points, c.Bytes})
		}
		if tooMuch || !ahead {
			drop = seen
		}
		if drop.Chunks == int64(r.Limit) {
			break
		}
	}
	return drop
}
