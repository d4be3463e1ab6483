package faults

import (
	"net"
	"strconv"
	"testing"
	"time"
)

// retainedAge is after how long a retained value is on disk at the latest: a second,
// and what a busy machine needs to write it.
const retainedAge = 5 * time.Second

// lastValue is a number that is retained anew again and again, at QoS 1.
type lastValue struct {
	sent, acked int
	acks        []retainedAck
	least       int // what is on disk is not older
}

type retainedAck struct {
	n  int
	at time.Time
}

const lastValueTopic = "last/value"

// publish counts on until the connection breaks.
func (v *lastValue) publish(p *process) error {
	nc, err := net.Dial("tcp", p.mqtt)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := mqttConnect(nc, "last value", 0); err != nil {
		return err
	}
	r := newMQTTReader(nc)
	for {
		v.sent++
		body := strconv.AppendInt(append(mqttText(nil, lastValueTopic), 0, 1), int64(v.sent), 10)
		if _, err := nc.Write(mqttPacket(0x33, body)); err != nil {
			return err
		}
		if _, _, err := r.next(); err != nil {
			return err
		}
		v.acked = v.sent
		v.acks = append(v.acks, retainedAck{v.acked, time.Now()})
	}
}

// ended notes what must be on disk when a run has ended.
func (v *lastValue) ended(inOrder bool, end time.Time) {
	for _, a := range v.acks {
		if inOrder || end.Sub(a.at) > retainedAge {
			v.least = a.n
		}
	}
	v.acks = nil
}

// check looks at what a new subscriber gets.
func (v *lastValue) check(t *testing.T, p *process) {
	t.Helper()
	got := 0
	nc, err := net.Dial("tcp", p.mqtt)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := mqttConnect(nc, "last value", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Write(mqttSubscribe(lastValueTopic, 0)); err != nil {
		t.Fatal(err)
	}
	if err := nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for r, more := newMQTTReader(nc), true; more; {
		first, body, err := r.next()
		switch first >> 4 {
		case 3:
			_, _, payload := mqttMessage(first, body)
			got, err = strconv.Atoi(string(payload))
		case 9: // SUBACK; what there is comes before the answer to PINGREQ
			_, err = nc.Write([]byte{0xc0, 0})
		case 13:
			more = false
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got < v.least || got > v.sent {
		t.Errorf("%d is retained, want between %d and %d", got, v.least, v.sent)
	}
	v.least = max(v.least, got)
}
