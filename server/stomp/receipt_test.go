package stomp_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp"
)

// pausing is a subscriber to a topic that holds whoever publishes to it.
type pausing chan struct{}

func (p pausing) Deliver(*broker.Subscription, *broker.Batch) { <-p }

// What has had its effect is confirmed before the ERROR, also when the session ends
// while frames behind it are worked on.
func TestReceiptsBeforeTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broker.New(broker.Options{})
		pause := make(pausing)
		defer close(pause)
		if err := b.Subscribe(&broker.Subscription{Filter: "t", Receiver: pause}); err != nil {
			t.Fatal(err)
		}
		w := pipeWorld(t, b, stomp.Options{})
		p := w.connect("1.2")
		p.send("BEGIN\ntransaction:a\nreceipt:had\n\n^@" + "SEND\ndestination:/topic/t\n\nx^@" + "BEGIN\ntransaction:b\nreceipt:not\n\n^@")
		synctest.Wait()
		go w.server.Shutdown(t.Context())
		p.want("RECEIPT", "receipt-id:had")
		p.want("ERROR", "message:server shutting down")
	})
}

// Receipts that wait for the disk are memory, however many connections they are spread
// over: when it is short, of each connection but a few may wait.
func TestReceiptsAreMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const conns, room = 16, 2 << 20
		disk := slowStore{make(chan struct{})}
		w := pipeWorld(t, broker.New(broker.Options{Store: disk}), stomp.Options{})
		var waiting atomic.Int64
		var peers []*peer
		for i := range conns {
			p := w.connect("1.2")
			peers = append(peers, p)
			p.send(fmt.Sprintf("SEND\ndestination:/queue/%d\npersistent:true\nreceipt:first\n\nx^@", i))
		}
		synctest.Wait()
		held := held()                                          // with what is on the queues
		netx.SetMemoryLimit((netx.MemoryUsed() + room) / 3 * 4) // short from three quarters on
		defer netx.SetMemoryLimit(0)
		for _, p := range peers {
			id := strings.Repeat("x", 8000)
			go func() {
				for range 100 {
					if _, err := fmt.Fprintf(p.nc, "SEND\ndestination:/topic/t\nreceipt:%s\n\n\x00", id); err != nil {
						return
					}
					waiting.Add(int64(len(id)))
				}
			}()
			synctest.Wait()
		}
		if n := waiting.Load(); n < room/2 || n > room+conns*64<<10 {
			t.Errorf("receipts of %d bytes wait, memory is short from %d on", n, room)
		}
		peers[0].nc.Close() // which waits for nothing any more
		synctest.Wait()
		time.Sleep(time.Minute)
		close(disk.release)
		for _, p := range peers[1:] {
			p.want("RECEIPT", "receipt-id:first")
			for range 100 {
				p.want("RECEIPT")
			}
			p.nc.Close()
		}
		synctest.Wait()
		if n := held(); n != 0 {
			t.Errorf("%d bytes are still booked", n)
		}
	})
}
