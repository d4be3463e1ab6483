package server_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	pahov3 "github.com/eclipse/paho.mqtt.golang"
	gostomp "github.com/go-stomp/stomp/v3"
	"go.uber.org/goleak"

	"mwm/server"
	"mwm/server/fleet"
	"mwm/server/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a server on free ports until the test ends or stop is called.
func start(t testing.TB, cfg server.Config) (s *server.Server, stop func()) {
	t.Helper()
	return startLogged(t, cfg, slog.NewTextHandler(t.Output(), nil))
}

// startLogged is start with a log of the test's own.
func startLogged(t testing.TB, cfg server.Config, log slog.Handler) (s *server.Server, stop func()) {
	t.Helper()
	return startWith(t, cfg, server.Options{Logger: slog.New(log)})
}

// startWith is start with options of the test's own.
func startWith(t testing.TB, cfg server.Config, opt server.Options) (s *server.Server, stop func()) {
	t.Helper()
	for _, addr := range []*string{&cfg.HTTP, &cfg.STOMP, &cfg.STOMPWS, &cfg.MQTT, &cfg.MQTTWS} {
		if *addr == "" {
			*addr = "127.0.0.1:0"
		}
	}
	s, err := server.New(cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var stopped bool
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the server ended with %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the server does not stop")
		}
		http.DefaultClient.CloseIdleConnections()
	}
	t.Cleanup(stop)
	return s, stop
}

// truck connects with STOMP as the device.
func truck(t *testing.T, s *server.Server, id string) *gostomp.Conn {
	t.Helper()
	c, err := gostomp.Dial("tcp", s.Addresses().STOMP, gostomp.ConnOpt.Header("client-id", id), gostomp.ConnOpt.HeartBeat(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Disconnect() })
	return c
}

// phone connects with MQTT as the device.
func phone(t *testing.T, s *server.Server, id string) pahov3.Client {
	t.Helper()
	c := pahov3.NewClient(pahov3.NewClientOptions().AddBroker("tcp://" + s.Addresses().MQTT).SetClientID(id).SetAutoReconnect(false))
	if tok := c.Connect(); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatal("MQTT connect: ", tok.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

func wait(t *testing.T, tok pahov3.Token) {
	t.Helper()
	if !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatal("MQTT: ", tok.Error())
	}
}

// get decodes what the API answers.
func get[T any](t *testing.T, s *server.Server, path string) (v T, status int) {
	t.Helper()
	res, err := http.Get("http://" + s.Addresses().HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	return decode[T](t, path, res)
}

// getAs is get for somebody with an account.
func getAs[T any](t *testing.T, s *server.Server, user, path string) T {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addresses().HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(user, password)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	v, status := decode[T](t, path, res)
	if status != http.StatusOK {
		t.Fatalf("%s: %d", path, status)
	}
	return v
}

func decode[T any](t *testing.T, path string, res *http.Response) (v T, status int) {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
	}
	return v, res.StatusCode
}

func post[T any](t *testing.T, s *server.Server, path, body string) (v T) {
	t.Helper()
	res, err := http.Post("http://"+s.Addresses().HTTP+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%s: %s %s %v", path, res.Status, answer, err)
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		t.Fatalf("%s: %v in %s", path, err, answer)
	}
	return v
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if ok() {
			tick.Stop()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func read(t *testing.T, sub *gostomp.Subscription) *gostomp.Message {
	t.Helper()
	select {
	case m := <-sub.C:
		if m.Err != nil {
			t.Fatal(m.Err)
		}
		return m
	case <-time.After(patience):
		t.Fatal("no message")
		return nil
	}
}

// A truck reports where it is, headquarters sees it and sends it a text.
func TestTruck(t *testing.T) {
	s, _ := start(t, server.Config{})
	bbb := truck(t, s, "BBB")
	report := `{"deviceID":"BBB","lat":48.8581,"lng":2.2946,"ts":"2013-09-23T08:43Z"}`
	if err := bbb.Send("/topic/device.BBB.location", "application/json;charset=utf-8", []byte(report)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the fleet knows BBB", func() bool {
		d, _ := get[fleet.Details](t, s, "/api/v1/devices/BBB")
		return d.Location != nil && d.Location.Lat == 48.8581 && d.Online.STOMP
	})

	text := post[fleet.Text](t, s, "/api/v1/devices/BBB/texts", `{"body":"Where are you heading to?"}`)
	if text.State != fleet.TextWaiting {
		t.Errorf("a text to a truck that does not listen is %q", text.State)
	}
	sub, err := bbb.Subscribe("/queue/device.BBB.text", gostomp.AckClientIndividual)
	if err != nil {
		t.Fatal(err)
	}
	m := read(t, sub)
	if string(m.Body) != "Where are you heading to?" {
		t.Errorf("the truck got %q", m.Body)
	}
	state := func() fleet.TextState {
		d, _ := get[fleet.Details](t, s, "/api/v1/devices/BBB")
		return d.Texts[0].State
	}
	eventually(t, "the text is delivered", func() bool { return state() == fleet.TextDelivered })
	if err := bbb.Ack(m); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the text is consumed", func() bool { return state() == fleet.TextConsumed })
}

// A phone reports its motion, headquarters sees it and sends it an alert.
func TestPhone(t *testing.T) {
	s, _ := start(t, server.Config{})
	if got := post[struct{ Listeners int }](t, s, "/api/v1/devices/AAA/alerts", `{"color":"red"}`); got.Listeners != 0 {
		t.Errorf("an alert to nobody reached %d", got.Listeners)
	}
	aaa := phone(t, s, "AAA")
	alerts := make(chan string, 1)
	wait(t, aaa.Subscribe("/mwm/AAA/alert", 1, func(_ pahov3.Client, m pahov3.Message) { alerts <- string(m.Payload()) }))
	wait(t, aaa.Publish("/mwm/AAA/motion", 0, true, telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 0.5, Roll: -1, Yaw: 3})))
	eventually(t, "the fleet knows AAA", func() bool {
		d, _ := get[fleet.Details](t, s, "/api/v1/devices/AAA")
		return d.Motion != nil && d.Motion.Roll == -1 && d.Online.MQTT
	})
	if got := post[struct{ Listeners int }](t, s, "/api/v1/devices/AAA/alerts", `{"color":"red"}`); got.Listeners != 1 {
		t.Errorf("the alert reached %d", got.Listeners)
	}
	select {
	case color := <-alerts:
		if color != "red" {
			t.Errorf("the phone got %q", color)
		}
	case <-time.After(patience):
		t.Error("the phone got nothing")
	}
}

