package mqtt

import (
	"fmt"
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
