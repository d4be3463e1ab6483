package mqtt

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// FuzzPackets feeds whatever comes to a connection, cut in two anywhere: it
// must not panic, nor take more than there is, nor hang.
func FuzzPackets(f *testing.F) {
	for _, level := range []byte{v31, v311, v5} {
		hi := hello{level: level, id: "A", will: lastWill(packets.Properties{}), user: "u", password: "p"}.bytes()
		f.Add(hi, uint16(3))
		sub := append(hello{level: level, id: "A"}.bytes(), frame(0x82, append(appendString([]byte{0, 1}, "a/#"), 1))...)
		f.Add(append(sub, pub{topic: "a/b", body: "x", qos: 2, id: 1}.packet(level)...), uint16(20))
		f.Add(append(sub, 0xc0, 0, 0xe0, 0), uint16(1))
	}
	props := pub{topic: "a", qos: 1, id: 1, props: packets.Properties{ContentType: "x", ResponseTopic: "y", User: []packets.UserProperty{{Key: "k", Val: "v"}}}}
	f.Add(append(hello{level: v5, id: "A"}.bytes(), props.packet(v5)...), uint16(30))
	itself := hello{level: v5, id: "A", props: packets.Properties{TopicAliasMaximum: 3, RequestResponseInfo: 1}}.bytes()
	itself = append(itself, frame(0x82, append(appendString([]byte{0, 1, 0}, "$share/g/topic/#"), 1))...)
	for id := range uint16(3) {
		itself = append(itself, pub{topic: "topic/one", body: "x", qos: byte(id), id: id}.packet(v5)...)
	}
	f.Add(itself, uint16(9))
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		fx := newFixture(t, Options{}, false)
		nc := &sink{}
		c := newConn(fx.Server, streamConn{nc})
		fx.enter(c)
		defer fx.leave(c)
		var err error
		rest := in[:0:0]
		for _, part := range [][]byte{in[:min(int(cut), len(in))], in[min(int(cut), len(in)):]} {
			rest = append(rest, part...)
			var used, need int
			used, need, err = c.Data(rest)
			if used > len(rest) || err == nil && need != 0 && need <= len(rest)-used {
				t.Fatalf("Data took %d and wants %d of %d bytes", used, need, len(rest))
			}
			rest = rest[used:]
			if err != nil {
				break
			}
		}
		if err == nil {
			err = io.EOF
		}
		if c.watch != nil {
			c.watch.Stop()
		}
		c.end(err)
	})
}

// sink is a connection whose peer takes everything and says nothing.
type sink struct{ net.Conn }

func (*sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (*sink) Write(p []byte) (int, error)      { return len(p), nil }
func (*sink) Close() error                     { return nil }
func (*sink) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*sink) SetReadDeadline(time.Time) error  { return nil }
func (*sink) SetWriteDeadline(time.Time) error { return nil }

// FuzzProperties checks that what the scanner lets through the codec can
// decode, and that a PUBLISH comes out of the encoder as it went in.
func FuzzProperties(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{2, 0x01, 1})
	f.Add([]byte{16, 0x26, 0, 1, 'a', 0, 1, 'b', 0x03, 0, 1, 'x', 0x09, 0, 1, 0})
	f.Fuzz(func(t *testing.T, block []byte) {
		said, rest, err := parseProperties(block)
		if err != nil {
			return
		}
		var pr packets.Properties
		n, err := pr.Decode(packets.Publish, bytes.NewBuffer(block))
		if err != nil || n != len(block)-len(rest) {
			t.Fatalf("the codec took %d of %d bytes: %v", n, len(block)-len(rest), err)
		}
		if said.props == nil {
			return
		}
		out := appendMessageProperties(nil, said.props)
		again, _, err := parseProperties(append(appendVarint(nil, len(out)), out...))
		if err != nil || fmt.Sprint(*again.props) != fmt.Sprint(*said.props) {
			t.Fatalf("%v became %v: %v", said.props, again.props, err)
		}
	})
}

