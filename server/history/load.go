package history

import "errors"

// loading brings back what a crash has left in the log and in no chunk.
type loading struct {
	devices  map[int64]*device
	saved    map[deviceHour]mark
	damaged  error
	replayed int
}

type deviceHour struct{ device, hour int64 }

// mark is how far the points of a device in an hour are in chunks: all that came
// in entries of the log before one, and some of that one. (They go to chunks in
// the order in which they came.)
type mark struct {
	log  uint64
	tail int
}

func (l *loading) loader(r *Recorder) Loader {
	l.devices, l.saved = map[int64]*device{}, map[deviceHour]mark{}
	return Loader{
		Device: func(n NamedDevice) { l.devices[n.Num] = r.addDevice(n) },
		Saved:  l.note,
		Logged: func(e LogEntry) { l.replay(r, e) },
	}
}

// note notes what a chunk holds.
func (l *loading) note(c Chunk) {
	key := deviceHour{c.Device, c.Hour}
	switch m := l.saved[key]; {
	case c.Log > m.log:
		l.saved[key] = mark{c.Log, c.Tail}
	case c.Log == m.log:
		l.saved[key] = mark{c.Log, m.tail + c.Tail}
	}
}

// replay puts the points of an entry into chunks that are in none.
func (l *loading) replay(r *Recorder, e LogEntry) {
	r.nextLog = e.ID
	err := readLog(e.Data, func(num int64, p Point) {
		r.lastNum = max(r.lastNum, num) // that of a device whose history was deleted is not given again
		d := l.devices[num]
		if d == nil || l.has(deviceHour{num, hourOf(p.TS)}, e.ID) {
			return
		}
		r.put(d, p)
		l.replayed++
	})
	l.damaged = errors.Join(l.damaged, err)
	r.nextLog = e.ID + 1
	r.logged, r.logSum = append(r.logged, logSize{e.ID, len(e.Data)}), r.logSum+len(e.Data)
}

// has reports whether the next point of a device in an hour, which came in an
// entry, is in a chunk.
func (l *loading) has(key deviceHour, log uint64) bool {
	m := l.saved[key]
	if log == m.log && m.tail > 0 {
		m.tail--
		l.saved[key] = m
		return true
	}
	return log < m.log
}
