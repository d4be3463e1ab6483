package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	pahov3 "github.com/eclipse/paho.mqtt.golang"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/telemetry"
)

// post asks the API for something and fails if it refuses.
func (s *testServer) post(path string, body any) {
	s.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.Post(s.page()+"api/v1"+path, "application/json", bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode/100 != 2 {
		s.t.Fatalf("%s: %s %s", path, res.Status, answer)
	}
}

// outgoing is what the API is asked to send.
type outgoing struct {
	Destination string      `json:"destination"`
	Body        string      `json:"body,omitempty"`
	Base64      string      `json:"base64,omitempty"`
	Headers     [][2]string `json:"headers,omitempty"`
	Persistent  bool        `json:"persistent,omitempty"`
	Retain      bool        `json:"retain,omitempty"`
}

// send sends a message as the console does.
func (s *testServer) send(destination, body string, headers ...[2]string) {
	s.t.Helper()
	s.post("/messages", outgoing{Destination: destination, Body: body, Headers: headers, Persistent: true})
}

// busy is a server whose broker has something of everything in it.
func busy(t *testing.T) *testServer {
	t.Helper()
	s := serve(t, server.Config{Data: t.TempDir()}, server.Options{})
	for i := range 40 {
		s.send("/queue/orders", fmt.Sprintf(`{"order":%d,"items":["apples","pears"],"total":12.50,"to":"서울"}`, i), [2]string{"content-type", "application/json"}, [2]string{"country", "KR"})
	}
	s.post("/messages", outgoing{Destination: "/queue/orders", Base64: "AAECA/8=", Persistent: true})
	for i := range 3 {
		s.send("/queue/DLQ.orders", fmt.Sprintf("refused too often, no. %d", i))
	}
	s.send("/queue/device.BBB.text", "Where are you heading to?")
	s.send("/queue/device.CCC.text", "Where are you heading to?")
	desk := newTruck(t, s, "desk")
	if _, err := desk.conn.Subscribe("/topic/news.>", gostomp.AckAuto, gostomp.SubscribeOpt.Header("activemq.subscriptionName", "all news")); err != nil {
		t.Fatal(err)
	}
	desk.report(42.5, 1.5)
	desk.leave()
	reader := newTruck(t, s, "reader")
	if _, err := reader.conn.Subscribe("/topic/device.*.location", gostomp.AckAuto, gostomp.SubscribeOpt.Header("selector", "country IN ('FR', 'DE', 'IT')")); err != nil {
		t.Fatal(err)
	}
	reader.listen()
	s.send("/topic/news.sport", "goal")
	s.post("/messages", outgoing{Destination: "/topic/news.weather", Body: "sunny", Retain: true})
	opt := pahov3.NewClientOptions().SetClientID("XYZ").SetCleanSession(false).SetBinaryWill(telemetry.LastWillMQTT, telemetry.AppendWill(nil, "XYZ"), 2, false)
	ph := &phone{t: t, id: "XYZ", client: mqttClient(t, s, opt)}
	ph.wait(ph.client.Subscribe("news/#", 1, nil))
	ph.move(telemetry.Motion{Pitch: 0.5, Roll: -1, Yaw: 3})
	return s
}

// console opens the console of a server at a place.
func console(t *testing.T, s *testServer, place string) *page {
	t.Helper()
	p := open(t, s.page()+"#view=console&console="+place)
	p.wait("window.mwm?.connection === 'live' && mwm.view === 'console'")
	p.wait(find(".grid-row[data-key]:not([data-key=''])"))
	return p
}

// rowOf is the row of a list whose first cells say something.
func rowOf(list, text string) string {
	return all(tagged(list+"-row")+":not([hidden])") + `.find((e) => [...e.children].some((c) => c.textContent === ` + js(text) + `))`
}

func (p *page) openRow(list, text string) {
	p.t.Helper()
	p.clickOn(text, rowOf(list, text))
}

// cell is the expression for a cell of a row.
func cell(list, row, column string) string {
	return rowOf(list, row) + "?.querySelector('[data-column=" + column + "]')?.textContent"
}

// column is the expression for a column of the rows that are shown, from above.
func columnOf(list, column string) string {
	return all(tagged(list+"-row")+":not([hidden])") + ".sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((e) => e.querySelector('[data-column=" + column + "]').textContent)"
}

func same(expression string, want ...string) string {
	return "JSON.stringify(" + expression + ") === JSON.stringify(" + js(want) + ")"
}
