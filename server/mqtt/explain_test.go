package mqtt

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

func explained(level byte, p []byte) string {
	var out []string
	for _, f := range explainer(level)(bytes.Clone(p), true) {
		body := ""
		if f.BodySize > 0 {
			body = fmt.Sprintf(" body %q", f.Raw[f.BodyAt:min(f.BodyAt+f.BodySize, len(f.Raw))])
		}
		fields := []string{}
		for _, h := range f.Fields {
			fields = append(fields, h.Name+"="+h.Value)
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s%s %s", f.Type, strings.Join(fields, " "), body, f.Err)))
	}
	return strings.Join(out, "; ")
}

func encoded(t *testing.T, pk packets.Packet, encode func(*packets.Packet, *bytes.Buffer) error) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := encode(&pk, &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestExplain(t *testing.T) {
	connect := packets.Packet{ProtocolVersion: v5, FixedHeader: packets.FixedHeader{Type: packets.Connect}, Connect: packets.ConnectParams{
		ProtocolName: []byte("MQTT"), ClientIdentifier: "AAA", Keepalive: 60, Clean: true, UsernameFlag: true, Username: []byte("me"),
		PasswordFlag: true, Password: []byte("sesame"), WillFlag: true, WillTopic: "/mwm/lastWill", WillPayload: []byte("gone"), WillQos: 2,
		WillProperties: packets.Properties{WillDelayInterval: 5},
	}}
	secret := encoded(t, connect, (*packets.Packet).ConnectEncode)
	old := connect
	old.ProtocolVersion = v311
	for _, c := range []struct {
		name  string
		level byte
		p     []byte
		want  string
	}{
		{"connect", v5, secret, "CONNECT protocol=MQTT 5 client id=AAA clean=true keep alive=60 user name=me password=******* will topic=/mwm/lastWill will=gone will qos=2 will will delay=5"},
		{"connect of 3.1.1", v311, encoded(t, old, (*packets.Packet).ConnectEncode), "CONNECT protocol=MQTT 4 client id=AAA clean=true keep alive=60 user name=me password=******* will topic=/mwm/lastWill will=gone will qos=2"},
		{"publish of 3.1.1", v311, []byte{0x3b, 8, 0, 1, 'a', 0, 7, 'h', 'i', '!'}, `PUBLISH topic=a qos=1 retain=true dup=true packet id=7 body "hi!"`},
		{"publish of 5", v5, []byte{0x30, 12, 0, 1, 'a', 5, packets.PropMessageExpiryInterval, 0, 0, 0, 9, 'h', 'i', '!'}, `PUBLISH topic=a qos=0 message expiry=9 body "hi!"`},
		{"the end is missing", v311, []byte{0x30, 100, 0, 1, 'a', 'h', 'i'}, `PUBLISH topic=a qos=0 body "hi"`},
		{"more than one", v311, []byte{0xc0, 0, 0xd0, 0, 0x40, 2, 0, 5}, "PINGREQ; PINGRESP; PUBACK packet id=5"},
		{"subscribe", v311, []byte{0x82, 6, 0, 1, 0, 1, '#', 2}, "SUBSCRIBE packet id=1 filter=#, qos 2"},
		{"suback", v311, []byte{0x90, 4, 0, 1, 2, 0x80}, "SUBACK packet id=1 reason=0x02 reason=0x80"},
		{"disconnect of 5", v5, []byte{0xe0, 1, 0x98}, "DISCONNECT reason=0x98"},
		{"a packet of nothing", v5, []byte{0x10, 0}, "CONNECT"},
		{"no packet", v311, []byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff}, "UNKNOWN  no MQTT packet"},
	} {
		if got := explained(c.level, c.p); !strings.HasPrefix(strings.ToUpper(got), strings.ToUpper(c.want)) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
	for _, p := range [][]byte{secret, encoded(t, old, (*packets.Packet).ConnectEncode)} {
		if f := explainer(v5)(bytes.Clone(p), true); bytes.Contains(f[0].Raw, []byte("sesame")) || !bytes.Contains(f[0].Raw, []byte("******")) {
			t.Errorf("%q", f[0].Raw)
		}
	}
}

// FuzzExplain: whatever crosses the wire, all of it is shown, once.
func FuzzExplain(f *testing.F) {
	f.Add(byte(v5), []byte{0x30, 12, 0, 1, 'a', 5, packets.PropMessageExpiryInterval, 0, 0, 0, 9, 'h', 'i', '!'})
	f.Add(byte(v311), []byte{0x82, 6, 0, 1, 0, 1, '#', 2, 0xc0, 0, 0x10, 3, 0})
	f.Add(byte(v5), []byte{0x20, 8, 0, 0, 5, 0x26, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, level byte, p []byte) {
		n := 0
		for _, x := range explainer(v31+level%3)(bytes.Clone(p), true) {
			n += len(x.Raw)
			if len(x.Raw) == 0 || x.Size < len(x.Raw) || x.BodyAt < 0 || x.BodySize < 0 || x.BodyAt > len(x.Raw) {
				t.Fatalf("%+v", x)
			}
		}
		if n != len(p) {
			t.Errorf("%d of %d bytes are shown", n, len(p))
		}
	})
}
