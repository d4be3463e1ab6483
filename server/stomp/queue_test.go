package stomp_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// A text sent to a truck that is away waits for it, in order.
func TestQueueKeeps(t *testing.T) {
	w := serve(t, stomp.Options{})
	hq := w.connect("1.1")
	for i := range 3 {
		hq.send(fmt.Sprintf("SEND\ndestination:/queue/device.BBB.text\nreceipt:%d\n\ntext %d^@", i, i))
		hq.want("RECEIPT", fmt.Sprintf("receipt-id:%d", i))
	}
	truck := w.connect("1.2")
	truck.send("SUBSCRIBE\nid:t\ndestination:/queue/device.BBB.text\n\n^@")
	for i := range 3 {
		truck.want("MESSAGE", "subscription:t", "destination:/queue/device.BBB.text", "!ack", fmt.Sprintf("=text %d", i))
	}
	// ack:auto: what has been written is gone.
	eventually(t, "the queue is empty", func() bool {
		q := w.broker.Queues("device.BBB.text")
		return len(q) == 1 && q[0].Waiting+q[0].Unacknowledged == 0
	})
}

func TestQueueShares(t *testing.T) {
	w := serve(t, stomp.Options{})
	a, b := w.connect("1.2"), w.connect("1.2")
	for _, p := range []*peer{a, b} {
		p.send("SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@")
		p.sync()
	}
	w.connect("1.2").send(strings.Repeat("SEND\ndestination:/queue/q\n\nx^@", 10))
	for range 5 {
		a.want("MESSAGE")
		b.want("MESSAGE")
	}
	a.sync()
	b.sync()
}

func TestPriorities(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	for _, m := range []string{"0:a", "4:b", "9:c", "4:d", "9:e"} {
		p.send("SEND\ndestination:/queue/q\npriority:" + m[:1] + "\n\n" + m + "^@")
	}
	p.send("SUBSCRIBE\nid:0\ndestination:/queue/q\n\n^@")
	for _, want := range []string{"9:c", "9:e", "4:b", "4:d", "0:a"} {
		p.want("MESSAGE", "priority:"+want[:1], "="+want)
	}
}

// fill puts n messages, "1" to n, on /queue/q, and p subscribes.
func fill(p *peer, n int, subscribe string) (got []message) {
	p.t.Helper()
	for i := range n {
		p.send(fmt.Sprintf("SEND\ndestination:/queue/q\n\n%d^@", i+1))
	}
	p.send("SUBSCRIBE\nid:0\ndestination:/queue/q\n" + subscribe + "\n\n^@")
	for i := range n {
		got = append(got, p.want("MESSAGE", fmt.Sprintf("=%d", i+1)))
	}
	return got
}

// answerTo is an ACK or NACK in the words of each version.
func answerTo(version, command string, m message) string {
	switch version {
	case "1.2":
		return command + "\nid:" + m.get("ack") + "\n\n^@"
	case "1.1":
		return command + "\nmessage-id:" + m.get("message-id") + "\nsubscription:0\n\n^@"
	}
	return command + "\nmessage-id:" + m.get("message-id") + "\n\n^@"
}

// wantBack expects the messages to come to somebody else, after p has gone.
func wantBack(w *world, p *peer, redelivered bool, bodies ...string) {
	w.t.Helper()
	p.sync()
	p.nc.Close()
	next := w.connect("1.2")
	next.send("SUBSCRIBE\nid:0\ndestination:/queue/q\nack:client\n\n^@")
	for _, b := range bodies {
		mark := "!redelivered"
		if redelivered {
			mark = "redelivered:true"
		}
		next.want("MESSAGE", "="+b, mark)
	}
	next.sync()
}

// STOMP 1.2, "NACK": the message comes again; after too many deliveries it goes
// to the dead letter queue.
func TestNack(t *testing.T) {
	for _, version := range []string{"1.1", "1.2"} {
		t.Run(version, func(t *testing.T) {
			w := serveBroker(t, broker.New(broker.Options{MaxDeliveries: 3}), stomp.Options{})
			p := w.connect(version)
			m := fill(p, 1, "ack:client-individual")[0]
			id := m.get("message-id")
			for range 2 {
				p.send(answerTo(version, "NACK", m))
				m = p.want("MESSAGE", "redelivered:true", "message-id:"+id, "=1")
			}
			p.send(answerTo(version, "NACK", m) + "SUBSCRIBE\nid:dead\ndestination:/queue/DLQ.q\n\n^@")
			p.want("MESSAGE", "subscription:dead", "destination:/queue/DLQ.q", "=1")
			p.sync()
		})
	}
}

