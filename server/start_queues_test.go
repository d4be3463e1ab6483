package server

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/store"
)

// A server that has been stopped with many queues, and with one that is very long,
// has them all again, each in its order, in seconds, and in memory not much more than
// the messages take. MWM_QUEUES and MWM_QUEUE_MESSAGES say how many; the full size is
// 10000 and 1000000.
func TestStartWithQueues(t *testing.T) {
	queues, messages := sized(t, "MWM_QUEUES", 1000), sized(t, "MWM_QUEUE_MESSAGES", 20_000)
	const each = 3
	dir := t.TempDir()
	fillQueues(t, dir, queues, each, messages)
	before := heap()
	start := time.Now()
	s, err := New(Config{Data: dir, HTTP: "127.0.0.1:0"}, Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	took, held := time.Since(start), heap()-before
	all := queues*each + messages
	t.Logf("%d queues with %d messages, and one with %d: started in %v, %d bytes of memory for each message of %d bytes",
		queues, each, messages, took, held/all, len(body(0)))
	if limit := 8<<20 + queues*2048 + all*1024; held > limit {
		t.Errorf("%d bytes of memory are held, want at most %d", held, limit)
	}

	if n := len(s.broker.Queues("device.>")); n != queues {
		t.Fatalf("%d queues have come back, want %d", n, queues)
	}
	for _, i := range []int{0, queues / 2, queues - 1} {
		page, more, err := s.broker.Browse(broker.Ref{Queue: fmt.Sprintf("device.%d.text", i)}, 0, nil, 10)
		if err != nil || more || len(page) != each {
			t.Fatalf("queue %d: %d messages, %v", i, len(page), err)
		}
		for k, m := range page {
			if got, want := string(m.Message.Body), body(i*each+k); got != want {
				t.Errorf("message %d of queue %d is %q, want %q", k, i, got, want)
			}
		}
	}
	long := broker.Ref{Queue: "long"}
	for _, at := range []int{0, messages / 2, messages - 10} {
		page, _, err := s.broker.Browse(long, at, nil, 10)
		if err != nil || len(page) != 10 {
			t.Fatalf("at %d: %d messages, %v", at, len(page), err)
		}
		for k, m := range page {
			if string(m.Message.Body) != body(at+k) || m.Position != at+k || !m.OnDisk {
				t.Errorf("at %d comes %q, position %d", at+k, m.Message.Body, m.Position)
			}
		}
	}
	infos, more := s.broker.QueuePage(broker.Page{After: "device.5", Limit: 100})
	if len(infos) != 100 || !more {
		t.Errorf("a page of the list has %d queues", len(infos))
	}
}

// sized is a number of the environment.
func sized(t *testing.T, name string, otherwise int) int {
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("%s is %q: %v", name, v, err)
	}
	return n
}

// heap is how much memory is in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what has finalizers, too
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// body is that of message n of a queue.
func body(n int) string { return fmt.Sprintf("message %092d", n) }

// fillQueues makes a database with queues of a few messages each, and a long one.
func fillQueues(t *testing.T, dir string, queues, each, messages int) {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	id, err := broker.ParseID("000001-000000000001")
	if err != nil {
		t.Fatal(err)
	}
	c := &broker.Changes{}
	put := func(box uint64, name string, n int) {
		m := &broker.Message{Name: name, ID: id, Persistent: true, Priority: 4, Timestamp: time.Now().UnixMilli(),
			Head: []byte("destination:/queue/" + name + "\npersistent:true\n"), Body: []byte(body(n))}
		c.Insert = append(c.Insert, broker.StoredRecord{ID: uint64(len(c.Insert) + 1), Box: box, Message: m})
	}
	for i := range queues {
		name := fmt.Sprintf("device.%d.text", i)
		c.Boxes = append(c.Boxes, broker.Box{ID: uint64(i + 1), Kind: broker.QueueBox, Name: name})
		for k := range each {
			put(uint64(i+1), name, i*each+k)
		}
	}
	long := uint64(queues + 1)
	c.Boxes = append(c.Boxes, broker.Box{ID: long, Kind: broker.QueueBox, Name: "long"})
	for n := range messages {
		put(long, "long", n)
	}
	if err := st.Apply(c); err != nil {
		t.Fatal(err)
	}
}
