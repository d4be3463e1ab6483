package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mwm/server/broker"
	"mwm/server/netx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a front end whose frames are lines.
type lines struct{ hello func() }

func (l *lines) Data(p []byte) (used, need int, err error) {
	if l.hello != nil {
		l.hello()
		l.hello = nil
	}
	return strings.LastIndexByte(string(p), '\n') + 1, 0, nil
}

func explain(p []byte, _ bool) (frames []broker.WireFrame) {
	for line := range strings.Lines(string(p)) {
		line = strings.TrimSpace(line)
		frames = append(frames, broker.WireFrame{Type: line, Fields: []broker.Property{{Name: "destination", Value: line}}})
	}
	return frames
}

// peer is a client of the test's broker.
type peer struct {
	*broker.Client
	net.Conn
}

func connect(t *testing.T, b *broker.Broker, m *Monitor, id string) peer {
	t.Helper()
	far, near := net.Pipe()
	c := &broker.Client{ID: id, Protocol: broker.STOMP, In: netx.NewReader(near, netx.ReadSize), Out: netx.NewOutbound(near, 0, 0, nil), Explain: explain, Close: func(error) {}}
	p := peer{c, far}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = c.In.Serve(&lines{func() {
			_ = b.Attach(c)
			m.Connected(c)
			go p.hears(t, "welcome\n")
		}})
	}()
	t.Cleanup(func() { far.Close(); near.Close(); <-served; b.Detach(c, nil); m.Disconnected(c) })
	p.says(t, "hello\n")
	synctest.Wait()
	return p
}

func (p peer) says(t *testing.T, s string) {
	t.Helper()
	if _, err := io.WriteString(p.Conn, s); err != nil {
		t.Fatal(err)
	}
}

func (p peer) hears(t *testing.T, s string) {
	t.Helper()
	if _, wake := p.Out.Send([]byte(s)); wake {
		p.Out.Wake()
	}
	if _, err := io.ReadFull(p.Conn, make([]byte, len(s))); err != nil {
		t.Error(err)
	}
	p.Out.Flush(time.Second)
}

func shown(t *testing.T, m *Monitor, target Target, after uint64, limit int) (text string, next uint64) {
	t.Helper()
	synctest.Wait()
	frames, _, _, err := m.Frames(target, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	next = after
	for _, f := range frames {
		direction := ">"
		if f.In {
			direction = "<"
		}
		text += fmt.Sprint(f.Client.ID, direction, f.Type, " ")
		if f.Seq <= next {
			t.Errorf("frame %d comes after %d", f.Seq, next)
		}
		next = f.Seq
	}
	return strings.TrimSpace(text), next
}

// Frames of both directions and of all connections of a client are shown in their
// order from the first request on, of connections that come later, too; and not
// any more when nobody has asked for a minute.
func TestFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Options{})
		m := New(b.Clients)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		a := connect(t, b, m, "AAA")
		other := connect(t, b, m, "BBB")
		a.says(t, "unseen\n")
		want := func(target Target, after uint64, limit int, want string) (next uint64) {
			t.Helper()
			got, next := shown(t, m, target, after, limit)
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
			return next
		}
		aaa, one := Target{Client: "AAA"}, Target{Num: other.Num()}
		want(aaa, 0, 10, "")
		a.says(t, "one\ntwo\n")
		a.hears(t, "three\n")
		other.says(t, "not of AAA\n")
		late := connect(t, b, m, "AAA")
		late.says(t, "four\n")
		next := want(aaa, 0, 10, "AAA<one AAA<two AAA>three AAA<hello AAA>welcome AAA<four")
		want(aaa, 0, 2, "AAA>welcome AAA<four")
		want(aaa, next, 10, "")
		want(one, 0, 10, "")
		a.says(t, "five\nsix\n")
		other.says(t, "now\n")
		first := want(aaa, next, 1, "AAA<six")
		want(aaa, first-1, 10, "AAA<six")
		want(one, 0, 10, "BBB<now")
		if _, n, _, _ := m.Frames(aaa, 0, 1); n != (Links{Own: 2}) {
			t.Errorf("%+v", n)
		}
		time.Sleep(2 * lease)
		if n := m.active.Load(); n != 0 || len(m.taps) != 0 {
			t.Errorf("%d watches, %d taps", n, len(m.taps))
		}
		a.says(t, "unseen\n")
		want(aaa, 0, 10, "")
		cancel()
		<-ended
	})
}

