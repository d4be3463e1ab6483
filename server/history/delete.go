package history

import (
	"context"
	"slices"
)

// deletion is a call of Delete that waits.
type deletion struct {
	id    string
	taken bool
	done  chan error
}

// Delete deletes what there is of a device, and returns when a crash would not
// bring it back. What it reports from then on begins a new history.
//
// The device's number is given up: that is one row, and makes its chunks and its
// points in the log nobody's. They take up room until they are dropped: chunks
// right away, the log within the hour.
func (r *Recorder) Delete(ctx context.Context, id string) error {
	done := make(chan error, 1)
	r.mu.Lock()
	r.deletions = append(r.deletions, deletion{id: id, done: done})
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // it is about to look anyway
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forgetDevices takes out of memory what is to be deleted. r.mu is held, and
// nothing is being saved.
func (r *Recorder) forgetDevices() {
	for i := range r.deletions {
		if d := r.devices[r.deletions[i].id]; d != nil && !r.deletions[i].taken {
			r.forgetDevice(d)
		}
		r.deletions[i].taken = true
	}
}

func (r *Recorder) forgetDevice(d *device) {
	delete(r.devices, d.id)
	for _, c := range d.open {
		r.open.Remove(c.where)
		r.pending -= len(c.data)
	}
	r.closed = slices.DeleteFunc(r.closed, func(c *chunk) bool { return c.dev == d })
	known := len(r.news)
	r.news = slices.DeleteFunc(r.news, func(n NamedDevice) bool { return n.Num == d.num })
	if len(r.news) == known {
		r.forget = append(r.forget, d.num)
	}
}

// deleted tells those who wait what became of it. What could not be written will
// be with the next changes.
func (r *Recorder) deleted(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deletions = slices.DeleteFunc(r.deletions, func(d deletion) bool {
		if d.taken {
			d.done <- err
		}
		return d.taken
	})
}

// dropGone deletes the chunks of devices whose history is deleted.
func (r *Recorder) dropGone(ctx context.Context) error {
	for ctx.Err() == nil {
		r.mu.Lock()
		gone := slices.Clone(r.gone)
		r.mu.Unlock()
		if len(gone) == 0 {
			return nil
		}
		dropped, err := r.store.DropDevice(gone[0], dropChunks)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.stats.Usage.add(Usage{-dropped.Chunks, -dropped.Points, -dropped.Bytes})
		r.stats.Removed += dropped.Points
		if dropped.Chunks < dropChunks {
			r.gone = slices.Delete(r.gone, 0, 1)
		}
		r.mu.Unlock()
	}
	return nil
}
