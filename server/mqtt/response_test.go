package mqtt

import (
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Response Information, for those who ask (MQTT 5.0 §3.1.2.11.6, §3.2.2.3.15), and
// a request and its response by it (§4.10).
func TestResponseInformation(t *testing.T) {
	f := start(t)
	asks := hello{level: v5, id: "A", props: packets.Properties{RequestResponseInfo: 1}}
	a := f.dial()
	a.shake2(asks, "CONNACK session=false code=0x00 info=response/A")
	a.subscribe(1, "response/A/#", 1)
	a.expect("SUBACK 1 [01]")
	b := f.connect(hello{level: v5, id: "B"})
	b.subscribe(1, "requests", 1)
	b.expect("SUBACK 1 [01]")
	a.publish(pub{topic: "requests", body: "?", props: packets.Properties{ResponseTopic: "response/A/x", CorrelationData: []byte("1")}})
	b.expect(`PUBLISH requests "?" response=response/A/x correlation="1"`)
	b.publish(pub{topic: "response/A/x", body: "!", props: packets.Properties{CorrelationData: []byte("1")}})
	a.expect(`PUBLISH response/A/x "!" correlation="1"`)

	asks.id = "no+filter"
	f.dial().shake2(asks, "CONNACK session=false code=0x00")
	asks.id, asks.props.RequestResponseInfo = "C", 0
	f.dial().shake2(asks, "CONNACK session=false code=0x00")

	f = newFixture(t, Options{Authenticator: gate{}}, true)
	asks.props.RequestResponseInfo, asks.user, asks.password = 1, "olga", "secret"
	f.dial().shake2(asks, "CONNACK session=false code=0x00 info=response/C")
	asks.id, asks.user = "BBB", "BBB" // may not subscribe there
	f.dial().shake2(asks, "CONNACK session=false code=0x00")
}

// An acknowledgement that does not fit the client's Maximum Packet Size with its
// reason string comes without it ([MQTT-3.4.2-2] and the like), and one that does
// is cut between two characters.
func TestReasonStringFits(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	for _, size := range []uint32{0, maxAck, maxAck - 1} {
		h := as(v5, "BBB")
		h.props.MaximumPacketSize = size
		p := f.connect(h)
		name := strings.Repeat("é", 100)
		p.publish(pub{topic: name, qos: 1, id: 1})
		want := "PUBACK 1 code=0x87"
		if size != maxAck-1 {
			want += ` reason="not permitted to publish to ` + strings.Repeat("é", 36) + `"`
		}
		p.expect(want)
		p.subscribe(2, name, 0)
		if got := p.read(); !strings.HasPrefix(got, "SUBACK 2 [87]") {
			t.Errorf("got %s", got)
		}
		p.goodbye()
	}
}

// So it is with the CONNACK that refuses a client ([MQTT-3.2.2-19]).
func TestReasonOfRefusalFits(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	const reason = ` reason="bad user name or password"`
	const whole = uint32(2 + 2 + 1 + 3 + len("bad user name or password"))
	for size, want := range map[uint32]string{0: reason, whole: reason, whole - 1: "", 5: ""} {
		p := f.dial()
		p.shake2(hello{level: v5, id: "x", user: "AAA", password: "wrong", props: packets.Properties{MaximumPacketSize: size}},
			"CONNACK session=false code=0x86"+want)
		p.expectClosed()
	}
}
