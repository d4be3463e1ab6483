// Package store keeps on disk what has to outlive the server: the last known
// values of topics and devices. It is one SQLite database in a directory of the
// server's own.
//
// There is one writer. Everything that waits to be written goes into one
// transaction, which is synced before Save returns: what Save has taken survives
// a crash of the server and of the machine.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // pure Go: the server stays one static binary
)

// File is the name of the database in the server's directory.
const File = "mwm.db"

// Store is an open database. Its methods may be called concurrently.
type Store struct{ db *sql.DB }

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
	) WITHOUT ROWID;`,
}

// Open opens the database in dir, and makes both if need be. It fails if
// another process has it open.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	file := filepath.Join(dir, File)
	options := url.Values{"_pragma": {
		"locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(1000)",
	}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+options.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	s := &Store{db}
	if err := s.migrate(); err != nil {
		db.Close()
		return nil, fmt.Errorf("database %s: %w", file, explain(err))
	}
	return s, nil
}

// explain adds what to do about it.
func explain(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "SQLITE_BUSY") || strings.Contains(text, "database is locked"):
		return fmt.Errorf("another process uses it; stop that one, or give this one a --data directory of its own: %w", err)
	case strings.Contains(text, "not a database") || strings.Contains(text, "malformed"):
		return fmt.Errorf("it is damaged; move it away to start anew, or restore it: %w", err)
	}
	return err
}

func (s *Store) migrate() error {
	var version int
	if err := s.db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("it is of version %d, made by a newer mwm; this one knows up to %d", version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		err := s.inTx(context.Background(), func(tx *sql.Tx) error {
			_, err := tx.Exec(migrations[version] + fmt.Sprintf("; PRAGMA user_version = %d", version+1))
			return err
		})
		if err != nil {
			return fmt.Errorf("bringing it to version %d: %w", version+1, err)
		}
	}
	return nil
}

// inTx runs f in a transaction: all of it or nothing.
func (s *Store) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }
