package server_test

import (
	"net/http"
	"testing"

	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
)

// MESSAGE has persistent:true when the message is, as ActiveMQ has it, whoever sent
// it: a STOMP client, headquarters, an operator, or a phone over MQTT.
func TestPersistentHeader(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := newAPI(t, s)
	c := truck(t, s, "AAA")
	subscribe := func(to string) *gostomp.Subscription {
		sub, err := c.Subscribe(to, gostomp.AckAuto)
		if err != nil {
			t.Fatal(err)
		}
		return sub
	}
	texts, queue, news := subscribe("/queue/device.AAA.text"), subscribe("/queue/orders"), subscribe("/topic/news")
	check := func(sender string, sub *gostomp.Subscription, want string) {
		t.Helper()
		m := read(t, sub)
		if got := m.Header.Get("persistent"); got != want {
			t.Errorf("%s: persistent:%q, want %q; all: %v", sender, got, want, m.Header)
		}
	}
	a.post("/texts", `{"devices":["AAA"],"body":"come home"}`, http.StatusAccepted)
	check("headquarters", texts, "true")
	a.post("/messages", `{"destination":"/queue/orders","body":"1","persistent":true}`, http.StatusAccepted)
	check("an operator", queue, "true")
	a.post("/messages", `{"destination":"/queue/orders","body":"2"}`, http.StatusAccepted)
	check("an operator, not persistently", queue, "")
	eventually(t, "the topic is subscribed to", func() bool {
		return a.post("/messages", `{"destination":"/topic/news","body":"0"}`, http.StatusAccepted)["listeners"] == 1.0
	})
	check("an operator, to a topic", news, "")
	if err := truck(t, s, "BBB").Send("/queue/orders", "text/plain", []byte("3"), gostomp.SendOpt.Header("persistent", "true")); err != nil {
		t.Fatal(err)
	}
	check("a STOMP client", queue, "true")
	p := phone(t, s, "CCC")
	for qos, want := range []string{"", "true", "true"} {
		p.Publish("news", byte(qos), false, "4").Wait()
		check("a phone", news, want)
	}
}
