package stomp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"mwm/server/stomp"
	"mwm/server/stomp/frame"
)

// page is a WebSocket client that sees messages, not bytes.
type page struct {
	t testing.TB
	c *websocket.Conn
}

// serveHTTP puts the world's server on an HTTP port as well.
func (w *world) serveHTTP() string {
	ts := httptest.NewServer(http.HandlerFunc(w.server.ServeWS))
	w.t.Cleanup(ts.Close)
	return ts.URL
}

func open(t testing.TB, url string, opt *websocket.DialOptions) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, url, opt)
	if err == nil {
		c.SetReadLimit(64 << 20)
		t.Cleanup(func() { c.CloseNow() })
	}
	return c, resp, err
}

func visit(t testing.TB, url string, protocols ...string) *page {
	t.Helper()
	c, _, err := open(t, url, &websocket.DialOptions{Subprotocols: protocols})
	if err != nil {
		t.Fatal(err)
	}
	return &page{t, c}
}

func (p *page) send(typ websocket.MessageType, text string) {
	p.t.Helper()
	if err := p.c.Write(context.Background(), typ, []byte(strings.ReplaceAll(text, "^@", "\x00"))); err != nil {
		p.t.Fatal(err)
	}
}

// want reads one message of the type, with the words in it.
func (p *page) want(typ websocket.MessageType, words ...string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, data, err := p.c.Read(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	if got != typ {
		p.t.Errorf("got a %v message %q, want %v", got, data, typ)
	}
	for _, w := range words {
		if !bytes.Contains(data, []byte(w)) {
			p.t.Errorf("got %q, want %q in it", data, w)
		}
	}
	return string(data)
}

func TestSubprotocols(t *testing.T) {
	w := serve(t, stomp.Options{})
	url := w.serveHTTP()
	for _, c := range []struct {
		offered []string
		want    string
	}{
		{nil, ""},
		{[]string{"v10.stomp", "v11.stomp"}, "v11.stomp"},
		{[]string{"v10.stomp", "v11.stomp", "v12.stomp"}, "v12.stomp"},
		{[]string{"v10.stomp"}, "v10.stomp"},
	} {
		p := visit(t, url+"/any/path", c.offered...)
		if got := p.c.Subprotocol(); got != c.want {
			t.Errorf("offered %q, got %q, want %q", c.offered, got, c.want)
		}
		p.send(websocket.MessageText, "CONNECT\naccept-version:1.1,1.0\nheart-beat:10000,10000\n\n^@")
		p.want(websocket.MessageText, "CONNECTED\n", "version:1.1\n", "heart-beat:10000,10000\n")
	}
}

// Frames may be cut and joined into messages at will; stomp.js cuts at 16 KiB.
func TestCutAndJoined(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := visit(t, w.serveHTTP())
	p.send(websocket.MessageText, "CONNECT\naccept-ver")
	p.send(websocket.MessageBinary, "sion:1.2\n\n^@\nSUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@\n\nSEND\ndestination:/topic/a\n\n1^@SEND\nde")
	p.send(websocket.MessageText, "")
	p.send(websocket.MessageText, "stination:/topic/a\n\n2^@")
	all := ""
	for strings.Count(all, "\x00") < 3 {
		all += p.want(websocket.MessageText)
	}
	for _, word := range []string{"CONNECTED\n", "\n\n1\x00", "\n\n2\x00"} {
		if !strings.Contains(all, word) {
			t.Errorf("got %q, want %q in it", all, word)
		}
	}
	body := strings.Repeat("é", 100_000)
	text := fmt.Sprintf("SEND\ndestination:/topic/a\ncontent-length:%d\n\n%s\x00", len(body), body)
	for len(text) > 0 {
		n := min(len(text), 16<<10)
		p.send(websocket.MessageBinary, text[:n])
		text = text[n:]
	}
	p.want(websocket.MessageText, body)
}

// What is not UTF-8 goes as binary, and takes nothing else with it.
func TestTextAndBinary(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := visit(t, w.serveHTTP())
	p.send(websocket.MessageText, "CONNECT\naccept-version:1.2\n\n^@")
	p.want(websocket.MessageText, "CONNECTED")
	p.send(websocket.MessageText, "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:s\n\n^@")
	p.want(websocket.MessageText, "RECEIPT")
	p.send(websocket.MessageBinary, "SEND\ndestination:/topic/a\n\ncafé^@SEND\ndestination:/topic/a\ncontent-length:3\n\n\xff^@\n^@SEND\ndestination:/topic/a\n\nthé^@")
	p.want(websocket.MessageText, "café")
	p.want(websocket.MessageBinary, "\xff\x00\n\x00")
	p.want(websocket.MessageText, "thé")
}

func TestWebSocketLimits(t *testing.T) {
	w := serve(t, stomp.Options{Limits: frame.Limits{Body: 1 << 20}})
	url := w.serveHTTP()
	p := visit(t, url)
	p.send(websocket.MessageText, "CONNECT\naccept-version:1.2\n\n^@")
	p.want(websocket.MessageText, "CONNECTED")
	p.c.Write(context.Background(), websocket.MessageBinary, bytes.Repeat([]byte{'\n'}, 2<<20))
	_, _, err := p.c.Read(context.Background())
	if got := websocket.CloseStatus(err); got != websocket.StatusMessageTooBig {
		t.Errorf("a message over the limit is answered with %v, want %v", err, websocket.StatusMessageTooBig)
	}
}

// The ERROR comes first, then a close that says why.
func TestWebSocketError(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := visit(t, w.serveHTTP())
	p.send(websocket.MessageText, "NONSENSE\n\n^@")
	p.want(websocket.MessageText, "ERROR\n", "message:unknown command", "NONSENSE")
	_, _, err := p.c.Read(context.Background())
	var ce websocket.CloseError
	if !errors.As(err, &ce) || ce.Code != websocket.StatusPolicyViolation || ce.Reason != "unknown command" {
		t.Errorf("then the end is %v", err)
	}
	p = visit(t, w.serveHTTP())
	p.send(websocket.MessageText, "CONNECT\naccept-version:1.2\n\n^@DISCONNECT\nreceipt:1\n\n^@")
	for got := ""; !strings.Contains(got, "RECEIPT\nreceipt-id:1\n"); {
		got += p.want(websocket.MessageText)
	}
	if _, _, err := p.c.Read(context.Background()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after DISCONNECT the end is %v", err)
	}
	eventually(t, "the sessions end", func() bool { return w.server.Sessions() == 0 })
}

func TestOrigin(t *testing.T) {
	policy := func(r *http.Request) error {
		if o := r.Header.Get("Origin"); o == "null" || o == "" {
			return nil
		}
		return errors.New("this page may not connect")
	}
	for _, c := range []struct {
		policy func(*http.Request) error
		origin string
		ok     bool
	}{
		{policy, "", true},
		{policy, "null", true},
		{policy, "http://evil.example", false},
		{nil, "", true},
		{nil, "http://evil.example", false},
	} {
		w := serve(t, stomp.Options{Origin: c.policy})
		_, resp, err := open(t, w.serveHTTP(), &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {c.origin}}})
		if (err == nil) != c.ok {
			t.Errorf("origin %q: %v, want allowed=%v", c.origin, err, c.ok)
		}
		if !c.ok {
			if resp == nil || resp.StatusCode != http.StatusForbidden {
				t.Errorf("origin %q: %v, want 403", c.origin, resp)
			}
		}
	}
}

