package netx

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestListen(t *testing.T) {
	l, err := Listen("test", "127.0.0.1:0", ListenOptions{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("other", l.Addr().String(), ListenOptions{}); err == nil || !strings.Contains(err.Error(), "other: cannot listen on") {
		t.Errorf("a port in use: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- l.Serve(ctx, func(nc net.Conn) { io.Copy(nc, nc) }) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("hi"))
	buf := make([]byte, 2)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hi" || l.Open() != 1 {
		t.Errorf("echo %q, %v, %d open", buf, err, l.Open())
	}
	cancel()
	select {
	case <-served:
		t.Error("Serve does not wait for its handlers")
	case <-time.After(20 * time.Millisecond):
	}
	l.CloseConns()
	if err := <-served; err != nil || l.Open() != 0 {
		t.Errorf("Serve = %v, %d open", err, l.Open())
	}
}

// Connections over the limit are closed at once, and counted; when one goes
// another may come.
func TestMaxConns(t *testing.T) {
	l, err := Listen("test", "127.0.0.1:0", ListenOptions{MaxConns: 2, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- l.Serve(ctx, func(nc net.Conn) { nc.Write([]byte("x")); io.Copy(io.Discard, nc) }) }()
	dial := func() (net.Conn, error) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadFull(c, make([]byte, 1))
		return c, err
	}
	a, err1 := dial()
	b, err2 := dial()
	c, err3 := dial()
	if err1 != nil || err2 != nil || err3 == nil || l.Refused() != 1 {
		t.Errorf("%v, %v, %v, %d refused; want the third refused", err1, err2, err3, l.Refused())
	}
	a.Close()
	deadline := time.Now().Add(10 * time.Second)
	for l.Open() > 1 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	d, err := dial()
	if err != nil {
		t.Errorf("after one has gone: %v", err)
	}
	for _, c := range []net.Conn{b, c, d} {
		c.Close()
	}
	cancel()
	<-served
}

// troubled is a listener that fails for a while.
type troubled struct {
	fails int
	at    []time.Time
	conns chan net.Conn
	end   chan struct{}
}

func (l *troubled) Accept() (net.Conn, error) {
	if l.at = append(l.at, time.Now()); len(l.at) <= l.fails {
		return nil, errors.New("too many open files")
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.end:
		return nil, net.ErrClosed
	}
}

func (l *troubled) Close() error   { close(l.end); return nil }
func (l *troubled) Addr() net.Addr { return &net.TCPAddr{} }

// Trouble with accepting is waited out, ever slower, up to a second.
func TestAcceptBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &troubled{fails: 12, conns: make(chan net.Conn, 1), end: make(chan struct{})}
		l := NewListener("test", in, ListenOptions{Logger: quiet()})
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error)
		handled := make(chan net.Conn)
		go func() { served <- l.Serve(ctx, func(nc net.Conn) { handled <- nc }) }()
		a, b := net.Pipe()
		in.conns <- b
		<-handled
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		a.Close()
		var gaps []time.Duration
		for i := 1; i <= in.fails; i++ {
			gaps = append(gaps, in.at[i].Sub(in.at[i-1]))
		}
		if gaps[0] != 5*time.Millisecond || gaps[1] != 10*time.Millisecond || gaps[len(gaps)-1] != time.Second {
			t.Errorf("it waits %v, want 5 ms, 10 ms, … 1 s", gaps)
		}
	})
}
