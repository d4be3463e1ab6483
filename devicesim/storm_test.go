package devicesim

import (
	"io"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"mwm/devicesim/link"
)

// bad is a server for both protocols that does not do what it should.
type bad struct {
	addr string

	mu       sync.Mutex
	accepted int
	open     int
	most     int // open at a time
}

// badServer hands each connection, with the first byte of its CONNECT, to treat.
func badServer(t *testing.T, treat func(c net.Conn, first byte)) *bad {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &bad{addr: l.Addr().String()}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b.count(1)
			work.Go(func() {
				defer b.count(-1)
				defer func() { _ = c.Close() }()
				first := make([]byte, 1)
				if _, err := io.ReadFull(c, first); err == nil {
					treat(c, first[0])
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
	return b
}

func (b *bad) count(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted += max(n, 0)
	b.open += n
	b.most = max(b.most, b.open)
}

func (b *bad) counts() (accepted, open, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted, b.open, b.most
}

// refuse says no in the protocol that begins with the byte.
func refuse(c net.Conn, first byte) {
	answer := "ERROR\nmessage:go away\n\n\x00"
	if first == 0x10 { // CONNECT of MQTT
		answer = "\x20\x03\x00\x87\x00" // CONNACK: not authorized
	}
	_, _ = io.WriteString(c, answer)
}

// welcome takes the client, and is gone.
func welcome(c net.Conn, first byte) {
	answer := "CONNECTED\nversion:1.2\nheart-beat:10000,10000\n\n\x00"
	if first == 0x10 {
		answer = "\x20\x03\x00\x00\x00"
	}
	_, _ = io.WriteString(c, answer)
}

// Devices come back to a server that sends them away, however it does so, and each waits longer and longer: all of them
// together do not overrun it.
func TestNoStorm(t *testing.T) {
	const devices = 100
	for name, treat := range map[string]func(net.Conn, byte){
		"closes": func(net.Conn, byte) {}, "refuses": refuse, "welcomes and closes": welcome,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := badServer(t, treat)
			began := time.Now()
			_, stop := running(t, Config{STOMP: b.addr, MQTT: b.addr, Trucks: devices / 2, Phones: devices / 2, Rate: quick})
			eventually(t, "they come again, and again", func() bool { n, _, _ := b.counts(); return n >= 3*devices })
			stop()
			n, _, _ := b.counts()
			shortest := 125 * time.Millisecond // half of the first wait, which doubles
			each := 1 + math.Log2(1+float64(time.Since(began))/float64(shortest))
			if float64(n) > devices*each {
				t.Errorf("%d connections of %d devices in %v", n, devices, time.Since(began))
			}
		})
	}
}

// Of a server that never answers only a few devices wait at a time, and a stop does not wait for it.
func TestSilentServer(t *testing.T) {
	b := badServer(t, func(c net.Conn, _ byte) { _, _ = io.Copy(io.Discard, c) })
	_, stop := running(t, Config{STOMP: b.addr, MQTT: b.addr, Trucks: 50, Phones: 50, Rate: quick})
	eventually(t, "some wait", func() bool { _, open, _ := b.counts(); return open == handshakesAtOnce })
	began := time.Now()
	stop()
	if d := time.Since(began); d > link.HandshakeTimeout/2 {
		t.Errorf("stopping took %v", d)
	}
	eventually(t, "all are closed", func() bool { _, open, _ := b.counts(); return open == 0 })
	if _, _, most := b.counts(); most > handshakesAtOnce {
		t.Errorf("%d connections waited at a time, want at most %d", most, handshakesAtOnce)
	}
}
