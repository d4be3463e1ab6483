package fleet

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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

func TestStatusAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { _ = f.Run(ctx) })
		f.Location("BBB", []byte(`{"deviceID":"BBB","lat":1,"lng":1,"speed":9}`), time.Now(), false)
		f.Location("CCC", []byte(`{"deviceID":"CCC","lat":1,"lng":1,"speed":0.4}`), time.Now(), false)
		f.Connected("DDD", MQTT, time.Now())
		f.Motion("DDD", make([]byte, 24), time.Now(), false)
		status := func(want string) {
			t.Helper()
			synctest.Wait()
			var got []string
			devices, _ := f.List(0, 10, "")
			for _, d := range devices {
				got = append(got, d.Status)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("after %v: %v, want %s", time.Since(start), got, want)
			}
		}
		status("moving idle idle")
		<-time.After(14500 * time.Millisecond)
		status("moving idle idle")
		<-time.After(2 * time.Second)
		status("stale stale stale")
		<-time.After(103 * time.Second) // 119.5 s
		status("stale stale stale")
		<-time.After(2 * time.Second)
		status("offline offline stale") // an open connection is known to be there
		f.Disconnected("DDD", MQTT, true, time.Now())
		status("offline offline offline")
		f.Location("BBB", []byte(`{"deviceID":"BBB","lat":1,"lng":1,"speed":9}`), time.Now(), false)
		status("moving offline offline")
		cancel()
		wg.Wait()
	})
}

func TestPresenceByConnection(t *testing.T) {
	s := tell(t, Options{})
	s.Connected("page", MQTT, s.now) // reports nothing: no device
	s.Connected("BBB", STOMP, s.now)
	if st := s.Stats(); st.Devices != 0 || st.Clients != 2 {
		t.Errorf("%+v", st)
	}
	s.at("BBB", 1, 1)
	if o := s.device("BBB").Online; !o.STOMP || o.MQTT {
		t.Errorf("online %+v", o)
	}
	s.Connected("BBB", MQTT, s.now)
	s.Disconnected("BBB", STOMP, true, s.now)
	s.wantStatus("BBB", "idle") // by the other protocol
	s.Disconnected("BBB", MQTT, false, s.now)
	s.wantStatus("BBB", "offline")
	s.Connected("BBB", MQTT, s.now)
	s.wantStatus("BBB", "idle")
	s.Connected("BBB", MQTT, s.now) // takes over
	s.Disconnected("BBB", MQTT, true, s.now)
	s.wantStatus("BBB", "idle")
	s.Disconnected("page", MQTT, true, s.now)
	s.Disconnected("never came", MQTT, true, s.now)
	if st := s.Stats(); st.Clients != 0 {
		t.Errorf("%+v", st)
	}
	s.wantEvents("online BBB: reports its location", "offline BBB: MQTT connection closed", "online BBB: connected with MQTT")
}

func TestRetainedIsNoSignOfLife(t *testing.T) {
	s := tell(t, Options{})
	s.turn("AAA", true)
	s.Location("BBB", []byte(`{"deviceID":"BBB","lat":1,"lng":1}`), s.now, true)
	for _, id := range []string{"AAA", "BBB"} {
		s.wantStatus(id, "offline")
		if d := s.device(id); d.LastSeen != nil || d.Motion == nil && d.Location == nil {
			t.Errorf("%+v", d)
		}
	}
	s.wantEvents()
	var b Batch
	s.Tick(&b)
	if len(b.Motions) != 1 || b.Motions[0].Age != MaxMotionAge || b.Presences[0].Age != NeverSeen {
		t.Errorf("%+v", b)
	}
	// What is known from the device itself beats what is replayed.
	s.Motion("AAA", telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 2}), s.now, false)
	s.turn("AAA", true)
	if p := s.device("AAA").Motion.Pitch; p != 2 {
		t.Errorf("pitch %v", p)
	}
}

