package mqtt

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Every QoS published to every QoS granted, in each version: the lower counts
// (MQTT 5.0 §3.8.4).
func TestQoS(t *testing.T) {
	for _, from := range []byte{v31, v311, v5} {
		for _, to := range []byte{v31, v311, v5} {
			for published := range byte(3) {
				for granted := range byte(3) {
					t.Run(fmt.Sprintf("%s to %s, %d to %d", versionName(from), versionName(to), published, granted), func(t *testing.T) {
						f := start(t)
						sub := f.connect(hello{level: to, id: "sub"})
						sub.subscribe(7, "/mwm/+/alert", granted)
						sub.expect(fmt.Sprintf("SUBACK 7 [%02x]", granted))
						src := f.connect(hello{level: from, id: "src"})
						src.send(pub{topic: "/mwm/AAA/alert", body: "red", qos: published, id: 9})
						sub.take("PUBLISH /mwm/AAA/alert \"red\"", min(published, granted), 1)
						sub.expectNothing()
						src.expectNothing()
					})
				}
			}
		}
	}
}

// send publishes and completes the exchange.
func (p *peer) send(m pub) {
	p.t.Helper()
	p.publish(m)
	switch m.qos {
	case 1:
		p.expect(fmt.Sprintf("PUBACK %d", m.id))
	case 2:
		p.expect(fmt.Sprintf("PUBREC %d", m.id))
		p.ack(packets.Pubrel, m.id)
		p.expect(fmt.Sprintf("PUBCOMP %d", m.id))
	}
}

// take expects a PUBLISH and completes the exchange.
func (p *peer) take(what string, qos byte, id uint16) {
	p.t.Helper()
	if qos > 0 {
		what += fmt.Sprintf(" q%d id=%d", qos, id)
	}
	p.expect(what)
	switch qos {
	case 1:
		p.ack(packets.Puback, id)
	case 2:
		p.ack(packets.Pubrec, id)
		p.expect(fmt.Sprintf("PUBREL %d", id))
		p.ack(packets.Pubcomp, id)
	}
}

// A QoS 2 message that is sent again before PUBREL is delivered once; after it
// the identifier is new (MQTT 5.0 §4.3.3).
func TestQoS2Once(t *testing.T) {
	f := start(t)
	sub := f.connect(hello{id: "sub"})
	sub.subscribe(1, "t", 0)
	sub.expect("SUBACK 1 [00]")
	src := f.connect(hello{id: "src", keep: true})
	m := pub{topic: "t", body: "1", qos: 2, id: 5}
	src.publish(m)
	src.expect("PUBREC 5")
	m.dup = true
	src.publish(m)
	src.expect("PUBREC 5")
	src.nc.Close()
	src = f.dial() // the session remembers
	src.say(hello{id: "src", keep: true})
	src.expect("CONNACK session=true code=0x00")
	src.publish(m)
	src.expect("PUBREC 5")
	src.ack(packets.Pubrel, 5)
	src.expect("PUBCOMP 5")
	src.ack(packets.Pubrel, 5) // 3.x has no way to say that it is not known
	src.expect("PUBCOMP 5")
	src.publish(pub{topic: "t", body: "2", qos: 2, id: 5})
	src.expect("PUBREC 5")
	sub.expect(`PUBLISH t "1"`, `PUBLISH t "2"`)
	sub.expectNothing()
}

// 5.0 tells a publisher that nobody is listening (MQTT 5.0 §3.4.2.1); 3.x has
// no words for it.
func TestNoMatchingSubscribers(t *testing.T) {
	f := start(t)
	src := f.connect(hello{level: v5, id: "src"})
	src.publish(pub{topic: "t", qos: 1, id: 1})
	src.expect("PUBACK 1 code=0x10")
	src.publish(pub{topic: "t", qos: 2, id: 2})
	src.expect("PUBREC 2 code=0x10")
	src.ack(packets.Pubrel, 2)
	src.expect("PUBCOMP 2")
	old := f.connect(hello{id: "old"})
	old.publish(pub{topic: "t", qos: 1, id: 1})
	old.expect("PUBACK 1")

	sub := f.connect(hello{id: "sub", keep: true})
	sub.subscribe(1, "t", 1)
	sub.expect("SUBACK 1 [01]")
	src.publish(pub{topic: "t", qos: 1, id: 3})
	src.expect("PUBACK 3")
	sub.nc.Close()
	await(t, "the subscriber is away", func() bool { return f.b.Listeners("t") == 0 })
	src.publish(pub{topic: "t", qos: 1, id: 4})
	src.expect("PUBACK 4") // it waits for the one that is away
	sub = f.connect(hello{id: "sub"})
	sub.expectNothing()
	src.publish(pub{topic: "t", qos: 1, id: 5})
	src.expect("PUBACK 5 code=0x10")
}

