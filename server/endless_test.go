package server_test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"mwm/server"
)

// assault is a peer that begins with something and goes on with more of it for as
// long as it is let.
type assault struct {
	name        string
	begin, more string
	pace        time.Duration // between two of more; 0: as fast as it goes
	answer      string        // has this; "": whatever
}

// run makes the assault on a connection, and returns what was answered once the
// server has ended it.
func (a assault) run(t *testing.T, nc net.Conn) (answer string) {
	t.Helper()
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(2 * patience))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b, err := io.ReadAll(nc)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the server does not end the connection", a.name)
		}
		answer = string(b)
	}()
	tick := time.NewTicker(max(a.pace, time.Nanosecond))
	defer tick.Stop()
	_, err := io.WriteString(nc, a.begin)
	for over := a.more == ""; err == nil && !over; {
		if a.pace > 0 {
			select {
			case <-tick.C:
			case <-ended:
				over = true
				continue
			}
		}
		_, err = io.WriteString(nc, a.more)
	}
	<-ended
	return answer
}

func (a assault) check(t *testing.T, port string, dial func() (net.Conn, error)) {
	t.Helper()
	nc, err := dial()
	if err != nil {
		t.Errorf("%s: %v", port, err)
		return
	}
	a.name = port + ", " + a.name
	if answer := a.run(t, nc); !strings.Contains(answer, a.answer) {
		t.Errorf("%s: answered with %.300q, want %q", a.name, answer, a.answer)
	}
}

const slow = 50 * time.Millisecond

var silence = assault{name: "silence"}

// session is the head of a request that anybody may make.
const session = "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

// httpAssaults are those on a port of HTTP.
var httpAssaults = []assault{
	silence,
	{name: "a slow head", begin: "GET / HTTP/1.1\r\nX: ", more: "x", pace: slow},
	{name: "an endless request line", begin: "GET /", more: strings.Repeat("x", 1<<10), answer: " 431 "},
	{name: "an endless header", begin: "GET / HTTP/1.1\r\nX: ", more: strings.Repeat("x", 1<<10), answer: " 431 "},
	{name: "endless headers", begin: "GET / HTTP/1.1\r\n", more: "X: x\r\n", answer: " 431 "},
}

// pageAssaults are those on the page's port beside.
var pageAssaults = []assault{
	{name: "an endless body", begin: session + "Transfer-Encoding: chunked\r\n\r\n", more: "400\r\n" + strings.Repeat("x", 1<<10) + "\r\n", answer: " 413 "},
	{name: "a body said to be huge", begin: session + "Content-Length: 9000000000000000000\r\n\r\n", more: strings.Repeat("x", 1<<10), answer: " 413 "},
	{name: "a length that overflows", begin: session + "Content-Length: 99999999999999999999\r\n\r\n", answer: " 400 "},
	{name: "two lengths", begin: session + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", answer: " 400 "},
	{name: "a length and chunks", begin: session + "Connection: close\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", answer: " 400 "},
	{name: "endless trailers", begin: session + "Transfer-Encoding: chunked\r\n\r\n0\r\n", more: "X: x\r\n"},
	{name: "deep JSON", begin: closing(strings.Repeat(`{"a":`, 700)), answer: " 400 "},
	{name: "many keys", begin: closing(manyKeys(300)), answer: " 401 "},
	{name: "many parameters", begin: "GET /api/v1/session?" + strings.Repeat("a&", 10000) + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", answer: " 401 "},
}

// closing is a request with a body after which the connection ends.
func closing(body string) string {
	return fmt.Sprintf("%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", session, len(body), body)
}

// manyKeys is an object whose keys are told apart by their last characters alone.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%04d":0,`, i)
	}
	return "{" + b.String() + `"user":"x"}`
}

