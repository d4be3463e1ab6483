package netx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a connection whose writes the test lets pass one by one.
type gate struct {
	net.Conn
	pass     chan struct{} // a write waits for one; closed: all pass
	writes   chan []byte
	deadline atomic.Int64
}

func newGate() *gate {
	return &gate{pass: make(chan struct{}), writes: make(chan []byte, 10_000)}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.pass
	g.writes <- bytes.Clone(p)
	return len(p), nil
}

func (g *gate) SetWriteDeadline(t time.Time) error {
	g.deadline.Store(t.UnixNano())
	return nil
}

// written is what has been written so far.
func (g *gate) written() string {
	var b strings.Builder
	for {
		select {
		case p := <-g.writes:
			b.Write(p)
		default:
			return b.String()
		}
	}
}

// run is frames for SendRun and Offer.
type run []string

func (r run) Len() int                        { return len(r) }
func (r run) Size(i int) int                  { return len(r[i]) + 10 }
func (r run) Append(dst []byte, i int) []byte { return append(dst, r[i]...) }

// blocks is a run of n frames that fill a chunk each, beginning with c.
func blocks(c byte, n int) run {
	r := make(run, n)
	for i := range r {
		r[i] = fmt.Sprintf("%c%02d%s", c, i, strings.Repeat(".", ChunkSize-13))
	}
	return r
}

// names are the first bytes of the blocks in s.
func names(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i += ChunkSize - 10 {
		b.WriteString(s[i:i+3] + " ")
	}
	return strings.TrimSpace(b.String())
}

func send(o *Outbound, s string) uint64 {
	seq, wake := o.Send([]byte(s))
	if wake {
		o.Wake()
	}
	return seq
}

// What is appended while a write is under way goes out with the next, together.
func TestOutboundCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		o := NewOutbound(g, 0, 0, nil)
		send(o, "a")
		synctest.Wait()
		for _, s := range []string{"b", "c", "d"} {
			if _, wake := o.Send([]byte(s)); wake {
				t.Error("a second writer is asked for")
			}
		}
		close(g.pass)
		synctest.Wait()
		if p, q := <-g.writes, <-g.writes; string(p) != "a" || string(q) != "bcd" {
			t.Errorf("writes %q, %q, want a, bcd", p, q)
		}
		if send(o, "e"); !o.Flush(time.Second) || g.written() != "e" {
			t.Error("after a pause nothing more is written")
		}
	})
}

// Beyond the bound the oldest droppable chunks go, whole, counted; kept frames stay.
func TestOutboundTrims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		o := NewOutbound(g, 4*ChunkSize, 0, nil)
		send(o, "")
		o.SendRun(run{blocks('w', 1)[0]})
		o.Wake()
		synctest.Wait() // the writer holds the first block
		keep := blocks('k', 1)[0]
		o.SendRun(blocks('a', 2))
		if _, wake := o.Send([]byte(keep)); wake {
			t.Error("a second writer is asked for")
		}
		o.SendRun(blocks('b', 5))
		if got, want := o.Dropped(), uint64(4); got != want {
			t.Errorf("%d dropped, want %d", got, want)
		}
		if p := o.Pending(); p > o.Limit() {
			t.Errorf("%d bytes pending, the bound is %d", p, o.Limit())
		}
		close(g.pass)
		synctest.Wait()
		if got, want := names(g.written()), "w00 k00 b02 b03 b04"; got != want {
			t.Errorf("written: %s, want %s", got, want)
		}
	})
}

// One that is never written to does not grow, however long that goes on.
func TestOutboundStaysBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		o := NewOutbound(g, 8*ChunkSize, 0, nil)
		send(o, "first")
		synctest.Wait()
		for i := range 10_000 {
			o.SendRun(blocks('x', 1))
			if i%1000 == 500 {
				o.Send([]byte("kept"))
			}
		}
		if o.Pending() > 20*ChunkSize || cap(o.queue) > 1000 {
			t.Errorf("%d bytes and %d places for chunks", o.Pending(), cap(o.queue))
		}
		close(g.pass)
		synctest.Wait()
		if n := strings.Count(g.written(), "kept"); n != 10 {
			t.Errorf("%d of the 10 kept frames were written", n)
		}
	})
}

