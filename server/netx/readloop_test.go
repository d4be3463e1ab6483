package netx

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// collector takes frames of a fixed size and asks for what it needs.
type collector struct {
	frame  int
	calls  int
	frames [][]byte
	err    error
}

func (c *collector) Data(p []byte) (used, need int, err error) {
	c.calls++
	for len(p)-used >= c.frame {
		c.frames = append(c.frames, bytes.Clone(p[used:used+c.frame]))
		used += c.frame
	}
	return used, c.frame, c.err
}

// ends are both kinds of connections: those with raw access and others.
func ends(t *testing.T) map[string][2]net.Conn {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	a, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, d := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close(); c.Close(); d.Close() })
	return map[string][2]net.Conn{"tcp": {a, b}, "pipe": {c, d}}
}

// Frames of any size come whole, in whatever pieces they were sent.
func TestReader(t *testing.T) {
	for _, size := range []int{1, 100, ReadSize - 1, ReadSize, ReadSize + 1, 10 * ReadSize} {
		for name, c := range ends(t) {
			want := make([]byte, 7*size)
			for i := range want {
				want[i] = byte(i * 7 / 3)
			}
			go func() {
				for p := want; len(p) > 0; {
					n := min(len(p), 1+len(want)/37)
					c[0].Write(p[:n])
					p = p[n:]
				}
				c[0].Close()
			}()
			h := &collector{frame: size}
			if err := NewReader(c[1], 10*ReadSize).Serve(h); err != io.EOF {
				t.Errorf("%s, frames of %d: ended with %v", name, size, err)
			}
			if got := bytes.Join(h.frames, nil); !bytes.Equal(got, want) {
				t.Errorf("%s, frames of %d: got %d bytes, want %d", name, size, len(got), len(want))
			}
		}
	}
}

// The handler is not called before what it needs is there.
func TestReaderNeed(t *testing.T) {
	for name, c := range ends(t) {
		go func() {
			for range 1000 {
				c[0].Write([]byte("x"))
			}
			c[0].Close()
		}()
		h := &collector{frame: 500}
		NewReader(c[1], 0).Serve(h)
		if h.calls > 3 || len(h.frames) != 2 {
			t.Errorf("%s: %d calls for %d frames that came byte by byte", name, h.calls, len(h.frames))
		}
	}
}

func TestReaderLimit(t *testing.T) {
	for name, c := range ends(t) {
		go c[0].Write(make([]byte, 100))
		if err := NewReader(c[1], 2*ReadSize).Serve(&collector{frame: 2*ReadSize + 1}); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: ended with %v, want %v", name, err, ErrTooLarge)
		}
	}
}

// An announced size alone costs no memory, and after the end there is none.
func TestReaderMemory(t *testing.T) {
	for name, c := range ends(t) {
		r := NewReader(c[1], 1<<20)
		h := &collector{frame: 1 << 20}
		done := make(chan error)
		sizes := make(chan int, 10_000)
		go func() { done <- r.Serve(probe{h, func() { sizes <- len(r.buf) }}) }()
		c[0].Write(make([]byte, 1000))
		c[0].Write(make([]byte, 1<<20-1000))
		c[0].Close()
		if err := <-done; err != io.EOF {
			t.Errorf("%s: ended with %v", name, err)
		}
		if first := <-sizes; first > 2*ReadSize {
			t.Errorf("%s: with 1,000 bytes of an announced MiB the buffer has %d", name, first)
		}
		if r.buf != nil {
			t.Errorf("%s: after the end the reader still holds a buffer", name)
		}
	}
}

// probe looks at the reader before each call.
type probe struct {
	h    *collector
	look func()
}

func (p probe) Data(b []byte) (int, int, error) {
	p.look()
	return p.h.Data(b)
}

// Idle counts from the last input, and not while the handler works.
func TestReaderIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		r := NewReader(b, 0)
		work := make(chan struct{})
		done := make(chan error)
		go func() { done <- r.Serve(probe{&collector{frame: 1}, func() { <-work }}) }()
		time.Sleep(3 * time.Second)
		if d := r.Idle(); d != 3*time.Second {
			t.Errorf("idle for %v, want 3 s", d)
		}
		a.Write([]byte("x"))
		time.Sleep(5 * time.Second)
		if d := r.Idle(); d != 0 {
			t.Errorf("idle for %v while the handler works, want 0", d)
		}
		close(work)
		time.Sleep(2 * time.Second)
		if d := r.Idle(); d != 2*time.Second {
			t.Errorf("idle for %v after the work, want 2 s", d)
		}
		a.Close()
		<-done
	})
}

// awaiting is a connection that can be waited for without a buffer.
type awaiting struct {
	net.Conn
	first []byte
}

func (a *awaiting) Await() {
	p := make([]byte, 1)
	n, _ := a.Conn.Read(p)
	a.first = p[:n]
}

func (a *awaiting) Read(p []byte) (int, error) {
	n := copy(p, a.first)
	a.first = nil
	if n > 0 {
		return n, nil
	}
	return a.Conn.Read(p)
}

// One that is no socket holds no buffer of the pool while it is idle, and takes
// what comes whole.
func TestReaderHoldsNothing(t *testing.T) {
	for _, awaits := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			nc := here
			if awaits {
				nc = &awaiting{Conn: here}
			}
			h := &collector{frame: 1000}
			r := NewReader(nc, 10*ReadSize)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				r.Serve(h)
			}()
			for round := range 3 {
				synctest.Wait()
				if r.buf != nil {
					t.Errorf("awaits: %v, round %d: %d bytes are held", awaits, round, len(r.buf))
				}
				for _, n := range []int{300, 5000, 600, 100} { // six frames
					there.Write(make([]byte, n))
				}
				synctest.Wait()
				if len(h.frames) != 6*(round+1) {
					t.Errorf("awaits: %v, round %d: %d frames", awaits, round, len(h.frames))
				}
			}
			there.Close()
			<-ended
		})
	}
}