// Errors in PUBLISH (MQTT 5.0 §3.3).
func TestBadPublish(t *testing.T) {
	name := func(s string) []byte { return appendString(nil, s) }
	deep := strings.Repeat("a/", 128) + "a"
	for _, c := range []struct {
		what  string
		first byte
		body  []byte
		want  string // of 5.0; 3.x is disconnected without a word
	}{
		{"QoS 3 [MQTT-3.3.1-4]", 0x36, append(name("t"), 0, 1, 0), `DISCONNECT code=0x81 reason="malformed packet: PUBLISH at QoS 3"`},
		{"DUP at QoS 0 [MQTT-3.3.1-2]", 0x38, append(name("t"), 0), `DISCONNECT code=0x81 reason="malformed packet: PUBLISH at QoS 0 with DUP"`},
		{"packet identifier 0 [MQTT-2.2.1-3]", 0x32, append(name("t"), 0, 0, 0), `DISCONNECT code=0x82 reason="protocol error: packet identifier 0"`},
		{"no packet identifier", 0x32, name("t"), `DISCONNECT code=0x81 reason="malformed packet: PUBLISH ends too early"`},
		{"no topic", 0x30, []byte{0}, `DISCONNECT code=0x81 reason="malformed packet: PUBLISH ends too early"`},
		{"topic over the end", 0x30, []byte{0, 9, 't'}, `DISCONNECT code=0x81 reason="malformed packet: PUBLISH ends too early"`},
		{"empty topic [MQTT-4.7.3-1]", 0x30, append(name(""), 0), `DISCONNECT code=0x82 reason="protocol error: an empty topic"`},
		{"wildcard + [MQTT-3.3.2-2]", 0x30, append(name("a/+"), 0), `DISCONNECT code=0x82 reason="protocol error: a wildcard in the topic"`},
		{"wildcard # in a level", 0x30, append(name("a#b"), 0), `DISCONNECT code=0x82 reason="protocol error: a wildcard in the topic"`},
		{"NUL in the topic [MQTT-1.5.4-2]", 0x30, append(name("a\x00"), 0), `DISCONNECT code=0x81 reason="malformed packet: a topic that is not UTF-8, or contains NUL"`},
		{"topic not UTF-8 [MQTT-1.5.4-1]", 0x30, append(name("a\xff"), 0), `DISCONNECT code=0x81 reason="malformed packet: a topic that is not UTF-8, or contains NUL"`},
		{"too many levels", 0x30, append(name(deep), 0), `DISCONNECT code=0x90 reason="a topic of 129 levels, at most 128 are allowed"`},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := start(t)
			p := f.connect(hello{level: v5, id: "A"})
			p.write(frame(c.first, c.body))
			p.expect(c.want)
			p.expectClosed()
			p = f.connect(hello{id: "A"})
			p.write(frame(c.first, c.body[:max(0, len(c.body)-1)])) // without properties
			p.expectClosed()
		})
	}
}

// What is refused without ending the connection.
func TestRefusedPublish(t *testing.T) {
	f := start(t)
	deep := strings.Repeat("a/", 128) + "a"
	p := f.connect(hello{level: v5, id: "A"})
	p.publish(pub{topic: deep, qos: 1, id: 1})
	p.expect(`PUBACK 1 code=0x90 reason="a topic of 129 levels, at most 128 are allowed"`)
	p.publish(pub{topic: deep, qos: 2, id: 2})
	p.expect(`PUBREC 2 code=0x90 reason="a topic of 129 levels, at most 128 are allowed"`)
	p.publish(pub{topic: "$SYS/broker/uptime", qos: 1, id: 3})
	p.expect(`PUBACK 3 code=0x87 reason="$SYS is the server's"`)
	p.publish(pub{topic: "$SYS/broker/uptime"})
	p.expectNothing()

	quiet := f.connect(hello{level: v5, id: "B", props: packets.Properties{RequestProblemInfoFlag: true}})
	quiet.publish(pub{topic: "$SYS/x", qos: 1, id: 3})
	quiet.expect("PUBACK 3 code=0x87") // MQTT 5.0 §3.1.2.11.7
}

