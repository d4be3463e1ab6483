package stomp_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
	"mwm/server/stomp/frame"
)

// SYSTEM: MESSAGE has message-id, destination (the real one), subscription,
// timestamp, expires, priority, content-length, and the sender's headers.
func TestMessage(t *testing.T) {
	w := serve(t, stomp.Options{})
	hq := w.connect("1.2")
	hq.send("SUBSCRIBE\nid:s\\c1\ndestination:/topic/device.*.location\n\n^@")
	hq.sync()
	truck := w.connect("1.2")
	before := time.Now().UnixMilli()
	truck.send("SEND\ndestination:/topic/device.BBB.location\ncontent-type:application/json\nx:1\nx:2\na\\cb:c\\nd\n\n{}^@")
	m := hq.want("MESSAGE", "subscription:s:1", "message-id", "destination:/topic/device.BBB.location",
		"expires:0", "priority:4", "content-length:2", "!redelivered", "!ack", "={}")
	ts, err := strconv.ParseInt(m.get("timestamp"), 10, 64)
	if err != nil || ts < before || ts > time.Now().UnixMilli() {
		t.Errorf("timestamp %q", m.get("timestamp"))
	}
	var own []string
	for _, h := range m.headers[len(m.headers)-5:] {
		own = append(own, h.Name+"="+h.Value)
	}
	if got, want := strings.Join(own, " "), "destination=/topic/device.BBB.location content-type=application/json x=1 x=2 a:b=c\nd"; got != want {
		t.Errorf("the sender's headers come as %q, want %q in this order", got, want)
	}
}

// What only the broker may say, or was meant for it, is not passed on.
func TestReservedHeaders(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
	p.send("SEND\r\ndestination:/topic/a\r\nmessage-id:forged\r\nsubscription:9\r\nack:1-1\r\nredelivered:true\r\ntimestamp:1\r\n" +
		"priority:9\r\nexpires:99999999999999\r\nkept:yes\r\nreceipt:r\r\n\r\nbody^@")
	m := p.want("MESSAGE", "subscription:0", "priority:9", "expires:99999999999999", "kept:yes",
		"!ack", "!redelivered", "!receipt", "=body")
	p.want("RECEIPT", "receipt-id:r")
	for _, name := range []string{"message-id", "subscription", "timestamp", "priority", "expires"} {
		n := 0
		for _, h := range m.headers {
			if h.Name == name {
				n++
			}
			if strings.Contains(h.Value, "\r") {
				t.Errorf("a CR has come through in %q", h)
			}
		}
		if n != 1 || m.get(name) == "forged" || m.get(name) == "1" {
			t.Errorf("%s comes %d times, first %q", name, n, m.get(name))
		}
	}
}

func TestBodies(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
	p.send("SEND\ndestination:/topic/a\ncontent-length:5\n\na^@b^@c^@")
	p.want("MESSAGE", "content-length:5", "=a\x00b\x00c")
	p.send("SEND\ndestination:/topic/a\n\n^@")
	p.want("MESSAGE", "content-length:0", "=")
	p.send("SEND\ndestination:/topic/a\n\nab\r\ncd^@\r\n\n")
	p.want("MESSAGE", "content-length:6", "=ab\r\ncd")
	big := strings.Repeat("x", 1<<20)
	p.send("SEND\ndestination:/topic/a\n\n" + big + "^@")
	p.want("MESSAGE", "="+big)
	// Byte by byte, as a slow line has it.
	for _, c := range "SEND\ndestination:/topic/a\ncontent-length:2\n\nok\x00" {
		p.send(string(c))
	}
	p.want("MESSAGE", "=ok")
}

func TestWildcards(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	for id, filter := range []string{"device.*.location", "device.>", "device.A.location", "*.A.>"} {
		p.send(fmt.Sprintf("SUBSCRIBE\nid:%d\ndestination:/topic/%s\n\n^@", id, filter))
	}
	p.sync()
	sender := w.connect("1.1")
	for name, want := range map[string]string{"device.A.location": "0123", "device.B.location": "01", "device": "1", "other": "", "x.A": "3"} {
		sender.send("SEND\ndestination:/topic/" + name + "\n\n" + name + "^@")
		sender.sync()
		got := map[string]bool{}
		for range want {
			got[p.want("MESSAGE", "destination:/topic/"+name).get("subscription")] = true
		}
		for _, id := range want {
			if !got[string(id)] {
				t.Errorf("%s: subscription %c got nothing", name, id)
			}
		}
		p.sync() // and nothing more
	}
}