var stompAssaults = []assault{
	silence,
	{name: "a slow frame", begin: "CONNECT\nx:", more: "x", pace: slow, answer: "ERROR"},
	{name: "slow ends of lines", more: "\n", pace: slow, answer: "ERROR"},
	{name: "endless ends of lines", more: strings.Repeat("\n", 1<<10), pace: slow},
	{name: "an endless command", more: strings.Repeat("C", 1<<10), answer: "ERROR"},
	{name: "an endless header", begin: "CONNECT\nx:", more: strings.Repeat("x", 1<<10), answer: "ERROR"},
	{name: "endless headers", begin: "CONNECT\n", more: "x:x\n", answer: "ERROR"},
	{name: "an endless body", begin: "CONNECT\n\n", more: strings.Repeat("x", 1<<10), answer: "ERROR"},
	{name: "a body said to be huge", begin: "CONNECT\ncontent-length:9000000000000000000\n\n", more: "x", pace: slow, answer: "ERROR"},
	{name: "a length that overflows", begin: "CONNECT\ncontent-length:99999999999999999999\n\n", more: "x", pace: slow, answer: "ERROR"},
}

var mqttAssaults = []assault{
	silence,
	{name: "a slow packet", begin: "\x10\x7f\x00\x04MQTT", more: "\x00", pace: slow},
	{name: "an endless length", begin: "\x10", more: "\xff"},
	{name: "a packet said to be huge", begin: "\x10\xff\xff\xff\x7f", more: strings.Repeat("\x00", 1<<10)},
	{name: "endless pings", more: strings.Repeat("\xc0\x00", 1<<9)},
}

// upgrade begins a WebSocket.
func upgrade(path, subprotocol string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + subprotocol + "\r\n" +
		"Sec-WebSocket-Extensions: permessage-deflate\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("olga:"+password)) + "\r\n\r\n"
}

// wsFrame is a frame (RFC 6455 §5.2) of a client whose masking key is 0, with a
// length that need not be that of the payload.
func wsFrame(first byte, length uint64, payload string) string {
	b := []byte{first}
	switch {
	case length < 126:
		b = append(b, 0x80|byte(length))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), length)
	}
	return string(append(b, 0, 0, 0, 0)) + payload
}

// wsAssaults are those within a WebSocket. A closing handshake with a reason, an
// ERROR before it, or an end are all right.
var wsAssaults = []assault{
	{name: "a frame said to be huge", begin: wsFrame(0x82, 1<<62, ""), more: strings.Repeat("x", 1<<10)},
	{name: "a length of 2^63", begin: wsFrame(0x82, 1<<63, ""), more: strings.Repeat("x", 1<<10)},
	{name: "endless fragments", begin: wsFrame(0x02, 1, "C"), more: wsFrame(0x00, 1, "C")},
	{name: "a control frame too long", begin: wsFrame(0x89, 1<<20, ""), more: strings.Repeat("x", 1<<10)},
	{name: "a compressed message although there is no compression", begin: wsFrame(0xc2, 4, "\x00\x00\xff\xff")},
	{name: "an unknown kind of frame", begin: wsFrame(0x83, 1, "x")},
	{name: "a frame that is not masked", begin: "\x82\x01x"},
}

// wsSlow are those that only the time to introduce oneself ends.
var wsSlow = []assault{
	silence,
	{name: "a slow head of a frame", begin: "\x82"},
	{name: "a slow huge frame", begin: wsFrame(0x82, 1<<40, ""), more: "x", pace: slow},
	{name: "endless empty fragments", begin: wsFrame(0x02, 0, ""), more: strings.Repeat(wsFrame(0x00, 0, ""), 100), pace: slow},
	{name: "endless empty messages", more: strings.Repeat(wsFrame(0x82, 0, ""), 100), pace: slow},
	{name: "endless pings", more: strings.Repeat(wsFrame(0x89, 0, ""), 100), pace: slow},
}

