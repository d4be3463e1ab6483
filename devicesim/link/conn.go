package link

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// ErrClosed is the reason of a link that was closed from this side.
var ErrClosed = errors.New("closed by this client")

// conn is the TCP connection under a client library. It notices the moment of loss (the first failed read or write), which neither
// library reports in every case, and bounds each write, without which a server that stops reading holds the libraries for ever.
//
// It embeds the concrete type so that net.Buffers, which paho writes a packet with, still ends in one writev(2).
type conn struct {
	*net.TCPConn
	in io.Reader // buffered for MQTT, whose library reads byte by byte

	writing sync.Mutex // see Lock

	lost  chan struct{}
	mu    sync.Mutex
	cause error // guarded by mu; set once, before lost is closed
}

func dial(ctx context.Context, addr string, readBuffer int) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("dial %s: not a TCP connection", addr)
	}
	out := &conn{TCPConn: tcp, in: tcp, lost: make(chan struct{})}
	if readBuffer > 0 {
		out.in = bufio.NewReaderSize(tcp, readBuffer)
	}
	return out, nil
}

// fail records why the link is lost; the first reason stays.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(err)
}

func (c *conn) failLocked(err error) {
	if c.cause == nil {
		c.cause = err
		close(c.lost)
	}
}

func (c *conn) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	if err != nil {
		c.fail(reason(err))
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(WriteTimeout))
	n, err := c.TCPConn.Write(p)
	if err != nil {
		c.fail(reason(err))
	}
	return n, err
}

// Close implements net.Conn. Who learns of the loss cannot send a last word any more, such as a DISCONNECT that prevents the will.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.TCPConn.Close()
	c.failLocked(ErrClosed)
	return err
}

// Lock is called by paho around each packet it writes (packets.NewThreadSafeConn explains it), past Write.
func (c *conn) Lock() {
	c.writing.Lock()
	_ = c.SetWriteDeadline(time.Now().Add(WriteTimeout))
}

// Unlock ends what Lock began.
func (c *conn) Unlock() { c.writing.Unlock() }

// reason puts the ends of a connection that happen every day into words.
func reason(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the server closed the connection")
	}
	return err
}
