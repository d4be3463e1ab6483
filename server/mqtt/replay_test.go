package mqtt

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// Retained messages: kept, replaced, cleared by an empty payload, sent with the
// flag on SUBSCRIBE as retain handling says, and without it when they are new
// (MQTT 5.0 §3.3.1.3).
func TestRetained(t *testing.T) {
	f := start(t)
	src := f.connect(hello{level: v5, id: "src"})
	src.publish(pub{topic: "m/A", body: "old", retain: true})
	src.publish(pub{topic: "m/A", body: "a", retain: true, props: packets.Properties{ContentType: "x"}})
	src.publish(pub{topic: "m/A", body: "not retained"})
	src.publish(pub{topic: "m/B", body: "b", retain: true})
	src.publish(pub{topic: "m/B", retain: true})
	src.publish(pub{topic: "m/C", body: "c", retain: true, qos: 2, id: 1})
	src.expect("PUBREC 1 code=0x10")

	replayed := func(p *peer, n int) []string {
		t.Helper()
		var got []string
		for range n {
			got = append(got, p.read())
		}
		slices.Sort(got)
		p.expectNothing()
		return got
	}
	p := f.connect(hello{id: "three"})
	p.subscribe(1, "m/+", 1)
	p.expect("SUBACK 1 [01]")
	if got, want := replayed(p, 2), []string{`PUBLISH m/A "a" retain`, `PUBLISH m/C "c" q1 id=1 retain`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	p.subscribe(2, "m/A", 0)
	p.expect("SUBACK 2 [00]", `PUBLISH m/A "a" retain`)
	p.subscribe(3, "m/A", 0) // again [MQTT-3.8.4-3]
	p.expect("SUBACK 3 [00]", `PUBLISH m/A "a" retain`)
	p.unsubscribe(4, "m/A")
	p.expect("UNSUBACK 4 []")
	src.publish(pub{topic: "m/A", body: "new", retain: true})
	p.expect(`PUBLISH m/A "new"`)

	five := f.connect(hello{level: v5, id: "five"})
	five.subscribe(1, "m/A", retainIfNew|retainAsIs)
	five.expect("SUBACK 1 [00]", `PUBLISH m/A "new" retain`)
	five.subscribe(2, "m/A", retainIfNew|retainAsIs)
	five.expect("SUBACK 2 [00]")
	five.subscribe(3, "m/C", retainNever)
	five.expect("SUBACK 3 [00]")
	five.expectNothing()
	src.publish(pub{topic: "m/A", body: "as published", retain: true})
	five.expect(`PUBLISH m/A "as published" retain`)
	five.subscribe(4, "$share/g/m/C", 0) // MQTT 5.0 §4.8.2: not for shared ones
	five.expect("SUBACK 4 [00]")
	five.expectNothing()
}

// Thousands of retained messages reach a subscriber whole, whatever the window
// and the size of its outbound queue, and do not stop its other packets.
func TestManyRetained(t *testing.T) {
	f := newFixture(t, Options{MaxOutbound: 64 << 10, MaxInflight: 10, MaxQueued: 10}, true)
	src := f.b.NewPublisher(nil)
	src.Begin(time.Now())
	const n = 3000
	for i := range n {
		r, err := src.Topic(fmt.Appendf(nil, "m.%04d", i))
		if err != nil {
			t.Fatal(err)
		}
		m := src.Add(r)
		m.Body, m.Retain, m.QoS = []byte(strings.Repeat("x", 100)), true, byte(i%2)
	}
	src.Flush()
	p := f.connect(hello{id: "A"})
	p.subscribe(1, "m/#", 1)
	p.expect("SUBACK 1 [01]")
	seen := map[string]bool{}
	for len(seen) < n {
		first, body, err := p.next()
		if err != nil {
			t.Fatalf("%v after %d messages", err, len(seen))
		}
		var pk packets.Packet
		pk.ProtocolVersion = v311
		if pk.FixedHeader.Decode(first) != nil || pk.PublishDecode(body) != nil || !pk.FixedHeader.Retain {
			t.Fatalf("got %s", describe(v311, first, body))
		}
		seen[pk.TopicName] = true
		if pk.FixedHeader.Qos == 1 {
			p.ack(packets.Puback, pk.PacketID)
		}
	}
	p.expectNothing()
}

// What a kept session has not been sent of the retained messages, or has not
// acknowledged, waits for its client like all else, and survives a crash.
func TestRetainedWaits(t *testing.T) {
	for _, c := range []struct {
		n       int
		qos     byte
		crashes bool
		again   int // how many come again that had come
	}{
		{10, 1, false, 0}, {10, 2, false, 0}, {maxAway + 10, 1, false, 2}, {10, 1, true, 2}, {10, 2, true, 2},
	} {
		t.Run(fmt.Sprintf("%d at QoS %d, crash %t", c.n, c.qos, c.crashes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				l := live(t, d, Options{MaxInflight: 1}, false)
				retain := func() {
					for i := range c.n {
						l.b.RestoreRetained(&broker.Message{Name: fmt.Sprintf("m.%d", i), Body: []byte("x"), QoS: 2, Retain: true, Persistent: true})
					}
				}
				retain()
				p := l.meet(hello{id: "A", keep: true})
				p.subscribe(1, "m/#", c.qos)
				p.expect(fmt.Sprintf("SUBACK 1 [%02x]", c.qos))
				p.ackAs(p.read())
				inFlight := p.read()
				if c.crashes {
					time.Sleep(time.Second) // that it was acknowledged is on disk, too
					l.crash(d)
					d.boot(-1)
					l = live(t, d, Options{MaxInflight: 1}, true)
					retain()
				} else {
					p.nc.Close()
					synctest.Wait()
				}
				p = l.peer()
				p.shake2(hello{id: "A", keep: true}, "CONNACK session=true code=0x00")
				got := map[string]int{}
				for i := range c.n - 1 + c.again {
					text := p.read()
					if i == 0 && text != strings.Replace(inFlight, " retain", " dup retain", 1) {
						t.Errorf("got %s, in flight was %s", text, inFlight)
					}
					got[strings.Fields(text)[1]]++
					p.ackAs(text)
				}
				if len(got) < c.n-1 {
					t.Errorf("%d of %d topics came", len(got), c.n-1)
				}
				l.stop()
			})
		})
	}
}

