package mqtt

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Old clients repeat a PUBLISH at QoS 2 on a timer, on the same connection: while the
// disk takes its time, and more than once. What they send after it is acknowledged
// all the same.
func TestAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.slow = 5 * time.Second
		l := live(t, d, Options{}, false)
		sub := l.listener(hello{level: v31, id: "sub", keep: true}, 2)
		src := l.meet(hello{level: v31, id: "src", keep: true})
		synctest.Wait()
		m := pub{topic: "t", body: "1", qos: 2, id: 7}
		src.publish(m)
		m.dup = true
		for range 3 {
			src.publish(m)
		}
		src.publish(pub{topic: "t", body: "2", qos: 2, id: 8})
		src.expect("PUBREC 7", "PUBREC 7", "PUBREC 8")
		sub.expect(`PUBLISH t "1" q2 id=1`, `PUBLISH t "2" q2 id=2`)
		l.stop()
	})
}

// A PUBREL that comes before its PUBREC has gone out leaves nothing on disk: after a
// restart the next message under the identifier would be taken for a repetition.
func TestReleasedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{}, false)
		sub := l.listener(hello{id: "sub", keep: true}, 2)
		sub.goodbye()
		src := l.meet(hello{id: "src", keep: true})
		m := pub{topic: "t", body: "x", qos: 2, id: 5}.packet(v311)
		rel := appendAck(nil, packets.Pubrel, 5, 0, "")
		src.write(slices.Concat(m, rel))
		src.expect("PUBCOMP 5", "PUBREC 5")
		src.write(slices.Concat(m, rel, m))
		src.expect("PUBCOMP 5", "PUBREC 5", "PUBREC 5")
		src.write(rel)
		src.expect("PUBCOMP 5")
		synctest.Wait()
		if _, records := d.count(); records != 3 {
			t.Errorf("%d records on disk, want the three messages", records)
		}
		l.stop()
	})
}
