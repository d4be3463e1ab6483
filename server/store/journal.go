package store

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mwm/server/broker"
)

// rowsAtOnce is how many rows one statement inserts at most; it is a power of two.
const rowsAtOnce = 64

// writer writes the broker's journal with statements at the driver's level,
// prepared once: database/sql would cost as much again as SQLite.
type writer struct {
	conn       driver.Conn
	statements map[string]driver.Stmt
	args       []driver.Value
	data       []byte
}

func (w *writer) exec(query string, args ...driver.Value) error {
	s := w.statements[query]
	if s == nil {
		var err error
		if s, err = w.conn.Prepare(query); err != nil {
			return err
		}
		w.statements[query] = s
	}
	//lint:ignore SA1019 the driver keeps it, and it allocates no named values
	_, err := s.Exec(args)
	return err
}

// Apply makes the changes in one transaction and returns when it is synced.
func (s *Store) Apply(c *broker.Changes) error {
	for _, r := range c.Insert {
		s.room.written.Add(int64(len(r.Message.Body)))
	}
	return s.write(func(w *writer) error { return w.apply(c) })
}

// write runs f in a transaction of the writer, with prepared statements: all of
// it or nothing.
func (s *Store) write(f func(*writer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn.Raw(func(any) error {
		w := &s.writer
		if err := w.exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
		err := f(w)
		if err == nil {
			if err = w.exec("COMMIT"); err == nil {
				return nil
			}
		}
		return errors.Join(err, ignoreNoTx(w.exec("ROLLBACK")))
	})
}

// ignoreNoTx forgets that there was nothing to roll back: SQLite does so itself
// when the disk is full.
func ignoreNoTx(err error) error {
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

func (w *writer) apply(c *broker.Changes) error {
	for _, b := range c.Boxes {
		if err := w.exec("INSERT INTO boxes VALUES (?,?,?,?) ON CONFLICT (id) DO UPDATE SET meta=excluded.meta",
			int64(b.ID), int64(b.Kind), b.Name, b.Meta); err != nil {
			return err
		}
	}
	if err := w.insert(c.Insert); err != nil {
		return err
	}
	for _, u := range c.Update {
		if err := w.exec("UPDATE records SET state=? WHERE id=?", int64(u.State), int64(u.ID)); err != nil {
			return err
		}
	}
	if err := w.deleteRecords(c.Delete); err != nil {
		return err
	}
	for _, id := range c.Dropped {
		if err := w.exec("DELETE FROM boxes WHERE id=?", int64(id)); err != nil {
			return err
		}
	}
	return nil
}

// insert inserts many rows with a statement.
func (w *writer) insert(records []broker.StoredRecord) error {
	for len(records) > 0 {
		n := 1
		for n < rowsAtOnce && 2*n <= len(records) {
			n *= 2
		}
		w.args, w.data = w.args[:0], w.data[:0]
		for _, r := range records[:n] {
			start := len(w.data)
			w.data = appendMessage(w.data, r.Message)
			// The driver copies: a slice whose array was left behind by growth
			// stays as it was.
			w.args = append(w.args, int64(r.ID), int64(r.Box), int64(r.State), w.data[start:len(w.data):len(w.data)])
		}
		if err := w.exec(insertRows[n], w.args...); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

var insertRows = func() map[int]string {
	m := map[int]string{}
	for n := 1; n <= rowsAtOnce; n *= 2 {
		m[n] = "INSERT INTO records VALUES (?,?,?,?)" + strings.Repeat(",(?,?,?,?)", n-1)
	}
	return m
}()

// deleteRecords deletes runs of neighbouring records with a statement each.
func (w *writer) deleteRecords(ids []uint64) error {
	slices.Sort(ids)
	for i := 0; i < len(ids); {
		j := i + 1
		for j < len(ids) && ids[j] <= ids[j-1]+1 {
			j++
		}
		if err := w.exec("DELETE FROM records WHERE id BETWEEN ? AND ?", int64(ids[i]), int64(ids[j-1])); err != nil {
			return err
		}
		i = j
	}
	return nil
}

// LoadJournal calls box with every box, then record with every record in the
// order of their IDs.
func (s *Store) LoadJournal(ctx context.Context, box func(broker.Box), record func(broker.StoredRecord)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	boxes, err := s.conn.QueryContext(ctx, "SELECT id, kind, name, meta FROM boxes ORDER BY id")
	if err != nil {
		return err
	}
	defer boxes.Close()
	for boxes.Next() {
		var b broker.Box
		if err := boxes.Scan(&b.ID, &b.Kind, &b.Name, &b.Meta); err != nil {
			return err
		}
		box(b)
	}
	if err := boxes.Err(); err != nil {
		return err
	}
	records, err := s.conn.QueryContext(ctx, "SELECT id, box, state, data FROM records ORDER BY id")
	if err != nil {
		return err
	}
	defer records.Close()
	var lastData []byte
	var last *broker.Message
	for records.Next() {
		var r broker.StoredRecord
		var data sql.RawBytes
		if err := records.Scan(&r.ID, &r.Box, &r.State, &data); err != nil {
			return err
		}
		// A message for many sessions stands in as many records, one after the
		// other: in memory it stands once, as before.
		if last == nil || !bytes.Equal(data, lastData) {
			lastData = bytes.Clone(data)
			if last, err = decodeMessage(lastData); err != nil {
				return fmt.Errorf("record %d: %w", r.ID, err)
			}
		}
		r.Message = last
		record(r)
	}
	return records.Err()
}
