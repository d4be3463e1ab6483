package server_test

import (
	"fmt"
	"net/http"
	"testing"

	pahov3 "github.com/eclipse/paho.mqtt.golang"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
)

// Lists of the console can be sorted by what they show, read by position, and
// filtered with wildcards.
func TestConsoleListsAreSorted(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := newAPI(t, s)
	for queue, n := range map[string]int{"device.AAA.text": 1, "device.BBB.text": 3, "orders": 2, "DLQ.orders": 2} {
		for range n {
			a.post("/messages", fmt.Sprintf(`{"destination":"/queue/%s","body":"x"}`, queue), http.StatusAccepted)
		}
	}
	names := func(parameters ...string) []string {
		t.Helper()
		return column(a.get("/queues", parameters...), "queues", "name")
	}
	equal(t, "by name", names("sort", "name"), "DLQ.orders", "device.AAA.text", "device.BBB.text", "orders")
	equal(t, "by name, downwards", names("sort", "-name", "limit", "1"), "orders")
	equal(t, "the longest first", names("sort", "-waiting"), "device.BBB.text", "DLQ.orders", "orders", "device.AAA.text")
	equal(t, "by position", names("sort", "waiting", "offset", "1", "limit", "2"), "DLQ.orders", "orders")
	equal(t, "behind the end", names("sort", "waiting", "offset", "9"))
	equal(t, "with a wildcard", names("q", "device.*.text"), "device.AAA.text", "device.BBB.text")
	equal(t, "as STOMP writes it", names("q", "/queue/device.>", "sort", "-waiting"), "device.BBB.text", "device.AAA.text")
	if x := a.get("/queues", "sort", "waiting", "limit", "1"); x["matching"] != 4.0 || x["next"] != nil {
		t.Errorf("%v", x)
	}
	for _, bad := range []string{"?sort=what", "?sort=-", "?offset=1", "?sort=name&offset=-1"} {
		a.call("GET", "/queues"+bad, "", http.StatusBadRequest)
	}

	a.post("/messages", `{"destination":"/queue/orders","body":"to Seoul, 서울","headers":[["country","KR"],["via:","a"]]}`, http.StatusAccepted)
	for text, n := range map[string]int{"서울": 1, "country:KR": 1, "via::a": 1, "x": 2, "seoul": 0} {
		if found := a.get("/queues/messages", "queue", "orders", "q", text); len(list(found, "messages")) != n || found["next"] != nil {
			t.Errorf("%s: %v", text, found)
		}
	}
	if found := list(a.get("/queues/messages", "queue", "orders", "q", "KR"), "messages"); found[0]["position"] != 2.0 {
		t.Errorf("%v", found)
	}
	if found := a.get("/queues/messages", "queue", "orders", "q", "x", "limit", "1"); found["next"] == nil {
		t.Errorf("%v", found)
	}
	a.call("GET", "/queues/messages?queue=orders&q=x&state=unacknowledged", "", http.StatusBadRequest)
	a.post("/messages", `{"destination":"/topic/news.sport","body":"a longer one","retain":true}`, http.StatusAccepted)
	a.post("/messages", `{"destination":"/topic/news.art","body":"b","retain":true}`, http.StatusAccepted)
	a.post("/messages", `{"destination":"/topic/news.art","body":"b"}`, http.StatusAccepted)
	equal(t, "topics", column(a.get("/topics", "sort", "-in", "q", "news/+"), "topics", "name"), "news.art", "news.sport")
	equal(t, "retained", column(a.get("/retained", "sort", "size", "q", "/topic/news.*"), "retained", "name"), "news.art", "news.sport")
	equal(t, "retained", column(a.get("/retained", "sort", "-size", "limit", "1"), "retained", "name"), "news.sport")
}

// Whoever looks at a destination sees who gets what is sent there: by name or
// wildcard, connected or away, with either protocol; and what is published for
// those who are lost.
func TestConsoleSubscriptions(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := newAPI(t, s)
	desk := truck(t, s, "desk")
	for destination, name := range map[string]string{"/topic/news.*": "", "/queue/orders": "", "/topic/other": "", "/topic/news.>": "all news"} {
		header := gostomp.SubscribeOpt.Header("activemq.subscriptionName", name)
		if name == "" {
			header = gostomp.SubscribeOpt.Header("x", "y")
		}
		if _, err := desk.Subscribe(destination, gostomp.AckAuto, header); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, desk)
	client := func(id string) pahov3.Client {
		opt := pahov3.NewClientOptions().AddBroker("tcp://" + s.Addresses().MQTT).SetClientID(id).SetAutoReconnect(false).SetCleanSession(false)
		c := pahov3.NewClient(opt.SetBinaryWill("/mwm/lastWill", []byte(`{"deviceID":"`+id+`"}`), 2, false))
		wait(t, c.Connect())
		t.Cleanup(func() { c.Disconnect(0) })
		return c
	}
	aaa, away := client("AAA"), client("away")
	wait(t, aaa.Subscribe("news/#", 1, nil))
	wait(t, away.Subscribe("news/sport", 2, nil))
	away.Disconnect(100)
	var of map[string]any
	eventually(t, "all subscriptions to news.sport", func() bool {
		left := a.get("/connections")["total"] == 2.0 // the session is without it by then
		of = a.get("/subscriptions", "destination", "/topic/news.sport", "sort", "client")
		return left && len(list(of, "subscriptions")) == 4
	})
	equal(t, "who", column(of, "subscriptions", "client"), "AAA", "away", "desk", "desk")
	equal(t, "to what", column(of, "subscriptions", "destination"), "/topic/news.>", "/topic/news.sport", "/topic/news.*", "/topic/news.>")
	equal(t, "how", column(of, "subscriptions", "mode"), "QoS 1", "QoS 2", "auto", "auto")
	if of["matching"] != 4.0 || list(of, "subscriptions")[1]["connection"] != nil || list(of, "subscriptions")[3]["durable"] != "all news" {
		t.Errorf("%v", of)
	}
	equal(t, "of a queue", column(a.get("/subscriptions", "destination", "/queue/orders"), "subscriptions", "client"), "desk")
	equal(t, "found", column(a.get("/subscriptions", "q", "ALL NEWS"), "subscriptions", "durable"), "all news")
	for _, bad := range []string{"?destination=orders", "?sort=x"} {
		a.call("GET", "/subscriptions"+bad, "", http.StatusBadRequest)
	}

	id := list(a.get("/connections", "q", "AAA"), "connections")[0]["id"].(string)
	will, _ := a.get("/connections/" + id)["will"].(map[string]any)
	if will["mqtt"] != "/mwm/lastWill" || will["destination"] != "/topic/.mwm.lastWill" || will["qos"] != 2.0 || will["retain"] != false ||
		will["body"].(map[string]any)["data"] != `{"deviceID":"AAA"}` {
		t.Errorf("%v", will)
	}
	sessions := list(a.get("/sessions", "sort", "-online"), "sessions")
	if len(sessions) != 2 || sessions[0]["client"] != "AAA" || sessions[0]["will"] == nil || sessions[1]["will"] != nil { // it has said goodbye
		t.Errorf("%v", sessions)
	}
	equal(t, "connections", column(a.get("/connections", "sort", "-protocol"), "connections", "client"), "desk", "AAA")
}