// bothWays is a peer over a WebSocket: the same transcripts as over TCP.
func TestTranscriptOverWebSocket(t *testing.T) {
	w := serve(t, stomp.Options{})
	c, _, err := open(t, w.serveHTTP(), nil)
	if err != nil {
		t.Fatal(err)
	}
	nc := websocket.NetConn(context.Background(), c, websocket.MessageText)
	p := newPeer(t, nc)
	p.send("CONNECT\naccept-version:1.2\n\n^@")
	p.want("CONNECTED")
	m := fill(p, 3, "ack:client")
	p.send(answerTo("1.2", "ACK", m[1]))
	p.sync()
	p.nc.Close()
	next := w.connect("1.2")
	next.send("SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@")
	next.want("MESSAGE", "=3", "redelivered:true")
}

func TestShutdown(t *testing.T) {
	w := serve(t, stomp.Options{})
	url := w.serveHTTP()
	tcp := w.connect("1.2")
	fresh := w.dial()
	ws := visit(t, url)
	ws.send(websocket.MessageText, "CONNECT\naccept-version:1.2\n\n^@")
	ws.want(websocket.MessageText, "CONNECTED")
	eventually(t, "three sessions", func() bool { return w.server.Sessions() == 3 })
	over := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		over <- w.server.Shutdown(ctx)
	}()
	tcp.wantError("shutting down")
	fresh.wantError("shutting down")
	ws.want(websocket.MessageText, "shutting down")
	ws.c.Read(context.Background()) // answers the close
	if err := <-over; err != nil {
		t.Error(err)
	}
	late, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if _, err := io.ReadAll(late); err != nil {
		t.Errorf("a connection after the shutdown: %v, want its end", err)
	}
}

// A client that does not go is not waited for beyond the deadline.
func TestShutdownIsBounded(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown = %v", err)
	}
	eventually(t, "no session is left", func() bool { return w.server.Sessions() == 0 })
	p.nc.Close()
}
