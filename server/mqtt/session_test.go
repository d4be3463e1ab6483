package mqtt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// away connects, subscribes to a filter and loses the connection: the session
// is kept.
func (f *fixture) away(h hello, filter string, qos byte) {
	f.t.Helper()
	p := f.connect(h)
	p.subscribe(1, filter, qos)
	p.expect(fmt.Sprintf("SUBACK 1 [%02x]", qos))
	p.nc.Close()
	await(f.t, "the session is away", func() bool {
		for _, s := range f.Sessions() {
			if s.ClientID == h.id && s.Client == nil {
				return true
			}
		}
		return false
	})
}

func forMinutes(id string) hello {
	return hello{level: v5, id: id, keep: true, props: packets.Properties{SessionExpiryInterval: 600, SessionExpiryIntervalFlag: true}}
}

// A kept session gets what came while it was away, at QoS 1 and 2, in order;
// clean ends it (MQTT 3.1.1 §3.1.2.4, 5.0 §3.1.2.4).
func TestKeptSession(t *testing.T) {
	for _, h := range []hello{{level: v31, id: "S", keep: true}, {level: v311, id: "S", keep: true}, forMinutes("S")} {
		t.Run(versionName(h.level), func(t *testing.T) {
			f := start(t)
			f.away(h, "a/#", 2)
			src := f.connect(hello{id: "src"})
			for i := range 9 {
				src.send(pub{topic: "a/b", body: fmt.Sprint(i), qos: byte(i % 3), id: uint16(i + 1)})
			}
			back := f.dial()
			back.say(h)
			back.expect(fmt.Sprintf("CONNACK session=%t code=0x00", h.level > v31)) // 3.1 has no such flag
			for i, id := 0, 1; i < 9; i++ {
				if i%3 == 0 {
					continue
				}
				back.expect(fmt.Sprintf("PUBLISH a/b %q q%d id=%d", fmt.Sprint(i), i%3, id))
				id++
			}
			for i, id := 0, uint16(1); i < 9; i++ {
				switch i % 3 {
				case 1:
					back.ack(packets.Puback, id)
				case 2:
					back.ack(packets.Pubrec, id)
					back.expect(fmt.Sprintf("PUBREL %d", id))
					back.ack(packets.Pubcomp, id)
				default:
					continue
				}
				id++
			}
			src.publish(pub{topic: "a", body: "live"})
			back.expect(`PUBLISH a "live"`)
			back.goodbye()

			h.keep = false
			clean := f.dial()
			clean.shake2(h, "CONNACK session=false code=0x00")
			src.publish(pub{topic: "a", body: "not for a new session"})
			src.expectNothing()
			clean.expectNothing()
		})
	}
}

// What was not acknowledged is sent again on the next connection, PUBLISHes with
// DUP and in the order of the first time, PUBRELs in the order of the PUBRECs
// (MQTT 5.0 §4.4, §4.6), and what waited comes after it.
func TestResend(t *testing.T) {
	f := start(t)
	h := forMinutes("S")
	h.props.ReceiveMaximum = 6
	p := f.connect(h)
	p.subscribe(1, "t", 2)
	p.expect("SUBACK 1 [02]")
	src := f.connect(hello{id: "src"})
	for i := range 8 {
		src.send(pub{topic: "t", body: fmt.Sprint(i), qos: byte(1 + i%2), id: 1})
	}
	for i := range 6 {
		p.expect(fmt.Sprintf("PUBLISH t %q q%d id=%d", fmt.Sprint(i), 1+i%2, i+1))
	}
	p.ack(packets.Pubrec, 6)
	p.ack(packets.Pubrec, 2)
	p.ack(packets.Puback, 3)
	p.expect("PUBREL 6", "PUBREL 2", `PUBLISH t "6" q1 id=7`)
	p.nc.Close()

	h.props.ReceiveMaximum = 4 // two are taken by those that wait for PUBCOMP
	p = f.dial()
	p.shake2(h, "CONNACK session=true code=0x00")
	p.expect("PUBREL 6", "PUBREL 2", `PUBLISH t "0" q1 id=1 dup`, `PUBLISH t "3" q2 id=4 dup`)
	p.expectNothing()
	p.ack(packets.Pubcomp, 2)
	p.expect(`PUBLISH t "4" q1 id=5 dup`)
	p.ack(packets.Pubcomp, 6)
	p.expect(`PUBLISH t "6" q1 id=7 dup`)
	p.expectNothing()
	p.ack(packets.Puback, 1)
	p.expect(`PUBLISH t "7" q2 id=8`)
	p.expectNothing()
}

