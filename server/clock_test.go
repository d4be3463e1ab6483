package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
)

// A clock that is wrong when the server starts, a year ahead or in 1970, ends no
// session, publishes no will and gives up no message, however often it is started.
func TestStartWithAWrongClock(t *testing.T) {
	cfg := server.Config{Data: t.TempDir()}
	s, stop := start(t, cfg)
	leaveThings(t, s)
	stop()
	const year = 365 * 24 * time.Hour
	for _, by := range []time.Duration{year, -57 * year, 30 * 24 * time.Hour, -24 * time.Hour, 0} {
		s, stop = startWith(t, cfg, server.Options{
			Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: func() time.Time { return time.Now().Add(by).Round(0) },
		})
		if away, wills := figure(t, s, "mwm_mqtt_sessions_away"), figure(t, s, "mwm_mqtt_wills_total"); away != 1 || wills != 0 {
			t.Errorf("clock %v ahead: %v sessions wait for their clients, %v wills were published", by, away, wills)
		}
		c := truck(t, s, fmt.Sprint("truck ", by))
		sub, err := c.Subscribe("/queue/orders", gostomp.AckClientIndividual)
		if err != nil {
			t.Fatal(err)
		}
		if m := read(t, sub); string(m.Body) != "come home" {
			t.Errorf("clock %v ahead: the truck gets %q", by, m.Body)
		}
		if err := c.Disconnect(); err != nil { // and leaves it to the next one
			t.Fatal(err)
		}
		if by == 0 {
			comeBack(t, s)
		}
		stop()
	}
}

// leaveThings leaves a session with a will and a message, and a message on a queue,
// all of which last for longer than the test.
func leaveThings(t *testing.T, s *server.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nc := dialMQTT(t, s)
	c := paho.NewClient(paho.ClientConfig{Conn: nc})
	expiry, delay, life := uint32(3600), uint32(1800), uint32(1200)
	_, err := c.Connect(ctx, &paho.Connect{
		ClientID: "AAA", KeepAlive: 60, Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry},
		WillMessage: &paho.WillMessage{Topic: "gone", Payload: []byte("AAA")}, WillProperties: &paho.WillProperties{WillDelayInterval: &delay},
	})
	if err == nil {
		_, err = c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "news", QoS: 1}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	eventually(t, "AAA is away", func() bool { return figure(t, s, "mwm_mqtt_sessions_away") == 1 })
	src, _ := connect5(t, s, "src", 0)
	if _, err := src.Publish(ctx, &paho.Publish{Topic: "news", QoS: 1, Payload: []byte("old"), Properties: &paho.PublishProperties{MessageExpiry: &life}}); err != nil {
		t.Fatal(err)
	}
	err = truck(t, s, "BBB").Send("/queue/orders", "text/plain", []byte("come home"), gostomp.SendOpt.Receipt, gostomp.SendOpt.Header("persistent", "true"),
		gostomp.SendOpt.Header("expires", strconv.FormatInt(time.Now().Add(10*time.Minute).UnixMilli(), 10)))
	if err != nil {
		t.Fatal(err)
	}
}

// comeBack takes what waits for AAA.
func comeBack(t *testing.T, s *server.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan *paho.Publish, 1)
	c := paho.NewClient(paho.ClientConfig{Conn: dialMQTT(t, s), OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(p paho.PublishReceived) (bool, error) { got <- p.Packet; return true, nil },
	}})
	res, err := c.Connect(ctx, &paho.Connect{ClientID: "AAA", KeepAlive: 60})
	if err != nil || !res.SessionPresent {
		t.Fatalf("AAA has no session any more: %+v, %v", res, err)
	}
	select {
	case p := <-got:
		if left := p.Properties.MessageExpiry; string(p.Payload) != "old" || left == nil || *left < 600 || *left > 1200 {
			t.Errorf("AAA gets %q, which lasts for %v s more", p.Payload, left)
		}
	case <-ctx.Done():
		t.Error("AAA does not get what waited for it")
	}
	_ = c.Disconnect(&paho.Disconnect{})
}
