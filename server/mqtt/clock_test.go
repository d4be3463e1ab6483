package mqtt

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

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
