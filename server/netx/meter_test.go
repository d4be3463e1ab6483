package netx

import (
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	now := time.Unix(1000, 0)
	m := NewMeter(Rate{Messages: 100, Bytes: 1000})
	if d := m.Take(now, 500, 100); d != 0 {
		t.Errorf("what five quiet seconds saved up costs %v", d)
	}
	if d := m.Take(now, 100, 0); d != time.Second {
		t.Errorf("100 messages more wait for %v, want 1s", d)
	}
	if d := m.Take(now.Add(time.Second), 0, 0); d != 0 {
		t.Errorf("after that second %v is left", d)
	}
	if d := m.Take(now.Add(time.Second), 0, 7000); d != 2*time.Second {
		t.Errorf("7000 bytes wait for %v, want 2s", d)
	}
	if d := m.Take(now.Add(time.Hour), 500, 5000); d != 0 {
		t.Errorf("after an hour %v", d)
	}
	if d := m.Take(now, 0, 0); d > 0 { // a clock that goes back
		t.Errorf("when the clock goes back %v", d)
	}
}

// Over a long time a sender that keeps to what it is told gets its rate, and
// what it saved up once.
func TestMeterRate(t *testing.T) {
	start := time.Unix(1000, 0)
	now, sent := start, 0
	m := NewMeter(Rate{Messages: 200})
	for now.Sub(start) < time.Minute {
		sent += 64
		now = now.Add(m.Take(now, 64, 6400) + time.Microsecond)
	}
	if sent < 200*60 || sent > 200*(60+5)+128 {
		t.Errorf("%d messages in a minute at 200 a second", sent)
	}
}

func TestMeters(t *testing.T) {
	now := time.Unix(1000, 0)
	all := NewMeter(Rate{Messages: 10})
	a, b := Meters{nil, NewMeter(Rate{Bytes: 1}), all}, Meters{nil, nil, all}
	if a.Take(now, 50, 0) != 0 || b.Take(now, 20, 0) != 2*time.Second {
		t.Error("the meter of all does not count both")
	}
	if none := (Meters{}); !none.None() || none.Take(now, 1e9, 1e9) != 0 || b.None() {
		t.Error("no meter is no limit")
	}
	if NewMeter(Rate{}) != nil || (*Meter)(nil).Take(now, 1, 1) != 0 {
		t.Error("an empty rate is no limit")
	}
}

func TestRateText(t *testing.T) {
	for text, want := range map[string]Rate{
		"": {}, "0": {}, "200": {200, 0}, "200,1MiB": {200, 1 << 20}, ", 64 KiB": {0, 64 << 10}, " 5 , 7 ": {5, 7}, "1,1GiB": {1, 1 << 30},
	} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%q: %v, %v", text, r, err)
		}
		var again Rate
		if err := again.UnmarshalText([]byte(r.String())); err != nil || again != r {
			t.Errorf("%q written as %q is %v", text, r, again)
		}
	}
	for _, text := range []string{"-1", "x", "1,2,3", "1.5", "1MB", "99999999999999999999", "9999999GiB"} {
		if err := new(Rate).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
