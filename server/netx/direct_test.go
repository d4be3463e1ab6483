package netx

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// tcpPair returns the two ends of a connection.
func tcpPair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dialed, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close(); accepted.Close() })
	return accepted.(*net.TCPConn), dialed.(*net.TCPConn)
}

// A frame that comes alone is with the system when WakeHere returns.
func TestWakeHere(t *testing.T) {
	near, far := tcpPair(t)
	o := NewOutbound(near, 0, 0, nil)
	defer o.Close()
	for i := range 3 {
		seq, wake := o.Send([]byte("hello"))
		if !wake {
			t.Fatal("the writer has not ended")
		}
		o.WakeHere()
		if o.Written() != seq || o.Bytes() != uint64(5*(i+1)) {
			t.Errorf("%d of %d frames are written, %d bytes", o.Written(), seq, o.Bytes())
		}
	}
	got := make([]byte, 15)
	if _, err := io.ReadFull(far, got); err != nil || string(got) != "hellohellohello" {
		t.Errorf("%q, %v", got, err)
	}
}

// WakeHere returns although the peer reads nothing, and what the socket did not
// take follows in its order once the peer reads.
func TestWakeHereDoesNotWait(t *testing.T) {
	near, far := tcpPair(t)
	o := NewOutbound(near, 64<<20, time.Minute, nil)
	defer o.Close()
	var want bytes.Buffer
	for i := 0; o.Pending() < 64<<10; i++ {
		frame := fmt.Appendf(nil, "%0997d.", i)
		want.Write(frame)
		if _, wake := o.Send(frame); wake {
			o.WakeHere()
		}
	}
	got := make([]byte, want.Len())
	far.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("what came differs from what was sent: %v", err)
	}
	if !o.Flush(time.Minute) {
		t.Error("the writer has not ended")
	}
}

// A connection that is gone is told of as always.
func TestWakeHereError(t *testing.T) {
	near, _ := tcpPair(t)
	failed := make(chan error, 1)
	o := NewOutbound(near, 0, 0, func(err error) { failed <- err })
	near.Close()
	if _, wake := o.Send([]byte("hello")); wake {
		o.WakeHere()
	}
	if err := <-failed; err == nil {
		t.Error("no reason")
	}
}

// Many who write themselves or wake the writer, as it comes: every frame once,
// each appender's in its order.
func TestWakeHereConcurrent(t *testing.T) {
	near, far := tcpPair(t)
	o := NewOutbound(near, 1<<20, time.Minute, nil)
	defer o.Close()
	const appenders, each = 8, 2000
	var all sync.WaitGroup
	for a := range appenders {
		all.Go(func() {
			for i := range each {
				_, wake := o.Send(fmt.Appendf(nil, "%d %6d", a, i))
				switch {
				case wake && rand.IntN(4) == 0:
					o.Wake()
				case wake:
					o.WakeHere()
				}
			}
		})
	}
	var next [appenders]int
	frame := make([]byte, 8)
	for range appenders * each {
		if _, err := io.ReadFull(far, frame); err != nil {
			t.Fatal(err)
		}
		var a, i int
		if fmt.Sscanf(string(frame), "%d %d", &a, &i); next[a] != i {
			t.Fatalf("appender %d: %d after %d", a, i, next[a])
		}
		next[a]++
	}
	all.Wait()
	if !o.Flush(time.Minute) { // what it holds is on the books of other tests, too
		t.Error("the writer has not ended")
	}
}