func TestLastWill(t *testing.T) {
	s := tell(t, Options{})
	s.Connected("AAA", MQTT, s.now)
	s.turn("AAA", false)
	s.Will("EVE", []byte(`{"deviceID":"AAA"}`), s.now)
	s.Will("AAA", []byte(`lost`), s.now)
	s.wantStatus("AAA", "idle")
	var b Batch
	s.Tick(&b)
	s.Will("AAA", []byte(`{"deviceID":"AAA"}`), s.now)
	s.Disconnected("AAA", MQTT, true, s.now)
	s.wantStatus("AAA", "offline")
	if s.device("AAA").Motion == nil {
		t.Error("the last motion is forgotten")
	}
	s.Tick(&b)
	if len(b.Presences) != 1 || b.Presences[0].Flags&FlagMotion != 0 {
		t.Errorf("%+v", b.Presences)
	}
	s.Since(0, &b)
	if len(b.Motions) != 0 {
		t.Error("a newcomer is shown the motion")
	}
	s.wantEvents("online AAA", "payload EVE: last will not believed: deviceID names another device than the sender",
		"payload AAA: last will not believed: the payload is not a JSON object", "lastwill AAA", "offline AAA: last will")
	s.turn("AAA", false)
	s.Tick(&b)
	if s.wantStatus("AAA", "idle"); b.Presences[0].Flags&FlagMotion == 0 {
		t.Errorf("%+v", b.Presences)
	}
	// Its truck half keeps the device here.
	s.Connected("AAA", STOMP, s.now)
	s.Connected("AAA", MQTT, s.now)
	s.Will("AAA", []byte(`{"deviceID":"AAA"}`), s.now)
	s.wantStatus("AAA", "idle")
	if st := s.Stats(); st.LastWills != 2 || st.RefusedLastWills != 2 {
		t.Errorf("%+v", st)
	}
}

// A phone that is lost just after it has moved leaves the motion page: its last
// motion must not come behind its removal.
func TestLostInTheTickOfItsLastMotion(t *testing.T) {
	s := tell(t, Options{})
	s.turn("AAA", false)
	var b Batch
	s.Tick(&b)
	for what, lose := range map[string]func(){
		"a last will":    func() { s.Will("AAA", []byte(`{"deviceID":"AAA"}`), s.now) },
		"an empty value": func() { s.Motion("AAA", nil, s.now, true) },
	} {
		s.turn("AAA", false)
		lose()
		if !s.Tick(&b) || len(b.Motions) != 0 || len(b.Presences) != 1 || b.Presences[0].Flags&FlagMotion != 0 {
			t.Errorf("%s: %+v", what, b)
		}
	}
}

