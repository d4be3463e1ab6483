package mqtt

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
)

// Topic aliases towards a client (MQTT 5.0 §3.1.2.11.5, §3.3.2.3.4): the first
// topics have one, as many as it permits; their messages name the topic once, at
// whatever QoS, and short names never have one.
func TestSentAliases(t *testing.T) {
	f := start(t)
	sub := f.connect(hello{level: v5, id: "sub", props: packets.Properties{TopicAliasMaximum: 2}})
	sub.subscribe(1, "#", 1, 9)
	sub.expect("SUBACK 1 [01]")
	src := f.connect(hello{id: "src"})
	id := 0
	for i, m := range []struct {
		topic string
		qos   byte
		want  string
	}{
		{"topic/one", 0, `PUBLISH topic/one "0" alias=1 sub=[9]`},
		{"topic/one", 1, `PUBLISH  "1" q1 id=1 alias=1 sub=[9]`},
		{"topic/two", 1, `PUBLISH topic/two "2" q1 id=2 alias=2 sub=[9]`},
		{"short", 0, `PUBLISH short "3" sub=[9]`},
		{"topic/three", 0, `PUBLISH topic/three "4" sub=[9]`},
		{"topic/two", 0, `PUBLISH  "5" alias=2 sub=[9]`},
		{"topic/one", 0, `PUBLISH  "6" alias=1 sub=[9]`},
	} {
		src.send(pub{topic: m.topic, body: fmt.Sprint(i), qos: m.qos, id: 1})
		sub.expect(m.want)
		if m.qos > 0 {
			id++
			sub.ack(packets.Puback, uint16(id))
		}
	}
	// A run of one read: the first introduces, the others follow.
	other := f.connect(hello{level: v5, id: "other", props: packets.Properties{TopicAliasMaximum: 65535}})
	other.subscribe(1, "topic/#", 0)
	other.expect("SUBACK 1 [00]")
	var run []byte
	for i := range 3 {
		run = append(run, pub{topic: "topic/four", body: fmt.Sprint(i)}.packet(v311)...)
	}
	src.write(run)
	other.expect(`PUBLISH topic/four "0" alias=1`, `PUBLISH  "1" alias=1`, `PUBLISH  "2" alias=1`)
	none := f.connect(hello{level: v5, id: "none"})
	none.subscribe(1, "topic/#", 0)
	none.expect("SUBACK 1 [00]")
	src.write(run)
	none.expect(`PUBLISH topic/four "0"`, `PUBLISH topic/four "1"`, `PUBLISH topic/four "2"`)
}

// Nor do very long names: as many as there are aliases would be megabytes for each
// connection, which nobody counted.
func TestSentAliasesOfLongNames(t *testing.T) {
	f := start(t)
	c := f.connect(hello{level: v5, id: "c", props: packets.Properties{TopicAliasMaximum: 64}})
	c.subscribe(1, "#", 1)
	c.expect("SUBACK 1 [01]")
	for n, want := range map[int]string{maxAliased: " alias=1", maxAliased + 1: "", 60_000: ""} {
		name := strings.Repeat("x", n)
		c.publish(pub{topic: name})
		c.expect(`PUBLISH ` + name + ` ""` + want)
	}
	name := strings.Repeat("y", 60_000)
	c.publish(pub{topic: name, qos: 1, id: 1})
	c.expect("PUBLISH "+name+` "" q1 id=1`, "PUBACK 1")
}

// A new connection knows no alias of the one before, and what is retained uses up
// none.
func TestSentAliasesAnew(t *testing.T) {
	f := start(t)
	src := f.connect(hello{id: "src"})
	src.send(pub{topic: "topic/kept", body: "old", retain: true})
	src.expectNothing() // it is kept
	h := forMinutes("sub")
	h.props.TopicAliasMaximum = 1
	sub := f.connect(h)
	sub.subscribe(1, "topic/#", 1)
	sub.expect("SUBACK 1 [01]", `PUBLISH topic/kept "old" retain`)
	for range 2 {
		src.send(pub{topic: "topic/one", body: "1", qos: 1, id: 1})
		src.send(pub{topic: "topic/one", body: "2", qos: 1, id: 1})
		sub.expect(`PUBLISH topic/one "1" q1 id=1 alias=1`, `PUBLISH  "2" q1 id=2 alias=1`)
		sub.ack(packets.Puback, 1)
		sub.ack(packets.Puback, 2)
		sub.goodbye()
		sub = f.dial()
		sub.shake2(h, "CONNACK session=true code=0x00")
		f.session("sub").flights.lastID = 0
	}
}