// With the option, persistent messages whose time is over become dead letters, with
// the reason; others are given up, and dead letters stay where they are.
func TestExpiredDeadLetters(t *testing.T) {
	for _, keep := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := pipeWorld(t, broker.New(broker.Options{KeepExpired: keep}), stomp.Options{})
			p := w.connect("1.2", "client-id:X")
			expires := fmt.Sprintf("expires:%d\n", time.Now().Add(time.Minute).UnixMilli())
			p.send("SUBSCRIBE\nid:0\ndestination:/topic/news\nactivemq.subscriptionName:n\nreceipt:s\n\n^@")
			p.want("RECEIPT")
			p.send("UNSUBSCRIBE\nid:0\n\n^@")
			for _, to := range []string{"/queue/q", "/queue/DLQ.old", "/topic/news"} {
				p.send("SEND\ndestination:" + to + "\npersistent:true\n" + expires + "\nkept from " + to + "^@")
				p.send("SEND\ndestination:" + to + "\n" + expires + "\ngiven up^@")
			}
			time.Sleep(2 * time.Minute)
			p.send("SUBSCRIBE\nid:1\ndestination:/queue/>\n\n^@")
			if keep {
				got := map[string]string{}
				for range 2 {
					m := p.want("MESSAGE", "dlqDeliveryFailureCause:expired", "expires:0", "persistent:true")
					got[m.get("destination")] = m.body
				}
				if got["/queue/DLQ.q"] != "kept from /queue/q" || got["/queue/DLQ.news"] != "kept from /topic/news" {
					t.Errorf("dead letters: %q", got)
				}
			}
			p.sync()
			p.send("DISCONNECT\n\n^@")
			p.wantEnd()
		})
	}
}

// What the prefetch window keeps back is not marked as redelivered later, nor
// is what was never written.
func TestPrefetch(t *testing.T) {
	for _, header := range []string{"activemq.prefetchSize:2", "prefetch-count:2"} {
		w := serve(t, stomp.Options{})
		p := w.connect("1.2")
		p.send(strings.Repeat("SEND\ndestination:/queue/q\n\nx^@", 5))
		p.send("SUBSCRIBE\nid:0\ndestination:/queue/q\nack:client-individual\n" + header + "\n\n^@")
		m := p.want("MESSAGE")
		p.want("MESSAGE")
		p.sync() // and no more
		p.send(answerTo("1.2", "ACK", m))
		p.want("MESSAGE")
		p.sync()
		q := w.broker.Queues("q")[0]
		if q.Waiting != 2 || q.Unacknowledged != 2 {
			t.Errorf("%d messages wait, %d are unacknowledged, want 2 and 2", q.Waiting, q.Unacknowledged)
		}
	}
}

func TestQueueFull(t *testing.T) {
	w := serveBroker(t, broker.New(broker.Options{MaxQueueMessages: 2}), stomp.Options{})
	p := w.connect("1.2")
	p.send(strings.Repeat("SEND\ndestination:/queue/q\nreceipt:r\n\nx^@", 3))
	p.want("RECEIPT")
	p.want("RECEIPT")
	if m := p.wantError("queue full", "/queue/q"); m.get("receipt-id") != "r" {
		t.Errorf("the ERROR answers the receipt %q", m.get("receipt-id"))
	}
}

