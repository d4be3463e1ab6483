package netx

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// notes is a tap that remembers.
type notes struct {
	mu       sync.Mutex
	in, outs []string
}

func (n *notes) Receiving() func([]byte) { return func(p []byte) { n.add(&n.in, p) } }
func (n *notes) Sending(p []byte)        { n.add(&n.outs, p) }

func (n *notes) add(to *[]string, p []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(p) > 0 {
		*to = append(*to, string(p))
	}
}

// words takes input by the line, and refuses "bad".
type words struct{ taken func() }

func (w words) Data(p []byte) (used, need int, err error) {
	if bytes.Contains(p, []byte("bad\n")) {
		return 0, 0, errors.New("refused")
	}
	used = bytes.LastIndexByte(p, '\n') + 1
	copy(p, bytes.ToUpper(p[:used])) // as handlers do with names
	w.taken()
	return used, 0, nil
}

// A tap sees whole frames, also when it comes in the middle of one, and what is
// refused. Bytes and messages are counted whether there is one or not.
func TestTap(t *testing.T) {
	client, server := net.Pipe()
	r, o := NewReader(server, ReadSize), NewOutbound(server, 0, 0, nil)
	var n notes
	taken := make(chan bool)
	served := make(chan error, 1)
	go func() { served <- r.Serve(words{func() { taken <- true }}) }()
	write := func(s string) {
		t.Helper()
		if _, err := io.WriteString(client, s); err != nil {
			t.Fatal(err)
		}
	}
	write("unseen\nha")
	<-taken
	write("lf")
	r.SetTap(&n)
	o.SetTap(&n)
	<-taken
	write(" a line\nmore")
	<-taken
	go func() {
		_, wake := o.SendMessages([]byte("two frames"), 2)
		if wake {
			o.Wake()
		}
	}()
	buf := make([]byte, 100)
	m, _ := client.Read(buf)
	if !o.Flush(time.Minute) || string(buf[:m]) != "two frames" {
		t.Errorf("got %q", buf[:m])
	}
	o.SetTap(nil)
	go func() {
		if _, wake := o.Send([]byte("unseen")); wake {
			o.Wake()
		}
	}()
	_, _ = client.Read(buf)
	o.Flush(time.Minute)
	write("bad\n")
	if err := <-served; err == nil {
		t.Error("the bad line was taken")
	}
	client.Close()
	server.Close()
	if len(n.in) != 2 || n.in[0] != "half a line\n" || n.in[1] != "morebad\n" || len(n.outs) != 1 || n.outs[0] != "two frames" {
		t.Errorf("in %q, out %q", n.in, n.outs)
	}
	if r.Received() != uint64(len("unseen\nhalf a line\nmorebad\n")) || o.Bytes() != uint64(len("two framesunseen")) || o.Messages() != 2 {
		t.Errorf("%d bytes in, %d out, %d messages", r.Received(), o.Bytes(), o.Messages())
	}
}

// asked is a connection that asks a tap, with each write, what it has seen.
type asked struct {
	net.Conn
	n    *notes
	seen chan string
}

func (a *asked) Write(p []byte) (int, error) {
	a.n.mu.Lock()
	defer a.n.mu.Unlock()
	a.seen <- strings.Join(a.n.outs, "|")
	return len(p), nil
}

// A tap sees a frame before the peer does, and so before what the peer says to it;
// and once, however it is written.
func TestTapComesFirst(t *testing.T) {
	_, server := net.Pipe()
	defer server.Close()
	var n notes
	c := &asked{server, &n, make(chan string, 1)}
	o := NewOutbound(c, 0, 0, nil)
	defer o.Close()
	o.SetTap(&n)
	for _, want := range []string{"one", "one|two"} {
		if _, wake := o.Send([]byte(want[max(0, len(want)-3):])); wake {
			o.Wake()
		}
		if got := <-c.seen; got != want {
			t.Errorf("it has seen %q, want %q", got, want)
		}
		o.Flush(time.Minute)
	}
	near, _ := tcpPair(t)
	direct := NewOutbound(near, 0, 0, nil)
	defer direct.Close()
	direct.SetTap(&n)
	if _, wake := direct.Send([]byte("three")); wake {
		direct.WakeHere()
	}
	if got := strings.Join(n.outs, "|"); got != "one|two|three" {
		t.Errorf("it has seen %q", got)
	}
}
