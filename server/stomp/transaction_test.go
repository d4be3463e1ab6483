package stomp_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// STOMP 1.2, BEGIN, COMMIT: what is in a transaction happens at the COMMIT.
func TestCommit(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@BEGIN\ntransaction:t\\c1\n\n^@")
	p.send("SEND\ndestination:/topic/a\ntransaction:t\\c1\nx:1\nreceipt:r\n\nin^@SEND\ndestination:/topic/a\n\nout^@")
	p.want("MESSAGE", "=out")
	p.want("RECEIPT", "receipt-id:r")
	p.send("COMMIT\ntransaction:t\\c1\nreceipt:c\n\n^@")
	p.want("MESSAGE", "=in", "x:1", "!transaction", "!receipt", "destination:/topic/a")
	p.want("RECEIPT", "receipt-id:c")
	p.send("COMMIT\ntransaction:t\\c1\n\n^@")
	p.wantError("transaction", "t:1")
}

func TestCommittedAck(t *testing.T) {
	w := serve(t, stomp.Options{})
	p := w.connect("1.2")
	got := fill(p, 3, "ack:client-individual")
	p.send("BEGIN\ntransaction:t\n\n^@")
	for _, m := range got[:2] {
		p.send(strings.Replace(answerTo("1.2", "ACK", m), "\n\n", "\ntransaction:t\n\n", 1))
	}
	p.send("SEND\ndestination:/queue/done\ntransaction:t\npersistent:true\n\nboth^@")
	if q := w.broker.Queues("done"); len(q) != 0 {
		t.Errorf("a SEND before its COMMIT is on the queue")
	}
	p.send("COMMIT\ntransaction:t\nreceipt:c\n\n^@")
	p.want("RECEIPT", "receipt-id:c")
	if q := w.broker.Queues("done"); len(q) != 1 || q[0].Waiting != 1 {
		t.Errorf("after the COMMIT: %+v", q)
	}
	wantBack(w, p, true, "3")
}

// What was to be acknowledged in a transaction has gone back to its queue when the
// subscription ends: the rest of the transaction must not happen then.
func TestCommitOfBrokenTransaction(t *testing.T) {
	for name, order := range map[string]string{
		"ends after the ACK":  "BEGIN, ACK, SEND, UNSUBSCRIBE, COMMIT",
		"ends before the ACK": "UNSUBSCRIBE, BEGIN, ACK, SEND, COMMIT",
	} {
		t.Run(name, func(t *testing.T) {
			w := serve(t, stomp.Options{})
			p := w.connect("1.2")
			got := fill(p, 1, "ack:client-individual")
			for step := range strings.SplitSeq(order, ", ") {
				p.send(map[string]string{
					"BEGIN": "BEGIN\ntransaction:t\n\n^@", "UNSUBSCRIBE": "UNSUBSCRIBE\nid:0\n\n^@",
					"ACK":    strings.Replace(answerTo("1.2", "ACK", got[0]), "\n\n", "\ntransaction:t\n\n", 1),
					"SEND":   "SEND\ndestination:/queue/done\ntransaction:t\n\nx^@",
					"COMMIT": "COMMIT\ntransaction:t\nreceipt:c\n\n^@",
				}[step])
			}
			p.wantError("unknown message", "subscription has ended")
			if q := w.broker.Queues("done"); len(q) != 0 {
				t.Errorf("a part of the transaction has happened: %+v", q)
			}
			wantBack(w, w.connect("1.2"), true, "1")
		})
	}
}

func TestTransactionLimits(t *testing.T) {
	w := serve(t, stomp.Options{MaxTransactions: 2, MaxTransactionBytes: 4096})
	for words, frames := range map[string]string{
		"no more are allowed": "BEGIN\ntransaction:1\n\n^@BEGIN\ntransaction:2\n\n^@BEGIN\ntransaction:3\n\n^@",
		"open already":        "BEGIN\ntransaction:1\n\n^@BEGIN\ntransaction:1\n\n^@",
		"4096 bytes":          "BEGIN\ntransaction:1\n\n^@" + strings.Repeat("SEND\ndestination:/topic/a\ntransaction:1\n\n"+strings.Repeat("x", 1000)+"^@", 4),
		"has been begun":      "SEND\ndestination:/topic/a\ntransaction:1\n\n^@",
	} {
		p := w.connect("1.2")
		p.send(frames)
		p.wantError(words)
	}
	p := w.connect("1.2") // ended transactions do not count
	for range 20 {
		p.send("BEGIN\ntransaction:1\n\n^@SEND\ndestination:/topic/a\ntransaction:1\n\n" + strings.Repeat("x", 1000) + "^@COMMIT\ntransaction:1\n\n^@")
	}
	p.sync()
}

// slowStore is a disk that takes its time.
type slowStore struct{ release chan struct{} }

func (s slowStore) Apply(*broker.Changes) error {
	<-s.release
	return nil
}

// A RECEIPT waits for the disk, and so do those after it: they come in order.
func TestReceiptWaitsForDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := slowStore{make(chan struct{})}
		w := pipeWorld(t, broker.New(broker.Options{Store: disk}), stomp.Options{})
		p := w.connect("1.2")
		p.send("SEND\ndestination:/queue/q\nreceipt:memory\n\nx^@")
		p.want("RECEIPT", "receipt-id:memory")
		p.send("SEND\ndestination:/queue/q\npersistent:true\nreceipt:disk\n\nx^@SEND\ndestination:/topic/a\nreceipt:after\n\nx^@")
		before := time.Now()
		go func() {
			time.Sleep(2 * time.Second)
			close(disk.release)
		}()
		p.want("RECEIPT", "receipt-id:disk")
		if time.Since(before) < 2*time.Second {
			t.Error("the RECEIPT did not wait for the disk")
		}
		p.want("RECEIPT", "receipt-id:after")
		p.send("SEND\ndestination:/queue/q\npersistent:true\nreceipt:1\n\nx^@DISCONNECT\nreceipt:2\n\n^@")
		p.want("RECEIPT", "receipt-id:1")
		p.want("RECEIPT", "receipt-id:2")
		p.wantEnd()
	})
}
