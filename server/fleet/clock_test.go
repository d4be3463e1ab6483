package fleet

import (
	"testing"
	"time"
)

// A clock that was a year ahead, and is set right: devices go on as if nothing had
// been. What they report counts, they fall silent in time, and nothing is shown of
// the future; also if the server was started anew in between.
func TestClockSetBack(t *testing.T) {
	for name, restarted := range map[string]bool{"while it runs": false, "while it was stopped": true} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, Options{})
			s.now = start.AddDate(1, 0, 0)
			s.Connected("BBB", STOMP, s.now)
			for i := range 5 {
				s.pass(time.Second)
				s.at("BBB", 42, 1+float64(i)/1000)
			}
			s.turn("BBB", false)
			s.now = start
			if restarted {
				var saved []Saved
				s.Snapshot(0, func(d Saved) bool { saved = append(saved, d); return true })
				s = tell(t, Options{})
				for _, d := range saved {
					s.Restore(d)
				}
				s.Connected("BBB", STOMP, s.now)
			}
			s.pass(time.Second)
			s.at("BBB", 42, 1.5)
			d := s.device("BBB")
			if d.Location == nil || d.Location.Lng != 1.5 {
				t.Errorf("the device is at %+v", d.Location)
			}
			for _, p := range d.Trail {
				if ms := int64(p[2]); ms > s.now.Add(time.Hour).UnixMilli() {
					t.Errorf("the trail goes to %v", time.UnixMilli(ms).UTC())
				}
			}
			if d.LastSeen == nil || *d.LastSeen != s.now.UnixMilli() {
				t.Errorf("last seen %v", d.LastSeen)
			}
			s.pass(time.Minute)
			s.wantStatus("BBB", "stale")
			s.Disconnected("BBB", STOMP, true, s.now)
			s.wantStatus("BBB", "offline")
		})
	}
}

// A server that starts before its clock is set shows who reports, and what was known
// of the others stays as it was.
func TestClockIsNotSetYet(t *testing.T) {
	s := tell(t, Options{})
	for range 3 {
		s.pass(time.Minute)
		s.at("BBB", 42, 1+s.now.Sub(start).Minutes())
		s.at("CCC", 42, 1+s.now.Sub(start).Minutes())
	}
	known := s.device("BBB")
	var saved []Saved
	s.Snapshot(0, func(d Saved) bool { saved = append(saved, d); return true })

	right := s.now.Add(time.Hour)
	s = tell(t, Options{})
	s.now = time.Unix(20, 0)
	for _, d := range saved {
		s.Restore(d)
	}
	for i := range 3 {
		s.at("CCC", 42, 2)
		s.pass(time.Second)
		s.wantStatus("BBB", "offline")
		if d := s.device("CCC"); i > 0 && d.Location.Lng != 2 { // it takes a second
			t.Errorf("who reports is at %+v", d.Location)
		}
	}
	s.now = right
	s.pass(time.Second)
	s.at("CCC", 42, 3)
	if d := s.device("CCC"); d.Location.Lng != 3 || *d.LastSeen != s.now.UnixMilli() {
		t.Errorf("who reports is at %+v, last seen %v", d.Location, *d.LastSeen)
	}
	d := s.device("BBB")
	if *d.LastSeen != *known.LastSeen || d.Location.TS != known.Location.TS || len(d.Trail) == 0 {
		t.Errorf("of a silent device is known %+v, seen %v, trail %v; it was %+v, seen %v", d.Location, *d.LastSeen, d.Trail, known.Location, *known.LastSeen)
	}
}

// Small steps back, as they keep a clock right, change nothing.
func TestClockAdjusted(t *testing.T) {
	s := tell(t, Options{})
	s.at("BBB", 42, 1)
	s.pass(time.Second)
	seen := s.device("BBB").LastSeen
	s.pass(-900 * time.Millisecond)
	if now := s.device("BBB").LastSeen; *now != *seen {
		t.Errorf("last seen %v, then %v", *seen, *now)
	}
}
