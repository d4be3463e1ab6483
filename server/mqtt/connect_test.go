package mqtt

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// What a CONNECT is answered with, MQTT 3.1 §3.1, 3.1.1 §3.1, 5.0 §3.1.
func TestConnect(t *testing.T) {
	const fine5 = "CONNACK session=false code=0x00"
	str := func(s string) []byte { return appendString(nil, s) }
	raw := func(name string, level, flags byte, rest ...[]byte) []byte {
		b := append(str(name), level, flags, 0, 10)
		for _, r := range rest {
			b = append(b, r...)
		}
		return frame(packets.Connect<<4, b)
	}
	long := strings.Repeat("x", 36)
	for _, c := range []struct {
		name  string
		level byte // of the answer
		send  []byte
		want  string // "": closed without an answer
	}{
		{"3.1, MQIsdp", v31, raw("MQIsdp", 3, 2, str("A")), "CONNACK session=false code=0x00"},
		{"3.1, an identifier longer than 23", v31, raw("MQIsdp", 3, 2, str(long)), "CONNACK session=false code=0x00"},
		{"3.1, no identifier", v31, raw("MQIsdp", 3, 2, str("")), "CONNACK session=false code=0x02"},
		{"3.1.1", v311, raw("MQTT", 4, 2, str("A")), "CONNACK session=false code=0x00"},
		{"3.1.1, no identifier, clean", v311, raw("MQTT", 4, 2, str("")), "CONNACK session=false code=0x00"},
		{"3.1.1, no identifier, not clean [MQTT-3.1.3-8]", v311, raw("MQTT", 4, 0, str("")), "CONNACK session=false code=0x02"},
		{"5.0", v5, raw("MQTT", 5, 2, []byte{0}, str("A")), fine5},
		{"5.0, no identifier [MQTT-3.1.3-7]", v5, raw("MQTT", 5, 0, []byte{0}, str("")), fine5 + " assigned"},
		{"unknown level of old [MQTT-3.1.2-2]", v311, raw("MQTT", 3, 2, str("A")), "CONNACK session=false code=0x01"},
		{"a bridge of Mosquitto", v311, raw("MQTT", 0x84, 2, str("A")), "CONNACK session=false code=0x01"},
		{"unknown level to come", v5, raw("MQTT", 6, 2, []byte{0}, str("A")),
			`CONNACK session=false code=0x84 reason="protocol MQTT level 6, supported are MQIsdp 3 and MQTT 4 and 5"`},
		{"not MQTT [MQTT-3.1.2-1]", v311, raw("HTTP", 4, 2, str("A")), ""},
		{"reserved flag [MQTT-3.1.2-3]", v311, raw("MQTT", 4, 3, str("A")), ""},
		{"reserved flag, 5.0", v5, raw("MQTT", 5, 3, []byte{0}, str("A")),
			`CONNACK session=false code=0x81 reason="malformed packet: the reserved flag of CONNECT is set"`},
		{"will QoS 3 [MQTT-3.1.2-12]", v311, raw("MQTT", 4, 0x1e, str("A"), str("t"), str("b")), ""},
		{"will QoS without will [MQTT-3.1.2-11]", v311, raw("MQTT", 4, 0x0a, str("A")), ""},
		{"will to a wildcard", v5, raw("MQTT", 5, 6, []byte{0}, str("A"), []byte{0}, str("a/#"), str("b")),
			`CONNACK session=false code=0x82 reason="protocol error: a wildcard in the topic"`},
		{"an empty will is one", v311, raw("MQTT", 4, 6, str("A"), str("t"), str("")), "CONNACK session=false code=0x00"},
		{"password without user [MQTT-3.1.2-22]", v311, raw("MQTT", 4, 0x42, str("A"), str("p")), ""},
		{"password without user, 5.0", v5, raw("MQTT", 5, 0x42, []byte{0}, str("A"), str("p")), fine5},
		{"an empty password", v311, raw("MQTT", 4, 0xc2, str("A"), str("u"), str("")), "CONNACK session=false code=0x00"},
		{"identifier not UTF-8 [MQTT-3.1.3-4]", v311, raw("MQTT", 4, 2, str("\xff")), ""},
		{"something after the payload", v311, raw("MQTT", 4, 2, str("A"), []byte{0}), ""},
		{"payload too short", v311, raw("MQTT", 4, 0x82, str("A")), ""},
		{"a property twice", v5, raw("MQTT", 5, 2, []byte{6, 0x21, 0, 1, 0x21, 0, 1}, str("A")),
			`CONNACK session=false code=0x82 reason="protocol error: property 0x21 is given twice"`},
		{"receive maximum 0", v5, raw("MQTT", 5, 2, []byte{3, 0x21, 0, 0}, str("A")),
			`CONNACK session=false code=0x82 reason="protocol error: property 0x21 must not be 0"`},
		{"a property of another packet", v5, raw("MQTT", 5, 2, []byte{3, 0x23, 0, 1}, str("A")),
			`CONNACK session=false code=0x82 reason="protocol error: property 0x23 does not belong into this packet"`},
		{"properties over the end", v5, raw("MQTT", 5, 2, []byte{2, 0x21, 0}, str("A")),
			`CONNACK session=false code=0x81 reason="malformed packet: it ends too early"`},
		{"enhanced authentication", v5, raw("MQTT", 5, 2, []byte{4, 0x15, 0, 1, 'x'}, str("A")),
			`CONNACK session=false code=0x8c reason="enhanced authentication is not supported"`},
		{"fixed header flags [MQTT-2.1.3-1]", v311, append([]byte{0x11}, raw("MQTT", 4, 2, str("A"))[1:]...), ""},
		{"not CONNECT first [MQTT-3.1.0-1]", v311, []byte{packets.Pingreq << 4, 0}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t).dial()
			p.level = c.level
			p.write(c.send)
			if c.want == "" {
				p.expectClosed()
				return
			}
			p.expect(c.want)
			if strings.Contains(c.want, "code=0x00") {
				p.expectNothing()
			} else {
				p.expectClosed()
			}
		})
	}
}

