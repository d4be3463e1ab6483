package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
)

// Subscription options of 5.0 (§3.8.3.1).
const (
	noLocal     = 1 << 2
	retainAsIs  = 1 << 3
	retainIfNew = 1 << 4
	retainNever = 2 << 4
)

// Matching over the wire (MQTT 5.0 §4.7): the parent level with #, "$" topics
// not with a wildcard at the first level, and names whose characters are
// wildcards or separators of STOMP.
func TestMatching(t *testing.T) {
	f := start(t)
	for _, c := range []struct {
		filter string
		topics string // those that match are marked with !
	}{
		{"/mwm/lastWill/#", "!/mwm/lastWill !/mwm/lastWill/web /mwm/lastWil"},
		{"/mwm/+/motion", "!/mwm/AAA/motion !/mwm//motion /mwm/AAA/alert mwm/AAA/motion"},
		{"+/#", "!a !a/b !/a $x/a"},
		{"#", "!a !a/b $x $x/y"},
		{"$x/#", "!$x !$x/y a"},
		{"+", "!a /a $x"},
		{"/+", "!/a a"},
		{"a.b", "!a.b a/b"},
		{"a/b", "!a/b a.b"},
		{"a*b", "!a*b a+b"},
		{"*/>", "!*/> a/b"},
	} {
		p := f.connect(hello{id: "sub"})
		p.subscribe(1, c.filter, 0)
		p.expect("SUBACK 1 [00]")
		src := f.connect(hello{id: "src"})
		var want []string
		for name := range strings.FieldsSeq(c.topics) {
			name, match := strings.CutPrefix(name, "!")
			if strings.ContainsAny(name, "+#") {
				continue // the case is about filters
			}
			src.publish(pub{topic: name})
			if match {
				want = append(want, fmt.Sprintf("PUBLISH %s %q", name, ""))
			}
		}
		src.expectNothing()
		p.expect(want...)
		p.expectNothing()
	}
}

// Malformed filters (MQTT 5.0 §4.7.1, §4.8.2) are refused one by one.
func TestBadFilters(t *testing.T) {
	f := start(t)
	for _, filter := range []string{"", "a/b#", "a#", "#/a", "a/#/b", "a+", "a/+b", "a/b+/c", "$share", "$share/g", "$share//a", "$share/g/", "$share/+/a", "$share/g/a#", strings.Repeat("/", 128)} {
		p := f.connect(hello{level: v5, id: "five"})
		p.subscribe(1, filter, 0)
		switch got := p.read(); {
		case filter == "$share": // an ordinary name
			if got != "SUBACK 1 [00]" {
				t.Errorf("%q: %s", filter, got)
			}
			continue
		case !strings.HasPrefix(got, "SUBACK 1 [8f] reason="):
			t.Errorf("%q: %s, want 0x8f", filter, got)
		}
		p.unsubscribe(2, filter)
		p.expect("UNSUBACK 2 [8f]")
		p = f.connect(hello{id: "three"})
		p.subscribe(1, filter, 0)
		p.expect("SUBACK 1 [80]")
		p = f.connect(hello{level: v31, id: "old"}) // has no code for it
		p.subscribe(1, filter, 0)
		p.expectClosed()
	}
	if n := f.b.Subscriptions(); n > 1 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// Packets that are wrong as a whole.
func TestBadSubscribe(t *testing.T) {
	name := func(s string) []byte { return appendString(nil, s) }
	for _, c := range []struct {
		what string
		send []byte
		want string
	}{
		{"packet identifier 0 [MQTT-2.2.1-3]", frame(0x82, append([]byte{0, 0, 0}, append(name("a"), 0)...)), `DISCONNECT code=0x82 reason="protocol error: packet identifier 0"`},
		{"no filter [MQTT-3.8.3-2]", frame(0x82, []byte{0, 1, 0}), `DISCONNECT code=0x82 reason="protocol error: Subscribe without a filter"`},
		{"no filter in UNSUBSCRIBE [MQTT-3.10.3-2]", frame(0xa2, []byte{0, 1, 0}), `DISCONNECT code=0x82 reason="protocol error: Unsubscribe without a filter"`},
		{"no options", frame(0x82, append([]byte{0, 1, 0}, name("a")...)), `DISCONNECT code=0x81 reason="malformed packet: it ends too early"`},
		{"QoS 3", frame(0x82, append([]byte{0, 1, 0}, append(name("a"), 3)...)), `DISCONNECT code=0x81 reason="malformed packet: QoS 3 is asked for"`},
		{"retain handling 3", frame(0x82, append([]byte{0, 1, 0}, append(name("a"), 0x30)...)), `DISCONNECT code=0x82 reason="protocol error: retain handling 3"`},
		{"reserved bits [MQTT-3.8.3-5]", frame(0x82, append([]byte{0, 1, 0}, append(name("a"), 0x40)...)), `DISCONNECT code=0x81 reason="malformed packet: reserved bits of the subscription options are set"`},
		{"no local and shared [MQTT-3.8.3-4]", frame(0x82, append([]byte{0, 1, 0}, append(name("$share/g/a"), noLocal)...)), `DISCONNECT code=0x82 reason="protocol error: no local with a shared subscription"`},
		{"subscription identifier 0", frame(0x82, append([]byte{0, 1, 2, 0x0b, 0}, append(name("a"), 0)...)), `DISCONNECT code=0x82 reason="protocol error: property 0x0b must not be 0"`},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := start(t).connect(hello{level: v5, id: "A"})
			p.write(c.send)
			p.expect(c.want)
		})
	}
}