func TestUnsubscribe(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@UNSUBSCRIBE\nid:0\nreceipt:u\n\n^@")
	p.want("RECEIPT", "receipt-id:u")
	p.send("SEND\ndestination:/topic/a\n\n1^@")
	p.want("MESSAGE", "subscription:1")
	p.sync()
	p.send("SUBSCRIBE\nid:1\ndestination:/topic/b\n\n^@")
	p.wantError("subscription", "already")
	eventually(t, "subscriptions end with the session", func() bool { return w.broker.Subscriptions() == 0 })
}

// STOMP 1.0 by hand: no version, no id, white space around headers.
func TestByHand(t *testing.T) {
	for _, eol := range []string{"\n", "\r\n"} {
		w := serve(t, stomp.Options{})
		p := w.dial()
		typed := func(s string) { p.send(strings.ReplaceAll(s, "\n", eol)) }
		typed("CONNECT\n\n^@\n")
		p.want("CONNECTED", "version:1.0")
		p.parser.Dialect = frame.V10
		typed("SUBSCRIBE\ndestination: /topic/device.*.location\n\n^@\n")
		typed("SEND\ndestination : /topic/device.BBB.location \nnote:  C:\\new \n\nhello^@\n")
		p.want("MESSAGE", "destination:/topic/device.BBB.location", "!subscription", `note:C:\new`, "=hello")
		other := w.connect("1.2")
		other.send("SUBSCRIBE\nid:0\ndestination:/topic/>\n\n^@")
		other.sync()
		typed("SEND\ndestination:/topic/a\nnote: C:\\new\n\n^@")
		other.want("MESSAGE", `note:C:\new`)
		typed("UNSUBSCRIBE\ndestination:/topic/device.*.location\nreceipt: 1 \n\n^@")
		p.want("RECEIPT", "receipt-id:1")
		typed("NACK\nmessage-id:x\n\n^@")
		p.wantError("NACK", "1.0")
	}
}

// STOMP 1.0, UNSUBSCRIBE: a destination names a subscription, the oldest one first,
// even if it has an id.
func TestUnsubscribeByDestination(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.0")
	p.send("SUBSCRIBE\nid:first\ndestination:/topic/a\n\n^@SUBSCRIBE\nid:second\ndestination:/topic/a\n\n^@SUBSCRIBE\nid:other\ndestination:/topic/b\n\n^@")
	p.send("UNSUBSCRIBE\ndestination:/topic/a\nreceipt:u\n\n^@")
	p.want("RECEIPT", "receipt-id:u")
	p.send("SEND\ndestination:/topic/a\n\n1^@")
	p.want("MESSAGE", "subscription:second", "=1")
	p.sync()
	p.send("UNSUBSCRIBE\ndestination:/topic/a\n\n^@UNSUBSCRIBE\ndestination:/topic/a\n\n^@")
	p.wantError("unknown subscription")
}

// Headers are escaped per version; what 1.0 cannot carry is left out, counted.
func TestEscapesBetweenVersions(t *testing.T) {
	w := serve(t, stomp.Options{})
	var peers []*peer
	for _, v := range []string{"1.0", "1.1", "1.2"} {
		p := w.connect(v)
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		p.sync()
		peers = append(peers, p)
	}
	peers[2].send("SEND\ndestination:/topic/a\ncolon:a\\cb\nlf:a\\nb\ncr:a\\rb\nback:a\\\\b\nna\\cme:x\n\n1^@")
	peers[0].want("MESSAGE", "colon:a:b", "!lf", "!cr", `back:a\b`, "=1")
	for _, p := range peers[1:] {
		if m := p.want("MESSAGE", "colon:a:b", "lf:a\nb", "cr:a\rb", `back:a\b`); m.get("na:me") != "x" {
			t.Errorf("na:me has become %q", m.get("na:me"))
		}
	}
	if n := w.server.Stats().LostHeaders.Load(); n != 3 {
		t.Errorf("%d headers are counted as lost, want 3: lf, cr, na:me", n)
	}
	peers[1].send("SEND\ndestination:/topic/a\nx:\\r\n\n^@")
	peers[1].wantError("escape", "1.1")
	peers[0].send("SEND\ndestination:/topic/a\nwin:C:\\r\n\n2^@")
	peers[2].want("MESSAGE", `win:C:\r`, "=2")
}

