package mqttmodel

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Sender publishes numbered messages to Topic. What is not acknowledged it sends
// again, in order, when it is back (MQTT 5.0 §4.4).
type Sender struct {
	ID     string
	Level  byte
	QoS    byte
	Window int // how many are unacknowledged at most

	Next    int // the number of the next message
	last    uint16
	pending []*sending
}

type sending struct {
	n        int
	id       uint16
	released bool
}

// Topic is what the sender publishes to.
func (s *Sender) Topic() string { return "crash/" + s.ID }

// Run publishes until the connection breaks or limit messages are acknowledged.
func (s *Sender) Run(nc net.Conn, rng *rand.Rand, limit int) error {
	c, present, err := Connect(nc, s.Level, s.ID)
	if err != nil {
		return err
	}
	if !present {
		return fmt.Errorf("%s: %w", s.ID, ErrNoSession)
	}
	for _, x := range s.pending {
		if err := s.send(c, x, dupFlag); err != nil {
			return err
		}
	}
	for {
		if err := s.more(c, rng, limit); err != nil {
			return err
		}
		if len(s.pending) == 0 {
			return nil
		}
		if err := s.answer(c); err != nil {
			return err
		}
	}
}

// more publishes new messages.
func (s *Sender) more(c *Conn, rng *rand.Rand, limit int) error {
	for len(s.pending) < s.Window && s.Next < limit && (len(s.pending) == 0 || rng.IntN(3) > 0) {
		s.last = s.last%uint16(s.Window+3) + 1 // identifiers come again soon
		if slices.ContainsFunc(s.pending, func(x *sending) bool { return x.id == s.last }) {
			continue
		}
		x := &sending{n: s.Next, id: s.last}
		s.Next++
		s.pending = append(s.pending, x)
		if err := s.send(c, x, 0); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sender) send(c *Conn, x *sending, flags byte) error {
	if x.released {
		return c.write(ack(nil, pubrel, x.id))
	}
	p := binary.BigEndian.AppendUint16(text(nil, s.Topic()), x.id)
	if c.level == v5 {
		p = append(p, 0)
	}
	p = append(p, strconv.Itoa(x.n)...)
	if x.n%50 == 49 {
		p = append(p, ":"+strings.Repeat("x", 20_000)...) // longer than a read buffer
	}
	return c.write(packet(publish<<4|s.QoS<<1|flags, p))
}

// answer takes one acknowledgement.
func (s *Sender) answer(c *Conn) error {
	first, body, err := c.next()
	if err != nil {
		return err
	}
	id := binary.BigEndian.Uint16(body)
	i := slices.IndexFunc(s.pending, func(x *sending) bool { return x.id == id })
	refused := len(body) > 2 && body[2] >= 0x80 && first>>4 != pubcomp // which may not know it any more
	if i < 0 || refused {
		return fmt.Errorf("%s: %w: % x % x", s.ID, ErrAnswer, first, body)
	}
	switch first >> 4 {
	case puback, pubcomp:
		s.pending = slices.Delete(s.pending, i, i+1)
	case pubrec:
		s.pending[i].released = true
		return s.send(c, s.pending[i], 0)
	default:
		return fmt.Errorf("%s: %w: % x % x", s.ID, ErrAnswer, first, body)
	}
	return nil
}
