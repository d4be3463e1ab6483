package faults

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// sane are beginnings of conversations as they should be, of which garbage is made.
var sane = [][]byte{
	[]byte("CONNECT\naccept-version:1.2\nhost:x\nheart-beat:100,100\nclient-id:g\n\n\x00SUBSCRIBE\nid:1\ndestination:/topic/g.>\nack:client\n\n\x00SEND\ndestination:/queue/g\npersistent:true\nreceipt:1\ncontent-length:3\n\nabc\x00BEGIN\ntransaction:t\n\n\x00ACK\nid:1-1\ntransaction:t\n\n\x00COMMIT\ntransaction:t\n\n\x00"),
	[]byte("CONNECT\r\n\r\n\x00\n\n\nSEND\r\ndestination:/topic/device.G.location\r\n\r\n{\"deviceID\":\"G\",\"lat\":1e999,\"lng\":[[[[\x00"),
	mqttConversation(),
	[]byte("\x10\x12\x00\x06MQIsdp\x03\x02\x00\x0a\x00\x04garb\xc0\x00"),
	[]byte("GET /stomp HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n\x82\x91\x00\x00\x00\x00CONNECT\nhost:x\n\n\x00"),
	[]byte("GET /mqtt HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n\x82\x8e\x00\x00\x00\x00\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"),
	[]byte("POST /api/v1/devices/G/texts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"body\":\"garbage\"}"),
	[]byte("GET /api/v1/feed?epoch=1&seq=99999999999999999999 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mwm.feed.v1\r\n\r\n\x81\x8d\x00\x00\x00\x00{\"type\":\"ack\""),
}

// mqttConversation is a CONNECT of MQTT 5 with a will, a SUBSCRIBE, a PUBLISH of
// each QoS and its acknowledgements.
func mqttConversation() []byte {
	text := func(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }
	pack := func(first byte, parts ...[]byte) []byte {
		body := bytes.Join(parts, nil)
		return append([]byte{first, byte(len(body))}, body...)
	}
	return bytes.Join([][]byte{
		pack(0x10, text("MQTT"), []byte{5, 0x2e, 0, 10, 5, 0x11, 0, 0, 0, 9}, text("garbage"), []byte{0}, text("/mwm/lastWill"), text("{}")),
		pack(0x82, []byte{0, 1, 0}, text("/mwm/+/motion"), []byte{2}, text("$share/g/#"), []byte{1}),
		pack(0x31, text("/mwm/garbage/motion"), []byte{0}, make([]byte, 24)),
		pack(0x32, text("a/b"), []byte{0, 2, 3, 0x23, 0, 1}, []byte("x")),
		pack(0x34, text(""), []byte{0, 3, 3, 0x23, 0, 1}, []byte("x")),
		pack(0x62, []byte{0, 3}), pack(0x40, []byte{0, 1}), pack(0xC0), pack(0xE0),
	}, nil)
}

// garbage is noise, or something sane that was spoilt.
func garbage(r *rand.Rand) []byte {
	if r.IntN(5) == 0 {
		b := make([]byte, r.IntN(4000))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	b := bytes.Clone(sane[r.IntN(len(sane))])
	for range r.IntN(6) {
		at := r.IntN(len(b))
		switch r.IntN(6) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b[at] ^= 1 << r.IntN(8)
		case 2: // left out
			b = append(b[:at], b[min(len(b), at+1+r.IntN(9)):]...)
		case 3: // twice
			b = append(b[:at:at], b[at/2:]...)
		case 4: // from another conversation
			other := sane[r.IntN(len(sane))]
			b = append(b[:at:at], other[r.IntN(len(other)):]...)
		case 5: // very long
			b = append(b[:at:at], append(bytes.Repeat(b[at:min(len(b), at+1+r.IntN(3))], 1+r.IntN(20_000)), b[at:]...)...)
		}
		if len(b) == 0 {
			return []byte{0}
		}
	}
	return b
}

// Garbage on every port, for MWM_GARBAGE seconds: the server goes on, with no more
// memory and files than before, and nobody else notices.
func TestGarbage(t *testing.T) {
	p := serve(t, "--data="+t.TempDir(), "--connect-timeout=2s")
	ports := []string{p.stomp, p.mqtt, p.stompWS, p.mqttWS, p.http}
	before := p.usage()
	end := time.Now().Add(time.Duration(number(t, "MWM_GARBAGE", 4)) * time.Second)
	var all sync.WaitGroup
	var conversations atomic.Int64
	for i := range 16 {
		r := rand.New(rand.NewPCG(uint64(i), uint64(end.UnixNano())))
		all.Go(func() {
			for time.Now().Before(end) && !p.over() {
				if err := converse(ports[r.IntN(len(ports))], r); err != nil {
					t.Error(err)
					return
				}
				conversations.Add(1)
			}
		})
	}
	rounds := 0
	for ; time.Now().Before(end); rounds++ {
		if err := roundTrip(p, "/topic/somebody.else"); err != nil {
			t.Errorf("somebody else: %v", err)
			break
		}
		await(t.Context(), 50*time.Millisecond)
	}
	all.Wait()
	if p.over() {
		t.Fatal("the server has ended")
	}
	eventually(t, "all is given back", func() bool { return p.clients() == 0 && p.usage().files <= before.files+20 })
	after := p.usage()
	t.Logf("%d conversations, %d messages of others meanwhile; memory %d MB before, %d MB after", conversations.Load(), rounds, before.rss>>10, after.rss>>10)
	if after.rss > before.rss+200<<10 {
		t.Errorf("the server has %d MB, %d MB before", after.rss>>10, before.rss>>10)
	}
	if log := p.log.String(); strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		t.Errorf("the log tells of a panic")
	}
	p.stop()
}

// converse sends garbage, in pieces, and takes what comes.
func converse(addr string, r *rand.Rand) error {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return fmt.Errorf("nobody is there: %w", err)
	}
	defer c.Close()
	var reading sync.WaitGroup
	defer reading.Wait()
	defer c.Close()
	reading.Go(func() { _, _ = io.Copy(io.Discard, c) })
	b := garbage(r)
	for len(b) > 0 {
		n := min(len(b), 1+r.IntN(5000))
		if _, err := c.Write(b[:n]); err != nil {
			return nil // it had enough
		}
		b = b[n:]
	}
	if r.IntN(3) == 0 {
		_ = c.(*net.TCPConn).SetLinger(0)
	} else {
		_ = c.(*net.TCPConn).CloseWrite()
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		reading.Wait()
	}
	return nil
}
