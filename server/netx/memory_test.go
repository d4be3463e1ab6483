package netx

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// limitMemory sets a limit for the test, a synctest one, which holds nothing at its end.
func limitMemory(t *testing.T, bytes int64) {
	t.Helper()
	before := MemoryUsed()
	SetMemoryLimit(before + bytes)
	t.Cleanup(func() {
		SetMemoryLimit(0)
		synctest.Wait()
		if n := MemoryUsed() - before; n != 0 {
			t.Errorf("%d bytes are still booked", n)
		}
	})
}

// kibs is a run of frames of a KiB.
type kibs int

func (b kibs) Len() int                      { return int(b) }
func (kibs) Size(int) int                    { return 1 << 10 }
func (kibs) Append(dst []byte, _ int) []byte { return append(dst, make([]byte, 1<<10)...) }

// Many peers that do not read hold no more than the limit together: from three
// quarters of it on each has little, and loses its oldest frames.
func TestMemoryOfManyOutbounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 8 << 20
		limitMemory(t, limit)
		start := MemoryUsed()
		var outs []*Outbound
		for range 60 {
			near, far := net.Pipe()
			defer far.Close()
			defer near.Close()
			out := NewOutbound(near, 4<<20, time.Minute, nil)
			defer out.Close()
			outs = append(outs, out)
		}
		short := false // what is given up may end that for a moment
		for range 40 {
			for _, out := range outs {
				if out.SendRun(kibs(100)) {
					out.Wake()
				}
				short = short || Pressed() && out.Limit() == pressedOutbound
			}
			if used := MemoryUsed() - start; used > 2*limit {
				t.Fatalf("%d bytes are held, the limit is %d", used, limit)
			}
		}
		if !short {
			t.Errorf("memory was never short, %d bytes of %d are held", MemoryUsed()-start, limit)
		}
		lost := uint64(0)
		for _, out := range outs {
			lost += out.Dropped()
		}
		if lost == 0 {
			t.Error("nothing was lost")
		}
	})
}

// What must arrive is not lost: the peer is disconnected, earlier than it would
// be otherwise.
func TestMemoryOfKeptFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limitMemory(t, 1<<20)
		failed := make(chan error, 1)
		near, far := net.Pipe()
		defer far.Close()
		defer near.Close()
		out := NewOutbound(near, 4<<20, time.Minute, func(err error) { failed <- err })
		defer out.Close()
		frame := make([]byte, 10<<10)
		sent := 0
		for ; sent < 16<<20; sent += len(frame) {
			synctest.Wait() // the queue ends in a goroutine of its own
			if seq, wake := out.Send(frame); wake {
				out.Wake()
			} else if seq == 0 {
				break
			}
		}
		if err := <-failed; !errors.Is(err, ErrOverflow) || sent > 3<<20 {
			t.Errorf("%v after %d bytes", err, sent)
		}
	})
}

// whole takes frames of 100 KiB.
type whole struct{}

func (whole) Data(p []byte) (used, need int, err error) {
	const size = 100 << 10
	return len(p) / size * size, size, nil
}

