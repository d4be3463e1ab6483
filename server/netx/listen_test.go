package netx

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Serve ends when its context does, and waits for its handlers.
func TestServe(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- Serve(ctx, ln, func(nc net.Conn) { io.Copy(nc, nc) }, quiet()) }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("hi"))
	buf := make([]byte, 2)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hi" {
		t.Errorf("echo %q, %v", buf, err)
	}
	cancel()
	select {
	case <-served:
		t.Error("Serve does not wait for its handlers")
	case <-time.After(20 * time.Millisecond):
	}
	c.Close()
	if err := <-served; err != nil {
		t.Errorf("Serve = %v", err)
	}
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
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error)
		handled := make(chan net.Conn)
		go func() { served <- Serve(ctx, in, func(nc net.Conn) { handled <- nc }, quiet()) }()
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
