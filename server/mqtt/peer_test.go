package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"

	"mwm/server/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// fixture is a broker with an MQTT server on a loopback listener.
type fixture struct {
	*Server
	t    testing.TB
	b    *broker.Broker
	addr string
	wg   sync.WaitGroup
}

// newFixture starts a server that ends with the test. Without a listener it
// has no goroutine of its own, which suits synctest.
func newFixture(t testing.TB, opt Options, listen bool) *fixture {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	b := broker.New(broker.Options{})
	s, err := New(b, opt)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Server: s, t: t, b: b}
	var ln net.Listener
	if listen {
		if ln, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		f.addr = ln.Addr().String()
		f.wg.Go(func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				f.wg.Go(func() { s.ServeConn(nc) })
			}
		})
	}
	t.Cleanup(func() {
		if ln != nil {
			ln.Close()
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		f.wg.Wait()
	})
	return f
}

func start(t testing.TB) *fixture { return newFixture(t, Options{}, true) }

// peer is the client's end of a connection, driven byte by byte.
type peer struct {
	t     testing.TB
	nc    net.Conn
	br    *bufio.Reader
	level byte
}

func newPeer(t testing.TB, nc net.Conn) *peer {
	t.Cleanup(func() { nc.Close() })
	return &peer{t: t, nc: nc, br: bufio.NewReader(nc)}
}

