package store

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"
)

// room knows whether the disk has more than what has to stay free.
type room struct {
	dir      string
	reserve  int64        // bytes; 0: none
	reusable atomic.Int64 // bytes of the database that hold nothing
	looked   atomic.Int64
	written  atomic.Int64 // bytes of bodies since then
	trouble  atomic.Pointer[error]
}

// lookEvery is how often the disk is asked, unless a part of the reserve may have
// been used up meanwhile.
const (
	lookEvery = 200 * time.Millisecond
	usedUp    = 16 // one part in so many; a message takes about twice its size, in the log and in the database
)

// KeepFree sets how many bytes of the disk are to stay free. It is called before
// the store is used.
func (s *Store) KeepFree(bytes int64) { s.room.reserve = bytes }

// Room reports why the disk is to take no more: less than what was set with
// KeepFree is free. What is left is for acknowledgements: a disk that is really
// full takes not even the note that a message is gone, and would stay full.
func (s *Store) Room() error {
	r := &s.room
	if r.reserve == 0 {
		return nil
	}
	now := time.Now().UnixNano()
	last := r.looked.Load()
	due := time.Duration(now-last).Abs() > lookEvery || r.written.Load() > r.reserve/usedUp
	if due && r.looked.CompareAndSwap(last, now) {
		r.written.Store(0)
		var trouble error
		if free, ok := Free(r.dir); ok && free+r.reusable.Load() < r.reserve {
			trouble = fmt.Errorf("only %d MB of the disk of %s are free, and --min-free keeps %d MB for acknowledgements",
				(free+r.reusable.Load())/1e6, r.dir, r.reserve/1e6)
		}
		r.trouble.Store(&trouble)
	}
	if err := r.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// LookForRoom finds out how much of the database can be used again: SQLite gives
// nothing of its file back to the disk. Room counts it from then on.
func (s *Store) LookForRoom(ctx context.Context) error {
	var bytes int64
	err := s.db.QueryRowContext(ctx, "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size").Scan(&bytes)
	if err == nil {
		s.room.reusable.Store(bytes)
	}
	return err
}

func (r *room) init(file string) { r.dir = filepath.Dir(file) }
