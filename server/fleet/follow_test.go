package fleet

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

func TestTicks(t *testing.T) {
	s := tell(t, Options{})
	var b Batch
	if s.Tick(&b) || b.Seq != 0 {
		t.Errorf("a tick without changes: %+v", b)
	}
	s.report("A", `{"deviceID":"A","lat":42.5,"lng":-1.25,"speed":12.26,"heading":359.999}`)
	s.turn("M", false)
	if !s.Tick(&b) || b.Seq != 1 || len(b.Positions) != 1 || len(b.Motions) != 1 || len(b.Presences) != 2 {
		t.Fatalf("%+v", b)
	}
	if want := (Position{Index: 0, Lat: 425e6, Lng: -125e5, Heading: 0, Speed: 25, Status: Moving}); b.Positions[0] != want {
		t.Errorf("got %+v, want %+v", b.Positions[0], want)
	}
	if s.Tick(&b) || b.Seq != 1 {
		t.Errorf("a second tick without changes: %+v", b)
	}
	s.now = s.now.Add(1500 * time.Millisecond)
	for range 3 {
		s.at("A", 43, 1)
	}
	if !s.Tick(&b) || b.Seq != 2 || len(b.Positions) != 1 || len(b.Presences) != 1 { // idle now: the speed is unknown
		t.Errorf("%+v", b)
	}
	if p := b.Positions[0]; p.Speed != UnknownSpeed || p.Heading != UnknownHeading {
		t.Errorf("%+v", p)
	}
	if s.Since(1, &b); b.Seq != 2 || len(b.Positions) != 1 || len(b.Motions) != 0 || len(b.Presences) != 1 {
		t.Errorf("since 1: %+v", b)
	}
	if s.Since(0, &b); len(b.Positions) != 1 || len(b.Motions) != 1 || b.Motions[0].Age != 1500 || len(b.Presences) != 2 || b.Presences[1].Age != 1500 {
		t.Errorf("since 0: %+v", b)
	}
	if s.Since(2, &b); len(b.Positions)+len(b.Motions)+len(b.Presences) != 0 {
		t.Errorf("since 2: %+v", b)
	}
	if ids := s.IDs(1); len(ids) != 1 || ids[0] != "M" || len(s.IDs(7)) != 0 {
		t.Errorf("ids %v", ids)
	}
}

func TestLog(t *testing.T) {
	s := tell(t, Options{MaxLog: 4, Events: 3})
	var b Batch
	for i := range 6 {
		s.at(fmt.Sprint(i), 1, 1) // one event each
		s.Tick(&b)
	}
	if items := s.Log(4, nil); len(items) != 2 || items[0].Seq != 5 || items[0].Tick != 5 {
		t.Errorf("%+v", items)
	}
	if items := s.Log(0, nil); len(items) != 4 || items[0].Seq != 3 {
		t.Errorf("with a gap: %+v", items)
	}
	for tick, want := range map[uint64]struct {
		n        int
		complete bool
	}{7: {0, true}, 5: {2, true}, 4: {3, true}, 3: {4, false}, 1: {4, false}} {
		if items, end, complete := s.LogFrom(tick); len(items) != want.n || complete != want.complete || end != 6 {
			t.Errorf("from %d: %d items, end %d, %t", tick, len(items), end, complete)
		}
	}
	if events, end := s.Events(); len(events) != 3 || events[0].Seq != 4 || events[2].Seq != 6 || end != 6 {
		t.Errorf("%+v", events)
	}
}

func TestTrailIsBounded(t *testing.T) {
	s := tell(t, Options{TrailPoints: 20})
	for i := range 100 {
		s.at("B", 1+float64(i)*0.001, 1)
		s.pass(time.Second)
	}
	trail := s.device("B").Trail
	if len(trail) != 20 || trail[19][0] != 1.099 || trail[0][0] != 1.08 {
		t.Errorf("%d points, %v … %v", len(trail), trail[0], trail[len(trail)-1])
	}
	s.report("B", `{"deviceID":"B","lat":5,"lng":5,"ts":"2020-01-01T00:00Z"}`)
	if got := s.device("B").Trail; got[0] != trail[0] {
		t.Error("a full trail took a point older than all")
	}
	for i := range 100 { // parked
		s.at("B", 1.099+float64(i%2)*1e-6, 1)
	}
	if got := s.device("B").Trail; len(got) != 20 || got[0] != trail[0] {
		t.Error("a parked truck fills the trail")
	}
	// Many devices share what there is for all.
	many := tell(t, Options{MaxTrailPoints: 16 * 100})
	for i := range 100 {
		many.at(fmt.Sprint(i), 1, 1)
	}
	for i := range 200 {
		many.at("7", 1+float64(i)*0.001, 1)
	}
	if n := len(many.device("7").Trail); n > 20 {
		t.Errorf("%d points, want about 16", n)
	}
}

