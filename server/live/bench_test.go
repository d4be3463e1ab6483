package live

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mwm/server/fleet"
	"mwm/server/telemetry"
)

// traffic is a fleet of trucks that report in turn.
type traffic struct {
	fleet    *fleet.Fleet
	ids      []string
	payloads [][]byte
	next     int
}

func newTraffic(tb testing.TB, devices int) *traffic {
	tb.Helper()
	f, err := fleet.New(fleet.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	t := &traffic{fleet: f}
	for i := range devices {
		id := fmt.Sprint("truck", i)
		t.ids = append(t.ids, id)
		t.payloads = append(t.payloads, telemetry.AppendLocation(nil, telemetry.Location{
			DeviceID: id, Lat: 42, Lng: 1, Speed: telemetry.Some(9), Heading: telemetry.Some(9),
		}))
	}
	t.report(devices)
	return t
}

func (t *traffic) report(n int) {
	for range n {
		i := t.next % len(t.ids)
		t.fleet.Location(t.ids[i], t.payloads[i], time.Now(), false)
		t.next++
	}
}

// BenchmarkTick is a tick's work, whoever looks: gathering and encoding 5,000
// moves, as ten times a second at 50,000 reports a second.
func BenchmarkTick(b *testing.B) {
	trucks := newTraffic(b, 50_000)
	h, err := New(Options{Fleet: trucks.fleet})
	if err != nil {
		b.Fatal(err)
	}
	h.browsers[&browser{wake: make(chan struct{}, 1)}] = struct{}{}
	var batch fleet.Batch
	h.tick(&batch, nil)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		trucks.report(5_000)
		b.StartTimer()
		h.tick(&batch, nil)
	}
}

// BenchmarkBrowsers is a tick of 10,000 devices that report once a second (1,000
// moves), for so many browsers over real connections: encoded once, written to
// each, read and acknowledged by each. The CPU time is the whole process's, with
// the clients' reading, which is all they do.
func BenchmarkBrowsers(b *testing.B) {
	for _, browsers := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(browsers), func(b *testing.B) { benchmarkBrowsers(b, browsers) })
	}
}

func benchmarkBrowsers(b *testing.B, browsers int) {
	trucks := newTraffic(b, 10_000)
	h, err := New(Options{Fleet: trucks.fleet})
	if err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	defer h.stop()
	var batch fleet.Batch
	h.tick(&batch, nil)
	readers := make([]*reader, browsers)
	for i := range readers {
		readers[i] = dial(b, srv.URL)
		defer readers[i].conn.Close()
	}
	tick := func() {
		h.tick(&batch, nil)
		for _, r := range readers {
			r.waitFor(b, batch.Seq)
		}
	}
	tick() // they have the snapshot
	before, cpu := h.Stats(), time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		trucks.report(1_000)
		started := cpuTime()
		b.StartTimer()
		tick()
		cpu += cpuTime() - started
	}
	after, ticks := h.Stats(), float64(b.N)
	if got, want := after.EncodedBytes-before.EncodedBytes, uint64(b.N)*(headerSize+1_000*positionSize); got != want {
		b.Errorf("%d bytes encoded, not %d: the same for all", got, want)
	}
	b.ReportMetric(float64(after.SentBytes-before.SentBytes)/ticks/float64(browsers), "B/browser/tick")
	b.ReportMetric(float64(cpu.Microseconds())/ticks/float64(browsers), "cpu-µs/browser/tick")
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reader is the cheapest browser there can be: it reads frames (RFC 6455 §5.2)
// for their sequence numbers and acknowledges them.
type reader struct {
	conn net.Conn
	seq  atomic.Uint64
	news chan struct{}
}

const handshake = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + Subprotocol + "\r\n\r\n"

func dial(tb testing.TB, url string) *reader {
	tb.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(conn, handshake); err != nil {
		tb.Fatal(err)
	}
	in := bufio.NewReaderSize(conn, 64<<10)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		tb.Fatalf("%v, %v", resp, err)
	}
	r := &reader{conn: conn, news: make(chan struct{}, 1)}
	go r.read(in)
	return r
}

func (r *reader) read(in *bufio.Reader) {
	for {
		binaryFrame, size, err := frameHeader(in)
		if err != nil {
			return
		}
		var head [headerSize]byte
		if binaryFrame {
			if _, err := io.ReadFull(in, head[:]); err != nil {
				return
			}
			size -= headerSize
		}
		if _, err := in.Discard(size); err != nil {
			return
		}
		if !binaryFrame {
			continue
		}
		seq := binary.LittleEndian.Uint64(head[8:])
		ack := fmt.Sprintf(`{"type":"ack","seq":%d}`, seq)
		// Masked with zeros, which leaves it as it is.
		if _, err := r.conn.Write(append([]byte{0x81, 0x80 | byte(len(ack)), 0, 0, 0, 0}, ack...)); err != nil {
			return
		}
		r.seq.Store(seq)
		select {
		case r.news <- struct{}{}:
		default:
		}
	}
}

func frameHeader(in *bufio.Reader) (binaryFrame bool, size int, err error) {
	var b [8]byte
	if _, err := io.ReadFull(in, b[:2]); err != nil {
		return false, 0, err
	}
	binaryFrame, size = b[0]&0x0f == 2, int(b[1])
	switch size {
	case 126:
		_, err = io.ReadFull(in, b[:2])
		size = int(binary.BigEndian.Uint16(b[:]))
	case 127:
		_, err = io.ReadFull(in, b[:8])
		size = int(binary.BigEndian.Uint64(b[:]))
	}
	return binaryFrame, size, err
}

func (r *reader) waitFor(tb testing.TB, seq uint64) {
	deadline := time.After(30 * time.Second)
	for r.seq.Load() < seq {
		select {
		case <-r.news:
		case <-deadline:
			tb.Fatalf("a browser got to tick %d, not %d", r.seq.Load(), seq)
		}
	}
}

// A hundred browsers look at 10,000 devices, and ten more have stopped reading.
// Frames are encoded once for all, nothing is kept for those that do not read,
// and they hold up nobody.
func TestHundredBrowsers(t *testing.T) {
	trucks := newTraffic(t, 10_000)
	h, err := New(Options{Fleet: trucks.fleet, Every: time.Hour, PingEvery: time.Hour}) // readers answer none
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	t.Cleanup(h.stop)
	var batch fleet.Batch
	h.tick(&batch, nil)
	var readers []*reader
	for range 100 {
		r := dial(t, srv.URL)
		t.Cleanup(func() { _ = r.conn.Close() })
		readers = append(readers, r)
	}
	for range 10 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, handshake); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, "all browsers", func() bool { return h.Stats().Browsers == 110 })
	ticks := func(n int) {
		for range n {
			trucks.report(1_000)
			h.tick(&batch, nil)
			for _, r := range readers {
				r.waitFor(t, batch.Seq)
			}
		}
	}
	ticks(20)
	before, heap := h.Stats(), heapInUse()
	const n = 100
	ticks(n)
	after := h.Stats()
	if got := after.EncodedBytes - before.EncodedBytes; got != n*(headerSize+1_000*positionSize) {
		t.Errorf("%d bytes encoded in %d ticks, whoever looks", got, n)
	}
	if after.CatchUps != before.CatchUps {
		t.Errorf("%d catch-ups while everybody kept up", after.CatchUps-before.CatchUps)
	}
	if grown := int(heapInUse()) - int(heap); grown > 4<<20 {
		t.Errorf("%d bytes more after %d ticks", grown, n)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
