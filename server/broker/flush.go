package broker

import (
	"context"
	"fmt"
	"time"
)

// run writes until ctx ends, and then what is still planned.
func (j *Journal) run(ctx context.Context) {
	if j.store == nil {
		return
	}
	for {
		select {
		case <-j.wake:
		case <-ctx.Done():
			j.flush()
			return
		}
		j.linger()
		if _, err := j.write(); err != nil { // a disk that fails is not asked at full speed
			select {
			case <-time.After(retryDisk):
			case <-ctx.Done():
			}
		}
	}
}

// retryDisk is how long the journal waits after a failure.
const retryDisk = 100 * time.Millisecond

// maxLinger is how long a transaction waits for acknowledgements.
const maxLinger = time.Millisecond

// linger waits a moment if all that somebody waits for are messages whose
// acknowledgements may come any time: what is acknowledged need not be written.
func (j *Journal) linger() {
	if !j.lingers() {
		return
	}
	timer := time.NewTimer(maxLinger)
	defer timer.Stop()
	for j.lingers() {
		select {
		case <-j.settled:
		case <-timer.C:
			return
		}
	}
}

func (j *Journal) lingers() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.held > 0 && j.held == j.live && len(j.done)+len(j.strict) == 0
}

// flush writes all that is planned, one transaction after the other.
func (j *Journal) flush() error {
	for {
		if empty, err := j.write(); err != nil || empty {
			return err
		}
	}
}

// write writes what is planned now.
func (j *Journal) write() (empty bool, err error) {
	j.groups.Lock() // not in the middle of what belongs together
	j.mu.Lock()
	f := j.take()
	j.mu.Unlock()
	j.groups.Unlock()
	if empty = f.changes.empty(); !empty {
		err = j.apply(&f.changes)
	}
	j.finish(f, err)
	return empty, err
}

func (j *Journal) apply(c *Changes) error {
	start := time.Now()
	err := j.store.Apply(c)
	j.stats.Microseconds.add(uint64(time.Since(start).Microseconds()))
	if changed := (err != nil) != j.failing.Swap(err != nil); changed && j.told != nil {
		j.told(err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDisk, err)
	}
	j.stats.Transactions.Add(1)
	j.stats.Groups.add(uint64(len(c.Insert)))
	return nil
}

// flight is what is being written.
type flight struct {
	changes  Changes
	inserted []*Record
	strict   []*Record // deleted by this transaction or by none
	again    int       // how many of changes.Delete are tried again after a failure
	done     []func(error)
	owed     int // of Journal.owed
}

// take empties the plan. j.mu is held.
func (j *Journal) take() (f flight) {
	f.changes, j.next, j.boxes = j.next, Changes{}, nil
	f.done, j.done = j.done, nil
	f.owed = j.owed
	f.strict, j.strict = j.strict, nil
	if j.live > 0 {
		f.inserted = make([]*Record, 0, j.live)
		f.changes.Insert = make([]StoredRecord, 0, j.live)
	}
	for i, r := range j.insert {
		if r.phase == planned {
			r.phase, r.held = writing, false
			f.inserted = append(f.inserted, r)
			f.changes.Insert = append(f.changes.Insert, StoredRecord{r.id, r.box, r.state, r.msg})
		}
		j.insert[i] = nil
	}
	j.insert, j.live, j.bytes, j.held = j.insert[:0], 0, 0, 0
	j.flying = len(f.inserted)
	f.again = len(f.changes.Delete)
	for _, r := range f.strict {
		if r.phase != removed {
			f.changes.Delete = append(f.changes.Delete, r.id)
		}
	}
	j.giveRoom()
	return f
}

// finish tells everybody how the transaction went.
func (j *Journal) finish(f flight, err error) {
	j.mu.Lock()
	j.flying = 0
	j.owed -= f.owed
	for _, r := range f.inserted {
		switch {
		case err != nil && r.again && !r.doom:
			r.phase = planned
			j.insert = append(j.insert, r)
			j.live++
			j.bytes += r.msg.Size()
		case err != nil:
			r.phase = refused
		case r.doom:
			r.phase = removed
			j.next.Delete = append(j.next.Delete, r.id)
			j.owed += changeCost
		default:
			r.phase = written
		}
	}
	if err == nil {
		for _, r := range f.strict {
			r.phase = removed
		}
	} else { // what can be tried again is; what others wait for has failed
		j.stats.Failed.Add(1)
		for _, b := range f.changes.Boxes {
			if _, newer := j.boxes[b.ID]; !newer {
				j.putBox(b)
			}
		}
		j.next.Dropped = append(f.changes.Dropped, j.next.Dropped...)
		j.next.Update = append(f.changes.Update, j.next.Update...)
		j.next.Delete = append(f.changes.Delete[:f.again:f.again], j.next.Delete...)
		j.owed += changeCost * (len(f.changes.Dropped) + len(f.changes.Update) + f.again)
	}
	j.giveRoom()
	if !j.next.empty() || j.live+len(j.done) > 0 { // those who wait may wait for what was refused just now
		j.signal()
	}
	told := make([]func(error), 0, len(f.inserted)+len(f.done))
	for _, r := range f.inserted {
		if r.done != nil {
			told = append(told, r.done)
			r.done = nil
		}
	}
	j.mu.Unlock()
	for _, done := range append(told, f.done...) { // whoever syncs finds that the others know
		done(err)
	}
}
