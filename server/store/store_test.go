package store_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/store"
	"mwm/server/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func load(t *testing.T, s *store.Store) (v store.Values) {
	t.Helper()
	err := s.LoadRetained(t.Context(), func(m *broker.Message) {
		v.Retained = append(v.Retained, broker.RetainedChange{Name: m.Name, Message: m})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.LoadDevices(t.Context(), func(d fleet.Saved) { v.Devices = append(v.Devices, d) }); err != nil {
		t.Fatal(err)
	}
	return v
}

// What was saved is there after the database was opened anew, the newest value
// of each.
func TestValuesComeBack(t *testing.T) {
	id, err := broker.ParseID("000001-123456789012")
	if err != nil {
		t.Fatal(err)
	}
	stomp := &broker.Message{Name: "device.<b>.location", Head: []byte("destination:/topic/device.<b>.location\n"), Body: []byte("{}"), ID: id,
		Timestamp: 5, Expires: 6, Priority: 9, QoS: 1, Persistent: true, HasLength: true, Retain: true, Sender: "BBB"}
	mqtt := &broker.Message{Name: ".mwm.AAA.motion", Body: []byte{0, 1, 2}, ID: id, Retain: true,
		Properties: &broker.Properties{ContentType: "x/y", CorrelationData: []byte{0}, User: []broker.Property{{Name: "a", Value: "b"}, {Name: "a", Value: "c"}}}}
	when := time.UnixMilli(1_700_000_000_123).UTC()
	want := store.Values{
		Retained: []broker.RetainedChange{{Name: mqtt.Name, Message: mqtt}, {Name: stomp.Name, Message: stomp}},
		Devices: []fleet.Saved{
			{ID: "'); DROP TABLE devices; --"},
			{ID: "AAA", Seen: when, Motion: &telemetry.Motion{Pitch: 1, Roll: -2, Yaw: 3}},
			{ID: "BBB", Seen: when, Location: &telemetry.Location{Lat: 42.5, Lng: 1.5, TS: when, TSForm: telemetry.TSSeconds, Speed: telemetry.Some(3)}},
		},
	}
	dir := filepath.Join(t.TempDir(), "not there yet")
	s := open(t, dir)
	older := *stomp
	older.Body = []byte("older")
	for _, v := range []store.Values{
		{Retained: []broker.RetainedChange{{Name: stomp.Name, Message: &older}, {Name: "gone", Message: mqtt}}, Devices: []fleet.Saved{{ID: "BBB"}}},
		want,
		{Retained: []broker.RetainedChange{{Name: "gone"}}},
		{},
	} {
		if err := s.Save(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if got := load(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("a database in use", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		defer s.Close()
		refused(t, dir, "another process uses it")
	})
	t.Run("a damaged database", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, store.File), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, "it is damaged")
	})
	t.Run("a newer database", func(t *testing.T) {
		dir := t.TempDir()
		open(t, dir).Close()
		db, err := sql.Open("sqlite", filepath.Join(dir, store.File))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec("PRAGMA user_version = 1000; UPDATE life SET clean = 0"); err != nil {
			t.Fatal(err)
		}
		db.Close()
		before := bytesOf(t, dir)
		refused(t, dir, "made by a newer mwm")
		if after := bytesOf(t, dir); !bytes.Equal(after, before) {
			t.Error("it was changed")
		}
	})
	t.Run("a file in place of the directory", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, file, "data directory")
	})
}

// bytesOf is the database's file as it is.
func bytesOf(t *testing.T, dir string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, store.File))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Messages are for nobody else on the machine, also where the directory was there
// before and everybody may look into it.
func TestOnlyTheServerReadsTheDatabase(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	defer s.Close()
	if err := s.Save(t.Context(), store.Values{Clock: 1}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 { // the database, its log and the lock at least
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		st, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", f.Name(), st.Mode())
		}
	}
}

func refused(t *testing.T, dir, want string) {
	t.Helper()
	s, err := store.Open(dir)
	if err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
}
