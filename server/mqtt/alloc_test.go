package mqtt

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Little is allocated for a message at QoS 1 on its whole way, from PUBLISH to the
// subscriber's PUBACK and the publisher's: what is in flight has to be remembered.
// So it is at QoS 0 over a connection, and with a topic alias.
func TestWayAllocations(t *testing.T) {
	for _, c := range []struct {
		name  string
		qos   byte
		level byte
		max   float64 // for a hundred messages
	}{
		{"QoS 0", 0, v311, 30},
		{"QoS 0 to a 5.0 client with topic aliases", 0, v5, 40},
		{"QoS 1", 1, v311, 150},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t)
			w := newWay(f, c.level, c.qos)
			w.send(t) // what is allocated once
			if n := testing.AllocsPerRun(50, func() { w.send(t) }); n > c.max {
				t.Errorf("%.0f allocations for a hundred messages, want at most %.0f", n, c.max)
			}
		})
	}
}

// way is a publisher and a subscriber that allocate nothing themselves.
type way struct {
	src, sub       *peer
	qos            byte
	publish        []byte // a hundred PUBLISHes
	pubacks, heard []byte
	one            int // length of one PUBLISH to the subscriber
	acks           []byte
}

func newWay(f *fixture, level, qos byte) *way {
	f.t.Helper()
	const name = "/mwm/AAA/motion"
	w := &way{qos: qos, src: f.connect(hello{id: "src"})}
	w.sub = f.connect(hello{level: level, id: "sub", props: packets.Properties{TopicAliasMaximum: 10}})
	w.sub.subscribe(1, "/mwm/+/motion", qos)
	if got := w.sub.read(); !strings.HasPrefix(got, "SUBACK") {
		f.t.Fatal(got)
	}
	m := pub{topic: name, body: strings.Repeat("x", 24), qos: qos}
	for i := range 100 {
		m.id = uint16(i + 1)
		w.publish = append(w.publish, m.packet(v311)...)
	}
	w.one = len(w.publish) / 100
	if level == v5 { // the alias is introduced before anything is measured
		w.src.write(m.packet(v311))
		w.sub.read()
		w.one = 2 + 2 + 1 + 3 + 24
	}
	w.heard, w.pubacks = make([]byte, 100*w.one), make([]byte, 100*4*int(qos))
	for _, p := range []*peer{w.src, w.sub} {
		p.nc.SetDeadline(time.Now().Add(10 * patience))
	}
	return w
}

// send publishes the hundred, and waits until they are here and acknowledged.
func (w *way) send(t *testing.T) {
	t.Helper()
	_, err := w.src.nc.Write(w.publish)
	if err == nil {
		_, err = io.ReadFull(w.sub.br, w.heard)
	}
	if err == nil {
		_, err = io.ReadFull(w.src.br, w.pubacks)
	}
	if err == nil && w.qos > 0 {
		w.acks = w.acks[:0]
		for at := 0; at < len(w.heard); at += w.one {
			id := at + 2 + 2 + len("/mwm/AAA/motion")
			w.acks = append(w.acks, packets.Puback<<4, 2, w.heard[id], w.heard[id+1])
		}
		_, err = w.sub.nc.Write(w.acks)
	}
	if err != nil {
		t.Fatal(err)
	}
}
