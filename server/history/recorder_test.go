package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is a store that a test can break, and that keeps the log.
type disk struct {
	*Memory
	broken  atomic.Bool
	devices []NamedDevice
	saved   []Chunk
	log     []LogEntry
	loaded  Loaded
}

var errBroken = errors.New("the disk is full")

func newDisk() *disk { return &disk{Memory: NewMemory()} }

func (d *disk) SaveHistory(c *Changes) error {
	if d.broken.Load() {
		return errBroken
	}
	d.devices = slices.DeleteFunc(d.devices, func(n NamedDevice) bool { return slices.Contains(c.Forget, n.Num) })
	d.devices = append(d.devices, c.Devices...)
	d.log = append(d.log, c.Log...)
	d.log = slices.DeleteFunc(d.log, func(e LogEntry) bool { return e.ID < c.Trim })
	for _, chunk := range c.Chunks {
		d.saved = append(d.saved, chunk)
		d.loaded.add(Usage{1, int64(chunk.Points), chunk.Size()})
		d.loaded.LastLog = max(d.loaded.LastLog, chunk.Log)
	}
	return d.Memory.SaveHistory(c)
}

func (d *disk) LoadHistory(_ context.Context, to Loader) (Loaded, error) {
	for _, n := range d.devices {
		to.Device(n)
	}
	for _, c := range d.saved {
		to.Saved(c)
	}
	for _, e := range d.log {
		to.Logged(e)
	}
	return d.loaded, nil
}