// Topic aliases (MQTT 5.0 §3.3.2.3.4).
func TestTopicAlias(t *testing.T) {
	f := newFixture(t, Options{TopicAliasMaximum: 2}, true)
	sub := f.connect(hello{id: "sub"})
	sub.subscribe(1, "#", 0)
	sub.expect("SUBACK 1 [00]")
	p := f.connect(hello{level: v5, id: "A"})
	alias := func(n uint16) packets.Properties { return packets.Properties{TopicAliasFlag: true, TopicAlias: n} }
	p.publish(pub{topic: "a/b", body: "1", props: alias(2)})
	p.publish(pub{body: "2", props: alias(2)})
	p.publish(pub{topic: "c", body: "3", props: alias(2)})
	p.publish(pub{body: "4", props: alias(2)})
	sub.expect(`PUBLISH a/b "1"`, `PUBLISH a/b "2"`, `PUBLISH c "3"`, `PUBLISH c "4"`)
	p.publish(pub{body: "5", props: alias(1)})
	p.expect(`DISCONNECT code=0x82 reason="protocol error: topic alias 1 is not set"`)
	p = f.connect(hello{level: v5, id: "A"})
	p.publish(pub{topic: "a", props: alias(3)})
	p.expect(`DISCONNECT code=0x94 reason="topic alias 3, at most 2 are allowed"`)
	p = f.connect(hello{level: v5, id: "A"})
	p.write(frame(0x30, append(appendString(nil, "a"), 3, packets.PropTopicAlias, 0, 0)))
	p.expect(`DISCONNECT code=0x94 reason="topic alias 0"`)
}

// All properties of a message reach a 5.0 subscriber, the user properties in
// order (MQTT 5.0 §3.3.2.3); a 3.1.1 subscriber gets topic and payload.
func TestProperties(t *testing.T) {
	f := start(t)
	five := f.connect(hello{level: v5, id: "five"})
	five.subscribe(1, "+/q", 1)
	five.expect("SUBACK 1 [01]")
	three := f.connect(hello{id: "three"})
	three.subscribe(1, "+/q", 0)
	three.expect("SUBACK 1 [00]")
	src := f.connect(hello{level: v5, id: "src"})
	for qos := range byte(2) {
		src.send(pub{topic: "t/q", body: "x", qos: qos, id: 1, props: packets.Properties{
			PayloadFormatFlag: true, PayloadFormat: 1, MessageExpiryInterval: 60, ContentType: "text/plain",
			ResponseTopic: "answers/AAA.1", CorrelationData: []byte{0, 1},
			User: []packets.UserProperty{{Key: "b", Val: "1"}, {Key: "a", Val: "2"}, {Key: "b", Val: "3"}},
		}})
		props := ` format=1 expiry=60 type=text/plain response=answers/AAA.1 correlation="\x00\x01" b:1 a:2 b:3`
		if qos == 0 {
			five.expect(`PUBLISH t/q "x"` + props)
		} else {
			five.expect(`PUBLISH t/q "x" q1 id=1` + props)
		}
		three.expect(`PUBLISH t/q "x"`)
	}
	src.publish(pub{topic: "t/q", props: packets.Properties{}})
	five.expect(`PUBLISH t/q ""`)
}

// [MQTT-3.3.2-14], and lengths that lie.
func TestBadProperties(t *testing.T) {
	for _, c := range []struct {
		what  string
		props []byte
		want  string
	}{
		{"wildcard in the response topic", []byte{4, 0x08, 0, 1, '#'}, `DISCONNECT code=0x82 reason="protocol error: a wildcard in the response topic"`},
		{"payload format 2", []byte{2, 0x01, 2}, `DISCONNECT code=0x82 reason="protocol error: property 0x01 is 2, must be 0 or 1"`},
		{"a subscription identifier [MQTT-3.3.4-6]", []byte{2, 0x0b, 1}, `DISCONNECT code=0x82 reason="protocol error: property 0x0b does not belong into this packet"`},
		{"a value over the end of the block", []byte{2, 0x02, 0, 0, 0, 9}, `DISCONNECT code=0x81 reason="malformed packet: it ends too early"`},
		{"a block over the end of the packet", []byte{9, 0x02, 0, 0, 0}, `DISCONNECT code=0x81 reason="malformed packet: it ends too early"`},
		{"a user property that is not UTF-8", []byte{7, 0x26, 0, 1, 0xff, 0, 1, 'x'}, `DISCONNECT code=0x81 reason="malformed packet: a string is not UTF-8, or contains NUL"`},
		{"no block", nil, `DISCONNECT code=0x81 reason="malformed packet: it ends too early"`},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := start(t).connect(hello{level: v5, id: "A"})
			p.write(frame(0x30, append(appendString(nil, "t"), c.props...)))
			p.expect(c.want)
		})
	}
}