// Each connection has temporary destinations of its own; others answer to what
// reply-to has become.
func TestTemporaryQueue(t *testing.T) {
	for _, kind := range []string{"/temp-queue/", "/temp-topic/"} {
		w := serve(t, stomp.Options{})
		asker, answerer, third := w.connect("1.2"), w.connect("1.1"), w.connect("1.2")
		answerer.send("SUBSCRIBE\nid:0\ndestination:/queue/questions\n\n^@")
		for _, p := range []*peer{asker, third} {
			p.send("SUBSCRIBE\nid:a\ndestination:" + kind + "answers\n\n^@")
			p.sync()
		}
		asker.send("SEND\ndestination:/queue/questions\nreply-to:" + kind + "answers\n\nwhere?^@")
		to := answerer.want("MESSAGE", "=where?").get("reply-to")
		if !strings.HasPrefix(to, kind) || to == kind+"answers" {
			t.Fatalf("reply-to is %q", to)
		}
		answerer.send("SEND\ndestination:" + to + "\n\nhere^@")
		asker.want("MESSAGE", "subscription:a", "=here")
		asker.send("SEND\ndestination:" + kind + "answers\n\nnote to self^@")
		asker.want("MESSAGE", "=note to self")
		third.sync()
		third.send("SUBSCRIBE\nid:b\ndestination:" + to + "\n\n^@")
		third.wantError("access refused", "temporary")

		asker.send("UNSUBSCRIBE\nid:a\n\n^@")
		asker.sync()
		asker.nc.Close()
		eventually(t, "the asker goes", func() bool { return w.server.Sessions() == 1 })
		answerer.send("SEND\ndestination:" + to + "\nreceipt:r\n\ntoo late^@")
		answerer.want("RECEIPT")
		if q := w.broker.Queues(">"); len(w.broker.Queues("$temp.>")) != 0 {
			t.Errorf("queues are left: %+v", q)
		}
	}
}

// An answer to somebody who has said goodbye, and whose connection is not closed yet,
// leaves no queue behind; nor does one in a transaction.
func TestAnswerAfterGoodbye(t *testing.T) {
	w := serve(t, stomp.Options{Linger: patience})
	asker, answerer := w.connect("1.2"), w.connect("1.2")
	answerer.send("SUBSCRIBE\nid:0\ndestination:/queue/questions\n\n^@")
	asker.send("SEND\ndestination:/queue/questions\nreply-to:/temp-queue/answers\n\nwhere?^@DISCONNECT\nreceipt:bye\n\n^@")
	to := answerer.want("MESSAGE", "=where?").get("reply-to")
	asker.want("RECEIPT", "receipt-id:bye")
	eventually(t, "the asker has gone", func() bool { return len(w.broker.Clients()) == 1 })
	answerer.send("SEND\ndestination:" + to + "\nreceipt:r\n\nhere^@")
	answerer.want("RECEIPT", "receipt-id:r")
	answerer.send("BEGIN\ntransaction:t\n\n^@SEND\ndestination:" + to + "\ntransaction:t\n\nhere^@COMMIT\ntransaction:t\nreceipt:c\n\n^@")
	answerer.want("RECEIPT", "receipt-id:c")
	if q := w.broker.Queues("$temp.>"); len(q) != 0 {
		t.Errorf("queues are left: %+v", q)
	}
	if w.server.Sessions() != 2 {
		t.Error("the asker's connection was closed before the answer came: the test shows nothing")
	}
}

// Nor does one in a transaction that is long enough for the asker to leave in the middle.
func TestAnswerDuringGoodbye(t *testing.T) {
	w := serve(t, stomp.Options{MaxTransactionBytes: 16 << 20})
	answerer := w.connect("1.2")
	answerer.send("SUBSCRIBE\nid:0\ndestination:/queue/questions\n\n^@")
	for i := range 10 {
		asker := w.connect("1.2")
		asker.send("SEND\ndestination:/queue/questions\nreply-to:/temp-queue/answers\n\nwhere?^@")
		to := answerer.want("MESSAGE", "=where?").get("reply-to")
		other := fmt.Sprintf("other.%d", i)
		answerer.send("BEGIN\ntransaction:t\n\n^@" +
			strings.Repeat("SEND\ndestination:/queue/"+other+"\ntransaction:t\n\n^@", 5000) +
			"SEND\ndestination:" + to + "\ntransaction:t\nreceipt:s\n\nhere^@")
		answerer.want("RECEIPT", "receipt-id:s")
		answerer.send("COMMIT\ntransaction:t\nreceipt:c\n\n^@")
		for deadline := time.Now().Add(patience); len(w.broker.Queues(other)) == 0 && time.Now().Before(deadline); {
			runtime.Gosched()
		}
		asker.send("DISCONNECT\n\n^@")
		answerer.want("RECEIPT", "receipt-id:c")
		eventually(t, "the asker has gone", func() bool { return len(w.broker.Clients()) == 1 })
		eventually(t, "its queue has gone", func() bool { return len(w.broker.Queues("$temp.>")) == 0 })
	}
}

