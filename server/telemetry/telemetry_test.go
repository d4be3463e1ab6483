package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestDecodeLocation(t *testing.T) {
	ts := time.Date(2013, 9, 23, 8, 43, 0, 0, time.UTC)
	for _, c := range []struct {
		name, payload string
		want          Location
	}{
		{"the book's", `{"deviceID": "BBB", "lat": 48.8581, "lng": 2.2946, "ts": "2013-09-23T08:43Z"}`,
			Location{Lat: 48.8581, Lng: 2.2946, TS: ts, TSForm: TSMinutes}},
		{"all members", `{"deviceID":"BBB","lat":-90,"lng":180,"ts":"2013-09-23T10:43:00+02:00","speed":12.5,"heading":270,"accuracy":5e0}`,
			Location{Lat: -90, Lng: 180, TS: ts, TSForm: TSSeconds, Speed: Some(12.5), Heading: Some(270), Accuracy: Some(5)}},
		{"no ts", `{"deviceID":"BBB","lat":0,"lng":-0.0}`, Location{TSForm: TSMissing}},
		{"ts null", `{"deviceID":"BBB","lat":0,"lng":0,"ts":null}`, Location{TSForm: TSMissing}},
		{"ts a number", `{"deviceID":"BBB","lat":0,"lng":0,"ts":1379925780}`, Location{TSForm: TSUnreadable}},
		{"ts of no day", `{"deviceID":"BBB","lat":0,"lng":0,"ts":"2013-02-30T08:43Z"}`, Location{TSForm: TSUnreadable}},
		{"iOS knows no speed or course", `{"deviceID":"BBB","lat":0,"lng":0,"speed":-1,"heading":-1,"accuracy":-1}`, Location{}},
		{"measurements of another type", `{"deviceID":"BBB","lat":0,"lng":0,"speed":"3","heading":null,"accuracy":[1]}`, Location{}},
		{"full circle", `{"deviceID":"BBB","lat":0,"lng":0,"heading":360}`, Location{Heading: Some(0)}},
		{"other members", ` { "x" : "y" , "deviceID" : "BBB" , "lat":1,"lng":2, "n":-1.5E+3,"b":true } `,
			Location{Lat: 1, Lng: 2, Other: []byte(`{"x":"y","n":-1.5E+3,"b":true}`)}},
		{"nested members", `{"deviceID":"BBB","lat":1,"lng":2,"o":{"a":[1,{"b":null}]}}`,
			Location{Lat: 1, Lng: 2, Other: []byte(`{"o":{"a":[1,{"b":null}]}}`)}},
		{"escapes", `{"device\u0049D":"B\u0042B","lat":1,"lng":2}`, Location{Lat: 1, Lng: 2}},
		{"names given twice: the last counts", `{"deviceID":"BBB","lat":1,"lat":3,"lng":2}`, Location{Lat: 3, Lng: 2}},
		{"names are case-sensitive", `{"deviceID":"BBB","LAT":9,"lat":3,"lng":2}`,
			Location{Lat: 3, Lng: 2, Other: []byte(`{"LAT":9}`)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.DeviceID = "BBB"
			got, err := DecodeLocation([]byte(c.payload), "BBB")
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestDecodeLocationRefuses(t *testing.T) {
	for _, c := range []struct {
		payload string
		reason  Reason
		detail  string
	}{
		{``, NotJSON, "JSON object"},
		{`null`, NotJSON, "JSON object"},
		{`[1]`, NotJSON, "JSON object"},
		{`{"deviceID":"BBB","lat":1,"lng":2`, NotJSON, "JSON object"},
		{`{"deviceID":"BBB","lat":1,"lng":2}}`, NotJSON, "JSON object"},
		{`{"deviceID":"BBB","lat":01,"lng":2}`, NotJSON, "JSON object"},
		{`{"deviceID":"BBB","lat":1,"lng":2,}`, NotJSON, "JSON object"},
		{"{\"deviceID\":\"BBB\",\"lat\":1,\"lng\":2,\"x\":\"\xff\"}", NotJSON, "UTF-8"},
		{`{"deviceID":"BBB","lat":NaN,"lng":2}`, NotJSON, "JSON object"},
		{`{"lat":1,"lng":2}`, Missing, "deviceID"},
		{`{"deviceID":7,"lat":1,"lng":2}`, WrongType, "deviceID"},
		{`{"deviceID":"CCC","lat":1,"lng":2}`, WrongDevice, "another device"},
		{`{"deviceID":"BBB","lng":2}`, Missing, "lat"},
		{`{"deviceID":"BBB","lat":1}`, Missing, "lng"},
		{`{"deviceID":"BBB","lat":"1","lng":2}`, WrongType, "lat"},
		{`{"deviceID":"BBB","lat":1,"lng":null}`, WrongType, "lng"},
		{`{"deviceID":"BBB","lat":91,"lng":2}`, OutOfRange, "between -90 and 90"},
		{`{"deviceID":"BBB","lat":1,"lng":-180.1}`, OutOfRange, "between -180 and 180"},
		{`{"deviceID":"BBB","lat":1e999,"lng":2}`, OutOfRange, "lat"},
		{`{"deviceID":"BBB","x":"` + strings.Repeat("x", MaxLocationSize) + `"}`, TooLarge, "16384"},
		{strings.Repeat(`{"a":`, 3000) + `1` + strings.Repeat(`}`, 1000), NotJSON, "JSON object"},
	} {
		_, err := DecodeLocation([]byte(c.payload), "BBB")
		if !errors.Is(err, &Refusal{Reason: c.reason}) || !strings.Contains(err.Error(), c.detail) {
			t.Errorf("%.80s: got %v, want %s with %q", c.payload, err, c.reason, c.detail)
		}
		aboutOne := c.reason == Missing || c.reason == WrongType || c.reason == OutOfRange || c.reason == WrongDevice
		if r := (*Refusal)(nil); errors.As(err, &r) && (r.Member != "") != aboutOne || !strings.HasPrefix(r.Detail, r.Member) {
			t.Errorf("%.80s: the member at fault is %q: %s", c.payload, r.Member, r.Detail)
		}
	}
}

func TestDecodeLocationOfAnyDevice(t *testing.T) {
	loc, err := DecodeLocation([]byte(`{"deviceID":"<b &","lat":1,"lng":2}`), "")
	if err != nil || loc.DeviceID != "<b &" {
		t.Errorf("got %+v, %v", loc, err)
	}
	if _, err := DecodeLocation([]byte(`{"deviceID":"a.b","lat":1,"lng":2}`), ""); !errors.Is(err, &Refusal{Reason: BadID}) {
		t.Errorf("got %v, want a refusal of the ID", err)
	}
}

func TestParseTS(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // RFC 3339; empty if unreadable
		form TSForm
	}{
		{"2013-09-23T08:43Z", "2013-09-23T08:43:00Z", TSMinutes},
		{"2013-09-23T08:43:12Z", "2013-09-23T08:43:12Z", TSSeconds},
		{"2014-04-21T17:30:39+02:00", "2014-04-21T15:30:39Z", TSSeconds},
		{"2014-04-1T17:30:39+02:00", "2014-04-01T15:30:39Z", TSSeconds},
		{"2014-4-1T17:30:39-0230", "2014-04-01T20:00:39Z", TSSeconds},
		{"2014-04-01T00:30+01", "2014-03-31T23:30:00Z", TSMinutes},
		{"2016-02-29T23:59:60Z", "2016-03-01T00:00:00Z", TSSeconds},
		{"2013-09-23T08:43:12.345678Z", "2013-09-23T08:43:12.345678Z", TSSeconds},
		{"2013-09-23T08:43:12,5Z", "2013-09-23T08:43:12.5Z", TSSeconds},
		{"2013-09-23 08:43:12Z", "2013-09-23T08:43:12Z", TSSeconds},
		{"", "", TSUnreadable},
		{"2013-09-23", "", TSUnreadable},
		{"2013-09-23T08:43:12", "", TSUnreadable},
		{"2013-09-23T08:43:12.Z", "", TSUnreadable},
		{"2013-09-23T08:43:12Z ", "", TSUnreadable},
		{"2013-9-123T08:43Z", "", TSUnreadable},
		{"2013-13-01T08:43Z", "", TSUnreadable},
		{"2015-02-29T08:43Z", "", TSUnreadable},
		{"1900-02-29T08:43Z", "", TSUnreadable},
		{"2013-09-00T08:43Z", "", TSUnreadable},
		{"2013-09-23T24:00Z", "", TSUnreadable},
		{"2013-09-23T08:60Z", "", TSUnreadable},
		{"2013-09-23T08:43:61Z", "", TSUnreadable},
		{"2013-09-23T08:43+24:00", "", TSUnreadable},
		{"2013-09-23T08:43+02:60", "", TSUnreadable},
		{"1379925780", "", TSUnreadable},
	} {
		got, form := ParseTS([]byte(c.in))
		text := ""
		if !got.IsZero() {
			text = got.Format(time.RFC3339Nano)
		}
		if text != c.want || form != c.form {
			t.Errorf("%q: got %q, form %d; want %q, form %d", c.in, text, form, c.want, c.form)
		}
	}
}

func TestLocationRoundTrip(t *testing.T) {
	want := Location{
		DeviceID: `<b>"é\`, Lat: 42.5077885, Lng: 1.5208624, TSForm: TSSeconds,
		TS: time.Date(2025, 1, 2, 3, 4, 5, 678e6, time.UTC), Speed: Some(13.9), Heading: Some(0), Accuracy: Some(3.5),
	}
	payload := AppendLocation(nil, want)
	if got, err := DecodeLocation(payload, want.DeviceID); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, %v", payload, got, err)
	}
	const short = `{"deviceID":"BBB","lat":48.8581,"lng":2.2946,"ts":"2013-09-23T08:43:12Z"}`
	got := AppendLocation(nil, Location{DeviceID: "BBB", Lat: 48.8581, Lng: 2.2946, TS: time.Date(2013, 9, 23, 8, 43, 12, 0, time.UTC)})
	if string(got) != short {
		t.Errorf("got %s\nwant %s", got, short)
	}
}

func TestDecodeLocationDoesNotAllocate(t *testing.T) {
	payload := []byte(`{"deviceID":"BBB","lat":48.8581234,"lng":2.2946123,"ts":"2013-09-23T08:43:12.345Z","speed":12.5,"heading":270.1}`)
	if n := testing.AllocsPerRun(100, func() { _, _ = DecodeLocation(payload, "BBB") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMotion(t *testing.T) {
	payload := []byte{
		0x3f, 0xf8, 0, 0, 0, 0, 0, 0, // 1.5
		0xc0, 0x00, 0, 0, 0, 0, 0, 0, // -2
		0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18, // π
	}
	want := Motion{1.5, -2, math.Pi}
	if got, err := DecodeMotion(payload); err != nil || got != want {
		t.Errorf("got %v, %v", got, err)
	}
	if got := AppendMotion(nil, want); !bytes.Equal(got, payload) {
		t.Errorf("encoded %x", got)
	}
	for _, n := range []int{0, 23, 25} {
		if _, err := DecodeMotion(make([]byte, n)); !errors.Is(err, &Refusal{Reason: WrongSize}) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if _, err := DecodeMotion(AppendMotion(nil, Motion{Yaw: v})); !errors.Is(err, &Refusal{Reason: NotFinite}) || !strings.Contains(err.Error(), "yaw") {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestWill(t *testing.T) {
	if id, err := DecodeWill([]byte(`{"deviceID":"XXX"}`)); err != nil || id != "XXX" {
		t.Errorf("got %q, %v", id, err)
	}
	if got := string(AppendWill(nil, "XXX")); got != `{"deviceID":"XXX"}` {
		t.Errorf("encoded %s", got)
	}
	for payload, reason := range map[string]Reason{
		`Web client 1 has unexpectedly died`: NotJSON, `{}`: Missing, `{"deviceID":null}`: WrongType, `{"deviceID":""}`: BadID,
		`{"deviceID":"` + strings.Repeat("x", MaxWillSize) + `"}`: TooLarge,
	} {
		if _, err := DecodeWill([]byte(payload)); !errors.Is(err, &Refusal{Reason: reason}) {
			t.Errorf("%.40s: got %v, want %s", payload, err, reason)
		}
	}
}

func TestColors(t *testing.T) {
	if len(Colors()) != 14 {
		t.Errorf("%d colours", len(Colors()))
	}
	for name, rgb := range map[string]uint32{"red": 0xFF0000, "orange": 0xFF8000, "brown": 0x996633, "darkGray": 0x555555} {
		if c, known := ColorNamed(name); !known || c.RGB != rgb || c.Name != name {
			t.Errorf("%s: %+v, %t", name, c, known)
		}
	}
	for _, name := range []string{"Red", "darkgray", "pink", "", "<b>"} {
		if c, known := ColorNamed(name); known || c.RGB != 0xFF0000 {
			t.Errorf("%q: %+v, %t; want red", name, c, known)
		}
	}
}

func TestCheckID(t *testing.T) {
	for _, id := range []string{"A", "BBB", "<img src=x onerror=alert(1) ", "트럭", "a b", "$SYS", strings.Repeat("é", 128), "�"} {
		if err := CheckID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "a.b", "a/b", "*", "a>", "+", "#", "a\n", "\x00", "\x7f", "\u0085", "\xff", strings.Repeat("é", 129), strings.Repeat("x", 1<<20)} {
		if err := CheckID(id); !errors.Is(err, &Refusal{Reason: BadID}) {
			t.Errorf("%.20q: %v", id, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		name string
		from func(string) (string, bool)
		id   string
		ok   bool
	}{
		{"device.BBB.location", LocationID, "BBB", true},
		{"device.BBB.text", TextID, "BBB", true},
		{".mwm.AAA.motion", MotionID, "AAA", true},
		{".mwm.AAA.alert", AlertID, "AAA", true},
		{"device..location", LocationID, "", false},
		{"device.location", LocationID, "", false},
		{"device.B.C.location", LocationID, "", false},
		{"device.BBB.text", LocationID, "", false},
		{"mwm.AAA.motion", MotionID, "", false},
		{".mwm.motion", MotionID, "", false},
		{LastWill, MotionID, "", false},
		{LastWillWeb, AlertID, "", false},
	} {
		if id, ok := c.from(c.name); ok != c.ok || ok && id != c.id {
			t.Errorf("%s: %q, %t", c.name, id, ok)
		}
	}
	for got, want := range map[string]string{
		LocationName("B"): "device.B.location", TextName("B"): "device.B.text", MotionName("B"): ".mwm.B.motion", AlertName("B"): ".mwm.B.alert",
		LocationDestination("B"): "/topic/device.B.location", TextDestination("B"): "/queue/device.B.text",
		MotionTopic("B"): "/mwm/B/motion", AlertTopic("B"): "/mwm/B/alert",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzMembers compares the scanner with encoding/json: whatever it accepts must
// be read alike there.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{"deviceID": "BBB", "lat": 48.8581, "lng": 2.2946, "ts": "2013-09-23T08:43Z"}`, `{}`, ` { } `, `{"a":1,}`,
		`{"lat":-0.5e-3,"x":[1,{"y":null}],"speed":true}`, `{"lat":1,"lat":2}`, `{"l\u0061t":1}`, `{"x":01}`, `{"x":1.}`, `{"x":-}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var fast members
		if !utf8.Valid(payload) || !fast.scan(payload) {
			return
		}
		slow, err := unmarshalMembers(payload)
		if err != nil {
			t.Fatalf("scanned %q, which encoding/json refuses", payload)
		}
		if (fast.other == nil) != (slow.other == nil) || fast.other != nil && !sameJSON(t, fast.other, slow.other) {
			t.Errorf("%q: other members %q, want %q", payload, fast.other, slow.other)
		}
		fast.other, slow.other = nil, nil
		if !reflect.DeepEqual(fast, slow) {
			t.Errorf("%q: got %+v\nwant %+v", payload, fast, slow)
		}
	})
}

func sameJSON(t *testing.T, a, b []byte) bool {
	var x, y map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Errorf("%q or %q: %v", a, b, err)
	}
	canonical := func(m map[string]json.RawMessage) string { out, _ := json.Marshal(m); return string(out) }
	return canonical(x) == canonical(y)
}

// FuzzLocation holds decoded locations to what the fleet relies on.
func FuzzLocation(f *testing.F) {
	f.Add([]byte(`{"deviceID":"BBB","lat":48.8581,"lng":2.2946,"ts":"2013-09-23T08:43Z","speed":1,"heading":359.9}`))
	f.Add([]byte(`{"deviceID":"BBB","lat":91,"lng":2.2946}`))
	f.Add([]byte(`{"\u0064eviceID":"BBB","lat":9,"lng":2.2946}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		loc, err := DecodeLocation(payload, "BBB")
		if err != nil {
			if r := (*Refusal)(nil); !errors.As(err, &r) || r.Reason == "" || r.Detail == "" {
				t.Errorf("%q: %v is not a refusal with a reason", payload, err)
			}
			return
		}
		if NoLocation(payload) {
			t.Errorf("%q is a location, and none", payload)
		}
		if !(math.Abs(loc.Lat) <= 90 && math.Abs(loc.Lng) <= 180) || loc.Heading.Value < 0 || loc.Heading.Value >= 360 || !(loc.Speed.Value >= 0) {
			t.Errorf("%q: %+v", payload, loc)
		}
		if loc.Other != nil && !json.Valid(loc.Other) {
			t.Errorf("%q: other members %q", payload, loc.Other)
		}
		again, err := DecodeLocation(AppendLocation(nil, loc), "BBB")
		if err != nil || math.Abs(again.Lat-loc.Lat) > 1e-7 || math.Abs(again.Lng-loc.Lng) > 1e-7 {
			t.Errorf("%q: %+v became %+v, %v", payload, loc, again, err)
		}
	})
}

// FuzzWill holds that whom a will names may be a device, and survives encoding.
func FuzzWill(f *testing.F) {
	f.Add([]byte(`{"deviceID":"XXX"}`))
	f.Add([]byte(`{"deviceID":"<b \u00e9"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		id, err := DecodeWill(payload)
		if err != nil {
			return
		}
		if again, err := DecodeWill(AppendWill(nil, id)); err != nil || again != id {
			t.Errorf("%q: %q became %q, %v", payload, id, again, err)
		}
		if got, ok := MotionID(MotionName(id)); !ok || got != id {
			t.Errorf("%q: %q is %q in an address", payload, id, got)
		}
	})
}

// FuzzMotion holds that what is taken is finite and comes out as it went in.
func FuzzMotion(f *testing.F) {
	f.Add(AppendMotion(nil, Motion{Pitch: 1, Roll: -2, Yaw: 3}))
	f.Add([]byte("\x7f\xf0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(make([]byte, MotionSize-1))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := DecodeMotion(payload)
		if err != nil {
			return
		}
		if sum := m.Pitch - m.Pitch + m.Roll - m.Roll + m.Yaw - m.Yaw; sum != 0 {
			t.Errorf("% x is taken, which is %v", payload, m)
		}
		if again := AppendMotion(nil, m); string(again) != string(payload) {
			t.Errorf("% x becomes % x", payload, again)
		}
	})
}

// FuzzTS holds the parser to time.Parse wherever that knows the form.
func FuzzTS(f *testing.F) {
	f.Add("2013-09-23T08:43:12Z")
	f.Add("2014-04-21T17:30:39.5+02:00")
	f.Fuzz(func(t *testing.T, s string) {
		got, form := ParseTS([]byte(s))
		if want, err := time.Parse(time.RFC3339Nano, s); err == nil && form != TSUnreadable && !got.Equal(want) {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
		if got.IsZero() != (form == TSUnreadable) && got.Unix() != (time.Time{}).Unix() {
			t.Errorf("%q: %v with form %d", s, got, form)
		}
	})
}

func BenchmarkDecodeLocation(b *testing.B) {
	payload := []byte(`{"deviceID":"BBB","lat":48.8581234,"lng":2.2946123,"ts":"2013-09-23T08:43:12.345Z","speed":12.5,"heading":270.1}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeLocation(payload, "BBB"); err != nil {
			b.Fatal(err)
		}
	}
}
