package mqtt

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Two clients that flood each other at QoS 1: what one sends fills the queue of the
// other, and what would empty that comes behind what the other sends. The server
// has to go on reading, and holds acknowledgements back instead; nobody is
// disconnected, nothing is lost, and everything comes in order.
func TestMutualFlood(t *testing.T) {
	for _, window := range []int{100, 400} { // a sender stops there; the queues hold 200
		f := newFixture(t, Options{MaxQueued: 200, MaxInflight: 20}, true)
		const each = 5000
		done := make(chan error, 2)
		var peers [2]*peer
		for i := range peers {
			peers[i] = f.connect(hello{id: fmt.Sprint("c", i)})
			peers[i].subscribe(1, fmt.Sprint("to/", i), 1)
			peers[i].expect("SUBACK 1 [01]")
		}
		for i, p := range peers {
			go func() { done <- flood(p, fmt.Sprint("to/", 1-i), each, window) }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Errorf("window %d: %v", window, err)
			}
		}
		if slow, lost := f.Stats().Slow.Load(), f.Stats().Overflowed.Load(); slow+lost > 0 {
			t.Errorf("window %d: %d disconnected, %d messages lost", window, slow, lost)
		}
	}
}

// flood sends messages and takes as many.
func flood(p *peer, to string, each, window int) error {
	sent, acked, got := 0, 0, 0
	var out []byte
	for acked < each || got < each {
		for sent < each && sent-acked < window && len(out) < 4096 {
			out = append(out, pub{topic: to, body: fmt.Sprintf("%d", sent), qos: 1, id: uint16(sent%60000 + 1)}.packet(v311)...)
			sent++
		}
		p.nc.SetWriteDeadline(time.Now().Add(patience))
		if _, err := p.nc.Write(out); err != nil {
			return fmt.Errorf("%d sent, %d acknowledged, %d received: %w", sent, acked, got, err)
		}
		out = out[:0]
		first, body, err := p.next()
		if err != nil {
			return fmt.Errorf("%d sent, %d acknowledged, %d received: %w", sent, acked, got, err)
		}
		switch first >> 4 {
		case packets.Puback:
			if id := binary.BigEndian.Uint16(body); id != uint16(acked%60000+1) {
				return fmt.Errorf("PUBACK %d after %d", id, acked)
			}
			acked++
		case packets.Publish:
			n := 2 + int(binary.BigEndian.Uint16(body))
			if text := string(body[n+2:]); text != fmt.Sprint(got) {
				return fmt.Errorf("got %s after %d", text, got)
			}
			got++
			out = appendAck(out, packets.Puback, binary.BigEndian.Uint16(body[n:]), 0, "")
		}
	}
	_, err := p.nc.Write(out)
	return err
}