// 3.x knows nothing but a QoS behind a filter [MQTT-3.8.3-4].
func TestBadSubscribe3(t *testing.T) {
	f := start(t)
	for _, options := range []byte{3, noLocal, retainAsIs, retainNever, 0x80} {
		p := f.connect(hello{id: "A"})
		p.subscribe(1, "t", options)
		p.expectClosed()
	}
}

// Limits of subscriptions per client and filters per SUBSCRIBE.
func TestSubscriptionLimits(t *testing.T) {
	f := newFixture(t, Options{MaxSubscriptions: 2, MaxFilters: 3}, true)
	p := f.connect(hello{level: v5, id: "A"})
	body := []byte{0, 1, 0}
	for _, name := range []string{"a", "b", "c", "d"} {
		body = append(appendString(body, name), 0)
	}
	p.write(frame(0x82, body))
	p.expect(`SUBACK 1 [00 00 97 97] reason="more than 3 filters"`)
	p.subscribe(2, "a", 1) // one that exists is no new one
	p.expect("SUBACK 2 [01]")
	p.unsubscribe(3, "b")
	p.expect("UNSUBACK 3 [00]")
	p.subscribe(4, "c", 0)
	p.expect("SUBACK 4 [00]")
	if n := f.Stats().RefusedFilters.Load(); n != 2 {
		t.Errorf("%d filters count as refused, want 2", n)
	}
}

// So are filters that are too long together (MQTT 5.0 §3.9.3: quota exceeded), also
// behind those that the session has on disk: all are written anew with each SUBSCRIBE.
func TestFilterBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{}, false)
		p := l.meet(hello{level: v5, id: "A", keep: true, props: forever})
		long := func(i int) string { return fmt.Sprint(i, strings.Repeat("x", 65_000)) }
		for i := range 3 {
			p.subscribe(1, long(i), 1)
			p.expect("SUBACK 1 [01]")
		}
		const refused = `SUBACK 2 [97] reason="filters of more than 256000 bytes together"`
		p.subscribe(2, long(3), 1)
		p.expect(refused)
		p.subscribe(3, long(2), 0) // one that exists is no new one
		p.expect("SUBACK 3 [00]")
		p.goodbye()
		l.stop()

		d.boot(-1)
		l = live(t, d, Options{}, false)
		p = l.peer()
		p.shake2(hello{level: v5, id: "A", keep: true, props: forever}, "CONNACK session=true code=0x00")
		p.subscribe(2, long(3), 1)
		p.expect(refused)
		p.unsubscribe(4, long(0))
		p.expect("UNSUBACK 4 [00]")
		p.subscribe(5, long(3), 1)
		p.expect("SUBACK 5 [01]")
		p.nc.Close()
		l.stop()
	})
}

// UNSUBSCRIBE ends the delivery (MQTT 5.0 §3.10.4).
func TestUnsubscribe(t *testing.T) {
	f := start(t)
	p := f.connect(hello{level: v5, id: "A"})
	p.subscribe(1, "t", 0)
	p.expect("SUBACK 1 [00]")
	p.unsubscribe(2, "t")
	p.expect("UNSUBACK 2 [00]")
	p.unsubscribe(3, "t")
	p.expect("UNSUBACK 3 [11]")
	p.publish(pub{topic: "t"})
	p.expectNothing()
	old := f.connect(hello{id: "old"})
	old.unsubscribe(2, "t")
	old.expect("UNSUBACK 2 []")
}

