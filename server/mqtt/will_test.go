package mqtt

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/netx"
)

// lastWill is the book's: {"deviceID":"AAA"} at QoS 2 (SYSTEM §3).
func lastWill(props packets.Properties) *packets.Packet {
	return &packets.Packet{
		TopicName: "/mwm/lastWill", Payload: []byte(`{"deviceID":"AAA"}`), Properties: props,
		FixedHeader: packets.FixedHeader{Qos: 2},
	}
}

const willText = `PUBLISH /mwm/lastWill "{\"deviceID\":\"AAA\"}" q2 id=1`

// When a will is published, and when not (MQTT 3.1.1 §3.1.2.5, 5.0 §3.1.2.5,
// §3.1.3.2.2, §3.14.2.1).
func TestWill(t *testing.T) {
	delay := func(secs uint32) packets.Properties { return packets.Properties{WillDelayInterval: secs} }
	expires := func(secs uint32) packets.Properties {
		return packets.Properties{SessionExpiryInterval: secs, SessionExpiryIntervalFlag: true}
	}
	lose := func(f *fixture, p *peer) { p.nc.Close() }
	say := func(b ...byte) func(*fixture, *peer) {
		return func(f *fixture, p *peer) { p.write(b); p.nc.Close() }
	}
	comeBack := func(h hello, after time.Duration) func(*fixture, *peer) {
		return func(f *fixture, p *peer) {
			p.nc.Close()
			synctest.Wait()
			time.Sleep(after)
			f.pipe().shake(h)
		}
	}
	const never = -1
	for _, c := range []struct {
		what string
		h    hello
		do   func(*fixture, *peer)
		when time.Duration
	}{
		{"the connection is lost", hello{id: "AAA"}, lose, 0},
		{"DISCONNECT", hello{id: "AAA"}, say(0xe0, 0), never},
		{"5.0, DISCONNECT 0x00", hello{level: v5, id: "AAA"}, say(0xe0, 0), never},
		{"5.0, DISCONNECT with will", hello{level: v5, id: "AAA"}, say(0xe0, 1, 4), 0},
		{"5.0, DISCONNECT for an error", hello{level: v5, id: "AAA"}, say(0xe0, 1, 0x80), 0},
		{"a protocol error", hello{id: "AAA"}, say(0, 0), 0},
		{"keep alive", hello{id: "AAA", keepAlive: 10}, func(*fixture, *peer) {}, 15 * time.Second},
		{"take-over", hello{id: "AAA"}, func(f *fixture, p *peer) { f.pipe().shake(hello{id: "AAA"}) }, 0},
		{"delay without a session", hello{level: v5, id: "AAA", will: lastWill(delay(9))}, lose, 0},
		{"delay", hello{level: v5, id: "AAA", props: expires(60), will: lastWill(delay(9))}, lose, 9 * time.Second},
		{"delay longer than the session", hello{level: v5, id: "AAA", props: expires(60), will: lastWill(delay(99))}, lose, 60 * time.Second},
		{"back in time", hello{level: v5, id: "AAA", props: expires(60), will: lastWill(delay(9))},
			comeBack(hello{level: v5, id: "AAA", keep: true, props: expires(60)}, 8*time.Second), never},
		{"back in time, but clean", hello{level: v5, id: "AAA", props: expires(60), will: lastWill(delay(9))},
			comeBack(hello{level: v5, id: "AAA"}, 8*time.Second), 8 * time.Second},
		{"take-over with a delay", hello{level: v5, id: "AAA", props: expires(60), will: lastWill(delay(9))},
			func(f *fixture, p *peer) { f.pipe().shake(hello{level: v5, id: "AAA", keep: true, props: expires(60)}) }, never},
		{"the server shuts down", hello{id: "AAA"}, func(f *fixture, p *peer) {
			synctest.Wait() // CONNACK is the first thing that happens
			sess := f.session("AAA")
			sess.mu.Lock()
			c := sess.owner
			sess.mu.Unlock()
			c.close(errShutdown)
		}, never},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, Options{}, false)
				page := f.pipe()
				page.shake(hello{id: "page"})
				page.subscribe(1, "/mwm/lastWill/#", 2)
				page.expect("SUBACK 1 [02]")
				if c.h.will == nil {
					c.h.will = lastWill(packets.Properties{})
				}
				p := f.pipe()
				p.shake(c.h)
				began := time.Now()
				c.do(f, p)
				first, body, err := page.nextWithin(time.Hour)
				switch {
				case c.when == never && err == nil:
					t.Errorf("got %s, want no will", describe(v311, first, body))
				case c.when == never:
				case err != nil:
					t.Errorf("no will came: %v", err)
				default:
					if got := describe(v311, first, body); got != willText {
						t.Errorf("got %s, want %s", got, willText)
					}
					if d := time.Since(began); d != c.when {
						t.Errorf("the will came after %s, want %s", d, c.when)
					}
					if n := f.Stats().Wills.Load(); n != 1 {
						t.Errorf("%d wills published", n)
					}
				}
			})
		})
	}
}

