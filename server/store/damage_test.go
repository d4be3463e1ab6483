package store_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mwm/server/broker"
	"mwm/server/store"
)

// A message that cannot be read is named, and nothing is made of it.
func TestDamagedMessage(t *testing.T) {
	for name, damage := range map[string]string{
		"cut off":         "substr(data, 1, 20)",
		"another version": "x'09' || substr(data, 2)",
		"nothing left":    "x''",
	} {
		dir := t.TempDir()
		s := open(t, dir)
		c := broker.Changes{Boxes: []broker.Box{{ID: 1, Kind: broker.QueueBox, Name: "orders"}}}
		for n := 1; n <= 3; n++ {
			c.Insert = append(c.Insert, broker.StoredRecord{ID: uint64(n), Box: 1, Message: numbered(n)})
		}
		if err := s.Apply(&c); err != nil {
			t.Fatal(err)
		}
		s.Close()
		db, err := sql.Open("sqlite", filepath.Join(dir, store.File))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("UPDATE records SET data = " + damage + " WHERE id = 2"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		s = open(t, dir)
		err = s.LoadJournal(t.Context(), func(broker.Box) {}, func(broker.StoredRecord) {})
		if err == nil || !strings.Contains(err.Error(), "record 2: the message is damaged") {
			t.Errorf("%s: LoadJournal: %v", name, err)
		}
		s.Close()
	}
}

// A disk that destroys the database under a running server: what is to be kept is
// refused, each time, and the store can still be closed.
func TestDamagedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	c := broker.Changes{}
	for n := 1; n <= 5000; n++ {
		c.Insert = append(c.Insert, broker.StoredRecord{ID: uint64(n), Box: 1, Message: numbered(n)})
	}
	if err := s.Apply(&c); err != nil {
		t.Fatal(err)
	}
	s.Close() // all of it is in the one file now
	s = open(t, dir)
	f, err := os.OpenFile(filepath.Join(dir, store.File), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, int(info.Size())-4096), 4096); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for range 3 {
		var all broker.Changes
		for n := uint64(1); n <= 5000; n++ {
			all.Delete = append(all.Delete, n)
		}
		if err := s.Apply(&all); err == nil {
			t.Error("a transaction on a destroyed database succeeds")
		}
	}
	s.Close() // however it goes
}
