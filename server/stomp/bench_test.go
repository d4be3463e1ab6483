package stomp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"testing"

	"mwm/server/broker"
)

// sink is a connection whose peer takes everything.
type sink struct{ net.Conn }

func (sink) Write(p []byte) (int, error) { return len(p), nil }

// bench is a publisher's session and n subscribers', driven by hand.
func bench(t testing.TB, n int) (pub *session, batch []byte, settle func()) {
	t.Helper()
	srv, err := New(broker.New(broker.Options{}), Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	open := func() *session {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close(); there.Close() })
		s := newSession(srv, sink{here})
		s.Data([]byte("CONNECT\naccept-version:1.2\n\n\x00"))
		return s
	}
	var subs []*session
	for range n {
		s := open()
		s.Data([]byte("SUBSCRIBE\nid:0\ndestination:/topic/device.*.location\n\n\x00"))
		subs = append(subs, s)
	}
	body := `{"deviceID":"BBB","lat":48.8581,"lng":2.2946,"ts":"2013-09-23T08:43Z"}`
	for range perBatch {
		batch = fmt.Appendf(batch, "SEND\ndestination:/topic/device.BBB.location\ncontent-type:application/json\ncontent-length:%d\n\n%s\x00", len(body), body)
	}
	return open(), batch, func() {
		for _, s := range subs {
			for s.out.Pending() > 0 {
				runtime.Gosched()
			}
		}
	}
}

const perBatch = 50

// A message to a topic allocates nothing, however many get it: what is counted
// here is a batch of fifty.
func TestPublishAllocates(t *testing.T) {
	for _, n := range []int{0, 1, 10} {
		pub, batch, settle := bench(t, n)
		publish := func() {
			if used, _, err := pub.Data(batch); used != len(batch) || err != nil {
				t.Fatal(used, err)
			}
			settle()
		}
		for range 100 {
			publish()
		}
		// Each batch may start a writer for each subscriber; the message itself is free.
		limit := float64(2 * n)
		if got := testing.AllocsPerRun(200, publish); got > limit {
			t.Errorf("%d subscribers: %.1f allocations for %d messages, want at most %.0f", n, got, perBatch, limit)
		}
	}
}

// Frames of the same length come into the same place of a read buffer one after the
// other: what one was made of says nothing about the next.
func TestBufferIsReused(t *testing.T) {
	s, _, _ := bench(t, 0)
	s.Data([]byte("SUBSCRIBE\nid:0\ndestination:/topic/b\n\n\x00"))
	buf := []byte("SEND\ndestination:/topic/a\nx:1\n\n\x00")
	s.Data(buf)
	copy(buf, "SEND\nx:1\ndestination:/topic/b\n\n\x00")
	s.Data(buf)
	if n := s.out.Messages(); n != 1 || s.ending.Load() {
		t.Errorf("%d messages to /topic/b, want 1", n)
	}
}

// nullStore is a disk that takes no time.
type nullStore struct{}

func (nullStore) Apply(*broker.Changes) error { return nil }

// benchQueue is a publisher's session and a consumer's, driven by hand: each call of
// cycle sends a batch to a queue, and returns when all of it has been acknowledged.
func benchQueue(t testing.TB, persistent, auto bool) (cycle func()) {
	t.Helper()
	b := broker.New(broker.Options{Store: nullStore{}})
	srv, err := New(b, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	open := func() *session {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close(); there.Close() })
		s := newSession(srv, sink{here})
		s.Data([]byte("CONNECT\naccept-version:1.2\n\n\x00"))
		return s
	}
	mode, header := "client", ""
	if auto {
		mode = "auto"
	}
	if persistent {
		header = "persistent:true\nreceipt:r\n"
	}
	consumer, pub := open(), open()
	consumer.Data([]byte("SUBSCRIBE\nid:0\ndestination:/queue/q\nack:" + mode + "\n\n\x00"))
	var batch, ack []byte
	for range perBatch {
		batch = fmt.Appendf(batch, "SEND\ndestination:/queue/q\n%scontent-length:70\n\n%070d\x00", header, 1)
	}
	sent, consumed := 0, &b.Stats().Consumed
	until := func(ok func() bool) {
		for !ok() {
			runtime.Gosched()
		}
	}
	return func() {
		sent += perBatch
		if used, _, err := pub.Data(batch); used != len(batch) || err != nil {
			t.Fatal(used, err)
		}
		if !auto {
			until(func() bool { return consumer.out.Messages() == uint64(sent) })
			ack = fmt.Appendf(ack[:0], "ACK\nid:1-%d\n\n\x00", sent)
			consumer.Data(ack)
		}
		until(func() bool { return consumed.Load() == uint64(sent) && waiting(&pub.receipts) == 0 })
	}
}

// waiting is how many receipts have not been sent.
func waiting(r *receipts) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending)
}

// What a message to a queue allocates: its own memory and its place on the queue; if
// it is persistent also its record and what waits for the disk. It is counted, not
// timed.
func TestQueueAllocates(t *testing.T) {
	for _, c := range []struct {
		name             string
		persistent, auto bool
		limit            float64 // per message
	}{
		{"auto", false, true, 4.5},
		{"client", false, false, 4.5},
		{"persistent, auto", true, true, 8},
		{"persistent, client", true, false, 8},
	} {
		cycle := benchQueue(t, c.persistent, c.auto)
		for range 100 {
			cycle()
		}
		got := testing.AllocsPerRun(200, cycle) / perBatch
		if got > c.limit {
			t.Errorf("%s: %.2f allocations for a message, want at most %.1f", c.name, got, c.limit)
		}
	}
}

func BenchmarkQueue(b *testing.B) {
	for _, persistent := range []bool{false, true} {
		for _, auto := range []bool{false, true} {
			b.Run(fmt.Sprintf("persistent=%t/auto=%t", persistent, auto), func(b *testing.B) {
				cycle := benchQueue(b, persistent, auto)
				b.ReportAllocs()
				for b.Loop() {
					cycle()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perBatch), "ns/message")
			})
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			pub, batch, settle := bench(b, n)
			b.ReportAllocs()
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				pub.Data(batch)
				settle()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perBatch*n), "ns/delivery")
		})
	}
}
