package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"mwm/server"
)

// The settings of MQTT sessions, each seen by a client and counted.
func TestSessionSettings(t *testing.T) {
	s, _ := start(t, server.Config{
		Data: t.TempDir(), SessionExpiry: time.Minute, MaxMQTTSessions: 2, MaxSessionMessages: 3, MaxFilters: 2, MaxInflight: 7,
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	away, granted := connect5(t, s, "away", 3600)
	if p := granted.Properties; p.SessionExpiryInterval == nil || *p.SessionExpiryInterval != 60 {
		t.Errorf("--mqtt-session-expiry: %v, want 60 s", p.SessionExpiryInterval)
	}
	if p := granted.Properties; p.ReceiveMaximum == nil || *p.ReceiveMaximum != 7 {
		t.Errorf("--max-inflight: %v, want 7", p.ReceiveMaximum)
	}
	ack, err := away.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "a", QoS: 1}, {Topic: "b"}, {Topic: "c"}}})
	if err == nil || ack == nil || len(ack.Reasons) != 3 || ack.Reasons[1] != 0 || ack.Reasons[2] != 0x97 {
		t.Errorf("--max-filters: %+v, %v", ack, err)
	}
	if err := away.Disconnect(&paho.Disconnect{}); err != nil {
		t.Fatal(err)
	}

	eventually(t, "it is away", func() bool { return figure(t, s, "mwm_mqtt_sessions_away") == 1 })
	src, _ := connect5(t, s, "src", 0)
	for i := range 5 {
		res, err := src.Publish(ctx, &paho.Publish{Topic: "a", QoS: 1, Payload: []byte("x")})
		if full := res != nil && res.ReasonCode == 0x97; full != (i >= 3) {
			t.Errorf("--max-session-messages: message %d: %+v, %v", i, res, err)
		}
	}
	connect5(t, s, "kept", 60)
	c := paho.NewClient(paho.ClientConfig{Conn: dialMQTT(t, s)})
	expiry := uint32(60)
	res, err := c.Connect(ctx, &paho.Connect{ClientID: "one too many", Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry}})
	if err == nil || res == nil || res.ReasonCode != 0x97 {
		t.Errorf("--max-mqtt-sessions: %+v, %v", res, err)
	}
	for name, want := range map[string]float64{
		"mwm_mqtt_filters_refused_total": 1, "mwm_mqtt_overflowed_total": 2, "mwm_mqtt_refused_total": 1, "mwm_mqtt_waiting": 3,
		"mwm_mqtt_sessions_away": 1,
	} {
		if got := figure(t, s, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

// --min-free: a session that is kept takes nothing more, and says so; new
// topics get no retained message.
func TestSessionsOnFullDisk(t *testing.T) {
	s, _ := start(t, server.Config{Data: t.TempDir(), MinFree: 1 << 60})
	kept, _ := phone5(t, s, "kept")
	subscribe5(t, kept, "a")
	src, _ := connect5(t, s, "src", 0)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := src.Publish(ctx, &paho.Publish{Topic: "a", QoS: 1, Payload: []byte("x")})
	if err == nil || res == nil || res.ReasonCode != 0x97 {
		t.Errorf("PUBLISH is answered with %+v, %v", res, err)
	}
	publish5(t, src, &paho.Publish{Topic: "retained", QoS: 1, Retain: true, Payload: []byte("x")})
	if a, b := figure(t, s, "mwm_mqtt_unkept_total"), figure(t, s, "mwm_retained_refused_total"); a != 1 || b != 1 {
		t.Errorf("%v and %v are counted, want 1 and 1", a, b)
	}
}

// --max-retained-bytes: beyond, a message is delivered, but not retained.
func TestMaxRetainedBytes(t *testing.T) {
	s, _ := start(t, server.Config{MaxRetainedBytes: 100})
	src, got := phone5(t, s, "src")
	subscribe5(t, src, "a/+")
	for i := range 2 {
		publish5(t, src, &paho.Publish{Topic: fmt.Sprint("a/", i), QoS: 1, Retain: true, Payload: make([]byte, 60)})
		hear(t, got)
	}
	if a, b := figure(t, s, "mwm_retained_topics"), figure(t, s, "mwm_retained_refused_total"); a != 1 || b != 1 {
		t.Errorf("%v are retained, %v refused, want 1 and 1", a, b)
	}
}
