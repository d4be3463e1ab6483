package store

import (
	"context"
	"database/sql"

	"mwm/server/history"
)

// SaveHistory implements [history.Store].
func (s *Store) SaveHistory(c *history.Changes) error {
	if err := s.Room(); err != nil {
		return err
	}
	return s.write(func(w *writer) error {
		for _, num := range c.Forget { // first: a device of the same name may be new
			if err := w.exec("DELETE FROM tracked WHERE num = ?", num); err != nil {
				return err
			}
		}
		for _, d := range c.Devices {
			if err := w.exec("INSERT INTO tracked VALUES (?,?)", d.Num, d.ID); err != nil {
				return err
			}
		}
		for _, e := range c.Log {
			if err := w.exec("INSERT INTO track_log VALUES (?,?)", int64(e.ID), e.Data); err != nil {
				return err
			}
		}
		for _, t := range c.Chunks {
			if err := w.exec("INSERT INTO tracks (device, hour, first, last, points, bytes, written, data, log, tail) VALUES (?,?,?,?,?,?,?,?,?,?)",
				t.Device, t.Hour, t.First, t.Last, int64(t.Points), t.Size(), t.Written, t.Data, int64(t.Log), int64(t.Tail)); err != nil {
				return err
			}
		}
		if c.Trim == 0 {
			return nil
		}
		return w.exec("DELETE FROM track_log WHERE id < ?", int64(c.Trim))
	})
}

// LoadHistory implements [history.Store].
func (s *Store) LoadHistory(ctx context.Context, to history.Loader) (l history.Loaded, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What a deletion had no time to drop is dropped, by the index alone.
	if _, err := s.conn.ExecContext(ctx, `DELETE FROM tracks WHERE id IN
		(SELECT id FROM tracks INDEXED BY tracks_by_hour WHERE device NOT IN (SELECT num FROM tracked))`); err != nil {
		return l, err
	}
	// Devices whose history is gone are forgotten here.
	if _, err := s.conn.ExecContext(ctx, `DELETE FROM tracked WHERE NOT EXISTS (SELECT 1 FROM track_log)
		AND NOT EXISTS (SELECT 1 FROM tracks WHERE device = num)`); err != nil {
		return l, err
	}
	// All of this reads the index alone, not the tracks.
	if err := s.conn.QueryRowContext(ctx, "SELECT count(*), ifnull(sum(points), 0), ifnull(sum(bytes), 0), ifnull(max(log), 0) FROM tracks").
		Scan(&l.Chunks, &l.Points, &l.Bytes, &l.LastLog); err != nil {
		return l, err
	}
	err = each(ctx, s.conn, func(r *sql.Rows) error {
		var d history.NamedDevice
		if err := r.Scan(&d.Num, &d.ID); err != nil {
			return err
		}
		to.Device(d)
		return nil
	}, "SELECT num, id FROM tracked")
	if err != nil {
		return l, err
	}
	err = each(ctx, s.conn, func(r *sql.Rows) error {
		var c history.Chunk
		if err := r.Scan(&c.Device, &c.Hour, &c.Log, &c.Tail); err != nil {
			return err
		}
		to.Saved(c)
		return nil
	}, "SELECT device, hour, log, tail FROM tracks WHERE log >= (SELECT min(id) FROM track_log)")
	if err != nil {
		return l, err
	}
	return l, each(ctx, s.conn, func(r *sql.Rows) error {
		var e history.LogEntry
		if err := r.Scan(&e.ID, &e.Data); err != nil {
			return err
		}
		to.Logged(e)
		return nil
	}, "SELECT id, data FROM track_log ORDER BY id")
}