// FuzzHead checks that the headers of STOMP senders always become properties
// that can be decoded, within the bound that the encoder announces.
func FuzzHead(f *testing.F) {
	f.Add([]byte("destination:/topic/a\ncontent-type:text/plain\nfoo:a\\nb\\c\nreply-to:/topic/a.b\n"))
	f.Add([]byte(":\n:\n:\n\\:\\\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		p := publication{Message: messageWithHead(head), level: v5}
		props := p.appendProperties(nil)
		if len(props) > p.propertiesBound() || p.propertiesLen() != len(props) {
			t.Fatalf("%d bytes, announced %d, bound %d", len(props), p.propertiesLen(), p.propertiesBound())
		}
		if bytes.Count(head, []byte{'\n'}) > maxUserProperties {
			return // more than this server takes itself
		}
		if _, _, err := parseProperties(append(appendVarint(nil, len(props)), props...)); err != nil {
			t.Fatalf("%q became % x: %v", head, props, err)
		}
	})
}

// Hostile packets: sizes that are only announced cost nothing, deep filters no
// time, and nobody else notices.
func TestHostile(t *testing.T) {
	f := newFixture(t, Options{MaxPacket: 70_000}, true)
	well := f.connect(hello{id: "well"})
	well.subscribe(1, "t", 0)
	well.expect("SUBACK 1 [00]")
	for range 50 {
		p := f.dial()
		p.write([]byte{0x10, 0xff, 0xff, 0xff, 0x7f}) // 256 MiB before CONNECT
		p.expectClosed()
	}
	began := time.Now()
	p := f.connect(hello{level: v5, id: "deep"})
	p.subscribe(1, strings.Repeat("/", 65_000), 0)
	p.expect(`SUBACK 1 [8f] reason="a topic filter of 65001 levels, at most 128 are allowed"`)
	body := []byte{0, 2, 0}
	for len(body) < 60_000 {
		body = append(appendString(body, strings.Repeat("+/", 127)+"#"), 0)
	}
	p.write(frame(0x82, body))
	if got := p.read(); !strings.HasPrefix(got, "SUBACK 2 [00 00") {
		t.Error(got)
	}
	f.connect(hello{id: "src"}).publish(pub{topic: "t", body: "x"})
	well.expect(`PUBLISH t "x"`)
	if d := time.Since(began); d > patience {
		t.Errorf("it took %s", d)
	}
}

// The user properties of a packet are bounded in number: empty ones take ten times as
// much memory as they have bytes. Nobody gets what has one too many, be it published
// or a will.
func TestUserProperties(t *testing.T) {
	f := start(t)
	sub := f.connect(hello{level: v5, id: "sub"})
	sub.subscribe(1, "t", 1)
	sub.expect("SUBACK 1 [01]")
	src := f.connect(hello{level: v5, id: "src"})
	some := packets.Properties{User: make([]packets.UserProperty, maxUserProperties)}
	for i := range some.User {
		some.User[i].Key = "k" // the codec does not write those without a name
	}
	src.send(pub{topic: "t", body: "some", qos: 1, id: 1, props: some})
	if got := sub.read(); !strings.HasPrefix(got, `PUBLISH t "some"`) || strings.Count(got, "k") != maxUserProperties {
		t.Errorf("got %s", got)
	}
	many := packets.Properties{User: append(some.User, packets.UserProperty{Key: "k"})}
	const text = `code=0x97 reason="more than 1000 user properties"`
	src.publish(pub{topic: "t", body: "many", qos: 1, id: 2, props: many})
	src.expect("DISCONNECT " + text)
	src.expectClosed()
	for _, h := range []hello{{props: many}, {will: lastWill(many)}} {
		h.level, h.id = v5, "other"
		p := f.dial()
		p.shake2(h, "CONNACK session=false "+text)
		p.expectClosed()
	}
	await(t, "three faults are counted", func() bool { return f.Stats().Faults.Load()+f.Stats().Refused.Load() >= 3 })
	sub.expectNothing()
}

// A subscriber that never reads does not disturb the others: they get
// everything, within the second that it may hold the publisher.
func TestNeverReading(t *testing.T) {
	for qos := range byte(2) {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			f := newFixture(t, Options{MaxOutbound: 1 << 20, MaxQueued: 100}, true)
			deaf := f.dial()
			deaf.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
			deaf.shake(hello{id: "deaf"})
			deaf.subscribe(1, "t", qos)
			deaf.expect(fmt.Sprintf("SUBACK 1 [%02x]", qos))
			well := f.connect(hello{id: "well"})
			well.subscribe(1, "t", 0)
			well.expect("SUBACK 1 [00]")
			src := f.connect(hello{id: "src"})
			body := strings.Repeat("x", 1000)
			const n = 20_000
			done := make(chan time.Duration)
			go func() {
				longest, last := time.Duration(0), time.Now()
				for range n {
					if first, _, err := well.next(); err != nil || first != 0x30 {
						t.Errorf("0x%02x, %v", first, err)
						break
					}
					longest, last = max(longest, time.Since(last)), time.Now()
				}
				done <- longest
			}()
			m := pub{topic: "t", body: body, qos: qos, id: 1}.packet(v311)
			go io.Copy(io.Discard, src.nc)
			for range n / 10 {
				src.write(bytes.Repeat(m, 10))
			}
			if longest := <-done; longest > patience/2 {
				t.Errorf("it was held for %s", longest)
			}
		})
	}
}