// What has begun to be delivered goes on after UNSUBSCRIBE [MQTT-3.10.4-3], which may
// have several filters [MQTT-3.10.4-6].
func TestUnsubscribeInFlight(t *testing.T) {
	f := start(t)
	p := f.connect(forMinutes("A"))
	for i, filter := range []string{"t", "u"} {
		p.subscribe(uint16(i+1), filter, 2)
		p.expect(fmt.Sprintf("SUBACK %d [02]", i+1))
	}
	src := f.connect(hello{id: "src"})
	src.send(pub{topic: "t", body: "1", qos: 1, id: 1})
	src.send(pub{topic: "t", body: "2", qos: 2, id: 2})
	p.expect(`PUBLISH t "1" q1 id=1`, `PUBLISH t "2" q2 id=2`)
	body := []byte{0, 3, 0}
	for _, filter := range []string{"t", "none", "u"} {
		body = appendString(body, filter)
	}
	p.write(frame(packets.Unsubscribe<<4|2, body))
	p.expect("UNSUBACK 3 [00 11 00]")
	src.send(pub{topic: "t", body: "3", qos: 1, id: 3})
	src.send(pub{topic: "u", body: "4", qos: 1, id: 4})
	p.nc.Close()
	p = f.dial()
	p.shake2(forMinutes("A"), "CONNACK session=true code=0x00")
	p.expect(`PUBLISH t "1" q1 id=1 dup`, `PUBLISH t "2" q2 id=2 dup`)
	p.ack(packets.Puback, 1)
	p.ack(packets.Pubrec, 2)
	p.expect("PUBREL 2")
	p.ack(packets.Pubcomp, 2)
	p.expectNothing()
}

// No local: not what the client itself publishes, also not when its session
// was taken up by another connection (MQTT 5.0 §3.8.3.1).
func TestNoLocal(t *testing.T) {
	f := start(t)
	a := f.connect(hello{level: v5, id: "A"})
	a.subscribe(1, "t", noLocal)
	a.expect("SUBACK 1 [00]")
	b := f.connect(hello{level: v5, id: "B"})
	a.publish(pub{topic: "t", body: "own"})
	a.expectNothing()
	b.publish(pub{topic: "t", body: "other"})
	a.expect(`PUBLISH t "other"`)
}

// Each copy carries the identifier of its subscription (MQTT 5.0 §3.3.4), also
// at QoS 1, and a new SUBSCRIBE changes it.
func TestSubscriptionIdentifiers(t *testing.T) {
	f := start(t)
	p := f.connect(hello{level: v5, id: "A"})
	p.subscribe(1, "a/+", 1, 7)
	p.expect("SUBACK 1 [01]")
	p.subscribe(2, "a/b", 0, 200_000)
	p.expect("SUBACK 2 [00]")
	q := f.connect(hello{level: v5, id: "B"})
	q.subscribe(1, "a/+", 0)
	q.expect("SUBACK 1 [00]")
	src := f.connect(hello{id: "src"})
	src.send(pub{topic: "a/b", body: "x", qos: 1, id: 1})
	got := []string{p.read(), p.read()}
	slices.Sort(got)
	want := []string{`PUBLISH a/b "x" q1 id=1 sub=[7]`, `PUBLISH a/b "x" sub=[200000]`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	q.expect(`PUBLISH a/b "x"`)
	p.subscribe(3, "a/b", 0)
	p.expect("SUBACK 3 [00]")
	p.unsubscribe(4, "a/+")
	p.expect("UNSUBACK 4 [00]")
	src.publish(pub{topic: "a/b", body: "y"})
	p.expect(`PUBLISH a/b "y"`)
}

// A shared subscription gives each message to one member, in turn, and to those
// online only; to a kept session if nobody is (MQTT 5.0 §4.8.2).
func TestShared(t *testing.T) {
	for qos := range byte(2) {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			f := start(t)
			var members []*peer
			for i := range 3 {
				h := forMinutes(fmt.Sprint(i))
				if i == 0 {
					h = hello{id: "0", keep: true} // 3.1.1 may share too
				}
				p := f.connect(h)
				p.subscribe(1, "$share/g/t/+", qos)
				p.expect(fmt.Sprintf("SUBACK 1 [%02x]", qos))
				members = append(members, p)
			}
			plain := f.connect(hello{id: "plain"})
			plain.subscribe(1, "t/+", 0)
			plain.expect("SUBACK 1 [00]")
			src := f.connect(hello{level: v5, id: "src"})
			var batch []byte
			for i := range 30 {
				batch = append(batch, pub{topic: "t/1", body: fmt.Sprint(i), qos: qos, id: 1}.packet(v5)...)
			}
			src.write(batch)
			for range 30 {
				plain.read()
			}
			got := map[string]bool{}
			for _, p := range members {
				for i := range 10 {
					got[p.read()] = true
					if qos > 0 {
						p.ack(packets.Puback, uint16(i+1))
					}
				}
				p.expectNothing()
			}
			for range 30 * int(qos) {
				src.expect("PUBACK 1")
			}

			members[0].nc.Close()
			members[1].nc.Close()
			await(t, "two are away", func() bool { return len(f.b.Clients()) == 3 })
			for range 4 {
				src.send(pub{topic: "t/1", body: "x", qos: qos, id: 1})
				members[2].read()
			}
			members[2].unsubscribe(2, "$share/g/t/+")
			for got := members[2].read(); got != "UNSUBACK 2 [00]"; got = members[2].read() {
				t.Fatal(got)
			}
			if n := f.b.Listeners("t.1"); n != 1 {
				t.Errorf("%d listeners, want the plain one alone", n)
			}
			src.send(pub{topic: "t/1", body: "waits", qos: qos, id: 1})
			queued := 0
			for _, s := range f.Sessions() {
				queued += s.Queued
			}
			if queued != int(qos) {
				t.Errorf("%d messages wait, want %d", queued, qos)
			}
		})
	}
}