// ackAs acknowledges a PUBLISH as its QoS has it.
func (p *peer) ackAs(text string) {
	p.t.Helper()
	var id uint16
	_, at, _ := strings.Cut(text, " id=")
	if _, err := fmt.Sscanf(at, "%d", &id); err != nil {
		p.t.Fatalf("got %s", text)
	}
	if !strings.Contains(text, " q2 ") {
		p.ack(packets.Puback, id)
		return
	}
	p.ack(packets.Pubrec, id)
	p.expect(fmt.Sprintf("PUBREL %d", id))
	p.ack(packets.Pubcomp, id)
}

// What is noted for a subscriber that does not read counts as memory that it makes the
// server hold, until it is gone.
func TestRetainedIsBooked(t *testing.T) {
	f := newFixture(t, Options{MaxOutbound: 64 << 10}, false)
	src := f.b.NewPublisher(nil)
	const n = 20_000
	for i := range n {
		r, err := src.Topic(fmt.Appendf(nil, "m.%d", i))
		if err != nil {
			t.Fatal(err)
		}
		m := src.Add(r)
		m.Body, m.Retain = []byte("x"), true
	}
	src.Flush()
	before := netx.MemoryUsed()
	p := f.pipe()
	p.shake(hello{id: "A", keep: true})
	p.subscribe(1, "m/#", 0)
	await(t, "the names are booked", func() bool { return netx.MemoryUsed()-before >= n*noteCost })
	p.nc.Close()
	await(t, "nothing is booked but the session", func() bool { return netx.MemoryUsed()-before < n })
}

// Who subscribes again and again, and unsubscribes, while it takes nothing makes the
// server note no more than what is to be sent for the subscriptions that there are.
func TestReplaysAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{MaxOutbound: 4 << 10}, false)
		for i := range maxNoted + 10 {
			f.b.RestoreRetained(&broker.Message{Name: fmt.Sprint("retained.", i), Body: []byte("x"), QoS: 1, Retain: true})
		}
		noted := func() (noted, waiting int) {
			synctest.Wait()
			sess := f.session("A")
			sess.mu.Lock()
			defer sess.mu.Unlock()
			return len(sess.replays.noted), len(sess.replays.waiting)
		}
		p := f.pipe()
		p.shake(hello{id: "A"})
		const times = 100
		for range times {
			p.subscribe(1, "$SYS/#", 0)
		}
		most := 2 + len(sysValues)
		if n, _ := noted(); n > most {
			t.Errorf("%d values are noted for a subscription that came again, want at most %d", n, most)
		}
		for range times {
			p.unsubscribe(2, "$SYS/#")
			p.subscribe(1, "$SYS/#", 0)
		}
		if n, _ := noted(); n > most {
			t.Errorf("%d values are noted for one that ended and came again, want at most %d", n, most)
		}
		p.subscribe(3, "retained/#", 0)
		for range times {
			p.subscribe(4, "retained/1", 0)
			p.unsubscribe(5, "retained/1")
		}
		if n, waiting := noted(); n < maxNoted || waiting != 0 {
			t.Errorf("%d are noted and %d wait, want all and none", n, waiting)
		}
		p.unsubscribe(6, "retained/#")
		p.unsubscribe(7, "$SYS/#")
		if n, waiting := noted(); n+waiting+f.session("A").replays.booked != 0 {
			t.Errorf("%d are noted and %d wait for nobody", n, waiting)
		}
		go io.Copy(io.Discard, p.nc)
	})
}
