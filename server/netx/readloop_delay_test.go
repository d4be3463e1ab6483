package netx

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// delays asks for a delay after each input.
type delays struct {
	r    *Reader
	wait time.Duration
	at   []time.Time
}

func (d *delays) Data(p []byte) (int, int, error) {
	d.at = append(d.at, time.Now())
	d.r.Delay(d.wait)
	return len(p), 0, nil
}

func TestReaderDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		d := &delays{r: NewReader(near, ReadSize), wait: time.Minute}
		served := make(chan error)
		go func() { served <- d.r.Serve(d) }()
		go func() {
			for range 3 {
				far.Write([]byte("x"))
			}
		}()
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if len(d.at) != 2 || d.at[1].Sub(d.at[0]) != time.Minute {
			t.Fatalf("input was taken at %v", d.at)
		}
		if d.r.Idle() != 0 {
			t.Errorf("the peer is blamed for %v of silence", d.r.Idle())
		}
		d.r.Hurry()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(d.at) != 3 {
			t.Errorf("%d inputs were taken after Hurry", len(d.at))
		}
		far.Close()
		<-served
	})
}
