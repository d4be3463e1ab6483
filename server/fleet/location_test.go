package fleet

import (
	"fmt"
	"testing"
	"time"
)

// What is believed of a report goes to the history: at the time that it counts for,
// but that of one to the minute is its arrival, in that minute.
func TestWhenAReportWas(t *testing.T) {
	now := start.Add(30 * time.Second)
	for _, c := range []struct {
		ts   string
		want time.Time
	}{
		{"2025-06-01T12:00:10Z", start.Add(10 * time.Second)},
		{"2025-06-01T12:00:00.5Z", start.Add(500 * time.Millisecond)},
		{"2025-06-01T12:00Z", now},
		{"2025-06-01T11:59Z", start.Add(-time.Minute)},
		{"2025-06-01T12:01Z", start.Add(time.Minute)},
		{"2025-06-01T12:06:00Z", now}, // too far ahead
		{"yesterday", now},
	} {
		s := tell(t, Options{})
		fix, ok := s.Location("BBB", fmt.Appendf(nil, `{"deviceID":"BBB","lat":1,"lng":1,"ts":%q}`, c.ts), now, false)
		if !ok || fix.TS != c.want.UnixMilli() {
			t.Errorf("%s counts for %v, %t; want %v", c.ts, time.UnixMilli(fix.TS).UTC(), ok, c.want)
		}
	}
	s := tell(t, Options{})
	if fix, _ := s.Location("BBB", []byte(`{"deviceID":"BBB","lat":1,"lng":1,"ts":"2025-06-01T11:59Z"}`), start, false); fix.TS != start.Add(-time.Minute).UnixMilli() {
		t.Error("a minute that is over counts for the next one")
	}
	if _, ok := s.Location("BBB", []byte(`{"deviceID":"BBB","lat":1,"lng":1}`), start.Add(time.Minute), false); !ok {
		t.Error("a report without ts is not believed")
	}
	if _, ok := s.Location("BBB", []byte(`{"deviceID":"BBB","lat":100,"lng":1}`), now, false); ok {
		t.Error("a place outside of the world is believed")
	}
}

// A retained report that is replayed is believed if it is newer than what is known,
// and is nothing for the history.
func TestReplayedReports(t *testing.T) {
	s := tell(t, Options{})
	s.at("BBB", 1, 1)
	for _, c := range []struct {
		ts   time.Time
		want float64 // where it is then
	}{{start.Add(-time.Second), 1}, {start, 1}, {start.Add(time.Second), 2}} {
		_, ok := s.Location("BBB", fmt.Appendf(nil, `{"deviceID":"BBB","lat":2,"lng":1,"ts":%q}`, c.ts.Format(time.RFC3339)), start.Add(time.Minute), true)
		if d := s.device("BBB"); ok || d.Location.Lat != c.want || *d.LastSeen != start.UnixMilli() || len(d.Trail) != int(c.want) {
			t.Errorf("one of %v: at %+v, %t", c.ts, d, ok)
		}
	}
}