// What a STOMP client sent, as the core hands it on: headers become properties
// for 5.0, but not those that the broker sets or that cannot be told.
func TestFromSTOMP(t *testing.T) {
	f := start(t)
	five := f.connect(hello{level: v5, id: "five"})
	five.subscribe(1, "chat.room/5", 1)
	five.expect("SUBACK 1 [01]")
	three := f.connect(hello{level: v31, id: "three"})
	three.subscribe(1, "chat.room/5", 0)
	three.expect("SUBACK 1 [00]")
	head := "destination:/topic/chat/room.5\ncontent-type:text/plain\ncontent-length:2\nreply-to:/topic/answers.A\\cB\n" +
		"correlation-id:7\\c8\nfoo:a\\nb\nfoo:again\npersistent:true\nbad:\xff\nexpires:0\nreply-to:/queue/x\ncontent-type:second\n"
	p := f.b.NewPublisher(&broker.Client{ID: "truck", Protocol: broker.STOMP})
	p.Begin(time.Now())
	for qos := range byte(2) {
		r, err := p.Topic([]byte("chat/room.5"))
		if err != nil {
			t.Fatal(err)
		}
		m := p.Add(r)
		m.Head, m.Body, m.QoS, m.Retain = []byte(head), []byte("hi"), qos, true
		p.Flush()
	}
	props := ` type=text/plain response=answers/A:B correlation="7:8" foo:a` + "\n" + `b foo:again reply-to:/queue/x content-type:second`
	five.expect(`PUBLISH chat.room/5 "hi"`+props, `PUBLISH chat.room/5 "hi" q1 id=1`+props)
	three.expect(`PUBLISH chat.room/5 "hi"`, `PUBLISH chat.room/5 "hi"`)
	late := f.connect(hello{level: v5, id: "late"})
	late.subscribe(1, "chat.room/#", 0)
	late.expect("SUBACK 1 [00]", `PUBLISH chat.room/5 "hi" retain`+props)
	if n := f.Stats().LostHeaders.Load(); n != 3 { // the bad one, in each
		t.Errorf("%d headers are counted as lost, want 3", n)
	}
}

// A receiver's Maximum Packet Size: longer messages are not sent to it, and
// count as sent (MQTT 5.0 §3.1.2.11.4).
func TestMaximumPacketSize(t *testing.T) {
	f := start(t)
	p := f.connect(hello{level: v5, id: "A", props: packets.Properties{MaximumPacketSize: 40}})
	p.subscribe(1, "t", 1)
	p.expect("SUBACK 1 [01]")
	q := f.connect(hello{level: v5, id: "B"})
	q.subscribe(1, "t", 0)
	q.expect("SUBACK 1 [00]")
	src := f.connect(hello{id: "src"})
	for _, total := range []int{39, 40, 41} { // fixed header 2, topic 3, identifier 2, properties 1
		for qos := range byte(2) {
			src.send(pub{topic: "t", body: strings.Repeat("x", total-6-2*int(qos)), qos: qos, id: 1})
			q.read()
		}
	}
	p.expect(
		fmt.Sprintf("PUBLISH t %q", strings.Repeat("x", 33)), fmt.Sprintf("PUBLISH t %q q1 id=1", strings.Repeat("x", 31)),
		fmt.Sprintf("PUBLISH t %q", strings.Repeat("x", 34)), fmt.Sprintf("PUBLISH t %q q1 id=2", strings.Repeat("x", 32)))
	p.expectNothing()
	if n := f.Stats().TooLarge.Load(); n != 2 {
		t.Errorf("%d messages were too large, want 2", n)
	}
}