func TestTakenOverPhoneStays(t *testing.T) {
	s := tell(t, Options{})
	s.Connected("AAA", MQTT, s.now)
	s.turn("AAA", false)
	s.Connected("AAA", MQTT, s.now)
	s.Will("AAA", []byte(`{"deviceID":"AAA"}`), s.now) // of the first connection
	s.Disconnected("AAA", MQTT, true, s.now)
	s.wantStatus("AAA", "idle")
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

func TestTexts(t *testing.T) {
	s := tell(t, Options{TextsPerDevice: 3, MaxTexts: 5, MaxTextBody: 10})
	update := func(id string, state TextState) (Text, bool) {
		s.pass(time.Second)
		return s.Text(TextUpdate{ID: id, State: state, At: s.now, Device: "BBB", Body: "hello, 트럭!", Expires: s.now.Add(time.Hour)})
	}
	for _, step := range []struct{ do, is TextState }{
		{TextWaiting, TextWaiting}, {TextAccepted, TextWaiting}, {TextDelivered, TextDelivered}, {TextWaiting, TextWaiting},
		{TextDelivered, TextDelivered}, {TextConsumed, TextConsumed}, {TextExpired, TextConsumed},
	} {
		if text, ok := update("1", step.do); !ok || text.State != step.is || text.Body != "hello, …" || text.At != start.Add(time.Second).UnixMilli() {
			t.Errorf("%s: %+v, %t", step.do, text, ok)
		}
	}
	s.wantEvents("text BBB: a text waits", "a text was delivered", "a text waits", "a text was delivered", "a text was confirmed")
	for i := range 4 {
		update(fmt.Sprint("b", i), TextAccepted)
	}
	s.at("BBB", 1, 1)
	if texts := s.device("BBB").Texts; len(texts) != 3 || texts[0].ID != "b1" || texts[2].ID != "b3" {
		t.Errorf("%+v", texts)
	}
	for i := range 4 {
		s.Text(TextUpdate{ID: fmt.Sprint("c", i), State: TextAccepted, At: s.now, Device: fmt.Sprint("C", i), Body: "x"})
	}
	if st := s.Stats(); st.Texts != 5 || st.TextsForgotten != 4 {
		t.Errorf("%+v", st)
	}
	for _, u := range []TextUpdate{{State: TextAccepted, Device: "B"}, {ID: "new", State: TextConsumed}, {ID: "new", Device: "a.b", State: TextWaiting}, {ID: "new", Device: "B", State: "lost"}} {
		if _, ok := s.Text(u); ok {
			t.Errorf("%+v was taken", u)
		}
	}
}

// A text that was refused is delivered again: that changes nothing, unless the
// device takes it then.
func TestRefusedTexts(t *testing.T) {
	s := tell(t, Options{})
	to := func(state TextState) TextState {
		s.pass(time.Second)
		text, _ := s.Text(TextUpdate{ID: "1", State: state, At: s.now, Device: "BBB", Body: "x"})
		return text.State
	}
	for _, step := range []struct{ to, want TextState }{
		{TextDelivered, TextDelivered}, {TextRefused, TextRefused}, {TextDelivered, TextRefused}, {TextWaiting, TextRefused},
		{TextConsumed, TextConsumed}, {TextRefused, TextConsumed}, {TextDeleted, TextConsumed},
	} {
		if got := to(step.to); got != step.want {
			t.Errorf("%s makes it %s, not %s", step.to, got, step.want)
		}
	}
	s.wantEvents("text BBB: a text was delivered", "text BBB: a text was refused", "text BBB: a text was confirmed")
}

// The page hears of a text by the feed and by the answer to its own request, in
// any order: of two states the one updated later is the newer one, also when
// both came within a millisecond.
func TestTextUpdatesGrow(t *testing.T) {
	s := tell(t, Options{})
	var last int64
	for _, state := range []TextState{TextWaiting, TextDelivered, TextConsumed} {
		text, _ := s.Text(TextUpdate{ID: "1", State: state, At: s.now, Device: "BBB", Body: "x"})
		if text.Updated <= last {
			t.Errorf("%s is updated at %d, the state before it at %d", state, text.Updated, last)
		}
		last = text.Updated
	}
}

func TestAlerts(t *testing.T) {
	s := tell(t, Options{})
	s.Alerted("AAA", "yellow", 2, s.now)
	s.Alerted("AAA", "<b", -1, s.now)
	s.Alerted("a.b", "red", 1, s.now)
	items := s.Log(0, nil)
	if len(items) != 4 || items[0].Alert.Color != "yellow" || *items[0].Alert.Listeners != 2 ||
		items[2].Alert.Color != "red" || items[2].Alert.Listeners != nil || items[2].Alert.ID == items[0].Alert.ID {
		t.Errorf("%+v", items)
	}
	s.wantEvents("alert AAA: yellow: 2 listeners", "alert AAA: red")
}

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

func TestAngles(t *testing.T) {
	for radians, want := range map[float64]int16{
		0: 0, 1.5: 15000, -math.Pi: -31416, 3.2767: 32767, 2 * math.Pi: 0, 3.3: -29832, -1e300: angle(math.Remainder(-1e300, 2*math.Pi)),
	} {
		if got := angle(radians); got != want {
			t.Errorf("%v: %d, want %d", radians, got, want)
		}
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

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"MaxDevices": {MaxDevices: -1}, "StaleAfter": {StaleAfter: -1}, "OfflineAfter": {OfflineAfter: time.Second},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
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
