package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"
)

// client is one connection, after its handshake.
type client struct {
	net.Conn
	w    *wire
	v12  bool // STOMP 1.2 was agreed
	rbuf []byte
	have int
	read int64 // bytes so far
}

const handshakeTime = 20 * time.Second

// dialPublisher is dial for publisher i of topics.
func (w *wire) dialPublisher(addr string, i, rbuf int) (*client, error) {
	if !w.devices {
		return w.dial(addr, clientID("p", i), rbuf)
	}
	as := *w
	as.user = device(i)
	return as.dial(addr, as.user, rbuf) // in MQTT, a device's name is its identifier, too
}

// dial connects and does the CONNECT exchange.
func (w *wire) dial(addr, id string, rbuf int) (*client, error) {
	return w.dialWith(net.Dialer{Timeout: handshakeTime}, addr, id, rbuf)
}

// dialNarrow is dial with a small TCP window. It must be small from the start:
// shrinking it later makes the kernel drop what the broker already sent.
func (w *wire) dialNarrow(addr, id string, rbuf int) (*client, error) {
	d := net.Dialer{Timeout: handshakeTime, Control: func(_, _ string, c syscall.RawConn) (err error) {
		cerr := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10)
		})
		return errors.Join(err, cerr)
	}}
	return w.dialWith(d, addr, id, rbuf)
}

func (w *wire) dialWith(d net.Dialer, addr, id string, rbuf int) (*client, error) {
	var c net.Conn
	var err error
	for try := 0; try < 5; try++ { // a full accept queue refuses for a moment
		if c, err = d.Dial("tcp", addr); err == nil {
			break
		}
		time.Sleep(50 << try * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	if w.tls {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // it is this machine
	}
	cl := &client{Conn: c, w: w, rbuf: make([]byte, rbuf)}
	if w.relay {
		return cl, nil
	}
	c.SetDeadline(time.Now().Add(handshakeTime))
	defer c.SetDeadline(time.Time{})
	var hello []byte
	if w.stomp {
		offer := "1.1,1.2"
		if w.v11 {
			offer = "1.1"
		}
		hello = fmt.Appendf(nil, "CONNECT\naccept-version:%s\nhost:%s\nlogin:%s\npasscode:%s\nheart-beat:0,0\n\n\x00", offer, w.vhost, w.user, w.pass)
	} else {
		var v []byte
		v = appendStr(v, "MQTT")
		v = append(v, 4, 0x02|0x80|0x40, 0, 0) // 3.1.1; clean, user, password; no keep-alive
		v = appendStr(appendStr(appendStr(v, id), w.user), w.pass)
		hello = append(binary.AppendUvarint([]byte{0x10}, uint64(len(v))), v...)
	}
	err = cl.ask(hello, func(f []byte) (bool, error) {
		if w.stomp {
			if !bytes.HasPrefix(f, []byte("CONNECTED")) {
				return true, fmt.Errorf("broker says %.200q", f)
			}
			cl.v12 = string(header(f, "version")) == "1.2"
		} else if f[0] != 0x20 || len(f) < 4 || f[3] != 0 {
			return true, fmt.Errorf("broker says % x", f)
		}
		return true, nil
	})
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	return cl, nil
}

// ask writes a request and reads frames until on says it has its answer.
func (c *client) ask(req []byte, on func(f []byte) (bool, error)) error {
	if _, err := c.Write(req); err != nil {
		return err
	}
	var fin bool
	var ferr error
	for !fin {
		err := c.fill(func(f, _ []byte) {
			if !fin {
				fin, ferr = on(f)
			}
		})
		if err != nil {
			return err
		}
	}
	return ferr
}

// fill does one read and hands on the whole frames it completed.
func (c *client) fill(on func(frame, body []byte)) error {
	if c.have == len(c.rbuf) {
		return errors.New("frame larger than the read buffer")
	}
	n, err := c.Read(c.rbuf[c.have:])
	if n > 0 {
		c.read += int64(n)
		c.have += n
		used, serr := c.w.scan(c.rbuf[:c.have], on)
		if serr != nil {
			return serr
		}
		c.have = copy(c.rbuf, c.rbuf[used:c.have])
	}
	return err
}

// subscribe subscribes and waits for the broker's confirmation. size is the
// frame size to announce to a relay, group its group.
func (c *client) subscribe(dest string, kind, group, size int) error {
	if c.w.relay {
		return c.preface('S', group, size)
	}
	c.SetDeadline(time.Now().Add(handshakeTime))
	defer c.SetDeadline(time.Time{})
	if c.w.stomp {
		ack, extra := "auto", ""
		if kind == kindQueue { // bound what is unacknowledged, in each dialect
			ack, extra = "client-individual", "prefetch-count:256\nactivemq.prefetchSize:256\n"
		}
		if c.w.blind {
			_, err := fmt.Fprintf(c, "SUBSCRIBE\nid:0\ndestination:%s\nack:%s\n%s\n\x00", dest, ack, extra)
			time.Sleep(10 * time.Millisecond)
			return err
		}
		req := fmt.Appendf(nil, "SUBSCRIBE\nid:0\ndestination:%s\nack:%s\n%sreceipt:sub\n\n\x00", dest, ack, extra)
		return c.ask(req, func(f []byte) (bool, error) {
			if bytes.HasPrefix(f, []byte("RECEIPT")) {
				return true, nil
			}
			return true, fmt.Errorf("subscribe: broker says %.200q", f)
		})
	}
	qos := byte(0)
	if kind == kindQoS1 {
		qos = 1
	}
	v := append(appendStr([]byte{0, 1}, dest), qos)
	return c.ask(append(binary.AppendUvarint([]byte{0x82}, uint64(len(v))), v...), func(f []byte) (bool, error) {
		if f[0] != 0x90 {
			return false, nil
		}
		if f[len(f)-1] > 1 {
			return true, fmt.Errorf("subscribe refused: % x", f)
		}
		return true, nil
	})
}

// preface tells a relay what this connection is, and waits for its go-ahead.
func (c *client) preface(role byte, group, size int) error {
	p := []byte{'B', 'B', 'R', role}
	p = binary.BigEndian.AppendUint32(p, uint32(group))
	p = binary.BigEndian.AppendUint32(p, uint32(size))
	if _, err := c.Write(p); err != nil {
		return err
	}
	_, err := io.ReadFull(c, p[:1])
	return err
}

// bye leaves in the protocol's way, so that no will or error is logged.
func (c *client) bye() {
	if c == nil {
		return
	}
	c.SetDeadline(time.Now().Add(time.Second))
	switch {
	case c.w.relay:
	case c.w.stomp:
		c.Write([]byte("DISCONNECT\n\n\x00"))
	default:
		c.Write([]byte{0xe0, 0})
	}
	c.Close()
}

func clientID(role string, i int) string {
	return role + strconv.FormatInt(runID, 36) + "-" + strconv.Itoa(i)
}
