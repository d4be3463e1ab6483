package server_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	pahov3 "github.com/eclipse/paho.mqtt.golang"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/telemetry"
)

// An operator looks into a queue, moves dead messages back and deletes others.
func TestConsoleQueues(t *testing.T) {
	for _, queue := range []string{"orders", "..", "/a b<i&?%"} {
		t.Run(queue, func(t *testing.T) { testConsoleQueue(t, queue) })
	}
}

func testConsoleQueue(t *testing.T, queue string) {
	cfg := server.Config{Data: t.TempDir()}
	s, stop := start(t, cfg)
	a := newAPI(t, s)
	quoted, _ := json.Marshal(queue)
	for i := range 5 {
		body := fmt.Sprintf(`{"destination":"/queue/%s","headers":[["country","FR"],["a:b","c\nd"]],"body":"order %d","persistent":true,"priority":%d}`,
			strings.Trim(string(quoted), `"`), i, 4+i%2)
		if sent := a.post("/messages", body, http.StatusAccepted); sent["listeners"] != 0.0 {
			t.Errorf("%v", sent)
		}
	}
	page := a.get("/queues/messages", "queue", queue, "limit", "2")
	equal(t, "the first page", column(page, "messages", "preview"), "order 1", "order 3")
	if q := page["queue"].(map[string]any); q["waiting"] != 5.0 || q["name"] != queue {
		t.Errorf("%v", q)
	}
	second := a.get("/queues/messages", "queue", queue, "limit", "2", "after", page["next"].(string))
	equal(t, "the second page", column(second, "messages", "preview"), "order 0", "order 2")
	equal(t, "by position", column(a.get("/queues/messages", "queue", queue, "offset", "4"), "messages", "preview"), "order 4")
	key := list(second, "messages")[0]["key"].(string)
	m := a.get("/queues/message", "queue", queue, "key", key)
	if body := m["body"].(map[string]any); body["data"] != "order 0" || body["encoding"] != "text" || m["position"] != 2.0 || m["onDisk"] != true || m["destination"] != "/queue/"+queue {
		t.Errorf("%v", m)
	}
	if headers := fmt.Sprint(m["headers"]); !strings.Contains(headers, "[country FR]") || !strings.Contains(headers, "[a:b c\nd]") {
		t.Errorf("%v", headers)
	}
	if m := a.get("/queues/message", "queue", queue, "key", key, "encoding", "hex", "bytes", "2"); m["body"].(map[string]any)["data"] != "6f72" || m["body"].(map[string]any)["truncated"] != true {
		t.Errorf("%v", m)
	}
	if res, body := a.request("GET", "/queues/message/body"+query("queue", queue, "key", key), ""); string(body) != "order 0" || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%s %v", body, res.Header)
	}
	operate := func(what, rest string, status int) map[string]any {
		t.Helper()
		return a.post("/queues/messages/"+what, fmt.Sprintf(`{"queue":%s,%s}`, quoted, rest), status)
	}
	if d := operate("delete", `"keys":["`+key+`","4-99"]`, 200); d["count"] != 1.0 {
		t.Errorf("%v", d)
	}
	a.call("GET", "/queues/message"+query("queue", queue, "key", key), "", http.StatusNotFound)
	if d := operate("move", `"keys":["`+list(second, "messages")[1]["key"].(string)+`"],"to":"other"`, 200); d["count"] != 1.0 {
		t.Errorf("%v", d)
	}
	equal(t, "queues", column(a.get("/queues", "limit", "1000"), "queues", "waiting"), map[bool][]string{true: {"3", "1"}, false: {"1", "3"}}[queue < "other"]...)

	// A consumer that refuses: the message dies, and is given another chance.
	sub, err := truck(t, s, "consumer").Subscribe("/queue/"+queue, gostomp.AckClientIndividual, gostomp.SubscribeOpt.Header("activemq.prefetchSize", "1"))
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		m := read(t, sub)
		if string(m.Body) != "order 1" {
			t.Fatalf("%q", m.Body)
		}
		if err := m.Conn.Nack(m); err != nil {
			t.Fatal(err)
		}
	}
	third := read(t, sub)
	held := list(a.get("/queues/messages", "queue", queue, "state", "unacknowledged"), "messages")
	if len(held) != 1 || held[0]["preview"] != string(third.Body) || held[0]["position"] != nil || held[0]["connection"] == nil {
		t.Errorf("%v", held)
	}
	if err := third.Conn.Ack(third); err != nil {
		t.Fatal(err)
	}
	if d := a.post("/queues/messages/move", fmt.Sprintf(`{"queue":%q,"all":true,"to":%s}`, "DLQ."+queue, quoted), 200); d["count"] != 1.0 || d["more"] != false {
		t.Errorf("%v", d)
	}
	for want := range map[string]bool{"order 4": true, "order 1": true} {
		_ = want
		if m := read(t, sub); m.Destination != "/queue/"+queue || m.Header.Get("dlqDeliveryFailureCause") != "" {
			t.Errorf("%v", m.Header)
		} else if err := m.Conn.Ack(m); err != nil {
			t.Fatal(err)
		}
	}
	a.post("/queues/delete", fmt.Sprintf(`{"queue":%s}`, quoted), http.StatusConflict)
	a.post("/queues/messages/delete", `{"queue":"other","all":true}`, 200)
	a.post("/queues/delete", `{"queue":"other"}`, http.StatusNoContent)
	a.call("GET", "/queues/queue?queue=other", "", http.StatusNotFound)
	eventually(t, "the counts", func() bool {
		q := a.get("/queues/queue", "queue", queue)
		return q["enqueued"] == 6.0 && q["dead"] == 1.0 && q["removed"] == 2.0 && q["consumed"] == 3.0 && q["waiting"] == 0.0 && q["consumers"] == 1.0
	})
	for rest, status := range map[string]int{
		`"all":true,"to":"a.*"`: 422, `"all":true,"to":` + string(quoted): 422, `"keys":["x"],"to":"other"`: 422, `"to":"other"`: 422, `"all":true,"keys":["4-1"],"to":"o"`: 422,
	} {
		operate("move", rest, status)
	}
	a.post("/queues/messages/delete", `{"queue":"none","all":true}`, http.StatusNotFound)
	a.post("/queues/messages/delete", `{"all":true}`, http.StatusUnprocessableEntity)
	for _, q := range []string{"", "?queue=q&offset=-1", "?queue=q&limit=201", "?queue=q&after=x", "?queue=q&state=x", "?queue=q&durable=d"} {
		a.call("GET", "/queues/messages"+q, "", http.StatusBadRequest)
	}
	stop()
	s, _ = start(t, cfg)
	a = newAPI(t, s)
	if q := a.get("/queues"); len(list(q, "queues")) != 0 {
		t.Errorf("after a restart: %v", q)
	}
}

