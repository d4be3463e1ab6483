package server_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
)

// phone5 connects with MQTT 5, as a session that is kept, and returns where its
// messages come.
func phone5(t *testing.T, s *server.Server, id string) (*paho.Client, <-chan *paho.Publish) {
	t.Helper()
	got := make(chan *paho.Publish, 100)
	c, _ := connect5(t, s, id, 3600, func(r paho.PublishReceived) (bool, error) { got <- r.Packet; return true, nil })
	return c, got
}

// connect5 connects with MQTT 5, and returns what was granted.
func connect5(t *testing.T, s *server.Server, id string, expiry uint32, on ...func(paho.PublishReceived) (bool, error)) (*paho.Client, *paho.Connack) {
	t.Helper()
	c := paho.NewClient(paho.ClientConfig{Conn: dialMQTT(t, s), ClientID: id, OnPublishReceived: on})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	granted, err := c.Connect(ctx, &paho.Connect{ClientID: id, KeepAlive: 30, Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Disconnect(&paho.Disconnect{}) })
	return c, granted
}

func dialMQTT(t *testing.T, s *server.Server) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addresses().MQTT)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

func subscribe5(t *testing.T, c *paho.Client, filter string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 2}}}); err != nil {
		t.Fatal(err)
	}
}

func publish5(t *testing.T, c *paho.Client, m *paho.Publish) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := c.Publish(ctx, m); err != nil {
		t.Fatal(err)
	}
}

// settled waits until the server has taken what the truck has sent.
func settled(t *testing.T, c *gostomp.Conn) {
	t.Helper()
	if err := c.Send("/topic/settled", "", nil, gostomp.SendOpt.Receipt); err != nil {
		t.Fatal(err)
	}
}

// hear takes the next message of a phone.
func hear(t *testing.T, got <-chan *paho.Publish) *paho.Publish {
	t.Helper()
	select {
	case m := <-got:
		return m
	case <-time.After(patience):
		t.Fatal("no message")
		return nil
	}
}

// What MQTT 5 says about a message stands in the headers of STOMP, at every QoS;
// a user property never takes the place of a header that the broker sets.
func TestBridgeToSTOMP(t *testing.T) {
	s, _ := start(t, server.Config{})
	desk := truck(t, s, "desk")
	sub, err := desk.Subscribe("/topic/from.*", gostomp.AckAuto)
	if err != nil {
		t.Fatal(err)
	}
	settled(t, desk)
	c, _ := phone5(t, s, "phone")
	minute := uint32(60)
	for qos := range byte(3) {
		publish5(t, c, &paho.Publish{Topic: "from/mqtt", QoS: qos, Payload: []byte{'0' + qos}, Properties: &paho.PublishProperties{
			ContentType: "text/x", ResponseTopic: "answers/phone", CorrelationData: []byte("7:8"), MessageExpiry: &minute,
			User: paho.UserProperties{
				{Key: "k", Value: "v: w\n"}, {Key: "destination", Value: "/topic/evil"}, {Key: "message-id", Value: "evil"},
				{Key: "subscription", Value: "evil"}, {Key: "content-length", Value: "99"}, {Key: "ack", Value: "evil"},
				{Key: "reply-to", Value: "evil"}, {Key: "expires", Value: "1"},
			},
		}})
		m := read(t, sub)
		for name, want := range map[string]string{
			"destination": "/topic/from.mqtt", "content-type": "text/x", "reply-to": "/topic/answers.phone", "correlation-id": "7:8",
			"k": "v: w\n", "subscription": sub.Id(), "content-length": "1", "ack": "",
		} {
			if got := m.Header.Get(name); got != want {
				t.Errorf("QoS %d: %s is %q, want %q", qos, name, got, want)
			}
		}
		expires, err := strconv.ParseInt(m.Header.Get("expires"), 10, 64)
		if left := time.Until(time.UnixMilli(expires)); err != nil || left < 30*time.Second || left > time.Minute {
			t.Errorf("QoS %d: it expires in %v (%v), want a minute", qos, left, err)
		}
		if m.Header.Get("message-id") == "evil" || string(m.Body) != fmt.Sprint(qos) {
			t.Errorf("QoS %d: %q came with the message-id %q", qos, m.Body, m.Header.Get("message-id"))
		}
	}
}

