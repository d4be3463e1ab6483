package fleet

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/telemetry"
)

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