// A message that did not come over STOMP.
func TestForeignMessage(t *testing.T) {
	w := serve(t, stomp.Options{})
	var peers []*peer
	for _, v := range []string{"1.0", "1.2"} {
		p := w.connect(v)
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/.mwm.>\n\n^@")
		p.sync()
		peers = append(peers, p)
	}
	pub := w.broker.NewPublisher(nil)
	r, err := pub.Topic([]byte(".mwm.AAA.alert"))
	if err != nil {
		t.Fatal(err)
	}
	m := pub.Add(r)
	m.Body = []byte("red")
	m.Properties = &broker.Properties{ContentType: "text/plain", User: []broker.Property{
		{Name: "subscription", Value: "forged"}, {Name: "destination", Value: "/topic/x"}, {Name: "a:b", Value: "c\nd"}, {Name: "plain", Value: "1"},
		{Name: "reply-to", Value: "/queue/forged"}, {Name: "correlation-id", Value: "forged"}, {Name: "retain", Value: "forged"}, {Name: "persistent", Value: "forged"}, {Name: "message-id ", Value: "for 1.2 another name"}},
		ResponseTopic: "answers.AAA", CorrelationData: []byte("7:8")}
	m.Retain, m.Persistent = true, true
	pub.Flush()
	peers[0].want("MESSAGE", "destination:/topic/.mwm.AAA.alert", "persistent:true", "content-type:text/plain", "content-length:3", "plain:1", "!a:b", "!message-id ",
		"reply-to:/topic/answers.AAA", "correlation-id:7:8", "retain:true", "=red")
	got := peers[1].want("MESSAGE", "destination:/topic/.mwm.AAA.alert", "content-type:text/plain", "content-length:3", "subscription:0",
		"reply-to:/topic/answers.AAA", "retain:true", "=red")
	if v := got.get("correlation-id"); v != "7:8" {
		t.Errorf("the correlation data are %q", v)
	}
	if v := got.get("a:b"); v != "c\nd" {
		t.Errorf("the user property is %q", v)
	}
	for _, h := range got.headers {
		if strings.Contains(h.Value, "forged") || h.Value == "/topic/x" {
			t.Errorf("a user property overrides: %q", h)
		}
	}
}

func TestRetained(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SEND\ndestination:/topic/a.1\nretain:true\n\nold^@SEND\ndestination:/topic/a.1\nretain:true\n\nnew^@SEND\ndestination:/topic/a.2\n\nno^@")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a.*\nreceipt:s\n\n^@")
	p.want("RECEIPT", "receipt-id:s") // and no message: it did not ask
	p.send("SUBSCRIBE\nid:1\ndestination:/topic/a.*\nactivemq.retroactive:true\n\n^@")
	p.want("MESSAGE", "subscription:1", "destination:/topic/a.1", "=new")
	p.send("SUBSCRIBE\nid:2\ndestination:/topic/a.*\nack:client\nactivemq.retroactive:true\n\n^@")
	p.send("ACK\nid:" + p.want("MESSAGE", "subscription:2", "=new").get("ack") + "\nreceipt:a\n\n^@")
	p.want("RECEIPT", "receipt-id:a")
	p.send("SEND\ndestination:/topic/a.1\nretain:true\n\n^@") // an empty one clears
	for range 3 {
		p.want("MESSAGE", "=")
	}
	p.send("SUBSCRIBE\nid:3\ndestination:/topic/a.*\nactivemq.retroactive:true\n\n^@")
	p.sync()
}

// A durable subscriber that asks for retained messages has those that it selects, to be
// acknowledged like all others, when it begins and not again.
func TestRetainedDurable(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2", "client-id:X")
	p.send("SEND\ndestination:/topic/a.1\nretain:true\nk:1\n\none^@SEND\ndestination:/topic/a.2\nretain:true\nk:2\n\ntwo^@")
	subscribe := "SUBSCRIBE\nid:0\ndestination:/topic/a.*\nselector:k = 2\nack:client\n" +
		"activemq.subscriptionName:n\nactivemq.retroactive:true\n\n^@"
	p.send(subscribe)
	p.want("MESSAGE", "destination:/topic/a.2", "=two")
	p.send("DISCONNECT\n\n^@")
	p.wantEnd()
	p = w.connect("1.2", "client-id:X")
	p.send(subscribe)
	p.send("ACK\nid:" + p.want("MESSAGE", "redelivered:true", "=two").get("ack") + "\n\n^@")
	p.send("DISCONNECT\n\n^@")
	p.wantEnd()
	p = w.connect("1.2", "client-id:X")
	p.send(subscribe)
	p.sync()
}

// A replay that waits for acknowledgements ends with its subscription.
func TestRetainedUnsubscribed(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SEND\ndestination:/topic/a.1\nretain:true\n\n1^@SEND\ndestination:/topic/a.2\nretain:true\n\n2^@")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a.*\nack:client\nprefetch-count:1\nactivemq.retroactive:true\n\n^@" +
		"SUBSCRIBE\nid:1\ndestination:/topic/a.2\nactivemq.retroactive:true\n\n^@")
	p.want("MESSAGE", "subscription:0")
	p.sync()
	p.send("UNSUBSCRIBE\nid:0\n\n^@")
	p.want("MESSAGE", "subscription:1", "=2")
	p.sync()
}