// A client is not sent more than its Receive Maximum (MQTT 5.0 §3.3.4), 3.x
// clients not more than the server's MaxInflight.
func TestWindow(t *testing.T) {
	for _, h := range []hello{{level: v5, id: "S", props: packets.Properties{ReceiveMaximum: 3}}, {id: "S"}} {
		f := newFixture(t, Options{MaxInflight: 3}, true)
		p := f.connect(h)
		p.subscribe(1, "t", 2)
		p.expect("SUBACK 1 [02]")
		src := f.connect(hello{id: "src"})
		for i := range 10 {
			src.send(pub{topic: "t", body: fmt.Sprint(i), qos: 1, id: 1})
		}
		p.expect(`PUBLISH t "0" q1 id=1`, `PUBLISH t "1" q1 id=2`, `PUBLISH t "2" q1 id=3`)
		p.expectNothing()
		p.ack(packets.Puback, 2)
		p.expect(`PUBLISH t "3" q1 id=4`)
		p.ack(packets.Puback, 99) // unknown: not a credit
		p.ack(packets.Puback, 2)
		p.expectNothing()
		for i := range 6 {
			p.ack(packets.Puback, uint16(3+i))
			p.expect(fmt.Sprintf("PUBLISH t %q q1 id=%d", fmt.Sprint(4+i), 5+i))
		}
		p.expectNothing()
	}
}

// Acknowledgements that do not fit the exchange (MQTT 5.0 §4.3.3, §4.13).
func TestWrongAcks(t *testing.T) {
	f := start(t)
	p := f.connect(hello{level: v5, id: "S"})
	p.ack(packets.Pubrec, 7)
	p.expect("PUBREL 7 code=0x92")
	p.ack(packets.Pubrel, 7)
	p.expect("PUBCOMP 7 code=0x92")
	p.ack(packets.Pubcomp, 7)
	p.ack(packets.Puback, 7)
	p.expectNothing()
	old := f.connect(hello{id: "old"})
	old.ack(packets.Pubrec, 7)
	old.expect("PUBREL 7")

	p.subscribe(1, "t", 2)
	p.expect("SUBACK 1 [02]")
	src := f.connect(hello{id: "src"})
	src.send(pub{topic: "t", qos: 2, id: 1})
	p.expect(`PUBLISH t "" q2 id=1`)
	p.write(appendAck(nil, packets.Pubrec, 1, 0x83, "")) // refused: the exchange ends
	src.send(pub{topic: "t", qos: 2, id: 1})
	p.expect(`PUBLISH t "" q2 id=2`)
	p.ack(packets.Puback, 2)
	p.expect(`DISCONNECT code=0x82 reason="protocol error: Puback for a message at QoS 2"`)
}

// Packet identifiers go round, and those in use are left out.
func TestPacketIdentifiers(t *testing.T) {
	var fs flights
	first := fs.add(item{qos: 1})
	for i := 2; i <= 65535; i++ {
		f := fs.add(item{qos: 1})
		if int(f.id) != i {
			t.Fatalf("identifier %d, want %d", f.id, i)
		}
		if i != 40000 {
			fs.remove(f)
		}
	}
	for want := 2; want < 100; want++ {
		if f := fs.add(item{qos: 1}); int(f.id) != want {
			t.Fatalf("identifier %d after the round, want %d", f.id, want)
		}
	}
	if first.id != 1 || len(fs.byID) != 100 {
		t.Errorf("%d in flight, want 100", len(fs.byID))
	}
}

