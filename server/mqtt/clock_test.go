package mqtt

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/clock"
)

// A session that began while the clock was wrong lasts for as long as it was to when
// the clock is set, restarts included.
func TestClockIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := -57 * 365 * 24 * time.Hour
		now := func() time.Time { return time.Now().Add(wrong).Round(0) }
		d := newDisk()
		d.clock = clock.New(now, 0)
		d.boot(-1)
		l := live(t, d, Options{}, false)
		p := l.peer()
		p.shake2(hello{level: v5, id: "A", keep: true, props: packets.Properties{SessionExpiryInterval: 3 * 3600, SessionExpiryIntervalFlag: true}},
			"CONNACK session=false code=0x00")
		p.nc.Close()
		wrong = 0
		d.clock.Look()
		time.Sleep(clock.Steady)
		if _, set := d.clock.Look(); !set {
			t.Fatal("the right time is not believed after an hour")
		}
		l.ClockSet()
		l.stop()

		d.clock = clock.New(now, time.Now().UnixMilli())
		d.boot(-1)
		l = live(t, d, Options{}, false)
		time.Sleep(2*time.Hour - time.Second)
		synctest.Wait()
		if l.session("A") == nil {
			t.Error("the session has ended too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if l.session("A") != nil {
			t.Error("the session has not ended after three hours")
		}
		l.stop()
	})
}

// What is left of a message's time is counted by the clock that it is given up by,
// whatever the machine's shows.
func TestExpiryByTheClock(t *testing.T) {
	c := clock.New(func() time.Time { return time.Unix(1000, 0) }, 0)
	e := encoder{level: v5, clock: c}
	p := e.Append(nil, &broker.Message{Name: "a", Expires: c.At(time.Now().Add(time.Hour)).UnixMilli()})
	const head = "\x30\x09\x00\x01a\x05\x02" // PUBLISH to "a" with a message expiry interval
	if len(p) != len(head)+4 || string(p[:len(head)]) != head {
		t.Fatalf("encoded as %q", p)
	}
	if left := binary.BigEndian.Uint32(p[len(head):]); left > 3600 || left < 3500 {
		t.Errorf("%d seconds are left, want an hour", left)
	}
}