// Many who publish and many who come and go: order per publisher holds for
// everybody at QoS 1, nothing is lost.
func TestOrder(t *testing.T) {
	f := start(t)
	const publishers, each = 8, 400
	sub := f.connect(hello{id: "sub"})
	sub.subscribe(1, "t/+", 1)
	sub.expect("SUBACK 1 [01]")
	for i := range publishers {
		src := f.connect(hello{id: fmt.Sprint("src", i)})
		go io.Copy(io.Discard, src.nc)
		go func() {
			for n := range each {
				src.write(pub{topic: fmt.Sprintf("t/%d", i), body: fmt.Sprint(n), qos: 1, id: uint16(n + 1)}.packet(v311))
			}
		}()
	}
	next := map[string]int{}
	for range publishers * each {
		_, body, err := sub.next()
		if err != nil {
			t.Fatal(err)
		}
		pk := packets.Packet{ProtocolVersion: v311, FixedHeader: packets.FixedHeader{Qos: 1}}
		if err := pk.PublishDecode(body); err != nil {
			t.Fatal(err)
		}
		if got := string(pk.Payload); got != fmt.Sprint(next[pk.TopicName]) {
			t.Fatalf("%s: got %s, want %d", pk.TopicName, got, next[pk.TopicName])
		}
		next[pk.TopicName]++
		sub.ack(packets.Puback, pk.PacketID)
	}
}

// What is kept of a packet does not keep the rest of it: a session of a short name takes
// little, however long its CONNECT was, and so does a short filter among long ones, and
// a short will.
func TestPacketsAreNotKept(t *testing.T) {
	const n, limit = 100, 5 << 20
	f := start(t)
	long := strings.Repeat("x", 60_000)
	h := forMinutes("")
	h.props.User = []packets.UserProperty{{Key: "k", Val: long}, {Key: "k", Val: long}}
	h.will = &packets.Packet{TopicName: "t", Payload: []byte("gone"), Properties: packets.Properties{WillDelayInterval: 500, ContentType: "x", CorrelationData: []byte{1}}}
	before := heap()
	for i := range n {
		h.id = fmt.Sprint("c", i)
		f.connect(h).nc.Close()
	}
	await(t, "all have gone", func() bool { return f.SessionTotals().Away == n })
	if grown := heap() - before; grown > limit {
		t.Errorf("%d sessions take %d bytes", n, grown)
	}
	before = heap()
	p := f.connect(hello{id: "p"})
	for i := range n {
		body := append(appendString([]byte{0, 1}, fmt.Sprint(i)), 0)
		for range 2 {
			body = append(appendString(body, long+"#"), 0) // refused
		}
		p.write(frame(packets.Subscribe<<4|2, body))
		p.expect("SUBACK 1 [00 80 80]")
	}
	if grown := heap() - before; grown > limit {
		t.Errorf("%d subscriptions take %d bytes", n, grown)
	}
	p.goodbye()
}

// heap is how many bytes are in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// One that has everything answered and reads nothing is disconnected, counted, and in
// the log with the reason.
func TestReadingNoAnswers(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{MaxOutbound: 1 << 10, Logger: slog.New(slog.NewTextHandler(&log, nil))}, false)
		p := f.pipe()
		p.shake(hello{id: "deaf"})
		p.nc.SetWriteDeadline(time.Now().Add(patience))
		for err := error(nil); err == nil; { // until it is closed
			_, err = p.nc.Write(bytes.Repeat([]byte{packets.Pingreq << 4, 0}, 1000))
		}
		f.wg.Wait()
		if n := f.Stats().Slow.Load(); n != 1 {
			t.Errorf("%d are counted, want 1", n)
		}
	})
	if !strings.Contains(log.String(), "the peer does not read") {
		t.Errorf("the log says %q", log.String())
	}
}
