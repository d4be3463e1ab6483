package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// maxHours bounds what one call looks at: a little more than a year.
const maxHours = 9_000

// Track calls yield with the points of a device from one time to another, the
// latter excluded, in the order of their times: an hour's at once, in memory that
// is used again. It stops with the first error of yield.
func (r *Recorder) Track(ctx context.Context, id string, from, to time.Time, yield func([]Point) error) error {
	if !from.Before(to) {
		return nil
	}
	first, last := from.UnixMilli(), to.UnixMilli()-1
	known, hours, err := r.hours(ctx, id, hourOf(first), hourOf(last))
	if err != nil || !known {
		return err
	}
	var points []Point
	for _, h := range hours {
		if points, err = r.hour(ctx, id, h.Hour, points[:0]); err != nil {
			return err
		}
		lo, _ := slices.BinarySearchFunc(points, first, func(p Point, ts int64) int { return cmp.Compare(p.TS, ts) })
		hi, _ := slices.BinarySearchFunc(points, last+1, func(p Point, ts int64) int { return cmp.Compare(p.TS, ts) })
		if lo == hi {
			continue
		}
		if err := yield(points[lo:hi]); err != nil {
			return err
		}
	}
	return nil
}

// hours returns what there is of a device, by hour; known is false if it has no
// history.
func (r *Recorder) hours(ctx context.Context, id string, from, to int64) (known bool, hours []Hour, err error) {
	num, inMemory := r.snapshot(id, from, to)
	if num == 0 {
		return false, nil, nil
	}
	if hours, err = r.store.TrackHours(ctx, num, from, to, maxHours); err != nil {
		return true, nil, fmt.Errorf("history: %w", err)
	}
	for _, c := range inMemory {
		i, found := slices.BinarySearchFunc(hours, c.Hour, func(h Hour, hour int64) int { return cmp.Compare(h.Hour, hour) })
		if !found {
			hours = slices.Insert(hours, i, Hour{})
		}
		hours[i] = hours[i].plus(Hour{Hour: c.Hour, First: c.First, Last: c.Last, Points: c.Points})
	}
	return true, hours, nil
}

// snapshot returns the number of a device, 0 if it has no history, and its chunks
// that are in memory. It is taken before the store is asked: a chunk that is
// saved meanwhile is seen twice, not never.
func (r *Recorder) snapshot(id string, from, to int64) (num int64, chunks []Chunk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.devices[id]
	if d == nil {
		return 0, nil
	}
	for _, c := range d.open {
		if c.hour >= from && c.hour <= to {
			chunks = append(chunks, Chunk{Device: d.num, Hour: c.hour, First: c.first, Last: c.last, Points: c.coder.n, Data: c.data})
		}
	}
	slices.SortStableFunc(chunks, func(a, b Chunk) int { return cmp.Compare(a.First, b.First) })
	return d.num, chunks
}

// hour appends the points of a device in an hour to dst, in order, each once.
func (r *Recorder) hour(ctx context.Context, id string, hour int64, dst []Point) ([]Point, error) {
	num, inMemory := r.snapshot(id, hour, hour)
	blobs, err := r.store.TrackChunks(ctx, num, hour)
	if err != nil {
		return dst, fmt.Errorf("history: %w", err)
	}
	for _, c := range inMemory {
		blobs = append(blobs, c.Data)
	}
	start := len(dst)
	for _, b := range blobs {
		if dst, err = appendDecoded(dst, hour, b); err != nil {
			return dst, fmt.Errorf("%w: device %q, hour %s", err, id, time.UnixMilli(hour*hourMs).UTC().Format("2006-01-02T15Z"))
		}
	}
	points := dst[start:]
	byTime := func(a, b Point) int { return cmp.Compare(a.TS, b.TS) }
	if !slices.IsSortedFunc(points, byTime) {
		slices.SortStableFunc(points, byTime)
	}
	return dst[:start+len(once(points))], nil
}

// sameTime is how far once looks back among points of one time.
const sameTime = 256

// once removes points that are the same as one of the same time before them.
func once(points []Point) []Point {
	w, run := 0, 0 // run: where the points of this time begin
	for _, p := range points {
		if w > 0 && points[w-1].TS != p.TS {
			run = w
		}
		if slices.Contains(points[max(run, w-sameTime):w], p) {
			continue
		}
		points[w] = p
		w++
	}
	return points[:w]
}

// Day is a day on which a device has a history.
type Day struct {
	Day    string `json:"day"` // 2006-01-02
	From   int64  `json:"from"`
	To     int64  `json:"to"` // the end of the day, excluded; ms since 1970 as the others
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
	Points int    `json:"points"`
}

// maxDays is how many days [Recorder.Days] returns at most.
const maxDays = 400

// Days returns the days of a time zone that a device has points in, the newest
// 400, in their order. A chunk that is just being saved may count twice.
func (r *Recorder) Days(ctx context.Context, id string, zone *time.Location) ([]Day, error) {
	_, hours, err := r.hours(ctx, id, hourOf(-maxTS), hourOf(maxTS))
	if err != nil {
		return nil, err
	}
	var days []Day
	for _, h := range hours {
		if dayOf(h.First, zone).Equal(dayOf(h.Last, zone)) {
			days = addDay(days, h.First, h.Last, h.Points, zone)
			continue
		}
		// The zone's midnight lies within the hour.
		points, err := r.hour(ctx, id, h.Hour, nil)
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			days = addDay(days, p.TS, p.TS, 1, zone)
		}
	}
	return days[max(0, len(days)-maxDays):], nil
}

// DayIn returns when a day begins in a zone, and when it ends.
func DayIn(y int, m time.Month, d int, zone *time.Location) (from, to time.Time) {
	return startOfDay(y, m, d, zone), startOfDay(y, m, d+1, zone)
}

// startOfDay is the first moment of a day. Where clocks are changed at midnight, or
// back to it, there is no 0:00 or there are two, and [time.Date] may take one from
// the day before or the second one.
func startOfDay(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	changed, next := t.ZoneBounds()
	if t.Day() != time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Day() {
		return next
	}
	if before := changed.Add(-1); !changed.IsZero() && t.Sub(before) < 24*time.Hour && before.Day() == t.Day() {
		_, offset := t.Zone()
		_, was := before.Zone()
		return t.Add(time.Duration(offset-was) * time.Second)
	}
	return t
}

func dayOf(ms int64, zone *time.Location) time.Time {
	y, m, d := time.UnixMilli(ms).In(zone).Date()
	return startOfDay(y, m, d, zone)
}

// addDay adds points to the last day, or to a new one after it.
func addDay(days []Day, first, last int64, points int, zone *time.Location) []Day {
	y, m, d := time.UnixMilli(first).In(zone).Date()
	from, to := DayIn(y, m, d, zone)
	if n := len(days); n > 0 && days[n-1].From == from.UnixMilli() {
		days[n-1].Last = last
		days[n-1].Points += points
		return days
	}
	return append(days, Day{
		Day: from.Format(time.DateOnly), From: from.UnixMilli(), To: to.UnixMilli(),
		First: first, Last: last, Points: points,
	})
}
