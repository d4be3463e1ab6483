package store_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/history"
	"mwm/server/store"
)

// Below the reserve the store says that there is no room, and takes no history;
// acknowledgements it takes.
func TestRoom(t *testing.T) {
	dir := t.TempDir()
	free, known := store.Free(dir)
	if !known {
		t.Skip("this system does not say how much of a disk is free")
	}
	if free <= 0 {
		t.Fatalf("%d bytes are free", free)
	}
	s := filled(t, dir, 5)
	defer s.Close()
	if err := s.Room(); err != nil {
		t.Errorf("without a reserve: %v", err)
	}
	s.KeepFree(1)
	if err := s.Room(); err != nil {
		t.Errorf("with a reserve of one byte: %v", err)
	}
	other := filled(t, t.TempDir(), 5)
	defer other.Close()
	other.KeepFree(1 << 60)
	if err := other.Room(); err == nil || !strings.Contains(err.Error(), "--min-free") {
		t.Errorf("with a reserve that no disk has: %v", err)
	}
	if err := other.SaveHistory(&history.Changes{Log: []history.LogEntry{{ID: 1, Data: []byte("x")}}}); err == nil {
		t.Error("the history takes of the reserve")
	}
	if err := other.Apply(&broker.Changes{Delete: []uint64{1, 2, 3}}); err != nil {
		t.Errorf("acknowledgements: %v", err)
	}
	if err := other.LookForRoom(t.Context()); err != nil {
		t.Error(err)
	}
}

// A disk that takes nothing any more is noticed without anything to write: Save
// writes a little, but not all the time.
func TestSaveNoticesWithoutValues(t *testing.T) {
	dir := t.TempDir()
	if err := open(t, dir).Close(); err != nil { // what a new one writes counts, too
		t.Fatal(err)
	}
	s := open(t, dir)
	defer s.Close()
	other, err := sql.Open("sqlite", filepath.Join(dir, store.File))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	exec := func(query string) {
		t.Helper()
		if _, err := other.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	exec("BEGIN IMMEDIATE") // nobody else can write
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := s.Save(ctx, store.Values{}); err == nil {
		t.Error("a database that cannot be written is not noticed")
	}
	exec("ROLLBACK")
	for range 3 {
		if err := s.Save(t.Context(), store.Values{}); err != nil {
			t.Error(err)
		}
	}
	var beats int
	if err := other.QueryRow("SELECT beats FROM life").Scan(&beats); err != nil || beats != 1 {
		t.Errorf("it has written %d times, %v", beats, err)
	}
}