// Whoever is endless, oversized or slow, on whatever port, is ended, told why
// where the protocol can, and harms nobody else.
func TestEndless(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{
		Accounts: file, HTTPS: "127.0.0.1:0", STOMPS: "127.0.0.1:0", MQTTS: "127.0.0.1:0", TLSSelfSigned: true,
		ConnectTimeout: 5 * time.Second, MaxMessage: 64 << 10,
	})
	a := s.Addresses()
	tcp := func(addr string) func() (net.Conn, error) {
		return func() (net.Conn, error) { return net.DialTimeout("tcp", addr, patience) }
	}
	secured := func(addr string) func() (net.Conn, error) {
		return func() (net.Conn, error) { return dial(t, "tls://"+addr, "", 0) }
	}
	truck, err := ways["STOMP"].connect(t, s, "BBB", passwords["BBB"], "BBB", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer truck.drop()
	ports := []struct {
		port     string
		dial     func() (net.Conn, error)
		assaults [][]assault
	}{
		{"http", tcp(a.HTTP), [][]assault{httpAssaults, pageAssaults}},
		{"https", secured(a.HTTPS), [][]assault{httpAssaults, pageAssaults}},
		{"stomp-ws", tcp(a.STOMPWS), [][]assault{httpAssaults}},
		{"mqtt-ws", tcp(a.MQTTWS), [][]assault{httpAssaults}},
		{"stomp", tcp(a.STOMP), [][]assault{stompAssaults}},
		{"stomps", secured(a.STOMPS), [][]assault{stompAssaults}},
		{"mqtt", tcp(a.MQTT), [][]assault{mqttAssaults}},
		{"mqtts", secured(a.MQTTS), [][]assault{mqttAssaults}},
		{"STOMP in a WebSocket", upgraded(tcp(a.STOMPWS), "/", "v12.stomp"), [][]assault{wsAssaults, wsSlow}},
		{"MQTT in a WebSocket", upgraded(tcp(a.MQTTWS), "/mqtt", "mqtt"), [][]assault{wsAssaults, wsSlow}},
		{"STOMP at /stomp", upgraded(tcp(a.HTTP), "/stomp", "v12.stomp"), [][]assault{wsAssaults, wsSlow}},
		{"MQTT at /mqtt with TLS", upgraded(secured(a.HTTPS), "/mqtt", "mqtt"), [][]assault{wsAssaults, wsSlow}},
		{"the feed", upgraded(tcp(a.HTTP), "/api/v1/feed", "mwm.feed.v1"), [][]assault{wsAssaults}},
		{"a TLS handshake", tcp(a.HTTPS), [][]assault{tlsAssaults}},
		{"a TLS handshake of STOMP", tcp(a.STOMPS), [][]assault{tlsAssaults}},
		{"a TLS handshake of MQTT", tcp(a.MQTTS), [][]assault{tlsAssaults}},
	}
	var all errgroup.Group // most wait for a time to be over
	all.SetLimit(80)
	for _, c := range ports {
		for _, x := range slices.Concat(c.assaults...) {
			all.Go(func() error {
				x.check(t, c.port, c.dial)
				return nil
			})
		}
	}
	_ = all.Wait()
	if !truck.do("publish", "/topic/device.BBB.location", "{}") {
		t.Error("the truck was cut off")
	}
}

// tlsAssaults are those on a handshake.
var tlsAssaults = []assault{
	silence,
	{name: "a slow ClientHello", begin: "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", more: "x", pace: slow},
	{name: "a ClientHello said to be huge", begin: "\x16\x03\x01\x40\x00\x01\xff\xff\xff", more: strings.Repeat("x", 1<<10)},
	{name: "a record too long", begin: "\x16\x03\x01\xff\xff", more: strings.Repeat("x", 1<<10)},
	{name: "endless alerts", more: "\x15\x03\x01\x00\x02\x01\x64"},
}

// upgraded opens connections that are WebSockets already. Compression is offered,
// and must not be taken: a message of a few bytes could become a large one.
func upgraded(dial func() (net.Conn, error), path, subprotocol string) func() (net.Conn, error) {
	return func() (net.Conn, error) {
		nc, err := dial()
		if err != nil {
			return nil, err
		}
		_ = nc.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(nc, upgrade(path, subprotocol)); err != nil {
			return nil, err
		}
		r := bufio.NewReader(nc)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Extensions") != "" {
			return nil, fmt.Errorf("%s, extensions %q", res.Status, res.Header.Get("Sec-WebSocket-Extensions"))
		}
		return nc, nil
	}
}
