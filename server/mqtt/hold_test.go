package mqtt

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
)

// Many that do not acknowledge hold a publisher, who does not wait for confirmations,
// no longer than one of them may, and who keeps up has the message before it.
func TestManyStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{MaxQueued: 20, MaxInflight: 5}, false)
		const stuck, n = 10, 18 // 5 in flight, 11 fill more than half of the queue
		for i := range stuck {
			p := f.pipe()
			p.shake(forMinutes(fmt.Sprint("stuck", i)))
			p.subscribe(1, "t", 1)
			p.expect("SUBACK 1 [01]")
		}
		well := f.pipe()
		well.shake(hello{level: v5, id: "well"}) // like the others, and so behind them
		well.subscribe(1, "t", 1)
		well.expect("SUBACK 1 [01]")
		began := time.Now()
		src := f.b.NewPublisher(&broker.Client{ID: "truck", Protocol: broker.STOMP})
		sent, turn := make(chan struct{}), make(chan struct{}, n)
		go func() {
			defer close(sent)
			for i := range n {
				if i > 0 {
					<-turn
				}
				r, err := src.Topic([]byte("t"))
				if err != nil {
					t.Error(err)
					return
				}
				m := src.Add(r)
				m.Body, m.QoS, m.Persistent = fmt.Append(nil, i), 1, true
				src.Flush()
			}
		}()
		for i := range n {
			well.expect(fmt.Sprintf("PUBLISH t %q q1 id=%d", fmt.Sprint(i), i+1))
			well.ack(packets.Puback, uint16(i+1))
			synctest.Wait() // so that it is not behind itself
			turn <- struct{}{}
			if d := time.Since(began); d > 0 && i < n-1 {
				t.Fatalf("message %d came after %s", i, d)
			}
		}
		<-sent
		if d := time.Since(began); d != time.Second {
			t.Errorf("the publisher was held for %s, want 1 s", d)
		}
		if n := f.Stats().Slow.Load(); n != stuck {
			t.Errorf("%d were disconnected, want %d", n, stuck)
		}
	})
}

// Many who acknowledge, but too slowly, may hold a publisher up for a second together,
// and not each for one: whoever it would have had to wait for next is to blame, too.
// Those who keep up are not, nor a group of whom one does, nor who has enough of
// something else and is sent this at QoS 0.
func TestManySlow(t *testing.T) {
	const slow, n, every, takes = 10, 200, 10 * time.Millisecond, 300 * time.Millisecond
	for _, filter := range []string{"t", "$share/%d/t"} {
		t.Run(filter, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, Options{MaxQueued: 20, MaxInflight: 1}, false)
				src := f.b.NewPublisher(&broker.Client{ID: "truck", Protocol: broker.STOMP})
				publish := func(topic string) {
					r, err := src.Topic([]byte(topic))
					if err != nil {
						t.Fatal(err)
					}
					m := src.Add(r)
					m.QoS, m.Persistent = 1, true
					src.Flush()
				}
				full := f.pipe()
				full.shake(hello{level: v5, id: "full"})
				full.subscribe(1, "u", 1)
				full.expect("SUBACK 1 [01]")
				for range 12 { // one in flight, and more than half of the queue
					publish("u")
				}
				full.expect(`PUBLISH u "" q1 id=1`)
				full.subscribe(2, "t", 0)
				full.expect("SUBACK 2 [00]")
				for i := range slow {
					f.acker(fmt.Sprint("slow", i), strings.ReplaceAll(filter, "%d", fmt.Sprint(i)), takes)
				}
				well := f.acker("well", "t", 0)
				mates := []*int{f.acker("mate0", "$share/mates/t", takes), f.acker("mate1", "$share/mates/t", 0)}
				beside := f.drain(full, 0)
				began := time.Now()
				for range n {
					publish("t")
					time.Sleep(every)
				}
				if held := time.Since(began) - n*every; held > time.Second+2*takes {
					t.Errorf("they held their publisher for %s", held)
				}
				time.Sleep(n * takes)
				synctest.Wait()
				if n := f.Stats().Slow.Load(); n != slow {
					t.Errorf("%d were disconnected, want %d", n, slow)
				}
				if *well != n || *mates[0]+*mates[1] != n || *beside != n {
					t.Errorf("the others got %d, %d and %d messages of %d", *well, *mates[0]+*mates[1], *beside, n)
				}
			})
		})
	}
}

// acker subscribes at QoS 1, and takes a while for each message. It returns how many it
// has got.
func (f *fixture) acker(id, filter string, takes time.Duration) *int {
	p := f.pipe()
	p.shake(hello{level: v5, id: id})
	p.subscribe(1, filter, 1)
	p.expect("SUBACK 1 [01]")
	return f.drain(p, takes)
}

// drain reads what a peer gets.
func (f *fixture) drain(p *peer, takes time.Duration) *int {
	got := new(int)
	f.wg.Go(func() {
		for {
			first, body, err := p.next()
			if err != nil || first>>4 != packets.Publish {
				return
			}
			if *got++; first&6 == 0 {
				continue
			}
			time.Sleep(takes)
			n := 2 + int(binary.BigEndian.Uint16(body))
			if _, err := p.nc.Write(appendAck(nil, packets.Puback, binary.BigEndian.Uint16(body[n:]), 0, "")); err != nil {
				return
			}
		}
	})
	return got
}
