package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// stompConn is a STOMP 1.2 connection as a test needs it: it sends what it is told
// to, pipelined, and sees every frame that comes.
type stompConn struct {
	nc net.Conn
	r  *bufio.Reader
	w  *bufio.Writer
}

// stompFrame is one frame.
type stompFrame struct {
	command string
	headers map[string]string
	body    string
}

// dialSTOMP connects, with more headers of CONNECT if need be. clientID may be empty.
func dialSTOMP(addr, clientID string, more ...string) (*stompConn, error) {
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	c := &stompConn{nc: nc, r: bufio.NewReader(nc), w: bufio.NewWriter(nc)}
	headers := append([]string{"accept-version:1.2", "host:mwm"}, more...)
	if clientID != "" {
		headers = append(headers, "client-id:"+clientID)
	}
	if err = c.send("CONNECT", "", headers...); err == nil {
		err = c.flush()
	}
	if err == nil {
		var f stompFrame
		if f, err = c.read(); err == nil && f.command != "CONNECTED" {
			err = fmt.Errorf("%s: %s", f.command, f.body)
		}
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// send buffers a frame.
func (c *stompConn) send(command, body string, headers ...string) error {
	_, err := fmt.Fprintf(c.w, "%s\n%s\n\n%s\x00", command, strings.Join(headers, "\n"), body)
	return err
}

func (c *stompConn) flush() error { return c.w.Flush() }

// read waits for the next frame; silence for too long is an error.
func (c *stompConn) read() (f stompFrame, err error) {
	if err := c.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return f, err
	}
	return c.frame()
}

// next sends what waits unless there is something to read, and then reads.
func (c *stompConn) next() (f stompFrame, err error) {
	if c.r.Buffered() == 0 {
		if err := c.flush(); err != nil {
			return f, err
		}
	}
	return c.read()
}

// frame waits for the next frame for as long as the connection's deadline lets it.
func (c *stompConn) frame() (f stompFrame, err error) {
	for f.command == "" {
		if f.command, err = c.line(); err != nil {
			return f, err
		}
	}
	f.headers = map[string]string{}
	for {
		line, err := c.line()
		if err != nil {
			return f, err
		}
		if line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ":")
		f.headers[name] = value
	}
	if f.body, err = c.r.ReadString(0); err != nil {
		return f, err
	}
	f.body = f.body[:len(f.body)-1]
	return f, nil
}

func (c *stompConn) line() (string, error) {
	s, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(s[:len(s)-1], "\r"), nil
}

// call sends a frame and waits for its RECEIPT; other frames are passed over.
func (c *stompConn) call(command, body string, headers ...string) error {
	const id = "call"
	if err := c.send(command, body, append(headers, "receipt:"+id)...); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	for {
		f, err := c.read()
		switch {
		case err != nil:
			return err
		case f.command == "RECEIPT" && f.headers["receipt-id"] == id:
			return nil
		case f.command == "ERROR":
			return fmt.Errorf("ERROR %s: %s", f.headers["message"], f.body)
		}
	}
}

func (c *stompConn) close() { c.nc.Close() }

// goodbye disconnects in order and waits until the server has closed.
func (c *stompConn) goodbye() error {
	if err := c.call("DISCONNECT", ""); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, c.r) // however the close comes
	c.close()
	return nil
}
