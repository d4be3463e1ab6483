package history

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	flushEvery  = time.Second
	flushChunks = 256 // in one transaction: others wait for it
	dropChunks  = 512 // the same for what is deleted
	ageEvery    = time.Minute
)

// Run writes what has come in, each second, and drops what is too old or too
// much, until ctx ends; then it writes all there is.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	aged := -ageEvery
	r.watchClock()
	for {
		select {
		case <-tick.C:
		case <-r.wake:
		case <-ctx.Done():
			return r.Close()
		}
		r.watchClock()
		r.report(errors.Join(r.flush(false), r.dropGone(ctx)))
		if now := r.up(); now-aged >= ageEvery || r.over() > 0 {
			more, err := r.drop()
			if r.report(err); !more {
				aged = now
			}
		}
	}
}

// Close writes all that is in memory. Nothing must be added meanwhile or later.
func (r *Recorder) Close() error {
	for {
		if err := r.flush(true); err != nil {
			r.report(err)
			return err
		}
		r.mu.Lock()
		done := r.open.Len() == 0
		r.mu.Unlock()
		if done {
			return nil
		}
	}
}

// report logs when writing begins to fail, and when it works again.
func (r *Recorder) report(err error) {
	r.mu.Lock()
	was := r.stats.Failing
	r.stats.Failing = err != nil
	r.mu.Unlock()
	switch {
	case err != nil && !was:
		r.log.Error("cannot write the history; trying again each second, and dropping points when the memory for them is full", "err", err)
	case err == nil && was:
		r.log.Info("writing the history works again")
	}
}

// flush writes the log and chunks that are due, with all set also those that are
// not, in one transaction. It must not run twice at a time.
func (r *Recorder) flush(all bool) error {
	changes, taken := r.collect(all)
	if len(changes.Log)+len(changes.Chunks)+len(changes.Devices)+len(changes.Forget) == 0 && changes.Trim == 0 {
		r.deleted(nil)
		return nil
	}
	if err := r.store.SaveHistory(&changes); err != nil {
		r.deleted(err)
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, c := range taken {
			c.taken = false
		}
		r.closed = append(taken, r.closed...)
		return err
	}
	r.saved(&changes, taken)
	r.deleted(nil)
	return nil
}

// collect gathers what is to be written.
func (r *Recorder) collect(all bool) (changes Changes, taken []*chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.batch.data) > 0 {
		r.unsaved = append(r.unsaved, LogEntry{r.nextLog, r.batch.take()})
		r.waiting += len(r.unsaved[len(r.unsaved)-1].Data)
		r.nextLog++
	}
	r.forgetDevices()
	written, up, limit, shorten := r.clock().UnixMilli(), r.up(), flushChunks, r.shortenTo()
	if all {
		limit *= 16 // nobody is left to wait
	}
	for e := r.open.Front(); e != nil && len(r.closed) < limit; e = e.Next() {
		c := e.Value.(*chunk)
		if !all && up-c.opened < time.Hour && c.log >= shorten && r.pending <= r.opts.MaxPending/2 {
			break
		}
		r.close(c)
	}
	n := min(len(r.closed), limit)
	taken = slices.Clone(r.closed[:n])
	r.closed = slices.Delete(r.closed, 0, n)
	for _, c := range taken {
		c.taken = true
		changes.Chunks = append(changes.Chunks, Chunk{
			Device: c.dev.num, Hour: c.hour, First: c.first, Last: c.last, Points: c.coder.n, Written: written, Data: c.data,
			Log: c.lastLog, Tail: c.tail,
		})
	}
	changes.Devices, changes.Log, changes.Forget = slices.Clone(r.news), slices.Clone(r.unsaved), slices.Clone(r.forget)
	if first := r.firstLog(); len(r.logged) > 0 && r.logged[0].id < first || len(r.unsaved) > 0 && r.unsaved[0].ID < first {
		changes.Trim = first
	}
	return changes, taken
}

// shortenTo is the entry at which the log should begin so that it is not longer
// than it may be: chunks that were begun before it are to be saved. r.mu is held.
func (r *Recorder) shortenTo() uint64 {
	over := r.logSum - r.opts.MaxLog
	for _, e := range r.logged {
		if over <= 0 {
			return e.id
		}
		over -= e.bytes
	}
	return 0
}

// firstLog is the first entry of the log that will be needed once the chunks that
// were taken are saved. r.mu is held.
func (r *Recorder) firstLog() uint64 {
	for e := r.open.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*chunk); !c.taken {
			return c.log
		}
	}
	return r.nextLog
}

// saved books what was written.
func (r *Recorder) saved(changes *Changes, taken []*chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.news = slices.Delete(r.news, 0, len(changes.Devices))
	for _, e := range changes.Log {
		r.waiting -= len(e.Data)
		r.logged, r.logSum = append(r.logged, logSize{e.ID, len(e.Data)}), r.logSum+len(e.Data)
	}
	r.unsaved = slices.Delete(r.unsaved, 0, len(changes.Log))
	r.gone, r.forget = append(r.gone, changes.Forget...), r.forget[:0]
	n := 0
	for ; n < len(r.logged) && r.logged[n].id < changes.Trim; n++ {
		r.logSum -= r.logged[n].bytes
	}
	r.logged = slices.Delete(r.logged, 0, n)
	for i, c := range taken {
		r.open.Remove(c.where)
		r.pending -= len(c.data)
		c.dev.open = slices.DeleteFunc(c.dev.open, func(o *chunk) bool { return o == c })
		r.stats.Usage.add(Usage{Chunks: 1, Points: int64(c.coder.n), Bytes: changes.Chunks[i].Size()})
	}
}

// over is by how many bytes the history is larger than it may be.
func (r *Recorder) over() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(0, r.stats.Usage.Bytes-r.opts.MaxBytes)
}

// drop deletes some of what is too old or too much, and reports whether there may
// be more.
func (r *Recorder) drop() (more bool, err error) {
	dropped, err := r.store.DropChunks(r.dropRule())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Usage.add(Usage{-dropped.Chunks, -dropped.Points, -dropped.Bytes})
	r.stats.Removed += dropped.Points
	return dropped.Chunks == dropChunks, err
}

// Stats count points since the start, and say what there is.
type Stats struct {
	Recorded int64 // taken
	Sampled  int64 // left out because they say nothing new
	Removed  int64 // because they were too old, or too much
	Dropped  Drops
	Usage    Usage // in the store
	Pending  int   // bytes in memory
	Devices  int   // that have or had a history
	Failing  bool  // the store refused the last time
}

// Drops count points that were lost, by reason.
type Drops struct {
	Disk    int64 // it did not keep up
	Rate    int64 // more than MaxRate and MaxBurst
	Devices int64 // more than MaxDevices
	Invalid int64
}

// Stats returns the counts.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Pending = r.pending + r.waiting + len(r.batch.data)
	s.Devices = len(r.devices)
	return s
}

// Limits are the settings that users ask about.
func (r *Recorder) Limits() Options { return r.opts }
