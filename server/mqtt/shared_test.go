package mqtt

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// When a session ends, another member of the group gets what it was not sent, and
// what it has not acknowledged at QoS 1, but nothing that was being sent at QoS 2
// (MQTT 5.0 §4.8.2).
func TestSharedHandedDown(t *testing.T) {
	for qos, want := range map[byte][]string{1: {"0", "1", "2"}, 2: {"2"}} {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			f := start(t)
			a := f.connect(hello{level: v5, id: "A", props: packets.Properties{ReceiveMaximum: 2}})
			a.subscribe(1, "$share/g/t", qos)
			a.expect(fmt.Sprintf("SUBACK 1 [%02x]", qos))
			src := f.connect(hello{id: "src"})
			for i := range 3 {
				src.send(pub{topic: "t", body: fmt.Sprint(i), qos: qos, id: uint16(i + 1)})
			}
			a.expect(fmt.Sprintf(`PUBLISH t "0" q%d id=1`, qos), fmt.Sprintf(`PUBLISH t "1" q%d id=2`, qos))
			b := f.connect(hello{level: v5, id: "B"})
			b.subscribe(1, "$share/g/t", qos, 7)
			b.expect(fmt.Sprintf("SUBACK 1 [%02x]", qos))
			a.goodbye()
			for i, body := range want {
				b.expect(fmt.Sprintf(`PUBLISH t %q q%d id=%d sub=[7]`, body, qos, i+1))
			}
			b.expectNothing()
		})
	}
}

// What a member refuses goes to nobody else [MQTT-4.8.2-6].
func TestSharedRefused(t *testing.T) {
	f := start(t)
	a := f.connect(hello{level: v5, id: "A"})
	a.subscribe(1, "$share/g/t", 2)
	a.expect("SUBACK 1 [02]")
	src := f.connect(hello{id: "src"})
	src.send(pub{topic: "t", body: "1", qos: 1, id: 1})
	src.send(pub{topic: "t", body: "2", qos: 2, id: 2})
	a.expect(`PUBLISH t "1" q1 id=1`, `PUBLISH t "2" q2 id=2`)
	a.write(appendAck(nil, packets.Puback, 1, packets.ErrUnspecifiedError.Code, ""))
	a.write(appendAck(nil, packets.Pubrec, 2, packets.ErrUnspecifiedError.Code, ""))
	b := f.connect(hello{level: v5, id: "B"})
	b.subscribe(1, "$share/g/t", 2)
	b.expect("SUBACK 1 [02]")
	a.goodbye()
	b.expectNothing()
}

// So it is after a restart, and what goes to a kept session is on disk there.
func TestSharedHandedDownLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{}, false)
		join := func(id string, secs uint32) {
			h := hello{level: v5, id: id, keep: true}
			h.props = packets.Properties{SessionExpiryInterval: secs, SessionExpiryIntervalFlag: true}
			p := l.meet(h)
			p.subscribe(1, "$share/g/t", 1)
			p.expect("SUBACK 1 [01]")
			p.goodbye()
		}
		join("A", 60)
		src := l.meet(hello{id: "src"})
		for i := range 3 {
			src.send(pub{topic: "t", body: fmt.Sprint(i), qos: 1, id: 1})
		}
		src.goodbye()
		l.stop()

		for range 2 { // A expires in the first of these lives
			d.boot(-1)
			l = live(t, d, Options{}, false)
			if l.session("A") != nil {
				join("B", 3600)
				time.Sleep(time.Minute)
				synctest.Wait()
				if s := l.session("B").info(); l.session("A") != nil || s.Queued != 3 {
					t.Errorf("%d messages wait for B, want 3", s.Queued)
				}
			}
			l.stop()
		}
		d.boot(-1)
		l = live(t, d, Options{}, false)
		b := l.peer()
		b.shake2(hello{level: v5, id: "B", keep: true, props: forever}, "CONNACK session=true code=0x00")
		for i := range 3 {
			b.take(fmt.Sprintf(`PUBLISH t "%d"`, i), 1, uint16(i+1))
		}
		b.goodbye()
		l.stop()
		if boxes, records := d.count(); boxes != 1 || records != 0 {
			t.Errorf("%d sessions and %d messages are left on disk", boxes, records)
		}
	})
}

// While all members are away each message goes to one that has room.
func TestSharedFull(t *testing.T) {
	f := newFixture(t, Options{MaxQueued: 2}, true)
	f.away(forMinutes("A"), "own", 1)
	f.away(forMinutes("A"), "$share/g/t", 1)
	f.away(forMinutes("B"), "$share/g/t", 1)
	src := f.connect(hello{level: v5, id: "src"})
	for _, name := range []string{"own", "own", "t", "t"} { // A is full, B has room
		src.publish(pub{topic: name, qos: 1, id: 1})
		src.expect("PUBACK 1")
	}
	src.publish(pub{topic: "t", qos: 1, id: 1})
	src.expect(`PUBACK 1 code=0x97 reason="the queue of a session is full"`)
}

// Each member of a group counts as memory, and so does the name that it calls the group by.
func TestSharedIsMemory(t *testing.T) {
	const members, size = 3, 60_000
	booked := bookedIn(size)
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}, false)
		filter := "$share/" + strings.Repeat("x", size) + "/t"
		var peers []*peer
		for i := range members {
			p := f.pipe()
			p.shake(hello{id: fmt.Sprint("m", i)})
			p.subscribe(1, filter, 0)
			p.expect("SUBACK 1 [00]")
			p.expectNothing() // and so the buffer that took it is given back
			peers = append(peers, p)
		}
		synctest.Wait()
		if n := booked(); n != members {
			t.Errorf("%d names are booked for %d members", n, members)
		}
		peers[0].unsubscribe(2, filter)
		peers[0].expect("UNSUBACK 2 []")
		for _, p := range peers {
			p.goodbye()
		}
		synctest.Wait()
		if n := booked(); n != 0 {
			t.Errorf("%d are booked in the end", n)
		}
	})
}
