package httpd

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/netx"
)

// What is not free is held by all requests together up to a bound, and given back.
func TestRoom(t *testing.T) {
	m := &room{max: 100 << 10}
	before := netx.MemoryUsed()
	a, b := &holder{room: m}, &holder{room: m}
	for i, step := range []struct {
		of   *holder
		n    int
		want bool
	}{
		{a, freeRoom, true}, {a, 90 << 10, true}, {b, freeRoom, true}, {b, 11 << 10, false}, {b, 10 << 10, true}, {a, 1, false},
	} {
		if got := step.of.hold(step.n); got != step.want {
			t.Errorf("step %d: %t", i+1, got)
		}
	}
	if got := netx.MemoryUsed() - before; got != 2*freeRoom+100<<10 {
		t.Errorf("%d bytes are booked", got)
	}
	if !a.book(1<<20, true) || b.hold(1) {
		t.Error("what has to be said is not booked")
	}
	a.release()
	b.release()
	if m.held.Load() != 0 || netx.MemoryUsed() != before {
		t.Errorf("%d bytes are held, %d booked", m.held.Load(), netx.MemoryUsed()-before)
	}
}

// While memory is short there is less room for large requests, and enough for small
// ones.
func TestRoomWhileMemoryIsShort(t *testing.T) {
	limit, used := netx.MemoryLimit(), netx.MemoryUsed()
	defer netx.SetMemoryLimit(limit)
	netx.SetMemoryLimit(used + 8<<20)
	m := &room{max: 32 << 20}
	if got := m.limit(); got != (used+8<<20)/8 {
		t.Errorf("of 8 MiB requests get %d bytes", got)
	}
	netx.Book(9 << 20)
	defer netx.Unbook(9 << 20)
	if got := m.limit(); got != (used+8<<20)/32 {
		t.Errorf("of 8 MiB requests get %d bytes while they are used up", got)
	}
	h := &holder{room: m}
	defer h.release()
	if !h.hold(freeRoom) || h.hold(1<<20) {
		t.Error("a small request is refused, or a large one is not")
	}
}

// Bodies that come slowly fill no memory, and keep nobody out whose requests are
// small.
func TestSlowBodies(t *testing.T) {
	opts, _ := options(t)
	opts.MaxHeld = 1 << 20
	s := newServer(t, opts)
	addr, _ := serve(t, s)
	var open []net.Conn
	const senders = 8
	for range senders {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		open = append(open, nc)
		_ = nc.SetDeadline(time.Now().Add(time.Minute))
		_, _ = fmt.Fprintf(nc, "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n%s", strings.Repeat("x", 300_000))
	}
	until(t, "most are refused", func() bool { return s.Limited() >= senders-2 })
	if held := s.room.held.Load(); held > 1<<20 {
		t.Errorf("%d bytes are held", held)
	}
	if w := ask(s, "GET", "/api/v1/status", ""); w.Code != 200 {
		t.Errorf("a small request: %d %s", w.Code, w.Body)
	}
	if w := ask(s, "POST", "/api/v1/devices/BBB/alerts", `{"color":"red"}`, asJSON); w.Code != 200 {
		t.Errorf("a small command: %d %s", w.Code, w.Body)
	}
	for _, nc := range open {
		nc.Close()
	}
	until(t, "all is given back", func() bool { return s.room.held.Load() == 0 })
	if w := ask(s, "POST", "/api/v1/messages", `{"destination":"/queue/q","body":"`+strings.Repeat("x", 300_000)+`"}`, asJSON); w.Code != 202 {
		t.Errorf("a large request: %d %s", w.Code, w.Body)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// stuck is where an answer goes whose client does not read it, if it is the one that
// it asked for.
type stuck struct {
	*httptest.ResponseRecorder
	answered chan int
	reads    chan struct{}
}

func (w *stuck) Write(p []byte) (int, error) {
	w.answered <- w.Code
	if w.Code == http.StatusOK {
		<-w.reads
	}
	return len(p), nil
}

// Answers that nobody reads fill no memory.
func TestUnreadAnswers(t *testing.T) {
	opts, _ := options(t)
	opts.MaxHeld = 16 << 20
	s := newServer(t, opts)
	out := opts.Broker.NewPublisher(&broker.Client{Protocol: broker.Internal, Since: time.Now(), Close: func(error) {}})
	out.Begin(time.Now())
	route, err := out.Topic([]byte("large"))
	if err != nil {
		t.Fatal(err)
	}
	m := out.Add(route)
	m.Body, m.Retain = []byte(strings.Repeat("\x01", 1<<20)), true // each is six bytes as JSON
	out.Flush()
	for _, path := range []string{"/api/v1/retained/message?topic=large&bytes=1048576&encoding=text", "/api/v1/retained/message/body?topic=large"} {
		const readers = 30
		codes, reads := make(chan int, readers), make(chan struct{})
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				r := httptest.NewRequest("GET", path, nil)
				r.Host = "127.0.0.1:8080"
				s.ServeHTTP(&stuck{httptest.NewRecorder(), codes, reads}, r)
			})
		}
		count := map[int]int{}
		for range readers {
			count[<-codes]++
		}
		if held := s.room.held.Load(); held > 16<<20 || count[200] < 1 || count[503] < readers/3 || count[200]+count[503] != readers {
			t.Errorf("%s: %d bytes are held, answers %v", path, held, count)
		}
		close(reads)
		all.Wait()
		if held := s.room.held.Load(); held != 0 {
			t.Errorf("%s: %d bytes are held in the end", path, held)
		}
	}
}

// What is made of a body takes no more than a few times its size, whatever is in it:
// no list of nothings, no keys that would collide if the hash were known.
func TestBodiesOfManyParts(t *testing.T) {
	opts, _ := options(t)
	s := newServer(t, opts)
	const size = 3_000_000
	many := func(part string) string { return strings.Repeat(part, size/len(part)) }
	var keys strings.Builder
	for i := 0; keys.Len() < size; i++ {
		fmt.Fprintf(&keys, `"k%07d":0,`, i)
	}
	for name, body := range map[string]string{
		"empty headers": `{"destination":"/queue/q","headers":[` + many("[],") + `[]]}`,
		"null headers":  `{"destination":"/queue/q","headers":[` + many("null,") + `null]}`,
		"long headers":  `{"destination":"/queue/q","headers":[[` + many(`"",`) + `""]]}`,
		"keys":          `{` + keys.String() + `"destination":"/queue/q"}`,
		"the same key":  `{` + many(`"body":"x",`) + `"destination":"/queue/q"}`,
		"lists":         `{"x":[` + many("[[]],") + `0],"destination":"/queue/q"}`,
		"escapes":       `{"destination":"/queue/q","body":"` + many(`\u0001`) + `"}`,
		"deep lists":    `{"x":` + many("["),
	} {
		r := httptest.NewRequest("POST", "/api/v1/messages", strings.NewReader(body))
		r.Host = "127.0.0.1:8080"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.ServeHTTP(w, r)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 10*size {
			t.Errorf("%s: %d bytes for a body of %d", name, took, len(body))
		}
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}