// A durable subscriber gets, when it returns, what was sent while it was away.
func TestDurable(t *testing.T) {
	w := serve(t, stomp.Options{})
	subscribe := "SUBSCRIBE\nid:0\ndestination:/topic/news.*\nactivemq.subscriptionName:n\nack:client\nreceipt:s\n\n^@"
	p := w.connect("1.2", "client-id:X")
	p.send(subscribe)
	p.want("RECEIPT")
	p.send("DISCONNECT\n\n^@")
	p.wantEnd()
	sender := w.connect("1.2")
	sender.send("SEND\ndestination:/topic/news.a\n\n1^@SEND\ndestination:/topic/news.b\nreceipt:r\npersistent:true\n\n2^@")
	sender.want("RECEIPT", "receipt-id:r")
	p = w.connect("1.2", "client-id:X")
	p.send(subscribe)
	p.want("MESSAGE", "subscription:0", "destination:/topic/news.a", "=1")
	m := p.want("MESSAGE", "destination:/topic/news.b", "=2")
	p.want("RECEIPT")
	p.send(answerTo("1.2", "ACK", m))
	p.send("UNSUBSCRIBE\nid:0\n\n^@" + subscribe) // keeps the subscription
	p.want("RECEIPT")
	p.send("UNSUBSCRIBE\nid:0\nactivemq.subscriptionName:n\nreceipt:u\n\n^@") // ends it
	p.want("RECEIPT", "receipt-id:u")
	if n := len(w.broker.Durables()); n != 0 {
		t.Errorf("%d durable subscriptions are left", n)
	}
	anonymous := w.connect("1.2")
	anonymous.send(subscribe)
	anonymous.wantError("client-id")
}

// SYSTEM: selector is a condition on headers.
func TestSelector(t *testing.T) {
	w := serve(t, stomp.Options{})
	for _, destination := range []string{"/topic/sales", "/queue/sales"} {
		for _, ack := range []string{"auto", "client"} {
			p := w.connect("1.2")
			p.send("SUBSCRIBE\nid:0\ndestination:" + destination + "\nack:" + ack + "\nselector:country IN ('FR', 'DE', 'IT')\n\n^@")
			for _, country := range []string{"FR", "US", "IT"} {
				p.send("SEND\ndestination:" + destination + "\ncountry:" + country + "\n\n" + country + "^@")
			}
			p.want("MESSAGE", "=FR")
			p.want("MESSAGE", "=IT")
			p.sync()
			p.nc.Close()
			eventually(t, "it goes", func() bool { return w.server.Sessions() == 0 }) // a queue with a consumer stays
			w.broker.DeleteQueue("sales")
		}
	}
}

// Queues whose names a wildcard matches, those that come later, too.
func TestWildcardConsumer(t *testing.T) {
	for _, version := range []string{"1.0", "1.1", "1.2"} {
		for _, ack := range []string{"client", "client-individual"} {
			w := serve(t, stomp.Options{})
			hq, p := w.connect("1.2"), w.connect(version)
			send := func(queue, body string) {
				hq.send("SEND\ndestination:/queue/device." + queue + ".text\nreceipt:r\n\n" + body + "^@")
				hq.want("RECEIPT")
			}
			send("A", "1")
			p.send("SUBSCRIBE\nid:0\ndestination:/queue/device.*.text\nack:" + ack + "\n\n^@")
			var got []message
			got = append(got, p.want("MESSAGE", "destination:/queue/device.A.text", "=1"))
			send("B", "2")
			got = append(got, p.want("MESSAGE", "destination:/queue/device.B.text", "=2"))
			send("A", "3")
			got = append(got, p.want("MESSAGE", "destination:/queue/device.A.text", "=3"))
			p.send(answerTo(version, "ACK", got[1]))
			p.sync()
			left := map[string]int{"client": 1, "client-individual": 2}[ack]
			n := 0
			for _, q := range w.broker.Queues("device.>") {
				n += q.Unacknowledged
			}
			if n != left {
				t.Errorf("STOMP %s, ack:%s: %d are unacknowledged, want %d", version, ack, n, left)
			}
			p.send("UNSUBSCRIBE\nid:0\n\n^@SUBSCRIBE\nid:1\ndestination:/queue/device.>\n\n^@")
			for range left {
				p.want("MESSAGE", "subscription:1", "redelivered:true")
			}
			p.sync()
		}
	}
}
