package store

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"mwm/server/broker"
	"mwm/server/fleet"
)

// oldRows are what a database of each version holds, from the version on that
// brought the table.
var oldRows = []string{
	`INSERT INTO retained (name, head, body, properties, id, timestamp, expires, priority, qos, persistent, haslength, sender)
		VALUES ('.mwm.AAA.motion', NULL, x'0102', '{"ContentType":"x/y"}', '000001-123456789012', 5, 0, 4, 1, 0, 1, 'AAA');
	INSERT INTO devices (id, seen, lat, lng, ts) VALUES ('BBB', 1700000000123, 42.5, 1.5, 1700000000000);
	INSERT INTO boxes (id, kind, name) VALUES (7, 0, 'device.BBB.text');
	INSERT INTO records (id, box, state, data) VALUES (41, 7, 0, x'` + oldMessage + `');
	UPDATE life SET clean = 0;`,
	`INSERT INTO tracked (num, id) VALUES (1, 'BBB');
	INSERT INTO tracks (device, hour, first, last, points, bytes, written, data) VALUES (1, 3, 10800, 10801, 2, 4, 0, x'abcd');
	INSERT INTO track_log (id, data) VALUES (1, x'ef');`,
	``,
	`INSERT INTO texts (id, data) VALUES ('t1', '{"id":"t1","device":"BBB","body":"come home"}');
	INSERT INTO events (data) VALUES ('{"kind":"text"}');`,
}

// oldMessage is a message as version 1 of its encoding has it: it must be
// understood for ever.
const oldMessage = "0101" + "0400" + "0a" + "00" + "3030303030312d313233343536373839303132" +
	"0f" + "6465766963652e4242422e74657874" + "02" + "4851" + "04" + "613a620a" + "09" + "636f6d6520686f6d65" + "00"

// A database of any version before this one is brought to it, and has lost nothing.
func TestMigrations(t *testing.T) {
	for version := 1; version <= len(migrations); version++ {
		t.Run(fmt.Sprint("from ", version), func(t *testing.T) {
			dir := t.TempDir()
			makeOld(t, dir, version)
			s, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			checkOld(t, s, version)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			info, err := Inspect(t.Context(), dir)
			if err != nil || info.Version != len(migrations) || info.Messages != 1 || info.Retained != 1 || info.Devices != 1 {
				t.Errorf("afterwards it is %+v, %v", info, err)
			}
		})
	}
}

// makeOld makes a database as a program of that version has left it in a crash.
func makeOld(t *testing.T, dir string, version int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	statements := append([]string{}, migrations[:version]...)
	statements = append(statements, oldRows[:min(version, len(oldRows))]...)
	if _, err := db.Exec(strings.Join(statements, "\n") + fmt.Sprint("PRAGMA user_version = ", version)); err != nil {
		t.Fatal(err)
	}
}

// checkOld holds what is loaded against what makeOld has written.
func checkOld(t *testing.T, s *Store, version int) {
	t.Helper()
	got := map[string]string{}
	note := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	note(s.LoadRetained(t.Context(), func(m *broker.Message) { got["retained"] += m.Name + hex.EncodeToString(m.Body) + m.Sender }))
	note(s.LoadDevices(t.Context(), func(d fleet.Saved) { got["device"] += fmt.Sprint(d.ID, d.Location.Lat, d.Location.Lng) }))
	note(s.LoadJournal(t.Context(), func(b broker.Box) { got["box"] += fmt.Sprint(b.ID, b.Name) },
		func(r broker.StoredRecord) {
			m := r.Message
			got["message"] += fmt.Sprintf("%d in %d: %s %s %q %q %v %d", r.ID, r.Box, m.Name, m.Sender, m.Head, m.Body, m.Persistent, m.Priority)
		}))
	note(s.LoadNews(t.Context(), func(x fleet.Text) { got["text"] += x.Device + x.Body }, func(e fleet.Event) { got["event"] += string(e.Kind) }))
	want := map[string]string{
		"retained": ".mwm.AAA.motion0102AAA", "device": "BBB42.5 1.5", "box": "7device.BBB.text",
		"message": `41 in 7: device.BBB.text HQ "a:b\n" "come home" true 4`,
	}
	if version >= 2 {
		chunks, err := s.TrackChunks(t.Context(), 1, 3)
		note(err)
		got["track"], want["track"] = fmt.Sprintf("%x", chunks), "[abcd]"
	}
	if version >= 4 {
		want["text"], want["event"] = "BBBcome home", "text"
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if s.Clean() {
		t.Error("it counts as closed in order")
	}
}
