package mqtt

import (
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
)

// Sessions that are away and retained messages cost nothing as time goes by: five days
// of a server that holds many of them pass in a moment, and all are still there.
// MWM_LARGE=1 makes them 10,000 sessions with 100 messages each and 100,000 topics.
func TestManyAway(t *testing.T) {
	sessions, each, topics := 1000, 10, 20_000
	if os.Getenv("MWM_LARGE") != "" {
		sessions, each, topics = 10_000, 100, 100_000
	}
	d := newDisk()
	for i := range sessions {
		meta := fmt.Appendf(nil, `{"Expiry":%d,"Until":%d,"Subscriptions":[{"Filter":"to/%d","QoS":1}]}`,
			240*time.Hour, synctestBegin.Add(240*time.Hour).UnixMilli(), i)
		id := uint64(i + 1)
		d.boxes[id] = broker.Box{ID: id, Kind: broker.SessionBox, Name: fmt.Sprint("c", i), Meta: meta}
	}
	for n := range sessions * each {
		m := &broker.Message{Name: fmt.Sprint("to.", n/each), Body: fmt.Append(nil, n%each), QoS: 1, Persistent: true}
		id := uint64(n + 1)
		d.records[id] = broker.StoredRecord{ID: id, Box: uint64(n/each + 1), State: recordState{qos: 1}.pack(), Message: m}
	}
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		d.boot(-1)
		l := live(t, d, Options{}, false)
		for i := range topics {
			l.b.RestoreRetained(&broker.Message{Name: fmt.Sprint("retained.", i), Body: []byte("x"), Retain: true})
		}
		time.Sleep(5 * 24 * time.Hour) // 432,000 ticks of the broker
		p := l.peer()
		p.shake2(hello{id: "c7", keep: true}, "CONNACK session=true code=0x00")
		for i := range each {
			p.take(fmt.Sprintf(`PUBLISH to/7 "%d"`, i), 1, uint16(i+1))
		}
		p.goodbye()
		if n := len(l.Sessions()); n != sessions || l.b.RetainedCount() != topics {
			t.Errorf("%d sessions and %d retained messages are left, want %d and %d", n, l.b.RetainedCount(), sessions, topics)
		}
		l.stop()
	})
	if took := time.Since(began); took > time.Minute {
		t.Errorf("five days took %v", took)
	} else {
		t.Logf("five days took %v", took)
	}
}

// synctestBegin is when the time of [synctest.Test] begins.
var synctestBegin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
