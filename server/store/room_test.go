package store_test

import (
	"strings"
	"testing"

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