func newRecorder(t testing.TB, o Options) *Recorder {
	t.Helper()
	if o.Store == nil {
		o.Store = newDisk()
	}
	o.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	r, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func track(t testing.TB, r *Recorder, id string, from, to int64) (points []Point) {
	t.Helper()
	err := r.Track(t.Context(), id, time.UnixMilli(from), time.UnixMilli(to), func(p []Point) error {
		points = append(points, p...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return points
}

const begin = 480_000 * hourMs // an hour in 2024

// A day at one point a second can be kept entirely, and comes back as it was,
// whether it is in memory, on disk or both.
func TestEverything(t *testing.T) {
	r := newRecorder(t, Options{All: true})
	const day = 86_400
	want := drive(begin, day, rand.New(rand.NewPCG(3, 4)))
	for i, p := range want {
		r.Add("BBB", p)
		if i%1000 == 0 {
			if err := r.flush(false); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := track(t, r, "BBB", begin, begin+2*day*1000)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%d points, want %d", len(got), len(want))
	}
	if s := r.Stats(); s.Usage.Points < day-1000-chunkPoints || s.Recorded != day || s.Usage.Bytes > 10*day {
		t.Errorf("%+v", s)
	}
	if got := track(t, r, "BBB", want[5000].TS, want[5010].TS); !reflect.DeepEqual(got, want[5000:5010]) {
		t.Errorf("a piece: %v", got)
	}
	if got := track(t, r, "AAA", begin, begin+day*1000); got != nil {
		t.Errorf("of another device: %v", got)
	}
}

func TestSampling(t *testing.T) {
	at := func(s float64, north float64) Point { return At(begin+int64(s*1000), 42.5+north/111_195, 1.5) }
	heading := func(p Point, h float64) Point { p.Heading = Known(h); return p }
	for _, c := range []struct {
		name   string
		points []Point
		want   []int // which are kept
	}{
		{"at rest, every half minute", []Point{at(0, 0), at(1, 0.5), at(29.9, -0.5), at(30, 0), at(40, 0), at(60, 0)}, []int{0, 3, 5}},
		{"on the move, every five metres", []Point{at(0, 0), at(1, 4.9), at(2, 5.1), at(3, 9.8), at(4, 10.2)}, []int{0, 2, 4}},
		{"in a curve", []Point{heading(at(0, 0), 350), heading(at(1, 2), 0), heading(at(2, 4), 10)}, []int{0, 2}},
		{"a compass that turns at rest", []Point{heading(at(0, 0), 0), heading(at(1, 0), 90)}, []int{0}},
		{"late ones, by the same rules", []Point{at(600, 0), at(0, 0), at(1, 1), at(31, 0)}, []int{1, 3, 0}},
	} {
		r := newRecorder(t, Options{})
		var want []Point
		for _, p := range c.points {
			r.Add("BBB", p)
		}
		for _, i := range c.want {
			want = append(want, c.points[i])
		}
		if got := track(t, r, "BBB", begin, begin+hourMs); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", c.name, got, want)
		}
	}
}

// Late points find their places, in whatever hours they belong to.
func TestOrder(t *testing.T) {
	r := newRecorder(t, Options{All: true})
	want := drive(begin, 8*3600, rand.New(rand.NewPCG(5, 6)))
	shuffled := slices.Clone(want)
	rng := rand.New(rand.NewPCG(7, 8))
	rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for i, p := range shuffled {
		r.Add("BBB", p)
		if i%500 == 0 {
			if err := r.flush(false); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := track(t, r, "BBB", begin, begin+9*hourMs); !reflect.DeepEqual(got, want) {
		t.Errorf("%d points, want %d", len(got), len(want))
	}
	if n := len(r.devices["BBB"].taking()); n > maxOpen {
		t.Errorf("%d hours are open", n)
	}
}

// After crashes the log brings back what no chunk held yet, and nothing twice.
func TestCrash(t *testing.T) {
	store := newDisk()
	now := time.UnixMilli(begin)
	o := Options{Store: store, All: true, Now: func() time.Time { return now }}
	fast, slow := drive(begin, 3000, rand.New(rand.NewPCG(1, 1))), drive(begin, 300, rand.New(rand.NewPCG(2, 2)))
	rng := rand.New(rand.NewPCG(3, 3))
	r := newRecorder(t, o)
	crashes := 0
	for i := range fast {
		r.Add("fast", fast[i])
		if i%10 == 0 {
			r.Add("slow", slow[i/10])
		}
		switch n := rng.IntN(1000); {
		case n < 100: // the log has several points of a device, or ends within a chunk
			if err := r.flush(false); err != nil {
				t.Fatal(err)
			}
			if n < 5 {
				r = newRecorder(t, o)
				crashes++
			}
		case n == 999:
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			r = newRecorder(t, o)
		}
	}
	if err := r.flush(false); err != nil {
		t.Fatal(err)
	}
	if len(store.log) == 0 || crashes < 5 {
		t.Fatalf("%d entries of the log, %d crashes", len(store.log), crashes)
	}
	r = newRecorder(t, o)
	r.Add("new", slow[0])
	for id, want := range map[string][]Point{"fast": fast, "slow": slow, "new": slow[:1]} {
		if got := track(t, r, id, begin, begin+hourMs); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d points, want %d", id, len(got), len(want))
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if len(store.log) != 0 || store.loaded.Points != 3301 {
		t.Errorf("%d entries of the log after the end, %d points in chunks", len(store.log), store.loaded.Points)
	}
	r = newRecorder(t, o)
	if got := track(t, r, "slow", begin, begin+hourMs); !reflect.DeepEqual(got, slow) {
		t.Errorf("after the end: %d points", len(got))
	}
}

// The log does not grow with the time that a chunk takes to fill.
func TestLogIsBounded(t *testing.T) {
	store := newDisk()
	r := newRecorder(t, Options{Store: store, All: true, MaxLog: 10_000, Now: func() time.Time { return time.UnixMilli(begin) }})
	points := drive(begin, 3000, rand.New(rand.NewPCG(1, 1)))
	for i, p := range points {
		r.Add("busy", p)
		if i%200 == 0 {
			r.Add(fmt.Sprint("seldom", i), p)
		}
		if err := r.flush(false); err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, e := range store.log {
			size += len(e.Data)
		}
		if size > 12_000 {
			t.Fatalf("%d bytes of log after %d points", size, i)
		}
	}
}

// A disk that does not keep up costs points, not memory, and each is counted.
func TestBrokenDisk(t *testing.T) {
	store := newDisk()
	r := newRecorder(t, Options{Store: store, All: true, MaxPending: 4000})
	var lines strings.Builder
	r.log = slog.New(slog.NewTextHandler(&lines, nil))
	points := drive(begin, 3000, rand.New(rand.NewPCG(1, 1)))
	store.broken.Store(true)
	for i, p := range points[:2000] {
		if r.Add("BBB", p); i%10 == 0 {
			r.report(r.flush(false))
		}
	}
	s := r.Stats()
	if s.Dropped.Disk == 0 || s.Recorded+s.Dropped.Disk != 2000 || s.Pending > 9000 || !s.Failing {
		t.Errorf("%+v", s)
	}
	store.broken.Store(false)
	r.report(r.flush(false))
	kept := track(t, r, "BBB", begin, begin+hourMs)
	if int64(len(kept)) != s.Recorded || !slices.Equal(kept, points[:len(kept)]) {
		t.Errorf("%d points kept, %d recorded", len(kept), s.Recorded)
	}
	for i, p := range points[2000:] {
		if r.Add("BBB", p); i%10 == 0 {
			r.report(r.flush(false))
		}
	}
	if after := r.Stats(); after.Dropped != s.Dropped || after.Failing {
		t.Errorf("after the repair: %+v", after)
	}
	if log := lines.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, "cannot write") || !strings.Contains(log, "works again") {
		t.Errorf("of one trouble the log says: %s", log)
	}
}

// What the log has waiting for the disk is bounded, too: of devices far apart it takes
// more than their chunks.
func TestLogThatWaitsIsBounded(t *testing.T) {
	const limit = 4000
	store := newDisk()
	r := newRecorder(t, Options{Store: store, All: true, MaxPending: limit})
	store.broken.Store(true)
	for i := range int64(1000) {
		r.Add("east", At(begin+i*1000, 42, 179))
		r.Add("west", At(begin+i*1000, -42, -179))
		_ = r.flush(false)
	}
	waiting := 0
	for _, e := range r.unsaved {
		waiting += len(e.Data)
	}
	if r.pending >= limit || waiting < limit || waiting > limit+100 || r.Stats().Dropped.Disk == 0 {
		t.Errorf("%d bytes of the log wait, and %d of chunks: %+v", waiting, r.pending, r.Stats())
	}
	store.broken.Store(false)
	if err := r.flush(false); err != nil || r.waiting != 0 {
		t.Errorf("%v, %d bytes wait", err, r.waiting)
	}
}

// At the end all is written, however many transactions that takes; a disk that takes
// nothing is not waited for.
func TestClose(t *testing.T) {
	store := newDisk()
	r := newRecorder(t, Options{Store: store})
	const devices = 16*flushChunks + 1
	for i := range devices {
		r.Add(fmt.Sprint(i), At(begin, 1, 1))
	}
	store.broken.Store(true)
	if err := r.Close(); !errors.Is(err, errBroken) {
		t.Errorf("closed on a broken disk: %v", err)
	}
	store.broken.Store(false)
	if err := r.Close(); err != nil || store.loaded.Chunks != devices || len(store.log) != 0 {
		t.Errorf("%v, %d of %d chunks, %d entries of the log", err, store.loaded.Chunks, devices, len(store.log))
	}
}

func TestLimits(t *testing.T) {
	now := time.UnixMilli(begin)
	r := newRecorder(t, Options{All: true, MaxRate: 2, MaxBurst: 1000, MaxDevices: 2, Now: func() time.Time { return now }})
	points := drive(begin, 20, rand.New(rand.NewPCG(1, 1)))
	for i := range int64(1000 + 101) { // in any hour that it likes
		r.Add("A", At(begin-i*hourMs%(24*hourMs)-i, 1, 1))
	}
	now = now.Add(5 * time.Second)
	for _, p := range points {
		r.Add("A", p)
	}
	r.Add("B", points[0])
	r.Add("C", points[0])
	r.Add("B", Point{Lat: maxLat + 1})
	r.Add("B", Point{TS: maxTS + 1})
	if got, want := r.Stats().Dropped, (Drops{Rate: 100 + 10, Devices: 1, Invalid: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := track(t, r, "A", begin+1, begin+hourMs); len(got) != 10 {
		t.Errorf("%d points", len(got))
	}
	for _, o := range []Options{{}, {Store: NewMemory(), MaxAge: -1}, {Store: NewMemory(), Distance: -1}, {Store: NewMemory(), MaxRate: 1001}} {
		if _, err := New(t.Context(), o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// Run writes each second, drops by age and by size, and writes the rest at the end.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newDisk()
		r := newRecorder(t, Options{Store: store, All: true, MaxAge: 2 * time.Hour, MaxBytes: 50_000})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		start := time.Now()
		late := At(0, 1, 1) // measured in 1970, but it came in now
		r.Add("late", late)
		for i := range 3 * 3600 {
			r.Add("BBB", At(time.Now().UnixMilli(), 42.5, 1.5+float64(i)/1000))
			time.Sleep(time.Second)
			if i == 2 {
				if synctest.Wait(); len(store.log) < 2 {
					t.Error("the log was not written")
				}
			}
			if i == 3600+1800 && len(track(t, r, "late", 0, 1)) != 1 {
				t.Error("the late point is gone too early")
			}
		}
		time.Sleep(time.Hour)
		if len(track(t, r, "late", 0, 1)) != 0 {
			t.Error("the late point is still there")
		}
		if s := r.Stats(); s.Usage.Bytes > 50_000 || s.Removed == 0 {
			t.Errorf("%+v", s)
		}
		got := track(t, r, "BBB", start.UnixMilli(), start.UnixMilli()+10*hourMs)
		if len(got) == 0 || len(got) > 2*3600+chunkPoints {
			t.Errorf("%d points are left", len(got))
		}
		if err := r.Delete(t.Context(), "BBB"); err != nil {
			t.Error(err)
		}
		if synctest.Wait(); r.Stats().Usage != (Usage{}) {
			t.Errorf("after deleting all that is left: %+v", r.Stats())
		}
		r.Add("last", At(start.UnixMilli(), 1, 1))
		cancel()
		if err := <-ended; err != nil || len(store.log) != 0 {
			t.Errorf("%v, %d entries of the log", err, len(store.log))
		}
		if blobs, _ := store.TrackChunks(t.Context(), 3, hourOf(start.UnixMilli())); len(blobs) != 1 {
			t.Error("the last point was not written")
		}
	})
}

func TestDays(t *testing.T) {
	kathmandu, err := time.LoadLocation("Asia/Kathmandu") // 5:45 ahead: midnight lies within an hour
	if err != nil {
		t.Fatal(err)
	}
	r := newRecorder(t, Options{All: true})
	midnight := time.Date(2025, 3, 1, 0, 0, 0, 0, kathmandu)
	for s := -10; s < 20; s++ {
		r.Add("BBB", At(midnight.Add(time.Duration(s)*time.Second).UnixMilli(), 1, 1+float64(s)))
	}
	r.Add("BBB", At(midnight.AddDate(0, -1, 0).UnixMilli(), 1, 1))
	days, err := r.Days(t.Context(), "BBB", kathmandu)
	if err != nil || len(days) != 3 || days[0].Day != "2025-02-01" || days[1].Day != "2025-02-28" || days[1].Points != 10 ||
		days[2].Day != "2025-03-01" || days[2].Points != 20 || days[2].From != midnight.UnixMilli() || days[2].To-days[2].From != 24*hourMs {
		t.Errorf("%+v, %v", days, err)
	}
	if days, err = r.Days(t.Context(), "BBB", time.UTC); err != nil || len(days) != 2 || days[1].Points != 30 {
		t.Errorf("%+v, %v", days, err)
	}
	if days, err = r.Days(t.Context(), "nobody", time.UTC); err != nil || len(days) != 0 {
		t.Errorf("%+v, %v", days, err)
	}
}

// Where the clock is put forward at midnight the day begins later, and where it is
// put back to midnight earlier, than the time 0:00 would say.
func TestDaysOfOtherLength(t *testing.T) {
	for _, test := range []struct {
		zone, day, from, to string
	}{
		{"America/Santiago", "2024-09-08", "2024-09-08T04:00:00Z", "2024-09-09T03:00:00Z"}, // 24:00 is 1:00
		{"America/Santiago", "2024-09-07", "2024-09-07T04:00:00Z", "2024-09-08T04:00:00Z"},
		{"America/Santiago", "2024-04-06", "2024-04-06T03:00:00Z", "2024-04-07T04:00:00Z"}, // 24:00 is 23:00
		{"Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z", "2024-04-26T21:00:00Z"},     // 0:00 is 1:00
		{"Africa/Cairo", "2024-04-25", "2024-04-24T22:00:00Z", "2024-04-25T22:00:00Z"},
		{"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"}, // 1:00 is 0:00
		{"Asia/Amman", "2021-10-29", "2021-10-28T21:00:00Z", "2021-10-29T22:00:00Z"},     // 1:00 is 0:00
		{"Asia/Amman", "2021-10-28", "2021-10-27T21:00:00Z", "2021-10-28T21:00:00Z"},
		{"Europe/Paris", "2024-10-27", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"}, // there was no 30th
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, _ := time.Parse(time.DateOnly, test.day)
		from, to := DayIn(day.Year(), day.Month(), day.Day(), zone)
		if f, e := from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339); f != test.from || e != test.to {
			t.Errorf("%s in %s is from %s to %s, want from %s to %s", test.day, test.zone, f, e, test.from, test.to)
		}
		r := newRecorder(t, Options{All: true})
		for k, at := range []time.Time{from.Add(-time.Millisecond), from, to.Add(-time.Millisecond), to} {
			r.Add("BBB", At(at.UnixMilli(), 1, float64(k)))
		}
		days, err := r.Days(t.Context(), "BBB", zone)
		if err != nil || len(days) != 3 || days[1].Day != test.day || days[1].Points != 2 || days[0].To != days[1].From || days[1].To != days[2].From {
			t.Errorf("%s in %s: %+v, %v", test.day, test.zone, days, err)
		}
	}
}

// 10,000 devices that all report: what one of their seconds costs.
func BenchmarkAdd(b *testing.B) {
	r := newRecorder(b, Options{Store: NewMemory(), All: true})
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("truck-%05d", i)
	}
	points := drive(begin, 3599, rand.New(rand.NewPCG(1, 1)))
	n := 0
	for b.Loop() {
		p := points[n/len(ids)%len(points)]
		p.Lat += int32(n % len(ids) * 100)
		r.Add(ids[n%len(ids)], p)
		if n++; n%len(ids) == 0 {
			if err := r.flush(false); err != nil {
				b.Fatal(err)
			}
		}
	}
}
