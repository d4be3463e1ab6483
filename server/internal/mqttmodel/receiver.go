package mqttmodel

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
)

// Receiver is a subscriber of all senders that notes what it has got. The fields
// may be looked at while it does not run.
type Receiver struct {
	ID      string
	Level   byte
	QoS     byte
	Senders []*Sender
	Faults  []string // the first ones
	Got     int      // messages, repeated ones too
	Again   int      // of them, repeated ones

	arrived map[uint16]bool // QoS 2, not released
	last    map[string]int  // by topic: the highest number so far
}

func (r *Receiver) fault(format string, args ...any) {
	if len(r.Faults) < 5 {
		r.Faults = append(r.Faults, r.ID+" "+fmt.Sprintf(format, args...))
	}
}

// Has reports whether it has got the first limit messages of every sender.
func (r *Receiver) Has(limit int) bool {
	for _, s := range r.Senders {
		if r.last[s.Topic()] < limit-1 {
			return false
		}
	}
	return true
}

// Run takes packets until the connection breaks or stop says so. It acknowledges
// some late.
func (r *Receiver) Run(nc net.Conn, rng *rand.Rand, stop func() bool) error {
	c, present, err := Connect(nc, r.Level, r.ID)
	if err != nil {
		return err
	}
	if !present {
		return fmt.Errorf("%s: %w", r.ID, ErrNoSession)
	}
	here := map[string]int{} // the last number on this connection
	var late []byte          // acknowledgements that are not sent yet
	for !stop() {
		first, body, err := c.next()
		if err != nil {
			return err
		}
		late = r.take(late, here, first, body)
		if len(late) < 12 && c.r.Buffered() > 0 && rng.IntN(3) == 0 {
			continue
		}
		if err := c.write(late); err != nil {
			return err
		}
		late = late[:0]
	}
	return nil
}

// take handles one packet and appends its answer.
func (r *Receiver) take(answer []byte, here map[string]int, first byte, body []byte) []byte {
	switch first >> 4 {
	case publish:
		return r.message(answer, here, first, body)
	case pubrel:
		id := binary.BigEndian.Uint16(body)
		delete(r.arrived, id)
		return ack(answer, pubcomp, id)
	}
	r.fault("got % x % x", first, body)
	return answer
}

func (r *Receiver) message(answer []byte, here map[string]int, first byte, body []byte) []byte {
	qos, dup := first>>1&3, first&dupFlag != 0
	n := 2 + int(binary.BigEndian.Uint16(body))
	topic, id, payload := string(body[2:n]), binary.BigEndian.Uint16(body[n:]), body[n+2:]
	if r.Level == v5 {
		payload = payload[1:] // there are no properties
	}
	if qos == 2 {
		answer = ack(answer, pubrec, id)
		if r.arrived[id] {
			if !dup {
				r.fault("got packet %d of %s %.9s again, without DUP", id, topic, payload)
			}
			return answer
		}
		if r.arrived == nil {
			r.arrived = map[uint16]bool{}
		}
		r.arrived[id] = true
	} else {
		answer = ack(answer, puback, id)
	}
	digits, _, _ := strings.Cut(string(payload), ":")
	number, err := strconv.Atoi(digits)
	if err != nil {
		r.fault("got %.20q", payload)
		return answer
	}
	r.number(here, topic, number, qos)
	return answer
}

// number checks the order of what has come. A message at QoS 1 may come again on
// the same connection if its sender has sent it again. After a crash some may come
// again and others between them not: those whose acknowledgements the disk knows.
func (r *Receiver) number(here map[string]int, topic string, n int, qos byte) {
	last, seen := r.last[topic]
	if !seen {
		last = -1
	}
	prev, again := here[topic]
	r.Got++
	if n <= last {
		r.Again++
	}
	switch {
	case again && n <= prev && !r.repeats(topic):
		r.fault("got %s %d after %d of the same connection", topic, n, prev)
	case n > last+1:
		r.fault("got %s %d after %d: those between are lost", topic, n, last)
	case n <= last && qos == 2:
		r.fault("got %s %d twice, at QoS 2 (the last one was %d)", topic, n, last)
	}
	here[topic] = n
	if r.last == nil {
		r.last = map[string]int{}
	}
	r.last[topic] = max(n, last)
}

// repeats reports whether the sender may send a message twice.
func (r *Receiver) repeats(topic string) bool {
	for _, s := range r.Senders {
		if s.Topic() == topic {
			return s.QoS == 1
		}
	}
	return false
}
