package store

import (
	"context"
	"errors"

	"mwm/server/history"
)

// SaveHistory implements [history.Store].
func (s *Store) SaveHistory(c *history.Changes) error {
	if err := s.Room(); err != nil {
		return err
	}
	return s.write(func(w *writer) error {
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
			if err := w.exec("INSERT INTO tracks (device, hour, first, last, points, bytes, written, data) VALUES (?,?,?,?,?,?,?,?)",
				t.Device, t.Hour, t.First, t.Last, int64(t.Points), t.Size(), t.Written, t.Data); err != nil {
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
func (s *Store) LoadHistory(ctx context.Context, device func(history.NamedDevice), logged func(history.LogEntry)) (u history.Usage, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Devices whose history is gone are forgotten here.
	if _, err := s.conn.ExecContext(ctx, `DELETE FROM tracked WHERE NOT EXISTS (SELECT 1 FROM track_log)
		AND NOT EXISTS (SELECT 1 FROM tracks WHERE device = num)`); err != nil {
		return u, err
	}
	if err := s.conn.QueryRowContext(ctx, "SELECT count(*), ifnull(sum(points), 0), ifnull(sum(bytes), 0) FROM tracks").
		Scan(&u.Chunks, &u.Points, &u.Bytes); err != nil {
		return u, err
	}
	devices, err := s.conn.QueryContext(ctx, "SELECT num, id FROM tracked")
	if err != nil {
		return u, err
	}
	defer devices.Close()
	for devices.Next() {
		var d history.NamedDevice
		if err := devices.Scan(&d.Num, &d.ID); err != nil {
			return u, err
		}
		device(d)
	}
	if err := devices.Err(); err != nil {
		return u, err
	}
	entries, err := s.conn.QueryContext(ctx, "SELECT id, data FROM track_log ORDER BY id")
	if err != nil {
		return u, err
	}
	defer entries.Close()
	for entries.Next() {
		var e history.LogEntry
		if err := entries.Scan(&e.ID, &e.Data); err != nil {
			return u, err
		}
		logged(e)
	}
	return u, entries.Err()
}

// TrackHours implements [history.Store].
func (s *Store) TrackHours(ctx context.Context, device, from, to int64, limit int) (hours []history.Hour, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT hour, first, last, points FROM (
		SELECT hour, min(first) first, max(last) last, sum(points) points FROM tracks
		WHERE device = ? AND hour BETWEEN ? AND ? GROUP BY hour ORDER BY hour DESC LIMIT ?) ORDER BY hour`, device, from, to, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h history.Hour
		if err := rows.Scan(&h.Hour, &h.First, &h.Last, &h.Points); err != nil {
			return nil, err
		}
		hours = append(hours, h)
	}
	return hours, rows.Err()
}

// TrackChunks implements [history.Store].
func (s *Store) TrackChunks(ctx context.Context, device, hour int64) (data [][]byte, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT data FROM tracks WHERE device = ? AND hour = ? ORDER BY id", device, hour)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var d []byte
		if err := rows.Scan(&d); err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	return data, rows.Err()
}

// DropChunks implements [history.Store].
func (s *Store) DropChunks(before, bytes int64, limit int) (dropped history.Usage, err error) {
	last, dropped, err := s.oldest(before, bytes, limit)
	if err != nil || dropped.Chunks == 0 {
		return history.Usage{}, err
	}
	err = s.write(func(w *writer) error { return w.exec("DELETE FROM tracks WHERE id <= ?", last) })
	if err != nil {
		return history.Usage{}, err
	}
	return dropped, nil
}

// oldest finds what DropChunks is to delete: all up to a row.
func (s *Store) oldest(before, bytes int64, limit int) (last int64, u history.Usage, err error) {
	rows, err := s.db.QueryContext(context.Background(), "SELECT id, points, bytes, written FROM tracks ORDER BY id LIMIT ?", limit)
	if err != nil {
		return 0, u, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, points, size, written int64
		if err := rows.Scan(&id, &points, &size, &written); err != nil {
			return 0, u, err
		}
		if written >= before && u.Bytes >= bytes {
			break
		}
		last = id
		u = history.Usage{Chunks: u.Chunks + 1, Points: u.Points + points, Bytes: u.Bytes + size}
	}
	return last, u, rows.Err()
}