// A watch is bounded, and so is their number.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Options{})
		m := New(b.Clients)
		a := connect(t, b, m, "AAA")
		_, next := shown(t, m, Target{Client: "AAA"}, 0, 1)
		_, _, more, _ := m.Frames(Target{Client: "AAA"}, next, 1)
		for i := range 3 * maxBatches {
			a.says(t, fmt.Sprint(i, "\n"))
		}
		select {
		case <-more:
		default:
			t.Error("nobody was told that there is something new")
		}
		long := strings.Repeat("x", maxBatch) + "\n"
		for range 3 * maxBytes / maxBatch {
			a.hears(t, long)
		}
		w := m.watches[Target{Client: "AAA"}]
		if len(w.batches) > maxBatches || w.bytes > maxBytes {
			t.Errorf("%d batches of %d bytes", len(w.batches), w.bytes)
		}
		for i := range maxWatches {
			_, _, _, err := m.Frames(Target{Client: fmt.Sprint(i)}, 0, 1)
			if last := i == maxWatches-1; last != errors.Is(err, ErrTooMany) {
				t.Errorf("watch %d: %v", i, err)
			}
		}
	})
}

// A device behind a gateway is seen by the destinations of its frames, whatever
// else the gateway carries.
func TestGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Options{})
		m := New(b.Clients)
		gateway := connect(t, b, m, "gateway")
		bbb := Target{Client: "BBB"}
		shown(t, m, bbb, 0, 1)
		gateway.says(t, "/topic/device.BBB.location\n") // unseen: nobody knows yet who reports for it
		m.Reported("BBB", gateway.Client)
		m.Reported("CCC", gateway.Client) // nobody watches
		m.Reported("BBB", nil)            // the server itself
		gateway.says(t, "/topic/device.CCC.location\n/topic/device.BBB.location\n")
		gateway.says(t, "/topic/device.CCC.location\n")
		gateway.hears(t, "/queue/device.BBB.text\n/queue/device.BBBB.text\n")
		if got, _ := shown(t, m, bbb, 0, 10); got != "gateway</topic/device.BBB.location gateway>/queue/device.BBB.text" {
			t.Errorf("%q", got)
		}
		if w := m.watches[bbb]; len(w.batches) != 2 {
			t.Errorf("%d batches are kept; what is about others is not", len(w.batches))
		}
		if _, links, _, _ := m.Frames(bbb, 0, 1); links != (Links{Gateways: 1}) {
			t.Errorf("%+v", links)
		}
	})
}

// An answer is not shown before what it answers, although it may be written while
// that is still being handled.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Options{})
		m := New(b.Clients)
		target := Target{Client: "AAA"}
		a := connect(t, b, m, "AAA")
		shown(t, m, target, 0, 1)
		x := m.taps[a.Client]
		received := x.Receiving()
		x.Sending([]byte("answer\n"))
		if got, _ := shown(t, m, target, 0, 10); got != "" {
			t.Errorf("too early: %q", got)
		}
		received([]byte("question\n"))
		if got, _ := shown(t, m, target, 0, 10); got != "AAA<question AAA>answer" {
			t.Errorf("%q", got)
		}
		x.Receiving()(nil) // a piece of a frame
		if n := len(m.watches[target].batches); n != 2 {
			t.Errorf("%d batches", n)
		}
	})
}