// A single frame above the bound is not dropped while it is the only one.
func TestOutboundOversize(t *testing.T) {
	g := newGate()
	close(g.pass)
	o := NewOutbound(g, 100, 0, nil)
	big := strings.Repeat("x", 100_000)
	if o.SendRun(run{big}) {
		o.Wake()
	}
	if !o.Flush(time.Minute) || g.written() != big || o.Dropped() != 0 {
		t.Error("it was not written whole")
	}
}

// Frames that must arrive may take twice the bound, then the peer is given up.
// That is told without a lock that an appender may hold.
func TestOutboundOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		var why error
		o := NewOutbound(g, 1000, 0, func(err error) { why = err })
		frame := strings.Repeat("x", 500)
		var appender sync.Mutex
		o.Send([]byte(frame))
		o.NotifyRoom(func() { appender.Lock(); defer appender.Unlock() })
		appender.Lock()
		for range 5 {
			o.Send([]byte(frame))
		}
		if o.Send([]byte("y")); why != nil {
			t.Fatal("told under the appender's feet")
		}
		appender.Unlock()
		synctest.Wait()
		if !errors.Is(why, ErrOverflow) {
			t.Errorf("ended with %v, want %v", why, ErrOverflow)
		}
		if seq, wake := o.Send([]byte("z")); seq != 0 || wake || o.Pending() != 0 {
			t.Error("something can be appended after the end")
		}
		close(g.pass)
	})
}

// Written counts the kept frames, in order.
func TestOutboundWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		o := NewOutbound(g, 0, 0, nil)
		first := send(o, "1")
		synctest.Wait()
		o.SendRun(run{"x"})
		second := send(o, "2")
		if o.Written() != 0 || first != 1 || second != 2 {
			t.Errorf("numbers %d, %d, written %d before a write", first, second, o.Written())
		}
		g.pass <- struct{}{}
		synctest.Wait()
		if o.Written() != first {
			t.Errorf("written %d, want %d", o.Written(), first)
		}
		g.pass <- struct{}{}
		synctest.Wait()
		if o.Written() != second || g.written() != "1x2" {
			t.Errorf("written %d, want %d", o.Written(), second)
		}
	})
}

// failing is a connection that is broken.
type failing struct{ net.Conn }

func (failing) Write([]byte) (int, error)        { return 0, io.ErrClosedPipe }
func (failing) SetWriteDeadline(time.Time) error { return nil }

func TestOutboundWriteError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		o := NewOutbound(failing{}, 0, 0, func(err error) {
			if calls++; !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("ended with %v", err)
			}
		})
		send(o, "a")
		synctest.Wait()
		send(o, "b")
		o.Close()
		if calls != 1 || o.Flush(time.Second) {
			t.Errorf("told %d times, want once", calls)
		}
	})
}

// The write deadline is there, and is moved as time passes.
func TestOutboundDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		close(g.pass)
		o := NewOutbound(g, 0, 20*time.Second, nil)
		for range 10 {
			send(o, "a")
			synctest.Wait()
			left := time.Duration(g.deadline.Load() - time.Now().UnixNano())
			if left < 15*time.Second || left > 20*time.Second {
				t.Errorf("%v are left for a write, want 15 to 20 s", left)
			}
			time.Sleep(3 * time.Second)
		}
	})
}

func TestOutboundFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		o := NewOutbound(g, 0, 0, nil)
		if !o.Flush(time.Second) {
			t.Error("nothing pending, but not flushed")
		}
		send(o, "a")
		start := time.Now()
		if o.Flush(time.Second) || time.Since(start) != time.Second {
			t.Errorf("blocked, but flushed, or after %v", time.Since(start))
		}
		go func() {
			time.Sleep(time.Second)
			g.pass <- struct{}{}
		}()
		if !o.Flush(time.Minute) {
			t.Error("written, but not flushed")
		}
		send(o, "b")
		go func() {
			time.Sleep(time.Second)
			o.Close()
			close(g.pass)
		}()
		if o.Flush(time.Minute) {
			t.Error("closed, but flushed")
		}
	})
}

// Join waits for the writer, and not for one that there is not.
func TestOutboundJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		o := NewOutbound(g, 0, 0, nil)
		o.Join()
		send(o, "a")
		synctest.Wait()
		go func() {
			time.Sleep(time.Second)
			g.pass <- struct{}{}
		}()
		start := time.Now()
		o.Close()
		if o.Join(); time.Since(start) != time.Second {
			t.Errorf("it waited %v, want 1 s", time.Since(start))
		}
		o.Join()
	})
}

func TestOutboundIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		close(g.pass)
		o := NewOutbound(g, 0, 0, nil)
		time.Sleep(5 * time.Second)
		if d := o.Idle(); d != 5*time.Second {
			t.Errorf("idle for %v, want 5 s", d)
		}
		send(o, "a")
		synctest.Wait()
		time.Sleep(time.Second)
		if d := o.Idle(); d != time.Second {
			t.Errorf("idle for %v, want 1 s", d)
		}
	})
}

// Shared chunks reach everybody as they were encoded, and return to the pool
// only when the last one has been written.
func TestSharedChunks(t *testing.T) {
	for _, size := range []int{10, smallChunk, ChunkSize - 100, 3 * ChunkSize, 5 * ChunkSize} {
		var peers []*gate
		var outs []*Outbound
		for range 5 {
			g := newGate()
			peers, outs = append(peers, g), append(outs, NewOutbound(g, 64<<20, 0, nil))
		}
		var want strings.Builder
		for i := range 20 {
			frame := fmt.Sprintf("%02d%s", i, strings.Repeat("x", size))
			want.WriteString(frame)
			c := NewShared(len(frame), run{frame})
			for _, o := range outs {
				if o.OfferShared(c).Wake {
					o.Wake()
				}
			}
			c.Release()
		}
		for i, o := range outs {
			close(peers[i].pass)
			if !o.Flush(time.Minute) || peers[i].written() != want.String() {
				t.Errorf("frames of %d bytes: peer %d got something else", size, i)
			}
		}
	}
}

// Many appenders, one writer: nothing is lost, doubled, or out of an appender's
// order, and every wake-up is used.
func TestOutboundConcurrent(t *testing.T) {
	here, there := net.Pipe()
	o := NewOutbound(here, 1<<20, time.Minute, nil)
	const appenders, each = 8, 2000
	got := make(chan error, 1)
	go func() {
		next := [appenders]int{}
		buf := make([]byte, 8)
		for range appenders * each {
			if _, err := io.ReadFull(there, buf); err != nil {
				got <- err
				return
			}
			var a, i int
			fmt.Sscanf(string(buf), "%d %d", &a, &i)
			if next[a] != i {
				got <- fmt.Errorf("appender %d: %d after %d", a, i, next[a])
				return
			}
			next[a]++
		}
		got <- nil
	}()
	var all sync.WaitGroup
	for a := range appenders {
		all.Go(func() {
			for i := range each {
				frame := fmt.Sprintf("%d %6d", a, i)
				var wake bool
				switch rand.IntN(3) {
				case 0:
					_, wake = o.Send([]byte(frame))
				case 1:
					wake = o.SendRun(run{frame})
				case 2:
					c := NewShared(len(frame), run{frame})
					for sent := o.OfferShared(c); ; sent = o.OfferShared(c) {
						if wake = sent.Wake; !sent.Crowded {
							break
						}
						o.WaitRoom(time.Second, StuckAfter)
					}
					c.Release()
				}
				if wake {
					o.Wake()
				}
			}
		})
	}
	all.Wait()
	if err := <-got; err != nil {
		t.Error(err)
	}
	o.Close()
	here.Close()
	there.Close()
	o.Join()
}

// counted is a TCP connection within another one, as the listener hands out, and
// counts the writes that do not gather.
type counted struct {
	*net.TCPConn
	writes atomic.Int32
}

func (c *counted) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.TCPConn.Write(p)
}

// Several chunks are one system call, also when the connection is wrapped: it once
// was one for each, and nobody noticed but the clock.
func TestOutboundGathers(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	near := &counted{TCPConn: nc.(*net.TCPConn)}
	o := NewOutbound(near, 0, 0, nil)
	if o.SendRun(blocks('a', 5)) {
		o.Wake()
	}
	if !o.Flush(time.Minute) || near.writes.Load() != 0 {
		t.Errorf("%d writes of one chunk", near.writes.Load())
	}
	got := make([]byte, 5*(ChunkSize-10))
	if _, err := io.ReadFull(far, got); err != nil || names(string(got)) != "a00 a01 a02 a03 a04" {
		t.Errorf("%s, %v", names(string(got)), err)
	}
}
