package server_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mwm/server"
)

// Each limit of STOMP sessions: its setting, what goes beyond it, and how the client is
// told, which is also what it is counted as.
func TestLimitsOfSTOMP(t *testing.T) {
	const connect = "CONNECT\naccept-version:1.2\nclient-id:X\n\n\x00"
	send := func(to, rest string) string { return "SEND\ndestination:" + to + "\n" + rest + "\n\n\x00" }
	times := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for reason, c := range map[string]struct {
		cfg             server.Config
		within, tooMuch string
	}{
		"header line too long": {server.Config{MaxHeader: 100}, send("/topic/a", "x:"+strings.Repeat("y", 97)), send("/topic/a", "x:"+strings.Repeat("y", 100))},
		"too many headers":     {server.Config{MaxHeaders: 5}, send("/topic/a", "a:1\nb:2\nc:3\nd:4"), send("/topic/a", "a:1\nb:2\nc:3\nd:4\ne:5")},
		"headers too long":     {server.Config{MaxHeaderBytes: 200}, send("/topic/a", "x:"+strings.Repeat("y", 150)), send("/topic/a", "x:"+strings.Repeat("y", 250))},
		"body too large":       {server.Config{MaxMessage: 1000}, "SEND\ndestination:/topic/a\n\n" + strings.Repeat("x", 1000) + "\x00", "SEND\ndestination:/topic/a\n\n" + strings.Repeat("x", 1001) + "\x00"},
		"too many subscriptions": {server.Config{MaxSubscriptions: 3}, times(3, "SUBSCRIBE\nid:%d\ndestination:/topic/a\n\n\x00"),
			"SUBSCRIBE\nid:3\ndestination:/topic/a\n\n\x00"},
		"too many transactions": {server.Config{MaxTransactions: 2}, times(2, "BEGIN\ntransaction:%d\n\n\x00"), "BEGIN\ntransaction:2\n\n\x00"},
		"transactions too large": {server.Config{MaxTxBytes: 3000}, "BEGIN\ntransaction:t\n\n\x00" + send("/queue/a", "transaction:t\nx:"+strings.Repeat("y", 2000)),
			send("/queue/a", "transaction:t\nx:"+strings.Repeat("y", 2000))},
		"too many levels":                {server.Config{MaxLevels: 4}, send("/topic/a.b.c.d", ""), send("/topic/a.b.c.d.e", "")},
		"too many queues":                {server.Config{MaxQueues: 2}, send("/queue/a", "") + send("/queue/b", ""), send("/queue/c", "")},
		"queue full":                     {server.Config{MaxQueueMessages: 2}, send("/queue/a", "") + send("/queue/a", ""), send("/queue/a", "")},
		"too many durable subscriptions": {server.Config{MaxDurables: 2}, times(2, "SUBSCRIBE\nid:%[1]d\ndestination:/topic/a\nactivemq.subscriptionName:%[1]d\n\n\x00"), "SUBSCRIBE\nid:2\ndestination:/topic/a\nactivemq.subscriptionName:2\n\n\x00"},
	} {
		t.Run(reason, func(t *testing.T) {
			s, _ := start(t, c.cfg)
			counter := fmt.Sprintf("mwm_stomp_ended_total{reason=%q}", reason)
			if n := figure(t, s, counter); n != 0 {
				t.Errorf("%v are counted before", n)
			}
			nc, err := net.Dial("tcp", s.Addresses().STOMP)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			_ = nc.SetDeadline(time.Now().Add(patience))
			if _, err := io.WriteString(nc, connect+c.within+"BEGIN\ntransaction:end\nreceipt:within\n\n\x00ABORT\ntransaction:end\n\n\x00"); err != nil && reason != "too many transactions" {
				t.Fatal(err)
			}
			_, _ = io.WriteString(nc, c.tooMuch)
			answer, _ := io.ReadAll(nc)
			if reason != "too many transactions" && !strings.Contains(string(answer), "receipt-id:within") {
				t.Errorf("what is within the limit is refused: %q", answer)
			}
			if !strings.Contains(string(answer), "ERROR\nmessage:"+reason+"\n") {
				t.Errorf("the client is told %q", answer)
			}
			if n := figure(t, s, counter); n != 1 {
				t.Errorf("%v are counted, want 1", n)
			}
		})
	}
}

// --connect-timeout.
func TestConnectTimeoutOverTheWire(t *testing.T) {
	s, _ := start(t, server.Config{ConnectTimeout: 100 * time.Millisecond})
	nc, err := net.Dial("tcp", s.Addresses().STOMP)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(nc, "CONNECT\n")
	if answer, _ := io.ReadAll(nc); !strings.Contains(string(answer), "message:connect timeout") {
		t.Errorf("the client is told %q", answer)
	}
	if n := figure(t, s, `mwm_stomp_ended_total{reason="connect timeout"}`); n != 1 {
		t.Errorf("%v are counted, want 1", n)
	}
}

// --max-outbound: beyond it a subscriber that does not read loses messages, and one
// that must get something is ended.
func TestMaxOutboundOverTheWire(t *testing.T) {
	s, _ := start(t, server.Config{MaxOutbound: 64 << 10})
	pad := strings.Repeat("x", 1000)
	for name, c := range map[string]struct{ hello, frame, metric string }{
		"topic":    {"SUBSCRIBE\nid:0\ndestination:/topic/a\n\n\x00", "SEND\ndestination:/topic/a\n\n" + pad + "\x00", "mwm_stomp_dropped_total"},
		"receipts": {"", "SEND\ndestination:/topic/b\nreceipt:" + pad + "\n\n\x00", `mwm_stomp_ended_total{reason="too slow"}`},
	} {
		flood := strings.Repeat(c.frame, 1000)
		before := figure(t, s, c.metric)
		nc, err := net.Dial("tcp", s.Addresses().STOMP)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetWriteDeadline(time.Now().Add(4 * patience))
		_, err = io.WriteString(nc, "CONNECT\n\n\x00"+c.hello)
		for err == nil && figure(t, s, c.metric) == before {
			_, err = io.WriteString(nc, flood)
		}
		eventually(t, name+" is counted", func() bool { return figure(t, s, c.metric) > before })
	}
}

// --max-message-age holds for what names no expiry, or a later one, on queues, in
// transactions and among the retained.
func TestMaxMessageAge(t *testing.T) {
	s, _ := start(t, server.Config{MaxMessageAge: time.Second})
	nc, err := net.Dial("tcp", s.Addresses().STOMP)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(nc, "CONNECT\n\n\x00SEND\ndestination:/queue/a\n\n\x00SEND\ndestination:/queue/a\nexpires:99999999999999\n\n\x00"+
		"BEGIN\ntransaction:t\n\n\x00SEND\ndestination:/queue/a\ntransaction:t\n\n\x00COMMIT\ntransaction:t\n\n\x00SEND\ndestination:/topic/a\nretain:true\n\nx\x00")
	eventually(t, "all have come", func() bool {
		return figure(t, s, "mwm_queue_enqueued_total") == 3 && figure(t, s, "mwm_topic_messages_total") == 1
	})
	eventually(t, "all are given up", func() bool {
		return figure(t, s, "mwm_queue_waiting") == 0 && figure(t, s, "mwm_retained_topics") == 0 && figure(t, s, "mwm_queue_expired_total") == 4
	})
}
