// Package store keeps on disk what has to outlive the server: the broker's
// journal (queues, durable subscribers, sessions), the last known values of
// topics and devices, and the devices' tracks. It is one SQLite database in a
// directory of the server's own.
//
// There is one writer, and each of its transactions is synced before Apply, Save
// or SaveHistory returns: what they have taken survives a crash of the server and
// of the machine. Tracks are read on connections of their own, which do not wait
// for the writer, nor it for them.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // pure Go: the server stays one static binary
)

// File is the name of the database in the server's directory.
const File = "mwm.db"

// LockFile shows that a process uses the directory.
const LockFile = "lock"

var errInUse = errors.New("another process uses it; stop that one, or give this one a --data directory of its own")

// readers is how many connections read at a time; more reads wait for them.
const readers = 4

// Store is an open database. Its methods may be called concurrently.
type Store struct {
	db     *sql.DB
	unlock func() error

	opened   bool // and of this version
	clean    bool
	doubtful uint64
	room     room

	mu     sync.Mutex // the writer's turn
	conn   *sql.Conn  // the writer's own
	writer writer
	beaten time.Time // when Save has written the last time
	clock  int64     // see Clock
}

// migrations bring a database from one version to the next; its version is how
// many of them it has had. They are never changed, only added to.
var migrations = []string{
	`CREATE TABLE retained (
		name TEXT PRIMARY KEY, head BLOB, body BLOB NOT NULL, properties BLOB, id TEXT NOT NULL, timestamp INTEGER NOT NULL,
		expires INTEGER NOT NULL, priority INTEGER NOT NULL, qos INTEGER NOT NULL, persistent INTEGER NOT NULL, haslength INTEGER NOT NULL,
		sender TEXT NOT NULL
	) WITHOUT ROWID;
	CREATE TABLE devices (
		id TEXT PRIMARY KEY, seen INTEGER, lat REAL, lng REAL, ts INTEGER, speed REAL, heading REAL, accuracy REAL,
		pitch REAL, roll REAL, yaw REAL
	) WITHOUT ROWID;
	CREATE TABLE boxes (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, name TEXT NOT NULL, meta BLOB);
	CREATE TABLE records (id INTEGER PRIMARY KEY, box INTEGER NOT NULL, state INTEGER NOT NULL, data BLOB NOT NULL);
	CREATE TABLE life (clean INTEGER NOT NULL);
	INSERT INTO life VALUES (1);`,
	`CREATE TABLE tracked (num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
	CREATE TABLE tracks (
		id INTEGER PRIMARY KEY, device INTEGER NOT NULL, hour INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
		points INTEGER NOT NULL, bytes INTEGER NOT NULL, written INTEGER NOT NULL, data BLOB NOT NULL
	);
	CREATE INDEX tracks_by_hour ON tracks (device, hour, first, last, points, bytes);
	CREATE TABLE track_log (id INTEGER PRIMARY KEY, data BLOB NOT NULL);`,
	`ALTER TABLE life ADD COLUMN doubtful INTEGER NOT NULL DEFAULT 0;`,
	`CREATE TABLE texts (num INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data BLOB NOT NULL);
	CREATE TABLE events (num INTEGER PRIMARY KEY, data BLOB NOT NULL);`,
	`ALTER TABLE tracks ADD COLUMN log INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE tracks ADD COLUMN tail INTEGER NOT NULL DEFAULT 0;
	DROP INDEX tracks_by_hour;
	CREATE INDEX tracks_by_hour ON tracks (device, hour, first, last, points, bytes, log, tail);`,
	`ALTER TABLE life ADD COLUMN beats INTEGER NOT NULL DEFAULT 0;`,
	`ALTER TABLE life ADD COLUMN clock INTEGER NOT NULL DEFAULT 0;`,
}

// Open opens the database in dir, and makes both if need be. It fails if
// another process has it open.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, LockFile))
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	s := &Store{unlock: unlock}
	if err := s.open(filepath.Join(dir, File)); err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", filepath.Join(dir, File), explain(err)), s.Close())
	}
	return s, nil
}