func TestList(t *testing.T) {
	s := tell(t, Options{})
	for i := range 1200 {
		s.at(fmt.Sprintf("Truck%04d", i), 1, 1)
	}
	if d, more := s.List(0, 3, ""); len(d) != 3 || !more || d[2].ID != "Truck0002" {
		t.Errorf("%+v, %t", d, more)
	}
	if d, more := s.List(1198, 3, ""); len(d) != 2 || more {
		t.Errorf("%+v, %t", d, more)
	}
	if d, more := s.List(0, 2, "truck11"); len(d) != 2 || !more || d[0].ID != "Truck1100" {
		t.Errorf("%+v, %t", d, more)
	}
	if d, more := s.List(5000, 2, ""); len(d) != 0 || more {
		t.Errorf("%+v, %t", d, more)
	}
	if i, ok := s.Index("Truck0007"); !ok || i != 7 {
		t.Errorf("index %d, %t", i, ok)
	}
}

func TestSnapshotAndRestore(t *testing.T) {
	s := tell(t, Options{})
	s.report("BBB", `{"deviceID":"BBB","lat":42.5,"lng":1.5,"ts":"2025-06-01T11:59:58Z","speed":12,"heading":90}`)
	s.turn("AAA", false)
	s.at("CCC", 1, 1)
	again := tell(t, Options{})
	again.at("CCC", 2, 2) // was faster than the restoring
	next := s.Snapshot(0, func(saved Saved) bool {
		if !again.Restore(saved) {
			t.Errorf("%+v was not restored", saved)
		}
		return true
	})
	s.Tick(new(Batch))
	next = s.Snapshot(next, func(Saved) bool { return true })
	s.at("CCC", 3, 3)
	var changed []string
	s.Snapshot(next, func(saved Saved) bool { changed = append(changed, saved.ID); return true })
	if fmt.Sprint(changed) != "[CCC]" {
		t.Errorf("changed since: %v", changed)
	}
	for _, id := range []string{"AAA", "BBB"} {
		was, is := s.device(id), again.device(id)
		again.wantStatus(id, "offline")
		if *is.LastSeen != *was.LastSeen || (was.Location == nil) != (is.Location == nil) || (was.Motion == nil) != (is.Motion == nil) {
			t.Errorf("%+v became %+v", was, is)
		}
	}
	if l := again.device("BBB").Location; l.Lat != 42.5 || *l.Speed != 12 || l.TS != start.Add(-2*time.Second).UnixMilli() {
		t.Errorf("%+v", l)
	}
	if again.device("CCC").Location.Lat != 2 {
		t.Error("what was known has been overwritten")
	}
	if again.Restore(Saved{ID: "a.b"}) {
		t.Error("restored a device with an ID that is none")
	}
}

// Everybody at once: the race detector judges, and in the end a follower of the
// ticks knows what the fleet knows.
func TestConcurrentUse(t *testing.T) {
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var reporters, followers sync.WaitGroup
	for w := range 4 {
		reporters.Go(func() {
			for i := range 2000 {
				id := fmt.Sprint("t", i%200)
				f.Location(id, fmt.Appendf(nil, `{"deviceID":%q,"lat":%d,"lng":%d}`, id, w, i%90), time.Now(), false)
				f.Connected(id, MQTT, time.Now())
				f.Motion(id, make([]byte, 24), time.Now(), false)
				f.Text(TextUpdate{ID: id, State: TextWaiting, At: time.Now(), Device: id})
				f.Disconnected(id, MQTT, true, time.Now())
			}
		})
	}
	done := make(chan struct{})
	seen := map[uint32]Position{}
	follow := func(b *Batch) {
		for f.Tick(b) {
			for _, p := range b.Positions {
				seen[p.Index] = p
			}
		}
	}
	followers.Go(func() {
		var b, all Batch
		for {
			follow(&b)
			f.Since(b.Seq/2, &all)
			f.List(0, 50, "1")
			f.Log(0, nil)
			f.age()
			select {
			case <-done:
				follow(&b)
				return
			default:
			}
		}
	})
	reporters.Wait()
	close(done)
	followers.Wait()
	var all Batch
	f.Since(0, &all)
	if len(all.Positions) != 200 || len(seen) != 200 {
		t.Fatalf("%d positions, %d followed", len(all.Positions), len(seen))
	}
	for _, p := range all.Positions {
		if s := seen[p.Index]; s.Lat != p.Lat || s.Lng != p.Lng {
			t.Errorf("device %d: followed %+v, is %+v", p.Index, s, p)
		}
	}
}