// The session expiry interval, to the second, with what the server grants
// (MQTT 5.0 §3.1.2.11.2, §3.2.2.3.2, §3.14.2.2.2).
func TestSessionExpiry(t *testing.T) {
	expires := func(secs uint32) packets.Properties {
		return packets.Properties{SessionExpiryInterval: secs, SessionExpiryIntervalFlag: true}
	}
	for _, c := range []struct {
		what   string
		h      hello
		answer string
		bye    []byte // nil: the connection is lost
		keeps  time.Duration
	}{
		{"5.0, none", hello{level: v5, id: "S", keep: true}, "", nil, 0},
		{"5.0, 2 s", hello{level: v5, id: "S", keep: true, props: expires(2)}, "", nil, 2 * time.Second},
		{"5.0, 2 s, clean start", hello{level: v5, id: "S", props: expires(2)}, "", nil, 2 * time.Second},
		{"5.0, for ever", hello{level: v5, id: "S", keep: true, props: expires(0xFFFFFFFF)}, " session-expiry=3600", nil, time.Hour},
		{"5.0, changed on leaving", hello{level: v5, id: "S", keep: true, props: expires(2)}, "",
			[]byte{0xe0, 7, 0, 5, packets.PropSessionExpiryInterval, 0, 0, 0, 5}, 5 * time.Second},
		{"5.0, ended on leaving", hello{level: v5, id: "S", keep: true, props: expires(2)}, "",
			[]byte{0xe0, 7, 0, 5, packets.PropSessionExpiryInterval, 0, 0, 0, 0}, 0},
		{"3.1.1, clean", hello{id: "S"}, "", nil, 0},
		{"3.1.1, not clean", hello{id: "S", keep: true}, "", []byte{0xe0, 0}, time.Hour},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, Options{SessionExpiry: time.Hour}, false)
				h := c.h
				h.keep = true
				meet := func(present bool) {
					t.Helper()
					p := f.pipe()
					p.shake2(h, fmt.Sprintf("CONNACK session=%t code=0x00%s", present, c.answer))
					h.keep = true
					if c.bye != nil {
						p.write(c.bye)
						p.expectClosed()
					}
					p.nc.Close()
					synctest.Wait()
				}
				h.keep = c.h.keep
				meet(false)
				if c.h.level != v5 && !c.h.keep {
					h.keep = false
				}
				if c.keeps > 0 {
					time.Sleep(c.keeps - time.Millisecond)
					meet(true)
					time.Sleep(c.keeps)
					synctest.Wait()
				}
				if n := len(f.Sessions()); n != 0 {
					t.Errorf("%d sessions are left when their time is over", n)
				}
				if n := f.b.Subscriptions(); n != 0 {
					t.Errorf("%d subscriptions are left", n)
				}
				meet(false)
			})
		})
	}
}

// The subscriptions of a session that expires are gone (not so in mochi).
func TestExpiredSubscriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}, false)
		p := f.pipe()
		p.shake(hello{level: v5, id: "S", props: packets.Properties{SessionExpiryInterval: 9, SessionExpiryIntervalFlag: true}})
		p.subscribe(1, "a/+", 1)
		p.expect("SUBACK 1 [01]")
		p.subscribe(2, "$share/g/b", 1)
		p.expect("SUBACK 2 [01]")
		p.nc.Close()
		synctest.Wait()
		time.Sleep(9*time.Second - 1)
		synctest.Wait()
		if n := f.b.Subscriptions(); n != 2 {
			t.Errorf("%d subscriptions before the session has expired, want 2", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if n := f.b.Subscriptions(); n != 0 {
			t.Errorf("%d subscriptions after the session has expired", n)
		}
	})
}