// What is no CONNECT is refused at its first byte [MQTT-3.1.0-1]: nobody need wait for
// what may never come.
func TestFirstByte(t *testing.T) {
	for _, c := range []struct {
		name string
		send byte
		want string
	}{
		{"PUBLISH", 0x30, "protocol error: the first packet is Publish, must be CONNECT"},
		{"HTTP", 'G', "protocol error: the first packet is Puback, must be CONNECT"},
		{"TLS", 0x16, "malformed packet: Connect has the flags 6, must be 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				f := newFixture(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, false)
				began := time.Now()
				p := f.pipe()
				p.write([]byte{c.send})
				p.expectClosed()
				if d := time.Since(began); d > 0 {
					t.Errorf("closed after %s, want at once", d)
				}
				synctest.Wait()
				if !strings.Contains(log.String(), c.want) {
					t.Errorf("the log has not %q:\n%s", c.want, &log)
				}
			})
		})
	}
}

// [MQTT-3.1.0-2], §4.12.1, and packets that only a server sends.
func TestUnexpectedPackets(t *testing.T) {
	for _, c := range []struct {
		name string
		send []byte
		want string
	}{
		{"a second CONNECT", hello{level: v5, id: "A"}.bytes(), `DISCONNECT code=0x82 reason="protocol error: Connect is not expected here"`},
		{"AUTH", []byte{0xf0, 0}, `DISCONNECT code=0x82 reason="protocol error: Auth is not expected here"`},
		{"CONNACK", []byte{0x20, 0}, `DISCONNECT code=0x82 reason="protocol error: Connack is not expected here"`},
		{"type 0", []byte{0, 0}, `DISCONNECT code=0x82 reason="protocol error: Reserved is not expected here"`},
		{"SUBSCRIBE with flags 0 [MQTT-3.8.1-1]", []byte{0x80, 0}, `DISCONNECT code=0x81 reason="malformed packet: Subscribe has the flags 0, must be 2"`},
		{"PINGREQ with a payload", []byte{0xc0, 1, 0}, `DISCONNECT code=0x81 reason="malformed packet: PINGREQ with a payload"`},
		{"endless remaining length", []byte{0x30, 0x80, 0x80, 0x80, 0x80, 0x01}, `DISCONNECT code=0x81 reason="malformed packet: the remaining length has more than four bytes"`},
		{"remaining length not in the fewest bytes [MQTT-1.5.5-1]", []byte{0xc0, 0x80, 0}, `DISCONNECT code=0x81 reason="malformed packet: the remaining length is not encoded in the fewest bytes"`},
		{"a packet that is too large", []byte{0x30, 0xff, 0xff, 0xff, 0x7f}, `DISCONNECT code=0x95 reason="a packet of 268435460 bytes, at most 1048576 are allowed"`},
		{"a malformed DISCONNECT", []byte{0xe0, 2, 0, 5}, `DISCONNECT code=0x81 reason="malformed packet: it ends too early"`},
		{"a session expiry that did not exist", []byte{0xe0, 7, 0, 5, 0x11, 0, 0, 0, 9}, `DISCONNECT code=0x82 reason="protocol error: a session expiry interval in DISCONNECT, but none in CONNECT"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := start(t).connect(hello{level: v5, id: "A"})
			p.write(c.send)
			p.expect(c.want)
			p.expectClosed()
		})
	}
}

// A connection that says nothing, or drips, is closed after 10 s.
func TestConnectTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}, false)
		p := f.pipe()
		began := time.Now()
		whole := hello{id: "A"}.bytes()
		for _, b := range whole[:8] {
			p.write([]byte{b})
			time.Sleep(time.Second)
		}
		p.expectClosed()
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("closed after %s, want 10 s", d)
		}
	})
}

// Keep alive: one and a half times, exactly, over the whole range
// [MQTT-3.1.2-22]; any packet counts.
func TestKeepAlive(t *testing.T) {
	for _, seconds := range []uint16{1, 2, 60, 43690, 43691, 65535} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, Options{}, false)
			p := f.pipe()
			p.shake(hello{level: v5, id: "A", keepAlive: seconds})
			limit := time.Duration(seconds) * 1500 * time.Millisecond
			time.Sleep(limit - time.Millisecond)
			p.ping()
			p.expect("PINGRESP")
			began := time.Now()
			first, body, err := p.nextWithin(2 * limit)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := describe(v5, first, body), `DISCONNECT code=0x8d reason="keep alive timeout"`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if d := time.Since(began); d != limit {
				t.Errorf("keep alive of %d s: closed after %s, want %s", seconds, d, limit)
			}
		})
	}
}

// Keep alive 0 turns it off.
func TestKeepAliveOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, Options{}, false)
		p := f.pipe()
		p.shake(hello{id: "A"})
		time.Sleep(240 * time.Hour)
		p.expectNothing()
	})
}

// nextWithin is next with another patience.
func (p *peer) nextWithin(d time.Duration) (first byte, body []byte, err error) {
	p.nc.SetReadDeadline(time.Now().Add(d))
	if _, err := p.br.Peek(1); err != nil {
		return 0, nil, err
	}
	return p.next()
}

// However many come at once, no more sessions are kept than may be.
func TestMaxSessionsAtOnce(t *testing.T) {
	for range 20 {
		f := newFixture(t, Options{MaxSessions: 5}, true)
		var peers []*peer
		for range 20 {
			peers = append(peers, f.dial())
		}
		for i, p := range peers {
			p.say(hello{id: fmt.Sprint("phone", i), keep: true})
		}
		in := 0
		for _, p := range peers {
			switch got := p.read(); got {
			case "CONNACK session=false code=0x00":
				in++
			case "CONNACK session=false code=0x03":
			default:
				t.Fatalf("CONNECT was answered with %q", got)
			}
		}
		if in != 5 {
			t.Fatalf("%d are kept, want 5", in)
		}
	}
}
