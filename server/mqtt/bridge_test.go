package mqtt

import (
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// discard is a connection that nobody reads.
type discard struct{ net.Conn }

func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) SetWriteDeadline(time.Time) error { return nil }

// A durable subscriber of STOMP gets what phones publish while it is away, and a
// kept session what STOMP sends persistently while its client is away; both
// senders are told when it is on disk, and both survive a crash.
func TestBridgeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{}, false)
		truck := &broker.Client{ID: "truck", Protocol: broker.STOMP}
		p := l.meet(hello{id: "phone", keep: true})
		p.subscribe(1, "from/stomp", 1)
		p.expect("SUBACK 1 [01]")
		p.goodbye()

		out := netx.NewOutbound(discard{}, 0, 0, nil)
		opt := broker.ConsumerOptions{Client: truck, Out: out, Append: func(dst []byte, _ broker.Delivery) []byte { return append(dst, 'm') }}
		paper, err := l.b.ConsumeDurable("paper", broker.DurableOptions{Filter: "from.mqtt"}, nil, opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		paper.Leave()
		out.Close()
		p = l.meet(hello{id: "other", keep: true})
		p.publish(pub{topic: "from/mqtt", body: "1", qos: 1, id: 1})
		p.publish(pub{topic: "from/mqtt", body: "2", qos: 2, id: 2})
		p.expect("PUBACK 1", "PUBREC 2")
		if _, records := d.count(); records != 3 { // and the identifier
			t.Errorf("%d records on disk, want 3", records)
		}
		p.ack(packets.Pubrel, 2)
		p.expect("PUBCOMP 2")
		p.goodbye()

		src := l.b.NewPublisher(truck)
		told := make(chan error, 10)
		for i := range 3 {
			r, err := src.Topic([]byte("from.stomp"))
			if err != nil {
				t.Fatal(err)
			}
			m := src.AddConfirmed(r, func(err error) { told <- err })
			m.Head, m.Body, m.QoS, m.Persistent = []byte("destination:/topic/from.stomp\n"), fmt.Append(nil, i), 1, true
		}
		src.Flush()
		for range 3 {
			if err := <-told; err != nil {
				t.Error(err)
			}
		}
		if _, records := d.count(); records != 5 {
			t.Errorf("%d messages on disk, want 5", records)
		}
		synctest.Wait()
		l.crash(d)

		d.boot(-1)
		l = live(t, d, Options{}, true)
		p = l.peer()
		p.shake2(hello{id: "phone", keep: true}, "CONNACK session=true code=0x00")
		for i := range 3 {
			p.take(fmt.Sprintf("PUBLISH from/stomp %q", fmt.Sprint(i)), 1, uint16(i+1))
		}
		p.expectNothing()
		time.Sleep(time.Second)
		if _, records := d.count(); records != 2 {
			t.Errorf("%d messages on disk after the PUBACKs of three, want 2", records)
		}
		if err := l.b.RestoreDurables(broker.NewMatch); err != nil {
			t.Fatal(err)
		}
		if all := l.b.Durables(); len(all) != 1 || all[0].Waiting != 2 {
			t.Errorf("durable subscribers after the crash: %+v", all)
		}
		l.stop()
	})
}

// It does not wait when half of the memory is used, which is for what was promised.
func TestBridgeNotPersistentWhileMemoryIsScarce(t *testing.T) {
	f := start(t)
	f.away(hello{id: "phone", keep: true}, "t", 1)
	limit := 2 * (netx.MemoryUsed() + 8<<20)
	netx.SetMemoryLimit(limit)
	defer netx.SetMemoryLimit(0)
	netx.Book(10 << 20)
	defer netx.Unbook(10 << 20)
	src := f.b.NewPublisher(&broker.Client{ID: "truck", Protocol: broker.STOMP})
	for qos := range byte(2) {
		r, err := src.Topic([]byte("t"))
		if err != nil {
			t.Fatal(err)
		}
		m := src.Add(r)
		m.Head, m.Body, m.QoS, m.Persistent = []byte("destination:/topic/t\n"), []byte{'0' + qos}, qos, qos > 0
		src.Flush()
	}
	if n := f.Stats().Unkept.Load(); n != 1 {
		t.Errorf("%d messages are not kept, want 1", n)
	}
	p := f.connect(hello{id: "phone", keep: true})
	p.take(`PUBLISH t "1"`, 1, 1)
	p.expectNothing()
}

// What STOMP sends without persistent:true waits in memory for those who are away and
// have asked for more than QoS 0, as many as may wait there, and comes at QoS 1. Who is
// connected gets it at QoS 0; and what MQTT sends at QoS 0 waits for nobody.
func TestBridgeNotPersistent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{MaxQueued: 2}, false)
		src := l.b.NewPublisher(&broker.Client{ID: "truck", Protocol: broker.STOMP})
		send := func(topic string, bodies ...string) {
			t.Helper()
			for _, body := range bodies {
				r, err := src.Topic([]byte(topic))
				if err != nil {
					t.Fatal(err)
				}
				m := src.Add(r)
				m.Head, m.Body = []byte("destination:/topic/"+topic+"\n"), []byte(body)
			}
			src.Flush()
		}
		filters := []struct {
			id, filter string
			qos        byte
		}{{"phone", "from/stomp", 2}, {"shared", "$share/g/from/stomp", 1}, {"zero", "from/stomp", 0}}
		for _, f := range filters {
			p := l.meet(hello{id: f.id, keep: true})
			p.subscribe(1, f.filter, f.qos)
			p.expect(fmt.Sprintf("SUBACK 1 [%02x]", f.qos))
			p.goodbye()
			synctest.Wait()
		}
		send("from.stomp", "1", "2", "3")
		p := l.meet(hello{id: "other"})
		p.publish(pub{topic: "from/stomp", body: "4"})
		p.goodbye()
		synctest.Wait()
		if _, records := d.count(); records != 0 {
			t.Errorf("%d records on disk, want none", records)
		}
		if n := l.Stats().Overflowed.Load(); n != 2 {
			t.Errorf("%d messages overflowed, want one of each of two sessions", n)
		}
		for _, f := range filters {
			p := l.peer()
			p.shake2(hello{id: f.id, keep: true}, "CONNACK session=true code=0x00")
			if f.qos > 0 {
				p.take(`PUBLISH from/stomp "1"`, 1, 1)
				p.take(`PUBLISH from/stomp "2"`, 1, 2)
			}
			p.expectNothing()
			send("from.stomp", "now")
			p.take(`PUBLISH from/stomp "now"`, 0, 0)
			p.goodbye()
			synctest.Wait()
			p = l.meet(hello{id: f.id}) // and nobody is left
			p.goodbye()
		}
		l.stop()
	})
}
