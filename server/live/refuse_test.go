package live

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

func TestBadRequests(t *testing.T) {
	b := start(t, Options{})
	for _, c := range []struct {
		kind websocket.MessageType
		data string
		ends bool
	}{
		{websocket.MessageText, `{"type":"later"}`, false},
		{websocket.MessageText, `{"type":"ack","seq":18446744073709551615}`, false},
		{websocket.MessageText, `ack`, true},
		{websocket.MessageText, `{"type":"ack","seq":-1}`, true},
		{websocket.MessageBinary, `{"type":"pause"}`, true},
		{websocket.MessageText, strings.Repeat(" ", maxRequest+1), true},
	} {
		p := b.open("")
		p.until("hello", func() bool { return p.hello.Type != "" })
		if err := p.conn.Write(t.Context(), c.kind, []byte(c.data)); err != nil {
			t.Fatal(err)
		}
		if !c.ends {
			b.fleet.Alerted("AAA", "red", 1, time.Now())
			p.until("an alert", func() bool { return len(p.alerts) > 0 })
			continue
		}
		for p.next() {
		}
		if status := websocket.CloseStatus(p.closed); status != websocket.StatusPolicyViolation && status != websocket.StatusMessageTooBig {
			t.Errorf("%.40s: closed with %v", c.data, p.closed)
		}
	}
}

func TestMaxBrowsersAndShutdown(t *testing.T) {
	b := start(t, Options{MaxBrowsers: 1})
	p := b.open("")
	p.until("hello", func() bool { return p.hello.Type != "" })
	_, resp, err := websocket.Dial(t.Context(), b.url, nil)
	if err == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a second browser: %v", err)
	}
	var said problem
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil || resp.Header.Get("Content-Type") != "application/problem+json" ||
		said != (problem{"Service Unavailable", 503, "1 browsers are connected, which is the limit"}) {
		t.Errorf("it is told %+v as %s: %v", said, resp.Header.Get("Content-Type"), err)
	}
	go b.stop()
	for p.next() {
	}
	if websocket.CloseStatus(p.closed) != websocket.StatusGoingAway {
		t.Errorf("closed with %v", p.closed)
	}
}
