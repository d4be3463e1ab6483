package stomp_test

import (
	"fmt"
	"strings"
	"testing"

	"mwm/server/broker"
	"mwm/server/stomp"
)

func TestRefusedConnects(t *testing.T) {
	w := serve(t, stomp.Options{})
	for _, c := range []struct {
		name, frame string
		words       []string
	}{
		{"no common version", "CONNECT\naccept-version:2.0,2.1\n\n^@", []string{"1.0,1.1,1.2"}},
		{"another frame first", "SEND\ndestination:/topic/a\n\n^@", []string{"not connected", "SEND"}},
		{"no STOMP at all", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", []string{"unknown command", "GET / HTTP/1.1"}},
		{"heart-beat", "CONNECT\naccept-version:1.2\nheart-beat:often\n\n^@", []string{"heart-beat", "cx,cy"}},
		{"negative heart-beat", "CONNECT\naccept-version:1.2\nheart-beat:-1,0\n\n^@", []string{"heart-beat"}},
		{"client-id", "CONNECT\naccept-version:1.2\nclient-id:a\tb\n\n^@", []string{"client-id"}},
		{"no blank line", "CONNECT\naccept-version:1.2\n^@", []string{"blank line"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := w.dial()
			p.send(c.frame)
			p.wantError(c.words...)
		})
	}
	eventually(t, "all sessions end", func() bool { return w.server.Sessions() == 0 })
}

// CONNECT comes once, and what servers send may not come at all.
func TestUnexpectedFrames(t *testing.T) {
	w := serve(t, stomp.Options{})
	for frame, words := range map[string][]string{
		"CONNECT\naccept-version:1.2\n\n^@":                             {"already connected"},
		"MESSAGE\ndestination:/topic/a\n\n^@":                           {"MESSAGE", "servers send"},
		"PUBLISH\ndestination:/topic/a\n\n^@":                           {"unknown command", "PUBLISH"},
		"SUBSCRIBE\ndestination:/topic/a\n\n^@":                         {"id", "1.2"},
		"UNSUBSCRIBE\nid:7\n\n^@":                                       {"no subscription", "7"},
		"UNSUBSCRIBE\n\n^@":                                             {"id"},
		"SUBSCRIBE\nid:0\n\n^@":                                         {"destination"},
		"SEND\n\n^@":                                                    {"destination"},
		"COMMIT\ntransaction:t\n\n^@":                                   {"transaction", "t"},
		"BEGIN\n\n^@":                                                   {"transaction"},
		"ACK\nid:1-1\n\n^@":                                             {"1-1", "no such message"},
		"ACK\nmessage-id:x\n\n^@":                                       {"id", "1.2"},
		"SUBSCRIBE\nid:0\ndestination:/a\n\n^@":                         {"/topic/", "/queue/", "/temp-topic/", "/temp-queue/"},
		"SEND\ndestination:topic/a\n\n^@":                               {"/topic/", "/queue/", "/temp-topic/", "/temp-queue/"},
		"SEND\ndestination:/topic/a.*\n\n^@":                            {"wildcard"},
		"SEND\ndestination:/queue/\n\n^@":                               {"destination", "empty"},
		"SEND\ndestination:/topic/a\\t\n\n^@":                           {"escape", `\\t`},
		"SEND\ndestination:/topic/a\npriority:10\n\n^@":                 {"priority"},
		"SEND\ndestination:/topic/a\nexpires:soon\n\n^@":                {"expires"},
		"SUBSCRIBE\nid:0\ndestination:/queue/a.>.b\n\n^@":               {"wildcard"},
		"SUBSCRIBE\nid:0\ndestination:/topic/$temp.x.y\n\n^@":           {"temporary"},
		"SUBSCRIBE\nid:0\ndestination:/topic/a\nselector:a = \n\n^@":    {"selector", "column 5"},
		"ACK\nid:1\n\nbody^@":                                           {"ACK", "no body"},
		"SUBSCRIBE\nid:0\ndestination:/topic/a\nack:maybe\n\n^@":        {"ack", "client-individual"},
		"SUBSCRIBE\nid:0\ndestination:/queue/a\nprefetch-count:x\n\n^@": {"prefetch-count"},
	} {
		t.Run(strings.ReplaceAll(frame, "\n", " "), func(t *testing.T) {
			p := w.connect("1.2")
			p.send(frame)
			p.wantError(words...)
		})
	}
}

// SYSTEM: a new connection with the client-id of a live one takes over.
func TestTakeOver(t *testing.T) {
	w := serve(t, stomp.Options{})
	old := w.connect("1.2", "client-id:BBB")
	old.send("SUBSCRIBE\nid:0\ndestination:/queue/device.BBB.text\nack:client-individual\n\n^@")
	old.sync()
	hq := w.connect("1.2")
	hq.send("SEND\ndestination:/queue/device.BBB.text\n\nhello^@")
	old.want("MESSAGE", "=hello")
	again := w.connect("1.2", "client-id:BBB")
	old.wantError("taken over", "another connection")
	again.send("SUBSCRIBE\nid:0\ndestination:/queue/device.BBB.text\n\n^@")
	again.want("MESSAGE", "=hello", "redelivered:true")
	w.connect("1.2", "client-id:CCC")
	again.sync() // another client-id does not disturb
}

// What the connection that is taken over had not acknowledged comes before what has
// waited behind it.
func TestTakeOverKeepsTheOrder(t *testing.T) {
	const subscribe = "SUBSCRIBE\nid:0\ndestination:/queue/device.BBB.text\nack:client-individual\nactivemq.prefetchSize:"
	w := serve(t, stomp.Options{})
	hq := w.connect("1.2")
	for i := range 9 {
		hq.send(fmt.Sprintf("SEND\ndestination:/queue/device.BBB.text\n\n%d^@", i))
	}
	hq.sync()
	for range 5 { // one after the other
		p := w.dial()
		p.send("CONNECT\naccept-version:1.2\nclient-id:BBB\n\n^@" + subscribe + "3\n\n^@")
		p.want("CONNECTED")
		for i := range 3 {
			p.want("MESSAGE", fmt.Sprint("=", i))
		}
	}
}

// A device's ID of 128 characters is a client-id, however many bytes it has.
func TestLongestClientID(t *testing.T) {
	w := serve(t, stomp.Options{})
	w.connect("1.2", "client-id:"+strings.Repeat("🚚", 128))
	p := w.dial()
	p.send("CONNECT\nclient-id:" + strings.Repeat("x", 1025) + "\n\n^@")
	p.wantError("malformed client-id", "at most 1024 bytes")
}

func TestTakeOverByStranger(t *testing.T) {
	w := serve(t, stomp.Options{Authenticator: gate{}})
	owner := w.connect("1.2", "client-id:XYZ", "login:olga", "passcode:secret: 1 ")
	p := w.dial()
	p.send("CONNECT\naccept-version:1.2\nclient-id:XYZ\nlogin:vera\npasscode:secret: 1 \n\n^@")
	p.wantError("client-id in use")
	owner.sync()
}

func TestDisconnect(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2", "client-id:X")
	p.send("SEND\ndestination:/queue/q\nreceipt:1\n\na^@DISCONNECT\nreceipt:77\n\n^@SEND\ndestination:/queue/q\n\nignored^@")
	p.want("RECEIPT", "receipt-id:1")
	p.want("RECEIPT", "receipt-id:77")
	p.wantEnd()
	if q := w.broker.Queues("q"); len(q) != 1 || q[0].Waiting != 1 {
		t.Errorf("queues %+v, want one message", q)
	}
	eventually(t, "the client goes", func() bool { return len(w.broker.Clients()) == 0 })
}

type events struct {
	broker.Observer
	gone chan error
}

func (e events) Connected(*broker.Client) {}
func (e events) Disconnected(_ *broker.Client, err error, _ bool) {
	e.gone <- err
}

func TestReasonOfTheEnd(t *testing.T) {
	e := events{gone: make(chan error, 1)}
	w := serveBroker(t, broker.New(broker.Options{Observer: e}), stomp.Options{})
	w.connect("1.2").send("DISCONNECT\n\n^@")
	if err := <-e.gone; err != nil {
		t.Errorf("after DISCONNECT the observer is told %v, want nil", err)
	}
	w.connect("1.2").nc.Close()
	if err := <-e.gone; err == nil {
		t.Error("after a lost connection the observer is told nil, want the reason")
	}
	w.connect("1.2").send("NONSENSE\n\n^@")
	if err := <-e.gone; err == nil || !strings.Contains(err.Error(), "NONSENSE") {
		t.Errorf("after a bad frame the observer is told %v", err)
	}
}
