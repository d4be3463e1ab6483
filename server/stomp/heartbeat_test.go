package stomp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// pipe is a world whose connections are in memory, for use with a fake clock.
type pipe struct {
	t      testing.TB
	server *stomp.Server
}

func pipeWorld(t testing.TB, b *broker.Broker, opt stomp.Options) *pipe {
	opt.Logger = quiet()
	srv, err := stomp.New(b, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go b.Run(ctx)
	t.Cleanup(func() {
		srv.Shutdown(ctx)
		cancel()
	})
	return &pipe{t, srv}
}

func (w *pipe) dial() *peer {
	here, there := net.Pipe()
	go w.server.ServeConn(there)
	w.t.Cleanup(func() { here.Close() })
	p := newPeer(w.t, here)
	p.patience = time.Hour // of the fake clock
	return p
}

func (w *pipe) connect(version string, headers ...string) *peer {
	p := w.dial()
	p.send("CONNECT\naccept-version:" + version + "\n" + lines(headers) + "\n^@")
	p.want("CONNECTED", "version:"+version)
	return p
}

// readFor reads what comes within d.
func (p *peer) readFor(d time.Duration) string {
	var all []byte
	end := time.Now().Add(d)
	p.nc.SetReadDeadline(end)
	buf := make([]byte, 1024)
	for {
		n, err := p.nc.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				p.t.Fatalf("after %q: %v", all, err)
			}
			return string(all)
		}
	}
}

// SYSTEM: CONNECTED mirrors heart-beat, but never under the floor.
func TestHeartBeatHeader(t *testing.T) {
	w := serve(t, stomp.Options{})
	for asked, want := range map[string]string{
		"0,0":              "0,0",
		"10000,10000":      "10000,10000",
		"5000,10000":       "10000,5000",
		"60000,20000":      "20000,60000",
		"1,0":              "0,100",
		"0,99":             "100,0",
		"99999999999999,0": "0,86400000",
	} {
		p := w.dial()
		p.send("CONNECT\naccept-version:1.1\nheart-beat:" + asked + "\n\n^@")
		p.want("CONNECTED", "heart-beat:"+want)
	}
}

// What is sent otherwise is as good as a heart-beat.
func TestMessagesAreHeartBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		p := w.connect("1.2", "heart-beat:0,1000")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		for range 20 {
			p.send("SEND\ndestination:/topic/a\n\nx^@")
			if got := p.readFor(500 * time.Millisecond); strings.Contains(got, "\x00\n") {
				t.Fatalf("a heart-beat although there was a message: %q", got)
			}
		}
	})
}

// A connection that does not say CONNECT is closed, drip as it may.
func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		p := w.dial()
		start := time.Now()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for _, c := range "CONNECT\naccept-version:1.2\nhost:x" {
				time.Sleep(time.Second)
				if _, err := io.WriteString(p.nc, string(c)); err != nil {
					return
				}
			}
		}()
		p.wantError("CONNECT")
		if d := time.Since(start); d < 9*time.Second || d > 12*time.Second {
			t.Errorf("closed after %v, want 10 s", d)
		}
		<-gone
	})
}

// A peer that takes nothing is given up after the write timeout.
func TestWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		p := w.connect("1.2")
		p.send("SEND\ndestination:/topic/a\nreceipt:r\n\nx^@") // nobody reads the RECEIPT
		time.Sleep(35 * time.Second)
		if n := w.server.Sessions(); n != 0 {
			t.Errorf("%d sessions after the write timeout", n)
		}
	})
}