// The expiry interval shrinks by the time that a message waits, and what has
// expired is not delivered (MQTT 5.0 §3.3.2.3.3).
func TestMessageExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}, false)
		sub := f.pipe()
		keep := hello{level: v5, id: "sub", keep: true, props: packets.Properties{SessionExpiryInterval: 1000, SessionExpiryIntervalFlag: true}}
		sub.shake(keep)
		sub.subscribe(1, "t", 1)
		sub.expect("SUBACK 1 [01]")
		sub.nc.Close()
		synctest.Wait()
		src := f.pipe()
		src.shake(hello{level: v5, id: "src"})
		for i, secs := range []uint32{10, 60, 0} {
			src.publish(pub{topic: "t", body: fmt.Sprint(secs), qos: 1, id: uint16(i + 1), props: packets.Properties{MessageExpiryInterval: secs}})
			src.expect(fmt.Sprintf("PUBACK %d", i+1))
		}
		time.Sleep(15 * time.Second)
		sub = f.pipe()
		sub.shake2(keep, "CONNACK session=true code=0x00")
		sub.expect(`PUBLISH t "60" q1 id=1 expiry=45`, `PUBLISH t "0" q1 id=2`)
		if n := f.Stats().Expired.Load(); n != 1 {
			t.Errorf("%d messages expired, want 1", n)
		}
	})
}

// shake2 shakes hands and expects a certain answer.
func (p *peer) shake2(h hello, want string) {
	p.t.Helper()
	p.say(h)
	p.expect(want)
}

// A 5.0 publisher that does not keep to the server's Receive Maximum is cut off
// (MQTT 5.0 §3.3.4); one that does may go on for ever.
func TestReceiveMaximumOfServer(t *testing.T) {
	f := newFixture(t, Options{ReceiveMaximum: 2}, true)
	p := f.connect(hello{level: v5, id: "A"})
	for id := range uint16(2) {
		p.publish(pub{topic: "t", qos: 2, id: id + 1})
		p.expect(fmt.Sprintf("PUBREC %d code=0x10", id+1))
	}
	p.publish(pub{topic: "t", qos: 2, id: 2, dup: true}) // not one more
	p.expect("PUBREC 2")
	p.publish(pub{topic: "t", qos: 1, id: 3})
	p.expect(`DISCONNECT code=0x93 reason="more than 2 unacknowledged messages"`)

	p = f.connect(hello{level: v5, id: "B"})
	for id := range uint16(100) {
		p.publish(pub{topic: "t", qos: 1, id: id + 1})
		p.expect(fmt.Sprintf("PUBACK %d code=0x10", id+1))
	}
}

// Packets may be cut and joined anywhere.
func TestFraming(t *testing.T) {
	f := start(t)
	sub := f.connect(hello{id: "sub"})
	sub.subscribe(1, "t", 0)
	sub.expect("SUBACK 1 [00]")
	src := f.connect(hello{id: "src"})
	large := strings.Repeat("x", 100_000)
	var all []byte
	for i := range 10 {
		all = append(all, pub{topic: "t", body: fmt.Sprint(i)}.packet(v311)...)
	}
	all = append(all, pub{topic: "t", body: large}.packet(v311)...)
	for _, b := range all[:60] {
		src.write([]byte{b})
	}
	src.write(all[60:])
	for i := range 10 {
		sub.expect(fmt.Sprintf("PUBLISH t %q", fmt.Sprint(i)))
	}
	sub.expect(fmt.Sprintf("PUBLISH t %q", large))
}

