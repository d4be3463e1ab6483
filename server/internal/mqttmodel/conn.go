// Package mqttmodel are MQTT clients for tests that crash the server: publishers
// and subscribers that number their messages, keep their half of a session as the
// specification wants it (MQTT 5.0 §4.1), and notice what is lost, out of order or
// there twice.
package mqttmodel

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Types of packets (MQTT 5.0 §2.1.2).
const (
	connect     = 1
	connack     = 2
	publish     = 3
	puback      = 4
	pubrec      = 5
	pubrel      = 6
	pubcomp     = 7
	subscribe   = 8
	suback      = 9
	disconnect  = 14
	dupFlag     = 8
	v5          = 5
	patience    = 60 * time.Second
	keepSession = 1 << 20 // seconds
)

// ErrNoSession says that the server has forgotten a session.
var ErrNoSession = errors.New("the session is gone")

// ErrAnswer says that the server has answered as it should not.
var ErrAnswer = errors.New("unexpected answer")

// Conn is a connection of a model client.
type Conn struct {
	nc    net.Conn
	r     *bufio.Reader
	level byte
}

// Connect introduces a client with a session that is kept, and reports whether
// the server had it.
func Connect(nc net.Conn, level byte, id string) (c *Conn, present bool, err error) {
	c = &Conn{nc: nc, r: bufio.NewReader(nc), level: level}
	p := append(text(nil, "MQTT"), level, 0, 0, 0)
	if level == v5 {
		p = binary.BigEndian.AppendUint32(append(p, 5, 0x11), keepSession)
	}
	if err = c.write(packet(connect<<4, text(p, id))); err != nil {
		return nil, false, err
	}
	kind, body, err := c.next()
	if err != nil {
		return nil, false, err
	}
	if kind>>4 != connack || len(body) < 2 || body[1] != 0 {
		return nil, false, fmt.Errorf("%w to CONNECT: % x % x", ErrAnswer, kind, body)
	}
	return c, body[0] == 1, nil
}

// Subscribe subscribes to one filter and waits for the SUBACK.
func (c *Conn) Subscribe(filter string, qos byte) error {
	p := []byte{0, 1}
	if c.level == v5 {
		p = append(p, 0)
	}
	if err := c.write(packet(subscribe<<4|2, append(text(p, filter), qos))); err != nil {
		return err
	}
	kind, body, err := c.next()
	if err == nil && (kind>>4 != suback || body[len(body)-1] != qos) {
		err = fmt.Errorf("%w to SUBSCRIBE: % x % x", ErrAnswer, kind, body)
	}
	return err
}

// Goodbye disconnects and waits until the server has closed.
func (c *Conn) Goodbye() error {
	if err := c.write([]byte{disconnect << 4, 0}); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c.r)
	c.nc.Close()
	return err
}

// next reads a packet; silence for too long is an error.
func (c *Conn) next() (first byte, body []byte, err error) {
	if err := c.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, nil, err
	}
	if first, err = c.r.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(c.r)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, n)
	if _, err = io.ReadFull(c.r, body); err == nil && first>>4 == disconnect {
		err = io.EOF // the server says why it closes
	}
	return first, body, err
}

func (c *Conn) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := c.nc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := c.nc.Write(b)
	return err
}

func packet(first byte, body []byte) []byte {
	return append(binary.AppendUvarint([]byte{first}, uint64(len(body))), body...)
}

func text(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// ack is a PUBACK, PUBREC, PUBREL or PUBCOMP.
func ack(dst []byte, kind byte, id uint16) []byte {
	first := kind << 4
	if kind == pubrel {
		first |= 2
	}
	return append(dst, first, 2, byte(id>>8), byte(id))
}
