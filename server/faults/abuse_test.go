package faults

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A server in a container of 256 MiB is told that it has 7/8 of them, as
// deploy/SECURITY.md says, and must never take more than there are.
const (
	containerMemory = 256 << 20
	goMemoryLimit   = containerMemory / 8 * 7
)

// abuse is one way to use a server up. It goes on until ctx ends; the errors that
// the server causes by defending itself are what it is after.
type abuse struct {
	name string
	do   func(ctx context.Context, p *process, open *sockets)
}

// sockets are the connections of an abuse, which are kept open until the end.
type sockets struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (s *sockets) keep(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, nc)
}

func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	closeAll(s.conns)
}

// filling is what fills memory fast.
var filling = strings.Repeat("x", 64<<10)

var abuses = []abuse{
	{"a flood of connections that say nothing", func(ctx context.Context, p *process, open *sockets) {
		for i := 0; ctx.Err() == nil; i++ {
			if nc, err := net.DialTimeout("tcp", []string{p.stomp, p.mqtt, p.http, p.stompWS, p.mqttWS}[i%5], patience); err == nil {
				open.keep(nc)
			}
			if i >= 4000 {
				return
			}
		}
	}},
	{"subscribers that never read", func(ctx context.Context, p *process, open *sockets) {
		for i := range 300 {
			nc, err := openEither(p)(i)
			if err != nil {
				continue
			}
			open.keep(nc)
			if i%2 == 0 {
				_, _ = fmt.Fprint(nc, "SUBSCRIBE\nid:0\ndestination:/topic/flood\nack:auto\n\n\x00")
			} else {
				_, _ = nc.Write(mqttSubscribe("flood", 1))
			}
		}
		publishUntil(ctx, p, "/topic/flood", "")
	}},
	{"huge frames, half sent", func(ctx context.Context, p *process, open *sockets) {
		head := "SEND\ndestination:/topic/huge\ncontent-length:1000000\n\n"
		for i := 0; ctx.Err() == nil && i < 1000; i++ {
			nc, err := openEither(p)(1000 + i)
			if err != nil {
				continue
			}
			open.keep(nc)
			_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
			if i%2 == 0 {
				_, _ = fmt.Fprint(nc, head, strings.Repeat("x", 900_000))
			} else {
				packet := mqttPublish("huge", make([]byte, 1_000_000), false)
				_, _ = nc.Write(packet[:900_000])
			}
		}
	}},
	{"queues that nobody reads", func(ctx context.Context, p *process, _ *sockets) {
		publishUntil(ctx, p, "/queue/full.", "")
	}},
	{"queues on disk that nobody reads", func(ctx context.Context, p *process, _ *sockets) {
		publishUntil(ctx, p, "/queue/kept.", "persistent:true")
	}},
	{"retained messages", func(ctx context.Context, p *process, _ *sockets) {
		publishUntil(ctx, p, "/topic/retained.", "retain:true")
	}},
	{"sessions that are kept", func(ctx context.Context, p *process, open *sockets) {
		for i := 0; ctx.Err() == nil && i < 5000; i++ {
			nc, err := net.DialTimeout("tcp", p.mqtt, patience)
			if err != nil {
				continue
			}
			if mqttIntroduce(nc, mqttHello{id: fmt.Sprint("kept", i), keep: true}) == nil {
				_, _ = nc.Write(mqttSubscribe(fmt.Sprint("retained/", i, "/#"), 1))
				_, _ = nc.Write(mqttSubscribe("flood", 1))
			}
			nc.Close()
		}
	}},
	{"feeds that stop reading", func(ctx context.Context, p *process, open *sockets) {
		for range 100 {
			nc, err := net.DialTimeout("tcp", p.http, patience)
			if err != nil {
				continue
			}
			open.keep(nc)
			_, _ = fmt.Fprint(nc, "GET /api/v1/feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mwm.feed.v1\r\n\r\n")
		}
		conn, err := dialSTOMP(p.stomp, "")
		if err != nil {
			return
		}
		open.keep(conn.nc)
		for i := 0; ctx.Err() == nil && err == nil; i++ {
			err = conn.call("SEND", fmt.Sprintf(`{"lat":%f,"lng":1}`, float64(i%90)), fmt.Sprintf("destination:/topic/device.abuse%d.location", i%5000))
		}
	}},
	{"large requests to the API, half sent", func(ctx context.Context, p *process, open *sockets) {
		for range 200 {
			nc := p.apiConn(open, "POST /api/v1/messages", "Content-Type: application/json\r\nContent-Length: 3000000\r\n")
			if nc == nil || ctx.Err() != nil {
				continue
			}
			_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = fmt.Fprint(nc, strings.Repeat("x", 2_900_000))
		}
	}},
	{"requests to the API of many parts", func(ctx context.Context, p *process, open *sockets) {
		body := `{"destination":"/topic/x","headers":[` + strings.Repeat("[],", 900_000) + `[]]}`
		for ctx.Err() == nil {
			nc := p.apiConn(nil, "POST /api/v1/messages", fmt.Sprint("Connection: close\r\nContent-Type: application/json\r\nContent-Length: ", len(body), "\r\n"))
			if nc == nil {
				await(ctx, 5*time.Millisecond)
				continue
			}
			_ = nc.SetDeadline(time.Now().Add(patience))
			_, _ = fmt.Fprint(nc, body)
			_, _ = io.Copy(io.Discard, nc)
			nc.Close()
		}
	}},
	{"large answers of the API that nobody reads", func(ctx context.Context, p *process, open *sockets) {
		conn, err := dialSTOMP(p.stomp, "")
		if err != nil {
			return
		}
		defer conn.close()
		if conn.call("SEND", strings.Repeat("\x01", 1_000_000), "destination:/topic/large", "retain:true") != nil {
			return
		}
		for i := 0; ctx.Err() == nil && i < 500; i++ {
			p.apiConn(open, "GET /api/v1/retained/message?topic=large&bytes=1048576&encoding=text", "")
		}
	}},
	{"transactions that never end", func(ctx context.Context, p *process, open *sockets) {
		for ctx.Err() == nil {
			conn, err := dialSTOMP(p.stomp, "")
			if err != nil {
				continue
			}
			open.keep(conn.nc)
			for i := 0; err == nil && i < 50; i++ {
				if err = conn.call("BEGIN", "", fmt.Sprint("transaction:", i)); err == nil {
					err = conn.call("SEND", filling, "destination:/topic/t", fmt.Sprint("transaction:", i))
				}
			}
		}
	}},
	{"subscriptions", func(ctx context.Context, p *process, open *sockets) {
		for i := 0; ctx.Err() == nil && i < 100; i++ {
			conn, err := dialSTOMP(p.stomp, "")
			if err != nil {
				continue
			}
			open.keep(conn.nc)
			for n := 0; err == nil && n < 1000 && ctx.Err() == nil; n++ {
				err = conn.send("SUBSCRIBE", "", fmt.Sprint("id:", n), fmt.Sprintf("destination:/topic/sub.%d.%d.%0200d.*", i, n, 0))
			}
			_ = conn.flush()
		}
	}},
}