// However much is retained, it comes whole: at the pace of the client, and within
// its window if it acknowledges.
func TestRetainedPace(t *testing.T) {
	w := serve(t, stomp.Options{MaxOutbound: 64 << 10})
	pub := w.broker.NewPublisher(nil)
	const n = 3000
	pad := strings.Repeat("x", 300)
	for i := range n {
		r, err := pub.Topic(fmt.Appendf(nil, "a.%d", i))
		if err != nil {
			t.Fatal(err)
		}
		m := pub.Add(r)
		m.Body, m.Retain = []byte(pad), true
	}
	pub.Flush()
	for _, ack := range []string{"auto", "client-individual"} {
		p := w.connect("1.2")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a.*\nack:" + ack + "\nprefetch-count:10\nactivemq.retroactive:true\n\n^@" +
			"SUBSCRIBE\nid:1\ndestination:/topic/a.7\nactivemq.retroactive:true\n\n^@")
		seen, acks := map[string]bool{}, ""
		for i := range n {
			m := p.want("MESSAGE", "subscription:0", "="+pad)
			if seen[m.get("destination")] {
				t.Fatalf("%s comes twice", m.get("destination"))
			}
			seen[m.get("destination")] = true
			if ack != "auto" {
				if acks += answerTo("1.2", "ACK", m); i == 9 {
					p.sync() // no more than the window
				}
				if i >= 9 {
					p.send(acks)
					acks = ""
				}
			}
			if c := w.broker.Clients(); c[0].Out.Pending() > 64<<10 {
				t.Fatalf("%d bytes are pending", c[0].Out.Pending())
			}
		}
		p.want("MESSAGE", "subscription:1", "destination:/topic/a.7")
		p.sync()
		p.nc.Close()
		eventually(t, "it goes", func() bool { return w.server.Sessions() == 0 })
	}
}

func TestExpired(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@SEND\ndestination:/topic/a\nexpires:1000\n\nlate^@SEND\ndestination:/topic/a\nexpires:0\n\nnever^@")
	p.want("MESSAGE", "=never")
	if n := w.broker.Stats().Expired.Load(); n != 1 {
		t.Errorf("%d messages are counted as expired, want 1", n)
	}
}

func TestNoLocal(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nactivemq.noLocal:true\n\n^@SEND\ndestination:/topic/a\n\nown^@")
	p.sync()
	w.connect("1.2").send("SEND\ndestination:/topic/a\n\nother^@")
	p.want("MESSAGE", "=other")
}

// A topic's subscriber that acknowledges loses nothing while it does.
func TestAcknowledgedTopic(t *testing.T) {
	w := serve(t, stomp.Options{AckTimeout: patience})
	sub := w.connect("1.2")
	sub.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client-individual\nprefetch-count:10\n\n^@")
	sub.sync()
	pub := w.connect("1.2")
	go func() {
		for i := range 1000 {
			fmt.Fprintf(pub.nc, "SEND\ndestination:/topic/a\n\n%d\x00", i)
		}
	}()
	for i := range 1000 {
		m := sub.want("MESSAGE", fmt.Sprintf("=%d", i))
		command := "ACK"
		if i%7 == 0 {
			command = "NACK"
		}
		sub.send(command + "\nid:" + m.get("ack") + "\n\n^@")
	}
}

// One that does not is disconnected after a moment, and nobody else notices.
func TestUnacknowledgedTopic(t *testing.T) {
	w := serve(t, stomp.Options{AckTimeout: 50 * time.Millisecond})
	for _, version := range []string{"1.1", "1.2"} {
		lazy, other := w.connect(version), w.connect("1.2")
		lazy.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client\nactivemq.prefetchSize:2\n\n^@")
		lazy.sync()
		other.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		other.sync()
		pub := w.connect("1.2")
		pub.send(strings.Repeat("SEND\ndestination:/topic/a\n\nx^@", 10))
		lazy.want("MESSAGE")
		lazy.want("MESSAGE")
		lazy.wantError("too slow", "acknowledge")
		for range 10 {
			other.want("MESSAGE", "=x")
		}
	}
	if n := w.server.Stats().TooSlow.Load(); n != 2 {
		t.Errorf("%d sessions are counted as too slow, want 2", n)
	}
}

// A client's own messages do not wait for its own acknowledgements.
func TestAcknowledgedOwnTopic(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client\nprefetch-count:10\n\n^@" + strings.Repeat("SEND\ndestination:/topic/a\n\nx^@", 100))
	last := ""
	for range 100 {
		last = p.want("MESSAGE").get("ack")
	}
	p.send("ACK\nid:" + last + "\n\n^@")
	p.sync()
}