// When there is no memory left, nothing more waits for peers that take nothing, and they
// are ended after a moment, until there is some. One that reads gets everything
// meanwhile.
func TestMemoryOfThoseWhoTakeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, deaf, rounds = 8 << 20, 100, 300
		limitMemory(t, limit)
		start := MemoryUsed()
		ended := make(chan error, deaf)
		connect := func(onError func(error)) (*Outbound, net.Conn) {
			near, far := net.Pipe()
			out := NewOutbound(near, 0, 0, func(err error) { near.Close(); onError(err) })
			t.Cleanup(func() { out.Close(); near.Close() })
			return out, far
		}
		var outs []*Outbound
		for range deaf {
			out, far := connect(func(err error) { ended <- err })
			defer far.Close()
			outs = append(outs, out)
		}
		healthy, far := connect(func(err error) { t.Error(err) })
		read := make(chan int64)
		go func() {
			n, _ := io.Copy(io.Discard, far)
			read <- n
		}()
		most, sent := int64(0), 0
		for range rounds {
			for _, out := range append(outs, healthy) {
				out.GiveUp() // nobody waits for it
				c := NewShared(2<<10, kibs(2))
				if out.OfferShared(c).Wake {
					out.Wake()
				}
				c.Release()
			}
			sent += 2 << 10
			most = max(most, MemoryUsed()-start)
			time.Sleep(10 * time.Millisecond)
		}
		if most < limit || most > 2*limit {
			t.Errorf("%d bytes were held, the limit is %d", most, limit)
		}
		if used := MemoryUsed() - start; used > limit || len(ended) == 0 {
			t.Errorf("in the end %d bytes are held, the limit is %d, and %d of %d are ended", used, limit, len(ended), deaf)
		}
		for range len(ended) {
			if err := <-ended; !errors.Is(err, ErrOverflow) {
				t.Errorf("one ended with %v", err)
			}
		}
		far.Close()
		if n := <-read; n != int64(sent) || healthy.Dropped() != 0 {
			t.Errorf("the one that reads got %d bytes of %d, and lost %d messages", n, sent, healthy.Dropped())
		}
	})
}

// Those who have had half a frame in memory for a while are ended when it is
// short, so that one who comes later is served.
func TestMemoryOfReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := MemoryUsed()
		SetMemoryLimit(before + 1<<20)
		defer SetMemoryLimit(0)
		evicted := Evicted()
		errs := make(chan error, 100)
		open := func() net.Conn {
			near, far := net.Pipe()
			go func() {
				errs <- NewReader(near, 1<<20).Serve(whole{})
				near.Close()
			}()
			return far
		}
		var slow []net.Conn
		for range 16 { // each has 64 KiB for its half a frame: nothing is left
			far := open()
			slow = append(slow, far)
			if _, err := far.Write(make([]byte, 60<<10)); err != nil {
				t.Fatal(err)
			}
		}
		far := open()
		if _, err := far.Write(make([]byte, 100<<10)); err == nil {
			t.Error("there is more than the limit")
		}
		if err := <-errs; !errors.Is(err, ErrMemory) {
			t.Errorf("one too many ended with %v", err)
		}
		time.Sleep(patience + time.Second)
		if _, err := slow[0].Write(make([]byte, 40<<10)); err != nil { // its frame is whole
			t.Error(err)
		}
		honest := open()
		for range 20 {
			if _, err := honest.Write(make([]byte, 100<<10)); err != nil {
				t.Fatalf("one who sends whole frames: %v", err)
			}
		}
		for range 15 {
			if err := <-errs; !errors.Is(err, ErrMemory) {
				t.Errorf("one with half a frame ended with %v", err)
			}
		}
		if n := Evicted() - evicted; n != 15 {
			t.Errorf("%d were ended", n)
		}
		for _, c := range append(slow, honest, far) {
			c.Close()
		}
		synctest.Wait()
		if used := MemoryUsed() - before; used != 0 {
			t.Errorf("%d bytes are still booked", used)
		}
	})
}

// One that is held up by its handler is not to blame.
type patient struct{ wait time.Duration }

func (p patient) Data(b []byte) (used, need int, err error) {
	time.Sleep(p.wait)
	return len(b) / 2, 0, nil
}

func TestMemoryOfBusyReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := MemoryUsed()
		SetMemoryLimit(before + 1)
		defer SetMemoryLimit(0)
		near, far := net.Pipe()
		served := make(chan error, 1)
		go func() { served <- NewReader(near, 1<<20).Serve(patient{time.Minute}) }()
		go far.Write(make([]byte, 1000))
		time.Sleep(30 * time.Second)
		new(Reader).relieve()
		synctest.Wait()
		select {
		case err := <-served:
			t.Errorf("ended with %v", err)
		default:
		}
		far.Close()
		<-served
	})
}