// dial connects over TCP, pipe in memory.
func (f *fixture) dial() *peer {
	f.t.Helper()
	nc, err := net.Dial("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	return newPeer(f.t, nc)
}

func (f *fixture) pipe() *peer {
	here, there := net.Pipe()
	f.wg.Go(func() { f.ServeConn(there) })
	return newPeer(f.t, here)
}

// hello is a CONNECT.
type hello struct {
	level          byte // v311 if 0
	id             string
	keep           bool // clean session or clean start off
	keepAlive      uint16
	user, password string
	props          packets.Properties
	will           *packets.Packet // its PUBLISH, with properties
}

func (h hello) bytes() []byte {
	if h.level == 0 {
		h.level = v311
	}
	pk := packets.Packet{ProtocolVersion: h.level, FixedHeader: packets.FixedHeader{Type: packets.Connect}}
	pk.Connect = packets.ConnectParams{
		ProtocolName: []byte("MQTT"), Clean: !h.keep, ClientIdentifier: h.id, Keepalive: h.keepAlive,
		UsernameFlag: h.user != "", Username: []byte(h.user),
		PasswordFlag: h.password != "", Password: []byte(h.password),
	}
	if h.level == v31 {
		pk.Connect.ProtocolName = []byte("MQIsdp")
	}
	pk.Properties = h.props
	if w := h.will; w != nil {
		pk.Connect.WillFlag = true
		pk.Connect.WillTopic, pk.Connect.WillPayload = w.TopicName, w.Payload
		pk.Connect.WillQos, pk.Connect.WillRetain = w.FixedHeader.Qos, w.FixedHeader.Retain
		pk.Connect.WillProperties = w.Properties
	}
	pk.Mods.AllowResponseInfo = true
	var buf bytes.Buffer
	pk.ConnectEncode(&buf)
	return buf.Bytes()
}

// connect shakes hands and expects to be accepted.
func (f *fixture) connect(h hello) *peer {
	f.t.Helper()
	p := f.dial()
	p.shake(h)
	return p
}

func (p *peer) shake(h hello) {
	p.t.Helper()
	p.say(h)
	if got := p.read(); !strings.HasPrefix(got, "CONNACK session=") || !strings.Contains(got, "code=0x00") {
		p.t.Fatalf("CONNECT was answered with %q", got)
	}
}

// say sends a CONNECT and notes the version.
func (p *peer) say(h hello) {
	p.t.Helper()
	if p.level = h.level; p.level == 0 {
		p.level = v311
	}
	p.write(h.bytes())
}

func (p *peer) write(b []byte) {
	p.t.Helper()
	p.nc.SetWriteDeadline(time.Now().Add(patience))
	if _, err := p.nc.Write(b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// pub is a PUBLISH of a client.
type pub struct {
	topic, body string
	qos         byte
	id          uint16
	dup, retain bool
	props       packets.Properties
}

func (m pub) packet(level byte) []byte {
	pk := packets.Packet{ProtocolVersion: level, TopicName: m.topic, Payload: []byte(m.body), PacketID: m.id, Properties: m.props}
	pk.FixedHeader = packets.FixedHeader{Type: packets.Publish, Qos: m.qos, Dup: m.dup, Retain: m.retain}
	pk.Mods.AllowResponseInfo = true
	var buf bytes.Buffer
	if err := pk.PublishEncode(&buf); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func (p *peer) publish(m pub) {
	p.t.Helper()
	p.write(m.packet(p.level))
}

// subscribe sends a SUBSCRIBE, with the options byte of 5.0.
func (p *peer) subscribe(id uint16, filter string, options byte, subID ...int) {
	p.t.Helper()
	body := binary.BigEndian.AppendUint16(nil, id)
	if p.level == v5 {
		props := []byte{}
		for _, n := range subID {
			props = appendVarint(append(props, packets.PropSubscriptionIdentifier), n)
		}
		body = append(appendVarint(body, len(props)), props...)
	}
	body = append(appendString(body, filter), options)
	p.write(frame(packets.Subscribe<<4|2, body))
}

func (p *peer) unsubscribe(id uint16, filter string) {
	p.t.Helper()
	body := binary.BigEndian.AppendUint16(nil, id)
	if p.level == v5 {
		body = append(body, 0)
	}
	p.write(frame(packets.Unsubscribe<<4|2, appendString(body, filter)))
}

// ack sends a PUBACK, PUBREC, PUBREL or PUBCOMP.
func (p *peer) ack(kind byte, id uint16) {
	p.t.Helper()
	p.write(appendAck(nil, kind, id, 0, ""))
}

func (p *peer) ping() {
	p.t.Helper()
	p.write([]byte{packets.Pingreq << 4, 0})
}

// goodbye sends DISCONNECT and waits until the server has closed.
func (p *peer) goodbye() {
	p.t.Helper()
	p.write([]byte{packets.Disconnect << 4, 0})
	p.expectClosed()
}

func frame(first byte, body []byte) []byte {
	return append(appendVarint([]byte{first}, len(body)), body...)
}

// next reads one packet.
func (p *peer) next() (first byte, body []byte, err error) {
	p.nc.SetReadDeadline(time.Now().Add(patience))
	if first, err = p.br.ReadByte(); err != nil {
		return 0, nil, err
	}
	n, err := binary.ReadUvarint(p.br)
	if err != nil {
		return 0, nil, err
	}
	body = make([]byte, n)
	_, err = io.ReadFull(p.br, body)
	return first, body, err
}

// read returns the next packet as text.
func (p *peer) read() string {
	p.t.Helper()
	first, body, err := p.next()
	if err != nil {
		return fmt.Sprintf("error: %v", err)
	}
	return describe(p.level, first, body)
}

// expect reads packets and compares them with what they should be.
func (p *peer) expect(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.read(); got != w {
			p.t.Fatalf("got  %s\nwant %s", got, w)
		}
	}
}

// expectClosed wants the server to close without saying anything.
func (p *peer) expectClosed() {
	p.t.Helper()
	first, body, err := p.next()
	if err == nil {
		p.t.Fatalf("got %s, want the end of the connection", describe(p.level, first, body))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("the connection is still open")
	}
}

// expectNothing wants the server to have nothing to say but to a PINGREQ.
func (p *peer) expectNothing() {
	p.t.Helper()
	p.ping()
	p.expect("PINGRESP")
}

// describe writes a packet of the server as text.
func describe(level, first byte, body []byte) string {
	pk := packets.Packet{ProtocolVersion: level}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return fmt.Sprintf("bad fixed header 0x%02x: %v", first, err)
	}
	pk.FixedHeader.Remaining = len(body)
	var err error
	text := ""
	switch pk.FixedHeader.Type {
	case packets.Connack:
		err = pk.ConnackDecode(body)
		text = fmt.Sprintf("CONNACK session=%t code=0x%02x", pk.SessionPresent, pk.ReasonCode)
	case packets.Publish:
		err = pk.PublishDecode(body)
		text = fmt.Sprintf("PUBLISH %s %q", pk.TopicName, pk.Payload)
		if pk.FixedHeader.Qos > 0 {
			text += fmt.Sprintf(" q%d id=%d", pk.FixedHeader.Qos, pk.PacketID)
		}
		if pk.FixedHeader.Dup {
			text += " dup"
		}
		if pk.FixedHeader.Retain {
			text += " retain"
		}
	case packets.Puback, packets.Pubrec, packets.Pubrel, packets.Pubcomp:
		err = pk.PubackDecode(body)
		if level < v5 && len(body) != 2 {
			err = fmt.Errorf("%d bytes", len(body))
		}
		text = fmt.Sprintf("%s %d", strings.ToUpper(packets.PacketNames[first>>4]), pk.PacketID)
		if len(body) > 2 {
			text += fmt.Sprintf(" code=0x%02x", body[2])
		}
	case packets.Suback:
		err = pk.SubackDecode(body)
		text = fmt.Sprintf("SUBACK %d [% x]", pk.PacketID, pk.ReasonCodes)
	case packets.Unsuback:
		err = pk.UnsubackDecode(body)
		text = fmt.Sprintf("UNSUBACK %d [% x]", pk.PacketID, pk.ReasonCodes)
	case packets.Pingresp:
		text = "PINGRESP"
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
		text = fmt.Sprintf("DISCONNECT code=0x%02x", pk.ReasonCode)
		if level < v5 {
			err = errors.New("a server of 3.x must not say this")
		}
	default:
		text = fmt.Sprintf("packet 0x%02x", first)
	}
	if err != nil {
		return fmt.Sprintf("bad %s (% x): %v", packets.PacketNames[first>>4], body, err)
	}
	return text + describeProperties(&pk)
}

func describeProperties(pk *packets.Packet) string {
	var b strings.Builder
	add := func(set bool, format string, args ...any) {
		if set {
			fmt.Fprintf(&b, " "+format, args...)
		}
	}
	pr := &pk.Properties
	add(pr.TopicAliasFlag, "alias=%d", pr.TopicAlias)
	add(pr.PayloadFormatFlag, "format=%d", pr.PayloadFormat)
	add(pr.MessageExpiryInterval > 0, "expiry=%d", pr.MessageExpiryInterval)
	add(pr.ContentType != "", "type=%s", pr.ContentType)
	add(pr.ResponseTopic != "", "response=%s", pr.ResponseTopic)
	add(pr.CorrelationData != nil, "correlation=%q", pr.CorrelationData)
	add(len(pr.SubscriptionIdentifier) > 0, "sub=%v", pr.SubscriptionIdentifier)
	add(pr.SessionExpiryIntervalFlag, "session-expiry=%d", pr.SessionExpiryInterval)
	add(pr.AssignedClientID != "", "assigned")
	add(pr.ResponseInfo != "", "info=%s", pr.ResponseInfo)
	add(pr.ReasonString != "", "reason=%q", pr.ReasonString)
	for _, u := range pr.User {
		add(true, "%s:%s", u.Key, u.Val)
	}
	return b.String()
}

// await waits until a condition holds.
func await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		select {
		case <-t.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
}

func messageWithHead(head []byte) *broker.Message { return &broker.Message{Name: "t", Head: head} }
