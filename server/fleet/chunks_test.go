package fleet

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Devices are looked at some at a time, and all of them.
func TestMoreDevicesThanAtATime(t *testing.T) {
	const devices = 2*scanChunk + 1
	s := tell(t, Options{})
	for i := range devices {
		s.at(fmt.Sprint(i), 1, 1)
		s.turn(fmt.Sprint(i), false)
	}
	var b Batch
	if s.Since(0, &b); len(b.Positions) != devices || len(b.Motions) != devices || len(b.Presences) != devices || b.Positions[devices-1].Index != devices-1 {
		t.Errorf("%d positions, %d motions, %d presences", len(b.Positions), len(b.Motions), len(b.Presences))
	}
	if s.Tick(&b); len(b.Positions) != devices || len(b.Motions) != devices || len(b.Presences) != devices {
		t.Errorf("in a tick: %d positions, %d motions, %d presences", len(b.Positions), len(b.Motions), len(b.Presences))
	}
	for _, most := range []int{1, scanChunk + 1, devices + 1} {
		n := 0
		s.Snapshot(0, func(saved Saved) bool {
			if saved.ID != fmt.Sprint(n) {
				t.Fatalf("device %d is %q", n, saved.ID)
			}
			n++
			return n < most
		})
		if n != min(most, devices) {
			t.Errorf("%d devices were saved, of at most %d", n, most)
		}
	}
	s.pass(s.OfflineAfter() + time.Second)
	if st := s.Stats(); st.ByStatus[Offline] != devices {
		t.Errorf("%d devices have fallen silent", st.ByStatus[Offline])
	}
}

// Of the events the newest stay, in their order.
func TestNewestEvents(t *testing.T) {
	s := tell(t, Options{Events: 3})
	for i := range 5 {
		s.at(fmt.Sprint(i), 1, 1)
		events, end := s.Events()
		if last := events[len(events)-1]; end != uint64(i+1) || last.Device != fmt.Sprint(i) || len(events) != min(i+1, 3) ||
			!slices.IsSortedFunc(events, func(a, b *Event) int { return int(a.Seq) - int(b.Seq) }) {
			t.Errorf("after %d events: %+v, up to %d", i+1, events, end)
		}
	}
}

// Each second a few faults are told, and how many were not.
func TestEverySecondTellsOfFaults(t *testing.T) {
	s := tell(t, Options{})
	most := budgetOf[budgetPayload].perSecond
	for second := range 3 {
		for i := range most + 3 {
			s.report(fmt.Sprint("liar", second, i), `{`)
		}
		s.pass(time.Second)
		events, _ := s.Events()
		if last := events[len(events)-1]; len(events) != (second+1)*(most+1) || last.Code != "more" || last.Params.N != 3 {
			t.Errorf("after second %d: %d events, the last %+v", second+1, len(events), last)
		}
	}
}

// A report that comes late takes its place in the trail, unless the device was there
// just before, or the trail is full of later ones.
func TestLateReportsInTheTrail(t *testing.T) {
	s := tell(t, Options{TrailPoints: 30})
	for i := range 40 {
		s.at("B", 1+float64(i)*0.001, 1)
		s.pass(10 * time.Second)
	}
	lats := func() (lats []float64) {
		for _, p := range s.device("B").Trail {
			lats = append(lats, p[0])
		}
		return lats
	}
	was := lats()
	if len(was) != 30 || was[0] != 1.01 {
		t.Fatalf("%v", was)
	}
	late := func(lat float64, after int) {
		ts := start.Add(time.Duration(after)*10*time.Second + 5*time.Second)
		s.report("B", `{"deviceID":"B","lat":%v,"lng":1,"ts":%q}`, lat, ts.Format(time.RFC3339))
	}
	late(1.02, 20) // where it was 5 s before
	late(3, -1)    // before all
	if now := lats(); !slices.Equal(now, was) {
		t.Errorf("%v, want %v", now, was)
	}
	late(3, 20)
	late(4, 39)
	want := slices.Concat(was[:11], []float64{3}, was[11:], []float64{4})
	if now := lats(); !slices.Equal(now, want[len(want)-30:]) {
		t.Errorf("%v, want %v", now, want)
	}
}

// A truck that crawls leaves few points, one that crawls for long some.
func TestTrailOfACrawl(t *testing.T) {
	const meter = 1 / 111195.08 // degrees of latitude
	for every, want := range map[time.Duration]int{time.Second: 6, 10 * time.Second: 21} {
		s := tell(t, Options{})
		for i := range 21 {
			s.at("B", 1+6*float64(i)*meter, 1)
			s.pass(every)
		}
		if n := len(s.device("B").Trail); n != want {
			t.Errorf("6 m every %v leave %d points, want %d", every, n, want)
		}
	}
}

// Who has missed something is told when each device that has moved or turned was seen.
func TestSinceSaysWhenItWas(t *testing.T) {
	s := tell(t, Options{})
	var b Batch
	s.at("A", 1, 1)
	s.turn("B", false)
	s.at("C", 1, 1)
	s.Tick(&b)
	seq := s.Seq()
	s.now = s.now.Add(time.Second)
	s.at("A", 1, 1)
	s.turn("B", false)
	s.Since(seq, &b)
	if len(b.Positions) != 1 || len(b.Motions) != 1 || len(b.Presences) != 2 || b.Presences[0].Age != 0 || b.Presences[1].Age != 0 {
		t.Errorf("%+v", b)
	}
}
