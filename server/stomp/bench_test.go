package stomp

import (
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
