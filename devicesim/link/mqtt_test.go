package link

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"mwm/devicesim/testbroker"
)

func dialMQTT(t *testing.T, cfg MQTTConfig) *MQTT {
	t.Helper()
	l, err := DialMQTT(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// listen returns a channel with what comes on the filter.
func listen(t *testing.T, addr, filter string) <-chan Message {
	t.Helper()
	got := make(chan Message, 16)
	l := dialMQTT(t, MQTTConfig{Addr: addr, ClientID: "listener", Handle: func(m Message) { got <- m }})
	if err := l.Subscribe(t.Context(), 2, filter); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestMQTTPublishes(t *testing.T) {
	b := testbroker.MQTT(t)
	got := listen(t, b.Addr, "/mwm/+/motion")
	l := dialMQTT(t, MQTTConfig{Addr: b.Addr, ClientID: "XYZ"})
	if err := l.Publish("/mwm/XYZ/motion", []byte("24"), true); err != nil {
		t.Fatal(err)
	}
	if m := within(t, got, "live"); m.Topic != "/mwm/XYZ/motion" || string(m.Payload) != "24" || m.Retained {
		t.Errorf("got %+v", m)
	}
	late := listen(t, b.Addr, "/mwm/XYZ/motion")
	if m := within(t, late, "retained"); !m.Retained {
		t.Errorf("got %+v, not retained", m)
	}
}

func TestMQTTLastWill(t *testing.T) {
	b := testbroker.MQTT(t)
	got := listen(t, b.Addr, "/mwm/lastWill")
	will := func(id string) *Will { return &Will{Topic: "/mwm/lastWill", Payload: []byte(id), QoS: 2} }
	orderly := dialMQTT(t, MQTTConfig{Addr: b.Addr, ClientID: "A", Will: will("A")})
	lost := dialMQTT(t, MQTTConfig{Addr: b.Addr, ClientID: "B", Will: will("B")})
	orderly.Close()
	lost.Abort()
	if m := within(t, got, "last will"); string(m.Payload) != "B" {
		t.Errorf("the last will of %q came; only B was lost", m.Payload)
	}
}

func TestMQTTNoticesLoss(t *testing.T) {
	b := testbroker.MQTT(t)
	l := dialMQTT(t, MQTTConfig{Addr: b.Addr, ClientID: "A"})
	b.Down()
	within(t, l.Lost(), "loss")
	if l.Err() == nil {
		t.Error("lost for no reason")
	}
}

// script answers each packet that a client sends with what the table has for its type, then ends with last.
func script(t *testing.T, answers map[byte]*packets.ControlPacket, last *packets.ControlPacket) (addr string) {
	return fakeServer(t, func(c net.Conn) {
		for {
			p, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			if p.Type == packets.PINGREQ && last != nil {
				_, _ = last.WriteTo(c)
				return
			}
			a := answers[p.Type]
			if a == nil {
				continue
			}
			if ack, ok := a.Content.(*packets.Puback); ok {
				ack.PacketID = p.PacketID()
			}
			_, _ = a.WriteTo(c)
		}
	})
}

func packet(kind byte, set func(content any)) *packets.ControlPacket {
	p := packets.NewControlPacket(kind)
	if set != nil {
		set(p.Content)
	}
	return p
}

func TestMQTTNobodyListens(t *testing.T) {
	addr := script(t, map[byte]*packets.ControlPacket{
		packets.CONNECT: packet(packets.CONNACK, nil),
		packets.PUBLISH: packet(packets.PUBACK, func(c any) { c.(*packets.Puback).ReasonCode = NoMatchingSubscribers }),
	}, nil)
	l := dialMQTT(t, MQTTConfig{Addr: addr, ClientID: "A"})
	code, err := l.PublishConfirmed(t.Context(), "/mwm/XYZ/alert", []byte("red"))
	if err != nil || code != NoMatchingSubscribers {
		t.Errorf("reason code 0x%02X, error %v", code, err)
	}
}

func TestMQTTTellsTheServersReason(t *testing.T) {
	refuse := script(t, map[byte]*packets.ControlPacket{
		packets.CONNECT: packet(packets.CONNACK, func(c any) { c.(*packets.Connack).ReasonCode = packets.ConnackBadUsernameOrPassword }),
	}, nil)
	_, err := DialMQTT(t.Context(), MQTTConfig{Addr: refuse, ClientID: "A"})
	if err == nil || !strings.Contains(err.Error(), "0x86") || strings.Contains(err.Error(), "is this a port") {
		t.Errorf("refused with %v", err)
	}

	taken := script(t, map[byte]*packets.ControlPacket{packets.CONNECT: packet(packets.CONNACK, nil)},
		packet(packets.DISCONNECT, func(c any) { c.(*packets.Disconnect).ReasonCode = packets.DisconnectSessionTakenOver }))
	l := dialMQTT(t, MQTTConfig{Addr: taken, ClientID: "A"}) // paho pings at once
	within(t, l.Lost(), "loss")
	if err := l.Err(); err == nil || !strings.Contains(err.Error(), "0x8E") {
		t.Errorf("lost with %v", err)
	}
}

func TestMQTTAtAnotherPort(t *testing.T) {
	other := fakeServer(t, func(c net.Conn) {
		_, _ = packets.ReadPacket(c)
		_, _ = io.WriteString(c, "ERROR\nmessage:malformed frame\n\n\x00")
	})
	_, err := DialMQTT(t.Context(), MQTTConfig{Addr: other, ClientID: "A"})
	if err == nil || !strings.HasSuffix(err.Error(), "; is this a port of MQTT without TLS?") {
		t.Errorf("refused with %v", err)
	}
}

func TestMQTTCloseIsBounded(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	addr := fakeServer(t, func(c net.Conn) {
		if _, err := packets.ReadPacket(c); err == nil {
			_, _ = packet(packets.CONNACK, nil).WriteTo(c)
		}
		<-hold
	})
	l := dialMQTT(t, MQTTConfig{Addr: addr, ClientID: "A"})
	began := time.Now()
	l.Close()
	if d := time.Since(began); d > CloseTimeout+10*time.Second {
		t.Errorf("closing took %v", d)
	}
}

func TestMQTTAsksForASmallWindow(t *testing.T) {
	p := connectPacket(MQTTConfig{ClientID: "A"})
	if p.Properties.ReceiveMaximum == nil || *p.Properties.ReceiveMaximum > 100 {
		t.Error("without a Receive Maximum the library allocates 512 KiB for each connection")
	}
}