// An operator looks at topics, retained messages, durable subscriptions.
func TestConsoleTopics(t *testing.T) {
	s, _ := start(t, server.Config{Data: t.TempDir()})
	a := newAPI(t, s)
	desk := truck(t, s, "desk")
	if _, err := desk.Subscribe("/topic/news.>", gostomp.AckAuto, gostomp.SubscribeOpt.Header("activemq.subscriptionName", "all news")); err != nil {
		t.Fatal(err)
	}
	if err := desk.Disconnect(); err != nil {
		t.Fatal(err)
	}
	if err := truck(t, s, "editor").Send("/topic/news.sport", "text/plain", []byte("goal"), gostomp.SendOpt.Receipt, gostomp.SendOpt.Header("persistent", "true")); err != nil {
		t.Fatal(err)
	}
	motion := telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 1})
	wait(t, phone(t, s, "AAA").Publish("/mwm/AAA/motion", 1, true, motion))
	topics := a.get("/topics", "q", "NEWS")
	equal(t, "topics", column(topics, "topics", "destination"), "/topic/news.sport")
	if x := list(topics, "topics")[0]; x["in"] != 1.0 || x["out"] != 1.0 || x["subscribers"] != 1.0 || x["online"] != 0.0 || x["mqtt"] != "news/sport" || x["retained"] != false {
		t.Errorf("%v", x)
	}
	retained := a.get("/retained")
	equal(t, "retained", column(retained, "retained", "mqtt"), "/mwm/AAA/motion")
	if x := a.get("/retained/message", "topic", ".mwm.AAA.motion", "encoding", "hex"); x["body"].(map[string]any)["data"] != hex.EncodeToString(motion) || x["sender"] != "AAA" {
		t.Errorf("%v", x)
	}
	if _, body := a.request("GET", "/retained/message/body?topic=.mwm.AAA.motion", ""); string(body) != string(motion) {
		t.Errorf("%q", body)
	}
	if x := a.get("/retained/message", "topic", ".mwm.AAA.motion"); x["body"].(map[string]any)["encoding"] != "base64" || x["preview"] != nil {
		t.Errorf("%v", x)
	}
	if d := a.post("/retained/clear", `{"topics":[".mwm.AAA.motion","none"]}`, 200); d["count"] != 1.0 {
		t.Errorf("%v", d)
	}
	a.call("GET", "/retained/message?topic=.mwm.AAA.motion", "", http.StatusNotFound)
	a.post("/messages", `{"destination":"/topic/news.retained","body":"트럭","retain":true}`, http.StatusAccepted)
	equal(t, "retained", column(a.get("/retained"), "retained", "preview"), "트럭")

	durables := list(a.get("/durables"), "durables")
	if len(durables) != 1 || durables[0]["client"] != "desk" || durables[0]["durable"] != "all news" || durables[0]["filter"] != "/topic/news.>" || durables[0]["waiting"] != 2.0 || durables[0]["online"] != false {
		t.Errorf("%v", durables)
	}
	kept := a.get("/queues/messages", "client", "desk", "durable", "all news")
	equal(t, "what it keeps", column(kept, "messages", "preview"), "goal", "트럭")
	a.post("/durables/delete", `{"client":"desk","durable":"all news"}`, http.StatusNoContent)
	a.post("/durables/delete", `{"client":"desk","durable":"all news"}`, http.StatusNotFound)
	if n := len(list(a.get("/durables"), "durables")); n != 0 {
		t.Errorf("%d durable subscriptions", n)
	}
	for body, status := range map[string]int{
		`{"destination":"news","body":"x"}`: 422, `{"destination":"/topic/a.*"}`: 422, `{"destination":"/topic/$SYS.x"}`: 422, `{"destination":"/queue/a","retain":true}`: 422,
		`{"destination":"/queue/a","priority":10}`: 422, `{"destination":"/queue/a","body":"a","base64":"YQ=="}`: 422, `{"destination":"/queue/a","base64":"?"}`: 422,
		`{"destination":"/queue/a","expires":1}`: 422, `{"destination":"/queue/a","headers":[["message-id","1"]]}`: 422, `{"destination":"/queue/a","headers":[["",""]]}`: 422,
		`{"destination":"/topic/a","headers":[["k","v"]],"base64":"AAE="}`: 202, `[]`: 400, `{"destination":1}`: 400,
	} {
		res, answer := a.request("POST", "/messages", body)
		if res.StatusCode != status {
			t.Errorf("%s: %s %s", body, res.Status, answer)
		}
	}
}

