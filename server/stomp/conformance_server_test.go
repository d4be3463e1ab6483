package stomp_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// "MESSAGE", "RECEIPT", "ERROR".
var serverSentences = []sentence{
	{"MESSAGE", "SHOULD", all, "destination is that of the SEND", `
		C> SUBSCRIBE|id:0|destination:/topic/device.*.location||^@
		C> SEND|destination:/topic/device.BBB.location||^@
		C< MESSAGE destination:/topic/device.BBB.location`, nil},
	{"MESSAGE", "MUST", all, "message-id is unique", "", differentMessages},
	{"MESSAGE", "MUST", all, "message-id and subscription cannot be forged", subscribed + `
		C> SEND|destination:/topic/a|message-id:1|subscription:9|ack:1-1|redelivered:true|JMSXDeliveryCount:9||^@
		C< MESSAGE subscription:0 !ack !redelivered !JMSXDeliveryCount
		C~`, nil},
	{"MESSAGE", "MUST", new11, "subscription is the id of the subscription", `
		C> SUBSCRIBE|id:a|destination:/topic/a||^@SUBSCRIBE|id:b|destination:/queue/b||^@
		C~
		C> SEND|destination:/topic/a||^@
		C< MESSAGE subscription:a
		C> SEND|destination:/queue/b||^@
		C< MESSAGE subscription:b`, nil},
	{"MESSAGE", "SHOULD", "1.0", "subscription is the id of the subscription, if it has one", `
		C> SUBSCRIBE|id:a|destination:/topic/a||^@SUBSCRIBE|destination:/queue/b||^@
		C~
		C> SEND|destination:/topic/a||^@
		C< MESSAGE subscription:a
		C> SEND|destination:/queue/b||^@
		C< MESSAGE !subscription`, nil},
	{"MESSAGE", "MUST", "1.2", "ack is there if it has to be acknowledged", `
		C> SUBSCRIBE|id:a|destination:/queue/a|ack:client||^@SUBSCRIBE|id:b|destination:/queue/b|ack:client-individual||^@SUBSCRIBE|id:c|destination:/queue/c||^@
		C> SUBSCRIBE|id:d|destination:/topic/d|ack:client||^@
		C~
		C> SEND|destination:/queue/a||^@
		C< MESSAGE ack
		C> SEND|destination:/queue/b||^@
		C< MESSAGE ack
		C> SEND|destination:/queue/c||^@
		C< MESSAGE !ack
		C> SEND|destination:/topic/d||^@
		C< MESSAGE ack`, nil},

	{"RECEIPT", "MUST", all, "receipt-id is the receipt", `
		C> SEND|destination:/topic/a|receipt:message-12345||^@
		C< RECEIPT receipt-id:message-12345 =`, nil},
	{"RECEIPT", "MUST", new11, "its escapes are those that came", `
		C> SEND|destination:/topic/a|receipt:a\cb\n||^@
		C< RECEIPT ~receipt-id:a\cb\n|`, nil},
	{"RECEIPT", "MUST", all, "it comes when the frame has been processed", "", receiptWaits},
	{"RECEIPT", "MUST", all, "it stands for the frames before, too", "", receiptsInOrder},
	{"RECEIPT", "SHOULD", all, "what was received is processed though the client has gone", "", processedAfterTheEnd},

	{"ERROR", "MUST", all, "it is followed by the close", `
		C> SUBSCRIBE|id:0|destination:/topic/a||^@
		C~
		C> NONSENSE||^@
		C< ERROR
		C< END`, nil},
	{"ERROR", "SHOULD", all, "it has message, content-type and content-length", `
		C> NONSENSE||^@
		C< ERROR message:unknown␣command content-type:text/plain content-length:
		C< END`, nil},
	{"ERROR", "SHOULD", all, "receipt-id is the receipt of the frame it is about", `
		C> SEND|destination:nowhere|receipt:r||^@
		C< ERROR receipt-id:r
		C< END`, nil},
	{"ERROR", "SHOULD", all, "even if the frame is malformed", `
		C> SEND|receipt:r|content-length:-1||^@
		C< ERROR receipt-id:r malformed␣content-length
		C< END`, nil},
	{"ERROR", "SHOULD", all, "but not that of another frame", `
		C> SEND|destination:/topic/a|receipt:1||^@
		C< RECEIPT receipt-id:1
		C> BEGIN|x:y||^@
		C< ERROR !receipt-id
		C< END`, nil},
	{"ERROR", "MUST", all, "those who get one disturb nobody else", `
		B> SUBSCRIBE|id:0|destination:/topic/a||^@
		B~
		C> NONSENSE||^@
		C< ERROR
		C< END
		V> SEND|destination:/topic/a||x^@
		B< MESSAGE =x`, nil},
}

