package fleet

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"mwm/server/telemetry"
)

// start is when the tests' story begins.
var start = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

// story is a fleet whose clock a test moves.
type story struct {
	*Fleet
	t   *testing.T
	now time.Time
}

func tell(t *testing.T, opts Options) *story {
	t.Helper()
	s := &story{t: t, now: start}
	opts.Now = func() time.Time { return s.now }
	f, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Fleet = f
	return s
}

func (s *story) pass(d time.Duration) {
	s.now = s.now.Add(d)
	s.age()
}

func (s *story) report(id, format string, args ...any) {
	s.Location(id, fmt.Appendf(nil, format, args...), s.now, false)
}

// at reports a position with the present as its ts.
func (s *story) at(id string, lat, lng float64) {
	s.report(id, `{"deviceID":%q,"lat":%v,"lng":%v,"ts":%q}`, id, lat, lng, s.now.Format(time.RFC3339Nano))
}

func (s *story) turn(id string, retained bool) {
	s.Motion(id, telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 1}), s.now, retained)
}

func (s *story) device(id string) Details {
	s.t.Helper()
	d, ok := s.Device(id)
	if !ok {
		s.t.Fatalf("no device %q", id)
	}
	return d
}

func (s *story) wantStatus(id, want string) {
	s.t.Helper()
	if got := s.device(id).Status; got != want {
		s.t.Errorf("%s is %s, want %s", id, got, want)
	}
}

// told returns the events as lines "kind device: detail".
func (s *story) told() []string {
	events, _ := s.Events()
	var lines []string
	for _, e := range events {
		lines = append(lines, fmt.Sprintf("%s %s: %s", e.Kind, e.Device, e.Detail))
	}
	return lines
}