// A will carries its properties, is retained if it says so, and comes before
// anything that a connection which takes over says.
func TestWillProperties(t *testing.T) {
	f := start(t)
	page := f.connect(hello{level: v5, id: "page"})
	page.subscribe(1, "/mwm/#", 1)
	page.expect("SUBACK 1 [01]")
	w := lastWill(packets.Properties{
		ContentType: "application/json", ResponseTopic: "a/b", CorrelationData: []byte("c"), MessageExpiryInterval: 60,
		PayloadFormatFlag: true, PayloadFormat: 1, User: []packets.UserProperty{{Key: "k", Val: "v"}},
	})
	w.FixedHeader.Retain = true
	f.connect(hello{level: v5, id: "AAA", will: w})
	again := f.connect(hello{level: v5, id: "AAA"})
	again.publish(pub{topic: "/mwm/AAA/motion", body: "x"})
	const props = ` format=1 expiry=60 type=application/json response=a/b correlation="c" k:v`
	page.expect(`PUBLISH /mwm/lastWill "{\"deviceID\":\"AAA\"}" q1 id=1`+props, `PUBLISH /mwm/AAA/motion "x"`)
	late := f.connect(hello{level: v5, id: "late"})
	late.subscribe(1, "/mwm/lastWill", 0)
	late.expect("SUBACK 1 [00]", `PUBLISH /mwm/lastWill "{\"deviceID\":\"AAA\"}" retain`+props)
}

// Shutdown tells 5.0 clients 0x8B, closes the others, publishes no will, and
// ends in time although a client does not read.
func TestShutdown(t *testing.T) {
	f := start(t)
	five := f.connect(hello{level: v5, id: "five"})
	three := f.connect(hello{id: "three", will: lastWill(packets.Properties{})})
	silent := f.dial() // never says CONNECT
	watch := f.connect(hello{level: v5, id: "watch"})
	watch.subscribe(1, "/mwm/lastWill", 0)
	watch.expect("SUBACK 1 [00]")
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan error)
	go func() { done <- f.Shutdown(ctx) }()
	five.expect(`DISCONNECT code=0x8b reason="the server is shutting down"`)
	five.expectClosed()
	watch.expect(`DISCONNECT code=0x8b reason="the server is shutting down"`)
	three.expectClosed()
	silent.expectClosed()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
	late := f.dial()
	late.expectClosed()
}

// oneEach lets each account have one connection.
type oneEach struct{ gate }

func (o oneEach) Authenticate(ctx context.Context, c auth.Credentials) (*auth.Principal, error) {
	p, err := o.gate.Authenticate(ctx, c)
	if err == nil {
		p.MaxConns = 1
	}
	return p, err
}

// A CONNECT that is refused leaves the session of its client as it was: its messages
// wait, its will is published when it is due, and it ends when its time is over; also
// when a new session was asked for.
func TestRefusedLeavesTheSession(t *testing.T) {
	for _, clean := range []bool{false, true} {
		t.Run(fmt.Sprint("clean ", clean), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, Options{Authenticator: oneEach{}}, false)
				wills := &tally{}
				if err := f.b.Subscribe(&broker.Subscription{Filter: ">", Receiver: wills}); err != nil {
					t.Fatal(err)
				}
				h := as(v5, "olga")
				h.id, h.keep, h.props = "A", true, forMinutes("A").props
				h.will = lastWill(packets.Properties{WillDelayInterval: 300})
				p := f.pipe()
				p.shake(h)
				p.nc.Close()
				synctest.Wait()
				other := f.pipe()
				other.shake(as(v5, "olga"))
				h.keep = !clean
				f.pipe().shake2(h, `CONNACK session=false code=0x97 reason="too many connections of the same account"`)
				time.Sleep(299 * time.Second)
				if n := wills.count(); n != 0 || len(f.Sessions()) != 2 {
					t.Errorf("%d wills are published before their time, %d sessions are there", n, len(f.Sessions()))
				}
				time.Sleep(2 * time.Second)
				if n := wills.count(); n != 1 {
					t.Errorf("%d wills are published in time", n)
				}
				time.Sleep(300 * time.Second)
				if n := f.keptSessions.Load(); n != 0 || len(f.Sessions()) != 1 {
					t.Errorf("%d sessions count as kept, and %d are there, when the time is over", n, len(f.Sessions()))
				}
				other.goodbye()
			})
		})
	}
}

// A will counts as memory that its client makes the server hold until it is published or
// given up.
func TestWillIsMemory(t *testing.T) {
	const size = 60_000
	booked := bookedIn(size)
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}, false)
		h := forMinutes("A")
		h.will = &packets.Packet{TopicName: "t", Payload: make([]byte, size), Properties: packets.Properties{WillDelayInterval: 300}}
		held := func(what string, wills int) {
			t.Helper()
			synctest.Wait()
			if n := booked(); n != wills {
				t.Errorf("%s: %d wills are booked, want %d", what, n, wills)
			}
		}
		p := f.pipe()
		p.shake(h)
		held("connected", 1)
		p.nc.Close()
		held("away", 1)
		time.Sleep(301 * time.Second)
		held("published", 0)
		p = f.pipe()
		p.shake2(h, "CONNACK session=true code=0x00")
		again := f.pipe()
		again.shake2(h, "CONNACK session=true code=0x00")
		held("taken over", 1)
		again.goodbye()
		held("gone for good", 0)
	})
}

// bookedIn tells in pieces of a size how much memory is booked more than when it was
// called: once those of the tests before have written in the books, which are the
// process's, for the last time.
func bookedIn(size int64) func() int {
	looks, before := time.NewTicker(time.Millisecond), int64(0)
	defer looks.Stop()
	for same := 0; same < 50; same++ {
		if now := netx.MemoryUsed(); now != before {
			before, same = now, 0
		}
		<-looks.C
	}
	return func() int { return int((netx.MemoryUsed() - before + size/8) / size) }
}
