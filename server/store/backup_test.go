package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/store"
)

// filled makes a database with n numbered records in dir.
func filled(t *testing.T, dir string, n int) *store.Store {
	t.Helper()
	s := open(t, dir)
	c := broker.Changes{Boxes: []broker.Box{{ID: 1, Name: "orders"}}}
	for i := 1; i <= n; i++ {
		c.Insert = append(c.Insert, broker.StoredRecord{ID: uint64(i), Box: 1, Message: numbered(i)})
	}
	if err := s.Apply(&c); err != nil {
		t.Fatal(err)
	}
	return s
}

// A backup of a database that is being written is one moment of it: a run of
// records without a gap, all or nothing of each transaction. It can be restored
// and opened.
func TestBackupWhileWriting(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir, 100)
	defer s.Close()
	stop, ended := make(chan struct{}), make(chan error)
	go func() {
		for next := uint64(101); ; next += 2 { // two a transaction
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			err := s.Apply(&broker.Changes{Insert: []broker.StoredRecord{
				{ID: next, Box: 1, Message: numbered(int(next))}, {ID: next + 1, Box: 1, Message: numbered(int(next + 1))},
			}})
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	file := filepath.Join(t.TempDir(), "mwm backup?.db") // a name that a URL would break at
	info, err := store.Backup(t.Context(), dir, file)
	close(stop)
	if err := errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	if info.Version != store.Version || info.Messages < 100 {
		t.Errorf("backup of %+v", info)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v; want it readable by its owner alone", st.Mode(), err)
	}

	to := filepath.Join(t.TempDir(), "new")
	restored, err := store.Restore(t.Context(), file, to)
	if err != nil || restored.Messages != info.Messages {
		t.Fatalf("restored %+v of %+v, %v", restored, info, err)
	}
	r := open(t, to)
	defer r.Close()
	if r.Clean() {
		t.Error("what was restored counts as not delivered yet")
	}
	_, records := loadJournal(t, r)
	if len(records)%2 != 0 || int64(len(records)) != info.Messages {
		t.Errorf("%d records: half a transaction", len(records))
	}
	for i, rec := range records {
		if rec.ID != uint64(i+1) {
			t.Fatalf("record %d follows %d", rec.ID, i)
		}
	}
}

func TestBackupRefuses(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	filled(t, dir, 1).Close()
	taken := filepath.Join(out, "taken")
	if err := os.WriteFile(taken, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ dir, file, want string }{
		"a file that exists":           {dir, taken, "exists already"},
		"a directory without database": {out, filepath.Join(out, "a"), "there is no database"},
		"a place that is not there":    {dir, filepath.Join(out, "no", "a"), "no such file or directory"},
	} {
		if _, err := store.Backup(t.Context(), c.dir, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if left, _ := os.ReadDir(out); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if p, _ := os.ReadFile(taken); string(p) != "precious" {
		t.Error("a file was overwritten")
	}
}

func TestRestoreRefuses(t *testing.T) {
	dir := t.TempDir()
	filled(t, dir, 500).Close()
	good := filepath.Join(t.TempDir(), "good")
	if _, err := store.Backup(t.Context(), dir, good); err != nil {
		t.Fatal(err)
	}
	spoilt := func(spoil func(file string)) string {
		t.Helper()
		p, err := os.ReadFile(good)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "backup")
		if err := os.WriteFile(file, p, 0o600); err != nil {
			t.Fatal(err)
		}
		spoil(file)
		return file
	}
	exec := func(statement string) func(string) {
		return func(file string) {
			db, err := sql.Open("sqlite", file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
			db.Close()
		}
	}
	empty := func() string { return filepath.Join(t.TempDir(), "to") }
	held := t.TempDir()
	holder := open(t, held)
	defer holder.Close()
	for name, c := range map[string]struct{ file, dir, want string }{
		"a directory with a database": {good, dir, "holds a database"},
		"a directory in use":          {good, held, "another process uses it"},
		"no file":                     {"nowhere", empty(), "nowhere: there is no database"},
		"an empty file":               {spoilt(func(f string) { os.Truncate(f, 0) }), empty(), "backup: it is not a database of mwm"},
		"half a file":                 {spoilt(func(f string) { os.Truncate(f, 8192) }), empty(), "backup: it is damaged"},
		"a text":                      {spoilt(func(f string) { os.WriteFile(f, []byte(strings.Repeat("text ", 999)), 0o600) }), empty(), "backup: it is damaged"},
		"a newer version":             {spoilt(exec("PRAGMA user_version = 1000")), empty(), "made by a newer mwm"},
		"another program's database":  {spoilt(exec("DROP TABLE life")), empty(), "backup is not a database of mwm"},
		"a file of a running server":  {filepath.Join(held, store.File), empty(), "make a backup with mwm backup"},
	} {
		_, err := store.Restore(t.Context(), c.file, c.dir)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if c.dir != dir && c.dir != held {
			if _, err := os.Stat(filepath.Join(c.dir, store.File)); err == nil {
				t.Errorf("%s: a database was left", name)
			}
		}
	}
	if _, err := store.Restore(t.Context(), good, empty()); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestInspect(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.Inspect(t.Context(), dir); !errors.Is(err, store.ErrNone) {
		t.Errorf("an empty directory: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("it made %v", left)
	}
	s := filled(t, dir, 7)
	seen := time.UnixMilli(1_700_000_000_000)
	if err := s.Save(t.Context(), store.Values{Devices: []fleet.Saved{{ID: "AAA", Seen: seen}, {ID: "BBB"}}}); err != nil {
		t.Fatal(err)
	}
	want := store.Info{Version: store.Version, InUse: true, Messages: 7, Devices: 2, Newest: seen.UnixMilli()}
	check := func() {
		t.Helper()
		got, err := store.Inspect(t.Context(), dir)
		if got.Bytes < 4096 {
			t.Errorf("%d bytes", got.Bytes)
		}
		if got.Bytes = 0; err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	check()
	s.Close()
	want.InUse, want.Clean = false, true
	check()
}