// And the other way round, retained too.
func TestBridgeToMQTT(t *testing.T) {
	s, _ := start(t, server.Config{})
	desk := truck(t, s, "desk")
	c, got := phone5(t, s, "phone")
	subscribe5(t, c, "from/+")
	for qos := range byte(2) {
		in := strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10)
		err := desk.Send("/topic/from.stomp", "text/x", []byte("hi"),
			gostomp.SendOpt.Header("persistent", strconv.FormatBool(qos > 0)), gostomp.SendOpt.Header("reply-to", "/topic/answers.desk"),
			gostomp.SendOpt.Header("correlation-id", "7:8"), gostomp.SendOpt.Header("expires", in), gostomp.SendOpt.Header("k", "v: w\n"),
			gostomp.SendOpt.Header("retain", "true"), gostomp.SendOpt.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		late, gotLate := phone5(t, s, fmt.Sprint("late", qos))
		subscribe5(t, late, "from/stomp")
		for retained, m := range map[bool]*paho.Publish{false: hear(t, got), true: hear(t, gotLate)} {
			p := m.Properties
			if m.Topic != "from/stomp" || m.QoS != qos || m.Retain != retained || string(m.Payload) != "hi" {
				t.Errorf("got %v", m)
			}
			if p.ContentType != "text/x" || p.ResponseTopic != "answers/desk" || string(p.CorrelationData) != "7:8" || p.User.Get("k") != "v: w\n" {
				t.Errorf("retained %t: its properties are %+v", retained, p)
			}
			if p.MessageExpiry == nil || *p.MessageExpiry < 30 || *p.MessageExpiry > 60 {
				t.Errorf("retained %t: it does not expire in a minute", retained)
			}
			if len(p.User) != 1 {
				t.Errorf("retained %t: the user properties are %v", retained, p.User)
			}
		}
	}
}

// A durable subscriber of STOMP gets what phones publish while it is away, and a
// kept session what STOMP sends meanwhile.
func TestBridgeWhileAway(t *testing.T) {
	s, _ := start(t, server.Config{})
	desk := truck(t, s, "desk")
	paper := func(c *gostomp.Conn) *gostomp.Subscription {
		t.Helper()
		sub, err := c.Subscribe("/topic/from.mqtt", gostomp.AckAuto, gostomp.SubscribeOpt.Header("activemq.subscriptionName", "paper"))
		if err != nil {
			t.Fatal(err)
		}
		return sub
	}
	paper(desk)
	settled(t, desk)
	c, _ := phone5(t, s, "phone")
	subscribe5(t, c, "from/stomp")
	if err := desk.Disconnect(); err != nil {
		t.Fatal(err)
	}
	for qos := range byte(3) {
		publish5(t, c, &paho.Publish{Topic: "from/mqtt", QoS: qos, Payload: []byte{'0' + qos}})
	}
	if err := c.Disconnect(&paho.Disconnect{}); err != nil {
		t.Fatal(err)
	}
	desk = truck(t, s, "desk")
	sub := paper(desk)
	for qos := range 3 {
		if m := read(t, sub); string(m.Body) != fmt.Sprint(qos) {
			t.Errorf("STOMP got %q, want %d", m.Body, qos)
		}
	}
	eventually(t, "the phone is away", func() bool {
		all, _ := get[struct{ Total int }](t, s, "/api/v1/connections")
		return all.Total == 1 // the desk
	})
	for i := range 2 {
		if err := desk.Send("/topic/from.stomp", "text/plain", []byte{'0' + byte(i)}, gostomp.SendOpt.Header("persistent", "true"), gostomp.SendOpt.Receipt); err != nil {
			t.Fatal(err)
		}
	}
	_, got := phone5(t, s, "phone")
	for i := range 2 {
		if m := hear(t, got); string(m.Payload) != fmt.Sprint(i) || m.QoS != 1 {
			t.Errorf("MQTT got %q at QoS %d, want %d at 1", m.Payload, m.QoS, i)
		}
	}
}
