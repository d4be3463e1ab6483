package mqtt

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// serveWS puts the server behind an HTTP server, at every path.
func (f *fixture) serveWS() (url string) {
	hs := httptest.NewServer(http.HandlerFunc(f.ServeWS))
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		f.Shutdown(ctx)
		hs.Close()
	})
	return "ws" + strings.TrimPrefix(hs.URL, "http")
}

// dialWS connects over WebSocket.
func (f *fixture) dialWS(url string, subprotocols ...string) (*peer, *websocket.Conn) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: subprotocols})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { ws.CloseNow() })
	return newPeer(f.t, websocket.NetConn(context.Background(), ws, websocket.MessageBinary)), ws
}

// The book's page: mqttws31.js speaks MQTT 3.1 with the subprotocol mqttv3.1, at
// any path; newer clients say mqtt, some nothing (5.0 §6).
func TestWebSocket(t *testing.T) {
	f := newFixture(t, Options{}, false)
	url := f.serveWS()
	for _, c := range []struct {
		path, sub, want string
		level           byte
	}{
		{"/mqtt", "mqttv3.1", "mqttv3.1", v31},
		{"/any/path?x=1", "mqtt", "mqtt", v5},
		{"/", "", "", v311},
	} {
		var offer []string
		if c.sub != "" {
			offer = []string{"x", c.sub}
		}
		p, ws := f.dialWS(url+c.path, offer...)
		if got := ws.Subprotocol(); got != c.want {
			t.Errorf("subprotocol %q, want %q", got, c.want)
		}
		// Packets need not begin or end where messages do [MQTT-6.0.0-2].
		all := hello{level: c.level, id: "web"}.bytes()
		p.level = c.level
		for _, b := range all {
			p.write([]byte{b})
		}
		p.expect("CONNACK session=false code=0x00")
		p.subscribe(1, "/mwm/+/motion", 0)
		p.expect("SUBACK 1 [00]")
		m := pub{topic: "/mwm/AAA/motion", body: "x"}.packet(c.level)
		p.write(append(m, m...))
		p.expect(`PUBLISH /mwm/AAA/motion "x"`, `PUBLISH /mwm/AAA/motion "x"`)
		p.goodbye()
	}
}

// Text messages end the connection [MQTT-6.0.0-1].
func TestWebSocketText(t *testing.T) {
	f := newFixture(t, Options{}, false)
	p, ws := f.dialWS(f.serveWS(), "mqtt")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := ws.Write(ctx, websocket.MessageText, hello{id: "A"}.bytes()); err != nil {
		t.Fatal(err)
	}
	p.expectClosed()
}

// Origins are refused before the handshake.
func TestWebSocketOrigin(t *testing.T) {
	f := newFixture(t, Options{CheckOrigin: func(r *http.Request) error {
		if r.Header.Get("Origin") == "http://evil.example" {
			return errors.New("this origin may not connect")
		}
		return nil
	}}, false)
	url := f.serveWS()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, res, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"http://evil.example"}}})
	if err == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("a refused origin got %v", res)
	}
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"null"}}})
	if err != nil {
		t.Fatal(err)
	}
	ws.CloseNow()
}

// The server ends a WebSocket connection with DISCONNECT and a closing
// handshake, and does not wait for a client that takes no part in it.
func TestWebSocketShutdown(t *testing.T) {
	f := newFixture(t, Options{}, false)
	url := f.serveWS()
	p, _ := f.dialWS(url, "mqtt")
	p.shake(hello{level: v5, id: "A"})
	deaf, _ := f.dialWS(url, "mqtt")
	deaf.shake(hello{level: v5, id: "B"})
	done := make(chan error)
	began := time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- f.Shutdown(ctx)
	}()
	p.expect(`DISCONNECT code=0x8b reason="the server is shutting down"`)
	p.expectClosed()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d >= 5*time.Second { // for which the library would wait
		t.Errorf("it took %s", d)
	}
}