// querier is a connection or a pool of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each calls yield with each row of a query.
func each(ctx context.Context, q querier, yield func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := yield(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// TrackHours implements [history.Store].
func (s *Store) TrackHours(ctx context.Context, device, from, to int64, limit int) (hours []history.Hour, err error) {
	return hours, each(ctx, s.db, func(r *sql.Rows) error {
		var h history.Hour
		if err := r.Scan(&h.Hour, &h.First, &h.Last, &h.Points); err != nil {
			return err
		}
		hours = append(hours, h)
		return nil
	}, `SELECT hour, first, last, points FROM (
		SELECT hour, min(first) first, max(last) last, sum(points) points FROM tracks
		WHERE device = ? AND hour BETWEEN ? AND ? GROUP BY hour ORDER BY hour DESC LIMIT ?) ORDER BY hour`, device, from, to, limit)
}

// TrackChunks implements [history.Store].
func (s *Store) TrackChunks(ctx context.Context, device, hour int64) (data [][]byte, err error) {
	return data, each(ctx, s.db, func(r *sql.Rows) error {
		var d []byte
		if err := r.Scan(&d); err != nil {
			return err
		}
		data = append(data, d)
		return nil
	}, "SELECT data FROM tracks WHERE device = ? AND hour = ? ORDER BY id", device, hour)
}

// DropChunks implements [history.Store].
func (s *Store) DropChunks(rule history.DropRule) (dropped history.Usage, err error) {
	last, dropped, err := s.oldest(rule)
	if err != nil || dropped.Chunks == 0 {
		return history.Usage{}, err
	}
	err = s.write(func(w *writer) error { return w.exec("DELETE FROM tracks WHERE id <= ?", last) })
	if err != nil {
		return history.Usage{}, err
	}
	return dropped, nil
}

// DropDevice implements [history.Store]. Nobody adds to the device meanwhile.
func (s *Store) DropDevice(device int64, limit int) (dropped history.Usage, err error) {
	var last int64
	err = each(context.Background(), s.db, func(r *sql.Rows) error {
		var points, size int64
		if err := r.Scan(&last, &points, &size); err != nil {
			return err
		}
		dropped = history.Usage{Chunks: dropped.Chunks + 1, Points: dropped.Points + points, Bytes: dropped.Bytes + size}
		return nil
	}, "SELECT id, points, bytes FROM tracks WHERE device = ? ORDER BY id LIMIT ?", device, limit)
	if err == nil && dropped.Chunks > 0 {
		err = s.write(func(w *writer) error { return w.exec("DELETE FROM tracks WHERE device = ? AND id <= ?", device, last) })
	}
	if err != nil {
		return history.Usage{}, err
	}
	return dropped, nil
}

// oldest finds what DropChunks is to delete: all up to a row.
func (s *Store) oldest(rule history.DropRule) (last int64, drop history.Usage, err error) {
	ids, oldest, err := s.aged(0, rule.Limit)
	if err != nil {
		return 0, drop, err
	}
	drop = rule.Choose(func(yield func(history.Aged) bool) {
		for _, a := range oldest {
			if !yield(a) {
				return
			}
		}
		if len(ids) < rule.Limit {
			return
		}
		// Witnesses, ever further apart: to read all would be to read the disk.
		for step := int64(1); ; step *= 2 {
			var witness []history.Aged
			if _, witness, err = s.aged(ids[len(ids)-1]+step, 1); len(witness) == 0 || !yield(witness[0]) {
				return
			}
		}
	})
	if err != nil || drop.Chunks == 0 {
		return 0, history.Usage{}, err
	}
	return ids[drop.Chunks-1], drop, nil
}

// aged returns rows in the order of their IDs.
func (s *Store) aged(from int64, limit int) (ids []int64, aged []history.Aged, err error) {
	err = each(context.Background(), s.db, func(r *sql.Rows) error {
		var id int64
		var a history.Aged
		if err := r.Scan(&id, &a.Written, &a.Points, &a.Bytes); err != nil {
			return err
		}
		ids, aged = append(ids, id), append(aged, a)
		return nil
	}, "SELECT id, written, points, bytes FROM tracks WHERE id >= ? ORDER BY id LIMIT ?", from, limit)
	return ids, aged, err
}