// One address space: a message published with either protocol reaches the
// subscribers of both, once.
func TestOneAddressSpace(t *testing.T) {
	s, _ := start(t, server.Config{})
	desk, mobile := truck(t, s, "desk"), phone(t, s, "mobile")
	sub, err := desk.Subscribe("/topic/device.*.location", gostomp.AckAuto)
	if err != nil {
		t.Fatal(err)
	}
	type message struct{ topic, body string }
	got := make(chan message, 100)
	wait(t, mobile.Subscribe("device/+/location", 1, func(_ pahov3.Client, m pahov3.Message) {
		got <- message{m.Topic(), string(m.Payload())}
	}))
	send := func(body string) {
		if err := desk.Send("/topic/device.S.location", "text/plain", []byte(body), gostomp.SendOpt.Receipt); err != nil {
			t.Fatal(err)
		}
	}
	send("from STOMP")
	wait(t, mobile.Publish("device/M/location", 1, false, "from MQTT"))
	send("the end")
	for i, want := range []message{{"device/S/location", "from STOMP"}, {"device/M/location", "from MQTT"}, {"device/S/location", "the end"}} {
		m := read(t, sub)
		if topic := "/topic/" + strings.ReplaceAll(want.topic, "/", "."); m.Destination != topic || string(m.Body) != want.body {
			t.Errorf("STOMP message %d: %q %q, want %v", i, m.Destination, m.Body, want)
		}
		select {
		case m := <-got:
			if m != want {
				t.Errorf("MQTT message %d: %v, want %v", i, m, want)
			}
		case <-time.After(patience):
			t.Fatal("no MQTT message")
		}
	}
	if len(got) > 0 || len(sub.C) > 0 {
		t.Error("a message came twice")
	}
}

// Retained values, devices and texts survive a restart; a retained motion is no
// sign of life.
func TestRestart(t *testing.T) {
	cfg := server.Config{Data: t.TempDir()}
	s, stop := start(t, cfg)
	wait(t, phone(t, s, "AAA").Publish("/mwm/AAA/motion", 1, true, telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 1})))
	if err := truck(t, s, "BBB").Send("/topic/device.BBB.location", "application/json", []byte(`{"deviceID":"BBB","lat":42.5,"lng":1.5}`), gostomp.SendOpt.Receipt); err != nil {
		t.Fatal(err)
	}
	post[fleet.Text](t, s, "/api/v1/devices/BBB/texts", `{"body":"see you after the break"}`)
	stop()

	s, _ = start(t, cfg)
	if d, _ := get[fleet.Details](t, s, "/api/v1/devices/AAA"); d.Motion == nil || d.Motion.Pitch != 1 || d.Status != "offline" {
		t.Errorf("AAA after the restart: %+v", d)
	}
	if d, _ := get[fleet.Details](t, s, "/api/v1/devices/BBB"); d.Location == nil || d.Location.Lat != 42.5 || d.Status != "offline" {
		t.Errorf("BBB after the restart: %+v", d)
	}
	sub, err := truck(t, s, "BBB").Subscribe("/queue/device.BBB.text", gostomp.AckAuto)
	if err != nil {
		t.Fatal(err)
	}
	if m := read(t, sub); string(m.Body) != "see you after the break" {
		t.Errorf("the text after the restart: %q", m.Body)
	}
	retained := make(chan bool, 1)
	wait(t, phone(t, s, "web").Subscribe("/mwm/+/motion", 0, func(_ pahov3.Client, m pahov3.Message) { retained <- m.Retained() }))
	select {
	case r := <-retained:
		if !r {
			t.Error("the motion after the restart is not a retained one")
		}
	case <-time.After(patience):
		t.Error("no retained motion after the restart")
	}
}

// A port in use is an ordinary error that names the setting.
func TestPortInUse(t *testing.T) {
	s, _ := start(t, server.Config{})
	_, err := server.New(server.Config{HTTP: s.Addresses().HTTP}, server.Options{})
	if err == nil || !strings.Contains(err.Error(), "--http: cannot listen on") {
		t.Errorf("error %v", err)
	}
}
