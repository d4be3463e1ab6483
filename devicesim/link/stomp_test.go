package link

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-stomp/stomp/v3"

	"mwm/devicesim/testbroker"
)

func dialSTOMP(t *testing.T, addr string) *STOMP {
	t.Helper()
	l, err := DialSTOMP(t.Context(), STOMPConfig{Addr: addr, ClientID: "AAA", Buffer: 1024})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestSTOMPSendsAndReceives(t *testing.T) {
	b := testbroker.STOMP(t)
	l := dialSTOMP(t, b.Addr)
	got := make(chan string, 1)
	if err := l.Subscribe("/queue/device.AAA.text", stomp.AckAuto, func(m *stomp.Message) { got <- string(m.Body) }); err != nil {
		t.Fatal(err)
	}
	if err := l.Send(t.Context(), "/queue/device.AAA.text", "text/plain", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if s := within(t, got, "message"); s != "hello" {
		t.Errorf("got %q", s)
	}
}

func TestSTOMPNoticesLoss(t *testing.T) {
	b := testbroker.STOMP(t)
	idle, listening := dialSTOMP(t, b.Addr), dialSTOMP(t, b.Addr)
	if err := listening.Subscribe("/topic/a", stomp.AckAuto, func(*stomp.Message) {}); err != nil {
		t.Fatal(err)
	}
	b.Down()
	for _, l := range []*STOMP{idle, listening} {
		within(t, l.Lost(), "loss")
		if l.Err() == nil {
			t.Error("lost for no reason")
		}
	}
	if _, err := DialSTOMP(t.Context(), STOMPConfig{Addr: b.Addr}); err == nil {
		t.Error("connected to a server that is down")
	}
}

// fakeServer answers one connection with what the function does.
func fakeServer(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		serve(c)
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

const connected = "CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\x00"

// answerCONNECT reads the CONNECT frame and answers it.
func answerCONNECT(c net.Conn) (frame string) {
	frame, _ = bufio.NewReader(c).ReadString(0)
	_, _ = io.WriteString(c, connected)
	return frame
}

func TestSTOMPSendsClientID(t *testing.T) {
	frames := make(chan string, 1)
	l := dialSTOMP(t, fakeServer(t, func(c net.Conn) { frames <- answerCONNECT(c) }))
	f := within(t, frames, "CONNECT")
	for _, want := range []string{"CONNECT\n", "\nclient-id:AAA\n", "\nheart-beat:10000,10000\n", "1.2"} {
		if !strings.Contains(f, want) {
			t.Errorf("%q lacks %q", f, want)
		}
	}
	within(t, l.Lost(), "loss")
}

// dialDeaf connects to a server that reads nothing behind the CONNECT until the test ends.
func dialDeaf(t *testing.T) *STOMP {
	t.Helper()
	hold := make(chan struct{})
	l := dialSTOMP(t, fakeServer(t, func(c net.Conn) {
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		answerCONNECT(c)
		<-hold
	}))
	t.Cleanup(func() { close(hold) })
	return l
}

// A server that reads nothing must not hold up who sends for many devices.
func TestSTOMPTrySendDoesNotWait(t *testing.T) {
	l := dialDeaf(t)
	body := make([]byte, 64<<10)
	began := time.Now()
	for i := range 10_000 {
		sent, err := l.TrySend("/topic/a", "", body)
		if err != nil {
			t.Fatal(err)
		}
		if !sent && i > writeQueue {
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("it took %v to be refused", d)
			}
			return
		}
	}
	t.Error("10,000 frames of 64 KiB went to a server that reads nothing")
}

func TestSTOMPCloseIsBounded(t *testing.T) {
	hold := make(chan struct{})
	l := dialSTOMP(t, fakeServer(t, func(c net.Conn) {
		answerCONNECT(c)
		<-hold // no RECEIPT for DISCONNECT
	}))
	defer close(hold)
	began := time.Now()
	l.Close()
	if d := time.Since(began); d > CloseTimeout+10*time.Second {
		t.Errorf("closing took %v", d)
	}
}

func TestSTOMPHandshakeEndsWithItsContext(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	addr := fakeServer(t, func(net.Conn) { <-hold }) // silent
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := DialSTOMP(ctx, STOMPConfig{Addr: addr}); err == nil {
		t.Error("connected to a server that says nothing")
	}
}

func TestSTOMPTellsTheServersReason(t *testing.T) {
	refuse := fakeServer(t, func(c net.Conn) {
		_, _ = bufio.NewReader(c).ReadString(0)
		_, _ = io.WriteString(c, "ERROR\nmessage:not allowed\n\nwrong passcode\n\x00")
	})
	_, err := DialSTOMP(t.Context(), STOMPConfig{Addr: refuse})
	if err == nil || !strings.HasSuffix(err.Error(), "not allowed: wrong passcode") {
		t.Errorf("refused with %v", err)
	}

	later := fakeServer(t, func(c net.Conn) {
		answerCONNECT(c)
		_, _ = bufio.NewReader(c).ReadString(0) // SUBSCRIBE
		_, _ = io.WriteString(c, "ERROR\nmessage:taken over\n\n\x00")
	})
	l := dialSTOMP(t, later)
	if err := l.Subscribe("/topic/a", stomp.AckAuto, func(*stomp.Message) {}); err != nil {
		t.Fatal(err)
	}
	within(t, l.Lost(), "loss")
	l.Close()
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "taken over") {
		t.Errorf("lost with %v", err)
	}
}

func TestSTOMPAtAnotherPort(t *testing.T) {
	for what, answer := range map[string]string{"HTTP": "HTTP/1.1 400 Bad Request\r\n\r\n", "MQTT": ""} {
		other := fakeServer(t, func(c net.Conn) {
			_, _ = bufio.NewReader(c).ReadString(0)
			_, _ = io.WriteString(c, answer)
		})
		_, err := DialSTOMP(t.Context(), STOMPConfig{Addr: other})
		if err == nil || !strings.HasSuffix(err.Error(), "; is this a port of STOMP without TLS?") {
			t.Errorf("refused by %s with %v", what, err)
		}
	}
}

func TestSTOMPSendWithoutReceiptFails(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	l := dialSTOMP(t, fakeServer(t, func(c net.Conn) {
		answerCONNECT(c)
		<-hold
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Send(ctx, "/queue/a", "", nil); err == nil || !strings.Contains(err.Error(), "no receipt") {
		t.Errorf("sent without a receipt: %v", err)
	}
}

// A frame may still be in the library's queue when the link is lost. Who waits for its receipt is told.
func TestSTOMPCloseEndsASend(t *testing.T) {
	l := dialDeaf(t)
	_ = l.net.SetWriteBuffer(4096)
	queued := func(n int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); l.conn.Stats().CurrentWriteChanSize != n; <-time.After(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("there are not %d frames in the queue", n)
			}
		}
	}
	if _, err := l.TrySend("/topic/a", "", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	queued(0) // the library is writing it, and will not get far
	ended := make(chan error, 1)
	go func() { ended <- l.Send(t.Context(), "/queue/a", "", nil) }()
	queued(1)
	l.Abort()
	l.Close()
	if err := within(t, ended, "send"); err == nil {
		t.Error("sent over a link that was lost")
	}
}

// Acknowledgements are written by another goroutine than the one that receives: many messages at once must not block it.
func TestSTOMPAcksMany(t *testing.T) {
	const n = 500
	acks := make(chan int, 1)
	l := dialSTOMP(t, fakeServer(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		_, _ = r.ReadString(0)
		_, _ = io.WriteString(c, connected)
		sub, _ := r.ReadString(0)
		_, id, _ := strings.Cut(sub, "\nid:")
		id, _, _ = strings.Cut(id, "\n")
		for range n {
			_, _ = io.WriteString(c, "MESSAGE\nsubscription:"+id+"\nmessage-id:1\nack:1\ndestination:/queue/a\n\nx\x00")
		}
		got := 0
		for got < n {
			f, err := r.ReadString(0)
			if err != nil {
				break
			}
			got += strings.Count(f, "ACK\n")
		}
		acks <- got
	}))
	if err := l.Subscribe("/queue/a", stomp.AckClientIndividual, l.Ack); err != nil {
		t.Fatal(err)
	}
	if got := within(t, acks, "acknowledgements"); got != n {
		t.Errorf("%d of %d messages were acknowledged", got, n)
	}
}

// go-stomp waits for heart-beats that the server has declined to send, and then hangs up.
func TestSTOMPWithoutHeartBeatsOfTheServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	asked := make(chan string, 2)
	hold := make(chan struct{})
	var work sync.WaitGroup
	defer work.Wait()
	defer close(hold)
	work.Go(func() {
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			f, _ := bufio.NewReader(c).ReadString(0)
			asked <- f
			_, _ = io.WriteString(c, "CONNECTED\nversion:1.2\nheart-beat:0,10000\n\n\x00")
		}
		<-hold
	})
	link := dialSTOMP(t, l.Addr().String())
	if f := within(t, asked, "CONNECT"); !strings.Contains(f, "heart-beat:10000,10000") {
		t.Errorf("asked first with %q", f)
	}
	if f := within(t, asked, "CONNECT"); !strings.Contains(f, "heart-beat:10000,0\n") {
		t.Errorf("asked then with %q", f)
	}
	if link.Err() != nil {
		t.Errorf("lost: %v", link.Err())
	}
}
