package doctor

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"mwm/server/store"
)

// ownFiles is how many files the server needs beside its connections.
const ownFiles = 100

// files compares the limit of open files with that of connections.
func (d *Doctor) files() {
	const about = "open files"
	limit, known := fileLimit()
	whose := "this user's processes"
	pid := d.pid
	if pid == 0 && d.running != "" && d.cfg.Data != "" {
		pid = d.holder(filepath.Join(d.cfg.Data, store.LockFile))
	}
	if pid != 0 {
		if n, ok := d.limitOf(pid); ok {
			limit, known, whose = n, true, "the server"
		}
	}
	if !known {
		return
	}
	conns := uint64(d.cfg.MaxConns)
	if conns == 0 {
		conns = 100_000
	}
	const advice = "raise it: LimitNOFILE= in a systemd unit, ulimits: in a compose file, ulimit -n in a shell"
	switch {
	case limit < 1024:
		d.note(Fail, about, advice, "%s may have %d, and so hardly any connections", whose, limit)
	case limit < conns+ownFiles && limit < 10_000:
		d.note(Warn, about, advice, "%s may have %d, --max-connections is %d: further connections would wait", whose, limit, conns)
	default:
		d.note(OK, about, "", "%s may have %d", whose, limit)
	}
}

// limitOf reads the limit of a process. (Linux: proc_pid_limits(5))
func (d *Doctor) limitOf(pid int) (n uint64, known bool) {
	text, err := os.ReadFile(filepath.Join(d.proc, strconv.Itoa(pid), "limits"))
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(text), "Max open files")
	if fields := strings.Fields(rest); ok && len(fields) > 0 {
		n, err = strconv.ParseUint(fields[0], 10, 64)
		return n, err == nil
	}
	return 0, false
}

// made is a time that lies in the past wherever this program runs.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock looks whether the time can be right. What lies ahead in the database is
// reported with it.
func (d *Doctor) clock() {
	const about, advice = "clock", "set it (timedatectl set-ntp true): texts expire, and positions count, by it"
	now := time.Now()
	if now.Before(made) {
		d.note(Fail, about, advice, "it says %s", now.Format(time.DateOnly))
		return
	}
	switch yes, known := synchronised(); {
	case known && !yes:
		d.note(Warn, about, advice, "%s, and it follows no other clock", now.Format(time.DateTime+" MST"))
	default:
		d.note(OK, about, "", "%s", now.Format(time.DateTime+" MST"))
	}
}
