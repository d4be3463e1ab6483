package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Version is the version of the databases that this program makes. It opens
// older ones, and brings them to it; it refuses newer ones.
var Version = len(migrations)

// ErrNone says that a directory holds no database.
var ErrNone = errors.New("there is no database")

// Info describes a database.
type Info struct {
	Version  int
	Clean    bool  // it was closed in order
	InUse    bool  // another process has it open
	Bytes    int64 // of the file
	Messages int64 // on queues, and kept for subscribers
	Retained int64
	Devices  int64
	Newest   int64 // ms since 1970: the last sign of life of any device; 0: there is none
}

// Inspect looks at the database in dir, also while a server uses it, and changes
// nothing. It fails if the database is damaged, or not one of mwm.
func Inspect(ctx context.Context, dir string) (Info, error) {
	file := filepath.Join(dir, File)
	db, err := openToRead(file)
	if err != nil {
		return Info{}, err
	}
	info, err := inspect(ctx, db, file)
	if err = errors.Join(err, db.Close()); err != nil {
		return Info{}, err
	}
	info.InUse, err = locked(filepath.Join(dir, LockFile))
	return info, err
}

// openToRead opens a database that may be in use.
func openToRead(file string) (*sql.DB, error) {
	if err := exists(file); err != nil {
		return nil, err
	}
	return sql.Open("sqlite", dsn(file, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)"}}))
}

// exists reports by ErrNone that the file is not there.
func exists(file string) error {
	switch st, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", file, ErrNone)
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", file)
	}
	return nil
}

func dsn(file string, options url.Values) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(file)}).EscapedPath() + "?" + options.Encode()
}

// inspect checks an open database and describes it.
func inspect(ctx context.Context, db *sql.DB, file string) (info Info, err error) {
	if err = checkIntegrity(ctx, db); err != nil {
		return info, fmt.Errorf("%s: %w", file, explain(err))
	}
	if err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&info.Version); err != nil {
		return info, err
	}
	if err = checkVersion(info.Version); err != nil {
		return info, fmt.Errorf("%s: %w", file, err)
	}
	err = db.QueryRowContext(ctx, `SELECT clean, (SELECT count(*) FROM records), (SELECT count(*) FROM retained),
		(SELECT count(*) FROM devices), (SELECT ifnull(max(seen), 0) FROM devices),
		(SELECT page_count * page_size FROM pragma_page_count, pragma_page_size) FROM life`).
		Scan(&info.Clean, &info.Messages, &info.Retained, &info.Devices, &info.Newest, &info.Bytes)
	if err != nil {
		return info, fmt.Errorf("%s is not a database of mwm: %w", file, err)
	}
	return info, nil
}

// checkVersion refuses what this program cannot read.
func checkVersion(version int) error {
	switch {
	case version > Version:
		return fmt.Errorf("it is of version %d, made by a newer mwm; this one knows up to %d", version, Version)
	case version < 1:
		return errors.New("it is not a database of mwm")
	}
	return nil
}

// checkIntegrity reads the whole database and fails if something does not fit.
func checkIntegrity(ctx context.Context, db *sql.DB) (err error) {
	rows, err := db.QueryContext(ctx, "PRAGMA integrity_check(3)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var found []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		found = append(found, line)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if text := strings.Join(found, "; "); text != "ok" {
		return fmt.Errorf("it is malformed: %s", text)
	}
	return nil
}