// apiConn connects, with little room for what the server answers, and sends the head
// of a request. Nil: the server takes none just now.
func (p *process) apiConn(open *sockets, request, head string) net.Conn {
	nc, err := net.DialTimeout("tcp", p.http, patience)
	if err != nil {
		return nil
	}
	if open != nil {
		open.keep(nc)
	}
	_ = nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = fmt.Fprintf(nc, "%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", request, head)
	return nc
}

// publishUntil sends messages to a destination, or if it ends with a dot to ever
// new ones below it, coming back after each refusal.
func publishUntil(ctx context.Context, p *process, to, header string) {
	if header == "" {
		header = "x:x"
	}
	for n := 0; ctx.Err() == nil; {
		conn, err := dialSTOMP(p.stomp, "")
		for err == nil && ctx.Err() == nil {
			destination := to
			if strings.HasSuffix(to, ".") {
				destination = fmt.Sprint(to, n%20_000)
			}
			n++
			err = conn.call("SEND", filling[:1+n%len(filling)], "destination:"+destination, header)
		}
		if conn != nil {
			conn.close()
		}
		await(ctx, 5*time.Millisecond)
	}
}

// peak is the most memory that the process has had, in bytes, but for the pages of
// files, its program above all: those the system takes back when it is short.
func (p *process) peak() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skipf("this system does not tell: %v", err)
	}
	kib := func(name string) int {
		_, rest, _ := strings.Cut(string(status), name+":")
		n, _ := strconv.Atoi(strings.Fields(rest)[0])
		return n
	}
	return (kib("VmHWM") - kib("RssFile")) << 10
}

// A server with 256 MiB survives everything at once, for MWM_ABUSE seconds: it
// stays within its memory, somebody else is served when it is over, and it stops
// in order.
func TestAbuse(t *testing.T) {
	p := serveUnder(t, []string{"env", fmt.Sprint("GOMEMLIMIT=", goMemoryLimit)}, "--data="+t.TempDir(), "--connect-timeout=5s")
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(number(t, "MWM_ABUSE", 10))*time.Second)
	defer cancel()
	var open sockets
	defer open.close()
	var all sync.WaitGroup
	for _, a := range abuses {
		all.Go(func() { a.do(ctx, p, &open) })
	}
	all.Wait()
	if p.over() {
		t.Fatal("the server has ended")
	}
	if got := p.peak(); got > containerMemory {
		t.Errorf("the server took %d MiB, at most %d are allowed", got>>20, containerMemory>>20)
	}
	open.close()
	eventually(t, "somebody else is served", func() bool { return roundTrip(p, "/topic/somebody.else") == nil })
	eventually(t, "all are gone", func() bool { return p.clients() == 0 })
	t.Logf("at most %d MiB, now %d", p.peak()>>20, p.usage().rss>>10)
	p.stop()
	if log := p.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		t.Error("the log tells of a panic")
	}
}