func differentMessages(t *testing.T, version string) {
	w := serve(t, stomp.Options{})
	a, b := w.connect(version), w.connect(version)
	a.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
	a.sync()
	seen := map[string]bool{}
	for i := range 100 {
		p := []*peer{a, b}[i%2]
		p.send("SEND\ndestination:/topic/a\n\n^@")
		seen[a.want("MESSAGE", "message-id").get("message-id")] = true
	}
	if len(seen) != 100 {
		t.Errorf("100 messages have %d ids", len(seen))
	}
}

// A persistent message has been processed when it is on disk, an acknowledgement of
// one when that is, and a transaction when all of it is.
func receiptWaits(t *testing.T, version string) {
	synctest.Test(t, func(t *testing.T) {
		disk := slowStore{make(chan struct{}, 10)}
		w := pipeWorld(t, broker.New(broker.Options{Store: disk}), stomp.Options{})
		p := w.connect(version)
		var m message
		for _, step := range []struct{ receipt, frames string }{
			{"send", "SEND\ndestination:/queue/q\npersistent:true\nreceipt:send\n\n1^@"},
			{"ack", ""},
			{"commit", "BEGIN\ntransaction:t\n\n^@SEND\ndestination:/queue/r\npersistent:true\ntransaction:t\n\n1^@COMMIT\ntransaction:t\nreceipt:commit\n\n^@"},
		} {
			if step.receipt == "ack" {
				p.send("SUBSCRIBE\nid:0\ndestination:/queue/q\nack:client\n\n^@")
				m = p.want("MESSAGE", "=1")
				step.frames = fmt.Sprintf("ACK\nid:%s\nmessage-id:%s\nsubscription:0\nreceipt:ack\n\n^@", m.get("ack"), m.get("message-id"))
			}
			before := time.Now()
			go p.send(step.frames)
			go func() {
				time.Sleep(2 * time.Second)
				for range 3 { // one transaction of the disk may have begun before
					disk.release <- struct{}{}
				}
			}()
			p.want("RECEIPT", "receipt-id:"+step.receipt)
			if time.Since(before) < 2*time.Second {
				t.Errorf("the receipt of %s did not wait for the disk", step.receipt)
			}
			synctest.Wait()
			for len(disk.release) > 0 {
				<-disk.release
			}
		}
		close(disk.release)
	})
}

func receiptsInOrder(t *testing.T, version string) {
	w := serve(t, stomp.Options{})
	p := w.connect(version)
	const n = 500
	for i := range n {
		persistent := ""
		if i%3 == 0 {
			persistent = "persistent:true\n"
		}
		p.send(fmt.Sprintf("SEND\ndestination:/%s/a\n%sreceipt:%d\n\nx^@", []string{"queue", "topic"}[i%2], persistent, i))
	}
	for i := range n {
		p.want("RECEIPT", fmt.Sprintf("receipt-id:%d", i))
	}
}

func processedAfterTheEnd(t *testing.T, version string) {
	w := serve(t, stomp.Options{})
	p := w.connect(version)
	for range 200 {
		p.send("SEND\ndestination:/queue/q\n\nx^@")
	}
	p.nc.Close()
	eventually(t, "all have come", func() bool {
		q := w.broker.Queues("q")
		return len(q) == 1 && q[0].Waiting == 200
	})
}
