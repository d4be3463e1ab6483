package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"mwm/server/auth"
	"mwm/server/store"
)

const (
	slowSync = 20 * time.Millisecond // of a sync: who waits for a receipt notices
	lowSpace = 1 << 30
)

// data looks at what the server keeps: directory, disk, database, accounts.
func (d *Doctor) data(ctx context.Context) {
	if d.cfg.Accounts != "" {
		d.accounts()
	}
	const about = "--data"
	dir := d.cfg.Data
	if dir == "" {
		d.note(Warn, about, "give it a directory: --data /var/lib/mwm", "not set: nothing outlives a restart")
		return
	}
	where := dir
	switch st, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		where = existing(dir)
		d.note(OK, about, "", "%s will be made", dir)
	case err != nil:
		d.note(Fail, about, "name a directory that the server's user can reach", "%v", err)
		return
	case !st.IsDir():
		d.note(Fail, about, "name a directory", "%s is a file", dir)
		return
	}
	if d.disk(where) { // else a sound database would seem to be broken
		d.database(ctx, dir)
	}
}

// existing is the directory that dir will be made in.
func existing(dir string) string {
	for {
		parent := filepath.Dir(dir)
		if st, err := os.Stat(parent); err == nil && st.IsDir() || parent == dir {
			return parent
		}
		dir = parent
	}
}

// disk writes to the directory as the server does, and measures. It reports whether
// that can be done.
func (d *Doctor) disk(dir string) bool {
	const about = "disk"
	took, err := syncTime(dir)
	if err != nil {
		d.note(Fail, about, "ask as the server's user; let that user write there: chown, or ReadWritePaths= in a systemd unit", "cannot write to %s: %v", dir, err)
		return false
	}
	free, known := store.Free(dir)
	room := ""
	if known {
		room = fmt.Sprintf(", %.1f GB free", float64(free)/1e9)
	}
	kind, bad := unfit(dir)
	switch {
	case bad:
		d.note(Warn, about, "use a directory on a disk of this machine", "%s is on %s", dir, kind)
	case known && free < d.cfg.KeepFree():
		d.note(Fail, about, "make room, or set --min-free lower", "%.0f MB are free, less than --min-free: persistent messages would be refused", float64(free)/1e6)
	case known && free < lowSpace:
		d.note(Warn, about, "make room, or give --history-size a smaller limit", "only %.0f MB are free", float64(free)/1e6)
	case took > slowSync:
		d.note(Warn, about, "memory cards are like that; a better disk is quicker", "a sync takes %v%s: each confirmed message waits that long, many share one", took.Round(time.Millisecond), room)
	default:
		d.note(OK, about, "", "a sync takes %v%s", took.Round(10*time.Microsecond), room)
	}
	return true
}

// syncTime is how long a small write takes to reach the disk, in the median.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".mwm-doctor-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	page := make([]byte, 4096)
	for range 9 {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// database reads all of it.
func (d *Doctor) database(ctx context.Context, dir string) {
	const about = "database"
	info, err := store.Inspect(ctx, dir)
	switch {
	case errors.Is(err, store.ErrNone):
		d.note(OK, about, "", "none yet")
		return
	case err != nil:
		d.note(Fail, about, "restore a backup to another directory (mwm restore FILE --data DIR), or move the file away to start anew", "%v", err)
		return
	}
	text := fmt.Sprintf("version %d, whole: %.1f MB, %d messages, %d retained values, %d devices",
		info.Version, float64(info.Bytes)/1e6, info.Messages, info.Retained, info.Devices)
	switch {
	case info.InUse && d.running == "":
		d.note(Fail, about, "stop the other server, or name another directory", "%s; another process has it open, and none answers at these ports", text)
	case info.Version < store.Version:
		d.note(OK, about, "make a backup before you start the new mwm: there is no way back", "%s; will be brought to version %d", text, store.Version)
	default:
		d.note(OK, about, "", "%s", text)
	}
	if ahead := time.Until(time.UnixMilli(info.Newest)); ahead > time.Hour {
		d.note(Fail, "clock", "set it (timedatectl set-ntp true)", "%v behind what the database has seen already", ahead.Round(time.Hour))
	}
}

// accounts reads the file of accounts.
func (d *Doctor) accounts() {
	const about = "--accounts"
	accounts, err := auth.ReadAccounts(d.cfg.Accounts)
	switch {
	case err != nil:
		d.note(Fail, about, "mwm user add makes the file", "%v", err)
	case accounts.Len() == 0:
		d.note(Warn, about, "mwm user add NAME, mwm device add ID", "%s has no accounts: nobody can connect", d.cfg.Accounts)
	case readableByAll(d.cfg.Accounts):
		d.note(Warn, about, "chmod o= "+d.cfg.Accounts, "everybody on this machine can read the hashes of the passwords")
	default:
		d.note(OK, about, "", "%d accounts", accounts.Len())
	}
}

// readableByAll reports whether the permissions let everybody read a file.
func readableByAll(file string) bool {
	st, err := os.Stat(file)
	return err == nil && st.Mode().Perm()&0o004 != 0 && os.PathSeparator == '/'
}
