package mqtt

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// forever keeps a session of a test.
var forever = packets.Properties{SessionExpiryInterval: 3600, SessionExpiryIntervalFlag: true}

// A session over restarts: only what was granted is subscribed to, the time that
// the server is down counts for its expiry, to the second, and a will goes on
// waiting for its delay.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{}, false)
		session := func(secs, delay uint32) hello {
			h := hello{level: v5, id: "A", keep: true}
			h.props = packets.Properties{SessionExpiryInterval: secs, SessionExpiryIntervalFlag: true}
			if delay > 0 {
				h.will = lastWill(packets.Properties{WillDelayInterval: delay})
			}
			return h
		}
		page := l.meet(hello{level: v5, id: "page", keep: true, props: forever})
		page.subscribe(1, "/mwm/lastWill", 2)
		page.expect("SUBACK 1 [02]")
		page.goodbye()
		p := l.peer()
		p.shake2(session(60, 30), "CONNACK session=false code=0x00")
		p.subscribe(1, "a/#", 1)
		p.subscribe(2, "b#", 1)
		p.expect("SUBACK 1 [01]")
		if text := p.read(); !strings.HasPrefix(text, "SUBACK 2 [8f]") {
			t.Errorf("got %s", text)
		}
		p.nc.Close()
		synctest.Wait()
		l.stop()
		if err := l.Shutdown(t.Context()); err != nil { // once more
			t.Error(err)
		}
		time.Sleep(29 * time.Second)

		d.boot(-1)
		l = live(t, d, Options{}, false)
		if info := l.session("A").info(); len(info.Subscriptions) != 1 || info.Subscriptions[0] != (SubscriptionInfo{"a/#", 1}) {
			t.Errorf("subscribed to %+v", info.Subscriptions)
		}
		page = l.peer()
		page.shake2(hello{level: v5, id: "page", keep: true, props: forever}, "CONNACK session=true code=0x00")
		page.expectNothing()
		time.Sleep(999 * time.Millisecond)
		synctest.Wait()
		if n := l.Stats().Wills.Load(); n != 0 {
			t.Error("the will came too early")
		}
		time.Sleep(time.Millisecond)
		page.expect(willText)
		page.nc.Close()
		time.Sleep(29*time.Second + 999*time.Millisecond)
		synctest.Wait()
		if l.session("A") == nil {
			t.Error("the session has ended too early")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if l.session("A") != nil {
			t.Error("the session has not ended after 60 s")
		}
		l.stop()
		if boxes, _ := d.count(); boxes != 1 {
			t.Errorf("%d sessions on disk, want 1", boxes)
		}
	})
}

// A client that was connected when the server crashed has ten seconds to come back
// before its will is published.
func TestWillAfterCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{}, false)
		l.peer().shake(hello{id: "A", keep: true, will: lastWill(packets.Properties{})})
		l.peer().shake(hello{id: "B", keep: true, will: lastWill(packets.Properties{})})
		synctest.Wait()
		time.Sleep(time.Second)
		d.set(0)
		l.crash(d)
		d.boot(-1)
		l = live(t, d, Options{}, true)
		l.peer().shake(hello{id: "B", keep: true})
		time.Sleep(9999 * time.Millisecond)
		synctest.Wait()
		early := l.Stats().Wills.Load()
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := l.Stats().Wills.Load(); early != 0 || n != 1 {
			t.Errorf("%d wills before ten seconds, %d after, want 0 and 1", early, n)
		}
		l.stop()
	})
}

// The log has neither payloads nor passwords in it.
func TestLogSaysNoSecrets(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, false)
		p := f.pipe()
		p.shake(hello{id: "A", user: "u", password: "secret-password"})
		p.publish(pub{topic: "t", body: "secret-payload", qos: 1, id: 1})
		p.expect("PUBACK 1")
		p.say(hello{id: "A", user: "u", password: "secret-password"}) // a second CONNECT
		p.expectClosed()
		synctest.Wait()
	})
	if strings.Contains(log.String(), "secret") || log.Len() == 0 {
		t.Errorf("the log says:\n%s", log.String())
	}
}