// An operator sees who is connected, and shows somebody the door.
func TestConsoleConnections(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := newAPI(t, s)
	desk := truck(t, s, "desk")
	if _, err := desk.Subscribe("/topic/news.*", gostomp.AckClient, gostomp.SubscribeOpt.Header("selector", "country = 'FR'")); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	aaa := pahov3.NewClient(pahov3.NewClientOptions().AddBroker("tcp://" + s.Addresses().MQTT).SetClientID("AAA").SetAutoReconnect(false).SetCleanSession(false).
		SetConnectionLostHandler(func(_ pahov3.Client, err error) { lost <- err }))
	wait(t, aaa.Connect())
	wait(t, aaa.Subscribe("news/+", 1, nil))
	wait(t, aaa.Publish("news/sport", 1, false, "goal"))
	connections := a.get("/connections")
	equal(t, "clients", column(connections, "connections", "client"), "desk", "AAA")
	if connections["total"] != 2.0 {
		t.Errorf("%v", connections["total"])
	}
	id := list(a.get("/connections", "q", "MQTT"), "connections")[0]["id"].(string)
	var c map[string]any
	eventually(t, "the counts of AAA", func() bool {
		c = a.get("/connections/" + id)
		return c["messagesIn"] == 1.0 && c["messagesOut"] == 1.0 && c["bytesIn"].(float64) > 30 && c["bytesOut"].(float64) > 10
	})
	if c["version"] != "3.1.1" || c["protocol"] != "mqtt" || c["dropped"] != 0.0 || fmt.Sprint(c["subscriptions"]) != "[map[destination:news/+ durable: id: mode:QoS 1 selector:]]" {
		t.Errorf("%v", c)
	}
	first := list(connections, "connections")[0]["id"].(string)
	subs := a.get("/connections/" + first)["subscriptions"].([]any)
	if sub := subs[0].(map[string]any); sub["destination"] != "/topic/news.*" || sub["mode"] != "client" || sub["selector"] != "country = 'FR'" {
		t.Errorf("%v", sub)
	}
	equal(t, "behind the first", column(a.get("/connections", "after", first), "connections", "client"), "AAA")
	sessions := list(a.get("/sessions"), "sessions")
	if len(sessions) != 1 || sessions[0]["client"] != "AAA" || sessions[0]["connection"] != id || fmt.Sprint(sessions[0]["subscriptions"]) != "[map[filter:news/+ qos:1]]" {
		t.Errorf("%v", sessions)
	}
	a.post("/sessions/delete", `{"client":"AAA"}`, http.StatusConflict)
	a.post("/connections/"+id+"/close", `{}`, http.StatusNoContent)
	select {
	case <-lost:
	case <-time.After(patience):
		t.Fatal("AAA is still connected")
	}
	eventually(t, "the connection is gone", func() bool { return a.get("/connections")["total"] == 1.0 })
	a.call("GET", "/connections/"+id, "", http.StatusNotFound)
	a.post("/connections/x/close", `{}`, http.StatusNotFound)
	if x := list(a.get("/sessions"), "sessions"); x[0]["connection"] != nil {
		t.Errorf("%v", x)
	}
	a.post("/sessions/delete", `{"client":"AAA"}`, http.StatusNoContent)
	a.post("/sessions/delete", `{"client":"AAA"}`, http.StatusNotFound)
	a.post("/connections/"+first+"/close", `{}`, http.StatusNoContent)
	eventually(t, "nobody is connected", func() bool { return a.get("/connections")["total"] == 0.0 })
}
