package stomp_test

import (
	"fmt"
	"strings"
	"testing"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// ActiveMQ's browser:true: what waits is sent, and stays; a MESSAGE with browser:end
// comes last.
func TestBrowse(t *testing.T) {
	for _, version := range []string{"1.0", "1.1", "1.2"} {
		t.Run(version, func(t *testing.T) {
			w := serve(t, stomp.Options{})
			hq := w.connect("1.2")
			for i := range 200 {
				hq.send(fmt.Sprintf("SEND\ndestination:/queue/q\nn:%d\n\ntext %d^@", i, i))
			}
			hq.sync()
			p := w.connect(version)
			p.send("SUBSCRIBE\nid:b\ndestination:/queue/q\nack:client\nbrowser:true\n\n^@")
			for i := range 200 {
				p.want("MESSAGE", "subscription:b", "destination:/queue/q", fmt.Sprintf("n:%d", i), "!browser", "!ack", fmt.Sprintf("=text %d", i))
			}
			p.want("MESSAGE", "subscription:b", "browser:end", "destination:/queue/q", "message-id", "content-length:0", "=")
			p.send("SUBSCRIBE\nid:s\ndestination:/queue/q\nbrowser:true\nselector:n = '7' OR n = '9'\n\n^@")
			p.want("MESSAGE", "subscription:s", "=text 7")
			p.want("MESSAGE", "subscription:s", "=text 9")
			p.want("MESSAGE", "subscription:s", "browser:end")
			hq.send("SEND\ndestination:/queue/q\nreceipt:r\n\nlater^@")
			hq.want("RECEIPT")
			p.send("UNSUBSCRIBE\nid:b\n\n^@")
			p.sync() // and nothing more
			if q := w.broker.Queues("q")[0]; q.Waiting != 201 || q.Consumers != 0 {
				t.Errorf("%+v", q)
			}
			p.send("SUBSCRIBE\nid:n\ndestination:/queue/none.*\nbrowser:true\n\n^@")
			p.want("MESSAGE", "subscription:n", "browser:end")
		})
	}
}

// Without an id STOMP 1.0 names no subscription.
func TestBrowseByHand(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.0")
	p.send("SEND\ndestination:/queue/q\n\nx^@SUBSCRIBE\ndestination:/queue/q\nbrowser:true\n\n^@")
	p.want("MESSAGE", "!subscription", "=x")
	p.want("MESSAGE", "!subscription", "browser:end")
}

func TestBrowseRefused(t *testing.T) {
	w := serve(t, stomp.Options{})
	for words, header := range map[string]string{
		"/queue/":            "destination:/topic/a\nbrowser:true",
		"neither true":       "destination:/queue/a\nbrowser:maybe",
		"invalid":            "destination:/queue/a.>.b\nbrowser:true",
		"malformed selector": "destination:/queue/a\nbrowser:true\nselector:1 =",
	} {
		p := w.connect("1.2")
		p.send("SUBSCRIBE\nid:b\n" + header + "\n\n^@")
		p.wantError(words)
	}
}

// A long queue is looked through at the pace of whoever looks.
func TestBrowsePace(t *testing.T) {
	w := serveBroker(t, broker.New(broker.Options{}), stomp.Options{MaxOutbound: 64 << 10})
	pub := w.broker.NewPublisher(nil)
	const n = 20_000
	for i := range n {
		pub.Enqueue("q", func(m *broker.Message) { m.Body = fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 300)) }, nil)
	}
	lazy := w.connect("1.2")
	lazy.send("SUBSCRIBE\nid:b\ndestination:/queue/q\nbrowser:true\n\n^@")
	for i := range n {
		if m := lazy.want("MESSAGE"); !strings.HasPrefix(m.body, fmt.Sprint(i, " ")) {
			t.Fatalf("message %d: %.20q", i, m.body)
		}
		for _, c := range w.broker.Clients() {
			if c.Out.Pending() > 64<<10 {
				t.Fatalf("%d bytes are pending", c.Out.Pending())
			}
		}
	}
	lazy.want("MESSAGE", "browser:end")
	gone := w.connect("1.2")
	gone.send("SUBSCRIBE\nid:b\ndestination:/queue/q\nbrowser:true\n\n^@")
	gone.want("MESSAGE")
	gone.nc.Close()
	eventually(t, "it goes", func() bool { return w.server.Sessions() == 1 })
}