func (s *story) wantEvents(want ...string) {
	s.t.Helper()
	got := s.told()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !strings.Contains(got[i], want[i]) {
			s.t.Fatalf("events\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

// Each event says in a code, too, what its detail says, and no two things have
// the same one.
func TestEventsHaveCodes(t *testing.T) {
	s := tell(t, Options{MaxDevices: 2})
	s.at("BBB", 1, 1)
	s.turn("AAA", false)
	s.report("CCC", `{"deviceID":"CCC","lat":1,"lng":1}`)
	s.report("BBB", `{"deviceID":"BBB","lat":91,"lng":1}`)
	s.Motion("AAA", []byte("short"), s.now, false)
	s.Motion("AAA", nil, s.now, false)
	s.Connected("AAA", MQTT, s.now)
	s.Disconnected("AAA", MQTT, true, s.now)
	s.Connected("BBB", STOMP, s.now)
	s.Disconnected("BBB", STOMP, false, s.now)
	s.Connected("BBB", STOMP, s.now)
	s.Connected("AAA", MQTT, s.now)
	s.Will("AAA", []byte(`{"deviceID":"AAA"}`), s.now)
	s.Disconnected("AAA", MQTT, true, s.now)
	s.Alerted("AAA", "green", 0, s.now)
	s.Alerted("AAA", "green", 2, s.now)
	s.Alerted("AAA", "green", -1, s.now)
	s.Text(TextUpdate{ID: "1", Device: "BBB", Body: "hi", State: TextExpired, At: s.now})
	s.Disconnected("BBB", STOMP, false, s.now)
	s.at("BBB", 1, 1)
	s.pass(3 * time.Minute)
	type told struct {
		Kind   EventKind
		Code   string
		Params Params
	}
	var got []told
	events, _ := s.Events()
	for _, e := range events {
		got = append(got, told{e.Kind, e.Code, e.Params})
	}
	want := []told{
		{EventOnline, "location", Params{}}, {EventOnline, "motion", Params{}},
		{EventPayload, "full", Params{N: 2, What: "location"}},
		{EventPayload, "out-of-range", Params{What: "location", Member: "lat"}},
		{EventPayload, "wrong-size", Params{What: "motion"}},
		{EventRemoved, "cleared", Params{}},
		{EventOffline, "lost-mqtt", Params{}},
		{EventOffline, "closed-stomp", Params{}}, {EventOnline, "connected-stomp", Params{}},
		{EventOnline, "connected-mqtt", Params{}}, {EventLastWill, "will", Params{}}, {EventOffline, "will", Params{}},
		{EventAlert, "nobody", Params{Color: "green"}}, {EventAlert, "listeners", Params{N: 2, Color: "green"}}, {EventAlert, "sent", Params{Color: "green"}},
		{EventText, "expired", Params{}},
		{EventOffline, "closed-stomp", Params{}}, {EventOnline, "location", Params{}}, {EventOffline, "silent", Params{}},
	}
	if !slices.Equal(got, want) {
		t.Errorf("told\n%+v\nwant\n%+v", got, want)
	}
}

func TestWhichReportIsCurrent(t *testing.T) {
	s := tell(t, Options{})
	report := func(lat float64, ts string) {
		s.pass(time.Second)
		s.report("BBB", `{"deviceID":"BBB","lat":%v,"lng":1%s}`, lat, ts)
	}
	current := func(lat float64, ts time.Time) {
		t.Helper()
		if l := s.device("BBB").Location; l.Lat != lat || l.TS != ts.UnixMilli() {
			t.Errorf("at %v, %v; want %v, %v", l.Lat, time.UnixMilli(l.TS).UTC(), lat, ts)
		}
	}
	report(1, `,"ts":"2025-06-01T11:59Z"`)
	current(1, start.Add(-time.Minute))
	report(2, `,"ts":"2025-06-01T13:59:30+02:00"`)
	current(2, start.Add(-30*time.Second))
	report(3, `,"ts":"2025-06-01T11:59:10Z"`) // late
	current(2, start.Add(-30*time.Second))
	report(4, `,"ts":"2025-06-01T11:59:30Z"`) // the same again counts: a truck that is shaken
	current(4, start.Add(-30*time.Second))
	report(5, "")
	current(5, start.Add(5*time.Second))
	report(6, `,"ts":"yesterday"`)
	current(6, start.Add(6*time.Second))
	report(7, `,"ts":"2025-06-01T12:04:00Z"`) // ahead, but believed
	current(7, start.Add(4*time.Minute))
	report(8, `,"ts":"2025-06-01T12:05:09Z"`) // more than 5 minutes ahead: arrival, and so late now
	current(7, start.Add(4*time.Minute))
	if st := s.Stats(); st.Locations != 8 || st.Late != 2 || st.WithoutTS != 2 || st.Ahead != 1 {
		t.Errorf("%+v", st)
	}
	var lats []float64
	for _, p := range s.device("BBB").Trail {
		lats = append(lats, p[0])
	}
	if fmt.Sprint(lats) != "[1 3 2 4 5 6 8 7]" {
		t.Errorf("trail %v, want it in the order of ts", lats)
	}
}

func TestLateReportIsASignOfLife(t *testing.T) {
	s := tell(t, Options{})
	s.at("BBB", 1, 1)
	s.pass(14 * time.Second)
	s.report("BBB", `{"deviceID":"BBB","lat":2,"lng":1,"ts":"2025-06-01T10:00Z"}`)
	s.pass(14 * time.Second)
	if s.wantStatus("BBB", "idle"); *s.device("BBB").LastSeen != start.Add(14*time.Second).UnixMilli() {
		t.Error("not seen when it was")
	}
}

func TestSpeedAndHeading(t *testing.T) {
	const meter = 1 / 111195.08 // degrees of latitude
	for _, c := range []struct {
		name           string
		run            func(*story)
		speed, heading float64 // -1: unknown
	}{
		{"given", func(s *story) {
			s.report("B", `{"deviceID":"B","lat":1,"lng":1,"speed":7.5,"heading":90}`)
		}, 7.5, 90},
		{"of one report", func(s *story) { s.at("B", 1, 1) }, -1, -1},
		{"north", func(s *story) { s.at("B", 1, 1); s.pass(time.Second); s.at("B", 1+20*meter, 1) }, 20, 0},
		{"south", func(s *story) { s.at("B", 1, 1); s.pass(2 * time.Second); s.at("B", 1-20*meter, 1) }, 10, 180},
		{"west at 60°", func(s *story) { s.at("B", 60, 1); s.pass(time.Second); s.at("B", 60, 1-40*meter) }, 20, 270},
		{"across the date line", func(s *story) { s.at("B", 0, 180); s.pass(time.Second); s.at("B", 0, -180+20*meter) }, 20, 90},
		{"speed given, heading derived", func(s *story) {
			s.at("B", 1, 1)
			s.pass(time.Second)
			s.report("B", `{"deviceID":"B","lat":%v,"lng":1,"speed":3}`, 1+20*meter)
		}, 3, 0},
		{"walking", func(s *story) {
			for i := range 10 {
				s.at("B", 1+1.4*float64(i)*meter, 1)
				s.pass(time.Second)
			}
		}, 1.4, 0},
		{"parked, the receiver errs", func(s *story) {
			for i := range 60 {
				s.at("B", 1+2*math.Sin(float64(i))*meter, 1)
				s.pass(time.Second)
			}
		}, 0, -1},
		{"ts to the minute: by arrival", func(s *story) {
			for i := range 90 {
				s.report("B", `{"deviceID":"B","lat":%v,"lng":1,"ts":%q}`, 1+20*float64(i)*meter, s.now.Format("2006-01-02T15:04Z"))
				s.pass(time.Second)
			}
		}, 20, 0},
		{"ts to the second: by ts, however late", func(s *story) {
			for i := range 10 {
				s.report("B", `{"deviceID":"B","lat":%v,"lng":1,"ts":%q}`, 1+20*float64(i)*meter, s.now.Add(time.Duration(i-10)*time.Second).Format(time.RFC3339))
			}
		}, 20, 0},
		{"a jump is no drive", func(s *story) { s.at("B", 1, 1); s.pass(time.Second); s.at("B", 40, 1) }, -1, -1},
		{"stopped after a drive", func(s *story) {
			s.at("B", 1, 1)
			s.pass(time.Second)
			for range 12 {
				s.at("B", 1+20*meter, 1)
				s.pass(time.Second)
			}
		}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell(t, Options{})
			c.run(s)
			l := s.device("B").Location
			wantAbout(t, "speed", l.Speed, c.speed)
			wantAbout(t, "heading", l.Heading, c.heading)
		})
	}
}

func wantAbout(t *testing.T, what string, got *float32, want float64) {
	t.Helper()
	value := -1.0
	if got != nil {
		value = float64(*got)
	}
	if math.Abs(value-want) > 0.01*math.Abs(want)+0.01 {
		t.Errorf("%s %v, want %v", what, value, want)
	}
}

func TestNotBelieved(t *testing.T) {
	s := tell(t, Options{})
	s.at("BBB", 1, 1)
	s.report("BBB", `{"deviceID":"CCC","lat":1,"lng":1}`)
	s.report("BBB", `{"deviceID":"BBB","lat":91,"lng":1}`) // told of this device just now
	s.pass(refusalPause)
	s.Motion("BBB", make([]byte, 23), s.now, false)
	s.report("EVE", `{`)
	s.report("a\nb", `{`)
	s.report("a\nb", `{"deviceID":"a\nb","lat":1,"lng":1}`)
	if l := s.device("BBB").Location; l.Lat != 1 {
		t.Errorf("%+v", l)
	}
	if st := s.Stats(); st.Devices != 1 || st.RefusedLocations != 4 || st.RefusedMotions != 1 {
		t.Errorf("%+v", st)
	}
	s.wantEvents("online BBB", "payload BBB: location not believed: deviceID names another device", "payload BBB: motion not believed: a motion has 24 bytes, not 23",
		"payload EVE: location not believed", "payload : location not believed", "payload : location not believed: a device's ID")
}

func TestEmptyPayloadsClear(t *testing.T) {
	s := tell(t, Options{})
	s.at("BBB", 1, 1)
	s.turn("BBB", false)
	s.report("BBB", "")
	s.Motion("BBB", nil, s.now, false)
	s.Motion("never heard of", nil, s.now, false)
	s.wantEvents("online BBB", "removed BBB")
	if st := s.Stats(); st.Devices != 1 || st.RefusedLocations+st.RefusedMotions != 0 {
		t.Errorf("%+v", st)
	}
}

func TestFull(t *testing.T) {
	s := tell(t, Options{MaxDevices: 2})
	for _, id := range []string{"A", "B", "C", "A"} {
		s.at(id, 1, 1)
	}
	s.turn("D", false)
	if st := s.Stats(); st.Devices != 2 || st.RefusedFull != 2 || st.Locations != 3 {
		t.Errorf("%+v", st)
	}
	s.wantEvents("online A", "online B", "payload C: location not taken: the fleet is full with 2 devices", "payload D: motion not taken")
}

func TestEventFlood(t *testing.T) {
	s := tell(t, Options{})
	for i := range 1000 {
		s.report(fmt.Sprint("liar", i), `{`)
	}
	s.pass(time.Second)
	events := s.told()
	if n := len(events); n != 6 || !strings.Contains(events[5], "995 more payloads") {
		t.Errorf("%d events, the last: %s", n, events[n-1])
	}
	if all, _ := s.Events(); all[5].Code != "more" || all[5].Params.N != 995 {
		t.Errorf("%+v", all[5])
	}
	if got := s.Stats().LogSuppressed; got != 995 {
		t.Errorf("%d suppressed", got)
	}
}

func TestAngles(t *testing.T) {
	for radians, want := range map[float64]int16{
		0: 0, 1.5: 15000, -math.Pi: -31416, 3.2767: 32767, 2 * math.Pi: 0, 3.3: -29832, -1e300: angle(math.Remainder(-1e300, 2*math.Pi)),
	} {
		if got := angle(radians); got != want {
			t.Errorf("%v: %d, want %d", radians, got, want)
		}
	}
}

func TestOtherMembersAreKept(t *testing.T) {
	s := tell(t, Options{})
	s.report("B", `{"deviceID":"B","lat":1,"lng":1,"fuel":0.5}`)
	if got := string(s.device("B").Location.Other); got != `{"fuel":0.5}` {
		t.Errorf("got %s", got)
	}
	s.report("B", `{"deviceID":"B","lat":1,"lng":1,"x":"%s"}`, strings.Repeat("x", maxOther))
	if got := s.device("B").Location.Other; got != nil {
		t.Errorf("got %d bytes", len(got))
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"MaxDevices": {MaxDevices: -1}, "StaleAfter": {StaleAfter: -1}, "OfflineAfter": {OfflineAfter: time.Second},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