// What introduces an alias is on its way before anybody else may use it.
func TestSentAliasFirst(t *testing.T) {
	f := start(t)
	sub := f.connect(hello{level: v5, id: "sub", props: packets.Properties{TopicAliasMaximum: 2}})
	sub.subscribe(1, "else", 0)
	sub.expect("SUBACK 1 [00]") // and so the session is bound
	s := f.session("sub")
	s.mu.Lock()
	s.encode(&flight{msg: &broker.Message{Name: "topic.new"}}, false)
	waiting := len(s.frames)
	s.encode(&flight{msg: &broker.Message{Name: "topic.new"}}, false)
	if s.handOver() { // the writer may have sent the first already
		s.conn.out.Wake()
	}
	s.mu.Unlock()
	if waiting != 0 {
		t.Errorf("%d bytes wait for others", waiting)
	}
	sub.expect(`PUBLISH topic/new "" alias=1`, `PUBLISH  "" alias=1`)
}

// A message that only fits the client's Maximum Packet Size without its alias comes
// without it; one that is too long either way counts once.
func TestSentAliasTooLarge(t *testing.T) {
	f := start(t)
	const plain = 2 + 2 + len("topic/long") + 1 + 20
	sub := f.connect(hello{level: v5, id: "sub", props: packets.Properties{TopicAliasMaximum: 9, MaximumPacketSize: uint32(plain)}})
	sub.subscribe(1, "#", 1)
	sub.expect("SUBACK 1 [01]")
	src := f.connect(hello{id: "src"})
	src.send(pub{topic: "topic/long", body: fmt.Sprintf("%020d", 0)})
	sub.expect(fmt.Sprintf(`PUBLISH topic/long "%020d"`, 0))
	src.send(pub{topic: "topic/long", body: fmt.Sprintf("%021d", 0)})
	src.send(pub{topic: "topic/long", body: fmt.Sprintf("%021d", 0), qos: 1, id: 1})
	sub.expectNothing()
	if n := f.Stats().TooLarge.Load(); n != 2 {
		t.Errorf("%d messages count as too large, want 2", n)
	}
}

// Publishers of many topics, at both QoS and at once: an alias is never used before
// it is introduced, also when QoS 0 messages are lost.
func TestSentAliasesAtOnce(t *testing.T) {
	f := newFixture(t, Options{MaxOutbound: 16 << 10}, true)
	sub := f.connect(hello{level: v5, id: "sub", props: packets.Properties{TopicAliasMaximum: 20}})
	sub.subscribe(1, "#", 1)
	sub.expect("SUBACK 1 [01]")
	const publishers, each = 8, 300
	var all sync.WaitGroup
	for i := range publishers {
		src := f.connect(hello{id: fmt.Sprint("src", i)})
		var run []byte
		for n := range each {
			name := fmt.Sprintf("topic/number/%d", n*7%25)
			run = append(run, pub{topic: name, body: name, qos: byte(n+i) % 2, id: 1}.packet(v311)...)
		}
		run = append(run, pub{topic: "end", qos: 1, id: 2}.packet(v311)...)
		all.Go(func() { _, _ = src.nc.Write(run) })
	}
	names := map[uint16]string{}
	for ends := 0; ends < publishers; {
		first, body, err := sub.next()
		if err != nil {
			t.Fatal(err)
		}
		pk := packets.Packet{ProtocolVersion: v5, FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: first >> 1 & 3, Remaining: len(body)}}
		if err := pk.PublishDecode(body); err != nil {
			t.Fatal(err)
		}
		if pk.FixedHeader.Qos == 1 {
			sub.ack(packets.Puback, pk.PacketID)
		}
		name, alias := pk.TopicName, pk.Properties.TopicAlias
		switch {
		case name == "end":
			ends++
			continue
		case name == "":
			name = names[alias]
		case alias > 0:
			names[alias] = name
		}
		if name != string(pk.Payload) {
			t.Fatalf("alias %d is %q, want %q", alias, name, pk.Payload)
		}
	}
	all.Wait()
	if len(names) != 20 {
		t.Errorf("%d aliases, want 20", len(names))
	}
}
