package mqtt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
)

// transaction is so many messages to the topic t and one to the queue q, as STOMP
// commits them.
func transaction(toTopic int) (steps []broker.Step) {
	message := func(name, dest string) *broker.Message {
		return &broker.Message{Name: name, Head: []byte("destination:" + dest + "\n"), Body: []byte("x"), QoS: 1, Persistent: true}
	}
	for range toTopic {
		steps = append(steps, broker.Step{Message: message("t", "/topic/t")})
	}
	return append(steps, broker.Step{Message: message("q", "/queue/q"), Kind: broker.QueueKind})
}

// commit carries out a transaction of a truck, and tells how it ends.
func commit(b *broker.Broker, toTopic int) <-chan error {
	src := b.NewPublisher(&broker.Client{ID: "truck", Protocol: broker.STOMP})
	done := make(chan error, 1)
	go func() {
		if err := src.Commit(transaction(toTopic), func(err error) { done <- err }); err != nil {
			done <- err
		}
		src.Flush()
	}()
	return done
}

// Wherever a crash cuts in: of a transaction of STOMP the queue and the sessions, of
// clients that are here and away, have all on disk or nothing.
func TestTransactionIsWhole(t *testing.T) {
	for left := range 4 {
		t.Run(fmt.Sprint("crash after ", left), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				l := live(t, d, Options{}, false)
				filters := map[string]string{"here": "t", "away": "t", "shared": "$share/g/t"}
				for id, filter := range filters {
					p := l.meet(hello{id: id, keep: true})
					p.subscribe(1, filter, 1)
					p.expect("SUBACK 1 [01]")
					if id != "here" {
						p.goodbye()
						synctest.Wait()
					}
				}
				if err := <-commit(l.b, 0); err != nil { // a new queue may be written by itself, before its message
					t.Error(err)
				}
				time.Sleep(time.Second)
				d.set(left)
				done := commit(l.b, 1)
				synctest.Wait()
				want := 1
				if left > 0 {
					want += len(filters) + 1
				}
				if _, records := d.count(); records != want {
					t.Errorf("%d messages on disk, want %d", records, want)
				}
				l.crash(d)
				if err := <-done; (err == nil) != (left > 0) {
					t.Errorf("the transaction ends with %v", err)
				}
				d.boot(-1)
				l = live(t, d, Options{}, true)
				for id := range filters {
					p := l.peer()
					p.shake2(hello{id: id, keep: true}, "CONNACK session=true code=0x00")
					if left > 0 && !strings.HasPrefix(p.read(), `PUBLISH t "x" q1`) {
						t.Errorf("%s has not got the message", id)
					}
					p.expectNothing()
				}
				l.stop()
			})
		})
	}
}

// A session that has no room refuses the whole transaction; one that ends, or a
// subscription that does, while it is written leaves nothing behind; and a member's
// share goes to another one.
func TestTransactionMeetsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.slow = time.Second
		l := live(t, d, Options{MaxStored: 2, MaxQueued: 2}, false)
		away := func(id, filter string) {
			p := l.meet(hello{id: id, keep: true})
			p.subscribe(1, filter, 1)
			p.expect("SUBACK 1 [01]")
			p.goodbye()
			synctest.Wait()
		}
		away("A", "t")
		for range 2 {
			if err := <-commit(l.b, 1); err != nil {
				t.Error(err)
			}
		}
		if err := <-commit(l.b, 1); !broker.Full(err) {
			t.Errorf("a session that is full: %v", err)
		}
		if _, records := d.count(); records != 4 {
			t.Errorf("%d messages on disk, want 4", records)
		}
		l.meet(hello{id: "A"}).goodbye() // a clean session
		synctest.Wait()

		away("B", "t")
		away("C", "$share/g/t")
		unsubscribes, joins, ends := l.meet(hello{id: "B", keep: true}), l.meet(hello{id: "D", keep: true}), l.peer()
		done := commit(l.b, 1)
		synctest.Wait() // it is being written
		unsubscribes.unsubscribe(1, "t")
		joins.subscribe(1, "$share/g/t", 1)
		synctest.Wait()
		ends.say(hello{id: "C"})
		unsubscribes.expect("UNSUBACK 1 []")
		ends.expect("CONNACK session=false code=0x00")
		got := []string{joins.read(), joins.read()}
		slices.Sort(got)
		if want := []string{`PUBLISH t "x" q1 id=1`, "SUBACK 1 [01]"}; !slices.Equal(got, want) {
			t.Errorf("who has joined the group got %q, want %q", got, want)
		}
		joins.ack(packets.Puback, 1)
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
		if _, records := d.count(); records != 3 {
			t.Errorf("%d messages on disk, want those of the queue alone", records)
		}
		l.stop()
	})
}

// What a transaction brings a session has its room from the moment that it is checked:
// neither two messages of one take the same, nor two that are written at a time.
func TestTransactionKeepsRoom(t *testing.T) {
	for name, opt := range map[string]Options{
		"messages": {MaxStored: 1, MaxQueued: 1},
		"bytes":    {MaxStoredBytes: 1 << 10, MaxQueuedBytes: 1 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				d.slow = time.Second
				l := live(t, d, opt, false)
				p := l.meet(hello{id: "A", keep: true})
				p.subscribe(1, "t", 1)
				p.expect("SUBACK 1 [01]")
				p.goodbye()
				if err := <-commit(l.b, 100); !broker.Full(err) {
					t.Errorf("more messages than there is room for: %v", err)
				}
				results := make([]<-chan error, 100)
				for i := range results {
					results[i] = commit(l.b, 1)
				}
				full := 0
				for _, done := range results {
					switch err := <-done; {
					case broker.Full(err):
						full++
					case err != nil:
						t.Error(err)
					}
				}
				_, records := d.count()
				if n := l.Sessions()[0].Queued; full == 0 || n != len(results)-full || records != 2*n || opt.MaxStored > 0 && n > opt.MaxStored {
					t.Errorf("%d of %d are refused, %d wait, %d are on disk", full, len(results), n, records)
				}
				l.stop()
			})
		})
	}
}