// The bound of kept sessions has a name: 0x97, or 3 in 3.x.
func TestMaxSessions(t *testing.T) {
	f := newFixture(t, Options{MaxSessions: 2}, true)
	f.connect(hello{id: "A", keep: true})
	f.connect(forMinutes("B"))
	f.connect(hello{id: "C"}) // not kept
	p := f.dial()
	p.shake2(hello{id: "D", keep: true}, "CONNACK session=false code=0x03")
	p = f.dial()
	p.shake2(forMinutes("D"), `CONNACK session=false code=0x97 reason="2 sessions are kept, no more are allowed"`)
	f.connect(hello{id: "A", keep: true}).goodbye() // one that exists is no new one
	f.connect(hello{id: "A"}).goodbye()             // ends it
	f.connect(hello{id: "D", keep: true})
}

// A subscriber that does not acknowledge holds its publishers back for one
// second, and is then disconnected (5.0: 0x97). What it had not got waits if its
// session is kept; other subscribers get everything.
func TestSlowSubscriber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{MaxQueued: 20, MaxInflight: 5}, false)
		slow := f.pipe()
		slow.shake(forMinutes("slow"))
		slow.subscribe(1, "t", 1)
		slow.expect("SUBACK 1 [01]")
		other := f.pipe()
		other.shake(hello{id: "other"})
		other.subscribe(1, "t", 0)
		other.expect("SUBACK 1 [00]")
		src := f.pipe()
		src.shake(hello{id: "src"})
		read := make(chan struct{})
		go func() {
			defer close(read)
			for range 5 {
				slow.next()
			}
		}()
		began := time.Now()
		const n = 18 // 5 in flight, 11 fill more than half of the queue
		for i := range n {
			src.publish(pub{topic: "t", body: fmt.Sprint(i), qos: 1, id: 1})
			src.expect("PUBACK 1")
			other.expect(fmt.Sprintf("PUBLISH t %q", fmt.Sprint(i)))
		}
		if d := time.Since(began); d != time.Second {
			t.Errorf("the publisher was held for %s, want 1 s", d)
		}
		<-read
		slow.expect(`DISCONNECT code=0x97 reason="the client does not acknowledge what it is sent"`)
		slow.expectClosed()
		if n := f.Stats().Slow.Load(); n != 1 {
			t.Errorf("%d counted as slow, want 1", n)
		}
		slow = f.pipe()
		slow.shake2(forMinutes("slow"), "CONNACK session=true code=0x00")
		for i := range n {
			dup := ""
			if i < 5 {
				dup = " dup"
			}
			slow.expect(fmt.Sprintf("PUBLISH t %q q1 id=%d%s", fmt.Sprint(i), i+1, dup))
			slow.ack(packets.Puback, uint16(i+1))
		}
	})
}

// A client that publishes to itself cannot wait for its own acknowledgements.
func TestSlowToItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{MaxQueued: 100, MaxInflight: 5}, false)
		p := f.pipe()
		p.shake(hello{id: "A"})
		p.subscribe(1, "t", 1)
		p.expect("SUBACK 1 [01]")
		const n = 390 // another would be held from 300 on
		began := time.Now()
		for i := range n {
			p.publish(pub{topic: "t", body: fmt.Sprint(i), qos: 1, id: uint16(i + 1)})
		}
		acked, got := 0, 0
		for acked < n || got < n {
			switch text := p.read(); {
			case strings.HasPrefix(text, "PUBACK"):
				acked++
			case strings.HasPrefix(text, "PUBLISH"):
				got++
				p.ack(packets.Puback, uint16(got))
			default:
				t.Fatalf("%s after %d acknowledgements and %d messages", text, acked, got)
			}
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("it took %s", d)
		}
	})
}