// Nothing is allocated for a QoS 0 message on its way through: not when it is
// copied to one subscriber, and not when several share its bytes.
func TestPublishAllocations(t *testing.T) {
	for subscribers := range 4 {
		f := newFixture(t, Options{}, true)
		for i := range subscribers {
			p := f.connect(hello{id: fmt.Sprint(i)})
			p.subscribe(1, "/mwm/+/motion", byte(i/2)) // at most two share
			p.expect(fmt.Sprintf("SUBACK 1 [%02x]", i/2))
			p.nc.SetReadDeadline(time.Time{})
			go io.Copy(io.Discard, p.nc)
		}
		c := &conn{srv: f.Server, level: v311, log: f.log}
		c.pub = f.b.NewPublisher(nil)
		in := bytes.Repeat(pub{topic: "/mwm/AAA/motion", body: strings.Repeat("x", 24)}.packet(v311), 100)
		buf := make([]byte, len(in))
		allocs := testing.AllocsPerRun(200, func() {
			copy(buf, in)
			if used, _, err := c.Data(buf); used != len(in) || err != nil {
				t.Fatalf("Data took %d of %d bytes: %v", used, len(in), err)
			}
		})
		if allocs > 10 { // the writers' and the batch's lists: once for a hundred messages
			t.Errorf("%d subscribers: %.1f allocations for a hundred messages", subscribers, allocs)
		}
	}
}

// The topics that a client gives aliases count as memory that it makes the server hold,
// as long as it is connected.
func TestTopicAliasIsMemory(t *testing.T) {
	const size = 60_000
	booked := bookedIn(size)
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}, false)
		p := f.pipe()
		p.shake(hello{level: v5, id: "A"})
		for _, c := range []struct {
			alias uint16
			topic string
			held  int // of long ones, by now
		}{{1, "x", 1}, {2, "x", 2}, {2, "y", 2}, {2, "", 1}} {
			long := strings.Repeat(c.topic, size)
			if long == "" {
				long = "short"
			}
			p.publish(pub{topic: long, props: packets.Properties{TopicAlias: c.alias, TopicAliasFlag: true}})
			synctest.Wait()
			if n := booked(); n != c.held {
				t.Errorf("%d long topics are booked, want %d", n, c.held)
			}
		}
		p.goodbye()
		synctest.Wait()
		if n := booked(); n != 0 {
			t.Errorf("%d are booked in the end", n)
		}
	})
}

// A PUBLISH at QoS 2 that ends the connection has not arrived: what comes under its
// identifier later is no repetition, in a session that is kept (MQTT 3.1.1 §4.3.3).
func TestRefusedHasNotArrived(t *testing.T) {
	kept := as(v311, "BBB")
	kept.keep = true
	kept5 := kept
	kept5.level, kept5.props = v5, packets.Properties{SessionExpiryInterval: 1000, SessionExpiryIntervalFlag: true}
	for _, c := range []struct {
		name string
		h    hello
		bad  pub
		want string // before the end
	}{
		{"not permitted", kept, pub{topic: "x", qos: 2, id: 1}, ""},
		{"a wildcard", kept, pub{topic: "a/#", qos: 2, id: 1}, ""},
		{"an alias too high", kept5, pub{topic: "x", qos: 2, id: 1, props: packets.Properties{TopicAlias: 99, TopicAliasFlag: true}},
			`DISCONNECT code=0x94 reason="topic alias 99, at most 64 are allowed"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, Options{Authenticator: gate{}}, true)
			p := f.connect(c.h)
			for range 2 {
				p.publish(c.bad)
				if c.want != "" {
					p.expect(c.want)
				}
				p.expectClosed()
				p = f.dial()
				p.shake2(c.h, "CONNACK session=true code=0x00")
				c.bad.dup = true
			}
			p.publish(pub{topic: "/mwm/BBB/motion", qos: 2, id: 1})
			if got := p.read(); !strings.HasPrefix(got, "PUBREC 1") {
				t.Errorf("what is permitted is answered with %s", got)
			}
		})
	}
}

// Nor has one that is beyond the server's Receive Maximum.
func TestTooManyHaveNotArrived(t *testing.T) {
	f := newFixture(t, Options{ReceiveMaximum: 1}, true)
	h := forMinutes("A")
	p := f.connect(h)
	p.publish(pub{topic: "t", qos: 2, id: 1})
	p.expect("PUBREC 1 code=0x10")
	p.publish(pub{topic: "t", qos: 2, id: 2})
	p.expect(`DISCONNECT code=0x93 reason="more than 1 unacknowledged messages"`)
	p = f.dial()
	p.shake2(h, "CONNACK session=true code=0x00")
	p.ack(packets.Pubrel, 1)
	p.expect("PUBCOMP 1")
	p.publish(pub{topic: "t", qos: 2, id: 2, dup: true})
	p.expect("PUBREC 2 code=0x10")
}
