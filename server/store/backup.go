package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"mwm/server/internal/lasting"
)

// Backup writes the database in dir, as it is at one moment, to a new file. A
// server may use it meanwhile, and does not wait: SQLite's write-ahead log lets
// others read. When Backup returns the file is on disk, whole and checked.
//
// Messages in a backup may be consumed after it was made, so whoever restores it
// gets them marked as redelivered.
func Backup(ctx context.Context, dir, file string) (info Info, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return info, errors.Join(fmt.Errorf("%s exists already; name another file", file), err)
	}
	db, err := openToRead(filepath.Join(dir, File))
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = replace(file, func(temporary string) error {
		if _, err := db.ExecContext(ctx, "VACUUM INTO ?", temporary); err != nil {
			return explain(err)
		}
		info, err = finish(ctx, temporary, "the copy")
		return err
	})
	return info, err
}

// Restore makes the database of dir from a backup, which it leaves as it is. It
// refuses to replace a database, and a backup that is damaged or of a version
// that this program does not know.
func Restore(ctx context.Context, file, dir string) (info Info, err error) {
	if err := exists(file); err != nil {
		return info, fmt.Errorf("backup: %w", err)
	}
	if _, err := os.Stat(file + "-wal"); err == nil {
		return info, fmt.Errorf("%s belongs to a server's directory: what is in %s-wal would be missing; make a backup with mwm backup", file, file)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return info, fmt.Errorf("data directory: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, LockFile))
	if err != nil {
		return info, fmt.Errorf("data directory %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	for _, name := range []string{File, File + "-wal"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			return info, errors.Join(fmt.Errorf("%s holds a database (%s); move it away, or restore to another directory", dir, name), err)
		}
	}
	err = replace(filepath.Join(dir, File), func(temporary string) error {
		if err := copyFile(file, temporary); err != nil {
			return err
		}
		info, err = finish(ctx, temporary, file)
		return err
	})
	return info, err
}

// replace lets write fill a temporary file, syncs it, and gives it its name. What
// goes wrong leaves nothing behind.
func replace(file string, write func(temporary string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), ".mwm-*.db")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if err := f.Close(); err != nil {
		return err
	}
	if err := write(f.Name()); err != nil {
		return err
	}
	return lasting.Rename(f.Name(), file)
}

// finish checks a copy of a database, which errors call name, and notes that what
// is in it may have been delivered meanwhile.
func finish(ctx context.Context, file, name string) (info Info, err error) {
	db, err := sql.Open("sqlite", dsn(file, url.Values{"mode": {"rw"}}))
	if err != nil {
		return info, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	if info, err = inspect(ctx, db, name); err != nil {
		return info, err
	}
	_, err = db.ExecContext(ctx, "UPDATE life SET clean = 0")
	return info, err
}

func copyFile(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}