// Publishers that send much at once are held before the queue is full, not when
// it is too late.
func TestManyPublishers(t *testing.T) {
	f := newFixture(t, Options{MaxQueued: 200, MaxInflight: 20}, true)
	sub := f.connect(hello{id: "sub"})
	sub.subscribe(1, "t", 1)
	sub.expect("SUBACK 1 [01]")
	const publishers, each = 10, 500
	for i := range publishers {
		src := f.connect(hello{id: fmt.Sprint("src", i)})
		m := pub{topic: "t", qos: 1, id: 1}.packet(v311)
		go src.write(bytes.Repeat(m, each))
	}
	for i := range publishers * each {
		first, body, err := sub.next()
		if err != nil || first>>4 != packets.Publish {
			t.Fatalf("0x%02x, %v after %d messages", first, err, i)
		}
		sub.ack(packets.Puback, uint16(body[3])<<8|uint16(body[4]))
	}
	if n := f.Stats().Overflowed.Load(); n != 0 {
		t.Errorf("%d messages were discarded", n)
	}
}

// A second connection takes over the client identifier: the first is told
// (5.0: 0x8E) and closed, the session goes on (MQTT 5.0 §3.1.4).
func TestTakeOver(t *testing.T) {
	f := start(t)
	a := f.connect(forMinutes("S"))
	a.subscribe(1, "t", 1)
	a.expect("SUBACK 1 [01]")
	b := f.dial()
	b.shake2(forMinutes("S"), "CONNACK session=true code=0x00")
	a.expect(`DISCONNECT code=0x8e reason="another connection took over the client identifier"`)
	a.expectClosed()
	old := f.dial()
	old.shake2(hello{id: "S", keep: true}, "CONNACK session=true code=0x00") // another version takes the session over
	b.expect(`DISCONNECT code=0x8e reason="another connection took over the client identifier"`)
	src := f.connect(hello{id: "src"})
	src.send(pub{topic: "t", body: "x", qos: 1, id: 1})
	old.take(`PUBLISH t "x"`, 1, 1)
	src.send(pub{topic: "t", body: "y"})
	old.take(`PUBLISH t "y"`, 0, 0) // encoded for 3.1.1
	c := f.connect(hello{id: "S"})
	old.expectClosed()
	c.expectNothing()
	await(t, "those that were taken over from are gone", func() bool { return len(f.b.Clients()) == 2 })
}

// Hundreds of connections fight for one client identifier at once: in the end
// one of them has it, with the session's subscription and no other.
func TestTakeOverStorm(t *testing.T) {
	f := start(t)
	f.away(forMinutes("S"), "t", 1)
	var wg sync.WaitGroup
	for i := range 300 {
		wg.Go(func() {
			p := f.dial()
			h := forMinutes("S")
			if i%3 == 0 {
				h = hello{id: "S", keep: true}
			}
			p.say(h)
			if got := p.read(); !strings.HasPrefix(got, "CONNACK session=true") {
				t.Errorf("CONNECT was answered with %s", got)
			}
			if rand.IntN(2) == 0 {
				p.nc.Close()
			}
		})
	}
	wg.Wait()
	await(t, "at most one connection is left", func() bool { return len(f.b.Clients()) <= 1 })
	if n := f.b.Subscriptions(); n != 1 {
		t.Errorf("%d subscriptions, want 1", n)
	}
	last := f.dial()
	last.shake2(forMinutes("S"), "CONNACK session=true code=0x00")
	await(t, "one client", func() bool { return len(f.b.Clients()) == 1 })
	src := f.connect(hello{level: v5, id: "src"})
	src.publish(pub{topic: "t", qos: 1, id: 1})
	src.expect("PUBACK 1")
	last.take(`PUBLISH t ""`, 1, 1)
}

// A thousand clients that connect, subscribe and vanish leave nothing behind.
func TestVanish(t *testing.T) {
	f := start(t)
	for wave := range 4 {
		var wg sync.WaitGroup
		for i := range 250 {
			wg.Go(func() {
				p := f.connect(hello{id: fmt.Sprint(wave, i)})
				p.subscribe(1, fmt.Sprintf("t/%d/#", i), 1)
				p.subscribe(1, "$share/g/t", 1)
				p.nc.Close()
			})
		}
		wg.Wait()
	}
	await(t, "everything is gone", func() bool {
		return len(f.Sessions()) == 0 && f.b.Subscriptions() == 0 && len(f.b.Clients()) == 0
	})
}