func (s *Store) open(file string) (err error) {
	if err := claim(file); err != nil {
		return err
	}
	s.room.init(file)
	options := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)"}}
	if s.db, err = sql.Open("sqlite", dsn(file, options)); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1 + readers)
	if s.conn, err = s.db.Conn(context.Background()); err != nil {
		return err
	}
	err = s.conn.Raw(func(c any) error {
		s.writer = writer{conn: c.(driver.Conn), statements: map[string]driver.Stmt{}}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.migrate(); err != nil {
		return err
	}
	s.opened = true
	return s.begin()
}

// claim makes the database, if there is none, before SQLite would make one that
// everybody on the machine may read. What lies beside it gets its permissions.
func claim(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// begin notes that the database is in use, and after a crash which records it may
// concern.
func (s *Store) begin() error {
	var last uint64
	err := s.conn.QueryRowContext(context.Background(), "SELECT clean, doubtful, clock, (SELECT ifnull(max(id), 0) FROM records) FROM life").
		Scan(&s.clean, &s.doubtful, &s.clock, &last)
	if err != nil {
		return err
	}
	switch {
	case !s.clean:
		s.doubtful = max(s.doubtful, last)
	case last == 0:
		s.doubtful = 0 // they are all gone
	}
	_, err = s.conn.ExecContext(context.Background(), "UPDATE life SET clean = 0, doubtful = ?", int64(s.doubtful))
	return err
}

// Clean reports whether the database was closed in order the time before.
func (s *Store) Clean() bool { return s.clean }

// Doubtful is the last record whose message may have been delivered before a
// crash, without a note of it on disk; those before it may, too.
func (s *Store) Doubtful() uint64 { return s.doubtful }

// Clock is the latest of Values.Clock that was saved, 0 if there is none. After a
// crash that may be the one of ten seconds before.
func (s *Store) Clock() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

// explain adds what to do about it.
func explain(err error) error {
	if text := err.Error(); strings.Contains(text, "not a database") || strings.Contains(text, "malformed") {
		return fmt.Errorf("it is damaged; move it away to start anew, or restore it: %w", err)
	}
	return err
}

// migrate brings the database to this version, at once: a new one on a slow disk is
// not to wait for a sync of each step.
func (s *Store) migrate() error {
	var version int
	if err := s.conn.QueryRowContext(context.Background(), "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > 0 {
		if err := checkVersion(version); err != nil {
			return err
		}
	}
	if version == len(migrations) {
		return nil
	}
	return s.inTx(context.Background(), func(tx *sql.Tx) error {
		for i, m := range migrations[version:] {
			if _, err := tx.Exec(m); err != nil {
				return fmt.Errorf("bringing it to version %d: %w", version+i+1, err)
			}
		}
		_, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", len(migrations)))
		return err
	})
}

// beatEvery is how often Save writes at least.
const beatEvery = 10 * time.Second

// beat is Probe if nothing else was written for a while: a disk that takes no more is
// to be noticed when nobody needs it yet.
func (s *Store) beat(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.beaten) < beatEvery {
		return nil
	}
	return s.probe(ctx)
}

// Probe writes something that is new, and so finds out whether the disk takes it.
func (s *Store) Probe(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probe(ctx)
}

// probe is Probe with s.mu held.
func (s *Store) probe(ctx context.Context) error {
	_, err := s.conn.ExecContext(ctx, "UPDATE life SET beats = beats + 1, clock = ?", s.clock)
	if err == nil {
		s.beaten = time.Now()
	}
	return err
}

// inTx runs f in a transaction of the writer: all of it or nothing.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.beaten = time.Now()
	return nil
}

// Close closes the database, and notes that this was done in order.
func (s *Store) Close() error {
	var errs []error
	if s.opened {
		_, err := s.conn.ExecContext(context.Background(), "UPDATE life SET clean = 1, clock = ?", s.clock)
		errs = append(errs, err)
	}
	for _, statement := range s.writer.statements {
		errs = append(errs, statement.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(append(errs, s.unlock())...)
}
