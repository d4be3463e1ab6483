package store_test

import (
	"reflect"
	"testing"

	"mwm/server/history"
	"mwm/server/internal/storetest"
)

func TestHistoryStore(t *testing.T) {
	storetest.History(t, func(t *testing.T) history.Store {
		s := open(t, t.TempDir())
		t.Cleanup(func() { s.Close() })
		return s
	})
}

// What was saved is there after a restart: chunks, the log behind its trim, and
// the devices that have either.
func TestHistoryComesBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	chunk := history.Chunk{Device: 1, Hour: 5, First: 1, Last: 2, Points: 3, Written: 4, Data: []byte{0, 1}, Log: 3, Tail: 2}
	older := history.Chunk{Device: 1, Hour: 4, Points: 1, Data: []byte{1}, Log: 1, Tail: 1}
	hostile := history.NamedDevice{Num: 1, ID: "'); DROP TABLE tracks; --"}
	for _, c := range []history.Changes{
		{Devices: []history.NamedDevice{hostile, {Num: 2, ID: "gone"}}, Log: []history.LogEntry{{ID: 1, Data: []byte("a")}, {ID: 2, Data: []byte("b")}}},
		{Log: []history.LogEntry{{ID: 3, Data: []byte("c")}}, Chunks: []history.Chunk{older, chunk}, Trim: 2},
	} {
		if err := s.SaveHistory(&c); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (devices []history.NamedDevice, log []history.LogEntry, saved []history.Chunk) {
		t.Helper()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		l, err := s.LoadHistory(t.Context(), history.Loader{
			Device: func(d history.NamedDevice) { devices = append(devices, d) },
			Saved:  func(c history.Chunk) { saved = append(saved, c) },
			Logged: func(e history.LogEntry) { log = append(log, e) },
		})
		if want := (history.Loaded{Usage: history.Usage{Chunks: 2, Points: 4, Bytes: chunk.Size() + older.Size()}, LastLog: 3}); err != nil || l != want {
			t.Errorf("%+v, %v, want %+v", l, err, want)
		}
		return devices, log, saved
	}
	devices, log, saved := load()
	if want := []history.NamedDevice{hostile, {Num: 2, ID: "gone"}}; !reflect.DeepEqual(devices, want) {
		t.Errorf("devices %v", devices)
	}
	if want := []history.Chunk{{Device: 1, Hour: 5, Log: 3, Tail: 2}}; !reflect.DeepEqual(saved, want) {
		t.Errorf("saved %+v", saved)
	}
	if want := []history.LogEntry{{ID: 2, Data: []byte("b")}, {ID: 3, Data: []byte("c")}}; !reflect.DeepEqual(log, want) {
		t.Errorf("log %v", log)
	}
	if err := s.SaveHistory(&history.Changes{Trim: 4}); err != nil {
		t.Fatal(err)
	}
	if devices, log, saved = load(); len(devices) != 1 || len(log)+len(saved) != 0 {
		t.Errorf("devices %v, log %v, saved %+v", devices, log, saved)
	}
	s.Close()
}

// A change that fails leaves nothing of its transaction.
func TestSaveHistoryIsAllOrNothing(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	twice := history.LogEntry{ID: 1, Data: []byte("a")}
	if err := s.SaveHistory(&history.Changes{Devices: []history.NamedDevice{{Num: 1, ID: "x"}}, Log: []history.LogEntry{twice, twice}}); err == nil {
		t.Fatal("an entry was written twice")
	}
	if err := s.SaveHistory(&history.Changes{Devices: []history.NamedDevice{{Num: 1, ID: "x"}}, Log: []history.LogEntry{twice}}); err != nil {
		t.Errorf("the transaction after a failed one: %v", err)
	}
}

// A device whose history is deleted does not come back, whether its chunks have
// been dropped or there was no time for it; one of the same name may be new.
func TestForgottenHistoryStaysAway(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	named := func(num int64) []history.NamedDevice { return []history.NamedDevice{{Num: num, ID: "BBB"}} }
	for _, c := range []history.Changes{
		{Devices: named(1), Chunks: []history.Chunk{{Device: 1, Hour: 5, Points: 3, Data: []byte{1}}}},
		{Forget: []int64{1}, Devices: named(2), Chunks: []history.Chunk{{Device: 2, Hour: 5, Points: 1, Data: []byte{2}}}},
	} {
		if err := s.SaveHistory(&c); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	s = open(t, dir)
	defer s.Close()
	var devices []history.NamedDevice
	l, err := s.LoadHistory(t.Context(), history.Loader{
		Device: func(d history.NamedDevice) { devices = append(devices, d) }, Saved: func(history.Chunk) {}, Logged: func(history.LogEntry) {},
	})
	if err != nil || l.Points != 1 || !reflect.DeepEqual(devices, named(2)) {
		t.Errorf("%+v, %v, devices %v", l, err, devices)
	}
}
