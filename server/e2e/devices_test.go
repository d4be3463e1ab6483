package e2e

import (
	"encoding/json"
	"testing"
	"time"

	pahov3 "github.com/eclipse/paho.mqtt.golang"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server/telemetry"
)

// truck is a device of the test over STOMP: it tells where it is and takes texts.
type truck struct {
	t     *testing.T
	id    string
	conn  *gostomp.Conn
	texts *gostomp.Subscription
}

// newTruck connects a truck. It stays connected until it leaves or the test ends.
func newTruck(t *testing.T, s *testServer, id string) *truck {
	t.Helper()
	c, err := gostomp.Dial("tcp", s.at.STOMP, gostomp.ConnOpt.Header("client-id", id), gostomp.ConnOpt.HeartBeat(0, 0), gostomp.ConnOpt.Logger(silence{}))
	if err != nil {
		t.Fatal(err)
	}
	tr := &truck{t: t, id: id, conn: c}
	t.Cleanup(func() { _ = c.Disconnect() })
	return tr
}

// report sends where the truck is and waits until the server has it.
func (tr *truck) report(lat, lng float64) {
	tr.t.Helper()
	body, err := json.Marshal(map[string]any{"deviceID": tr.id, "lat": lat, "lng": lng, "ts": time.Now().UTC()})
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.send(body)
}

// send sends anything as the truck's location.
func (tr *truck) send(body []byte) {
	tr.t.Helper()
	err := tr.conn.Send(telemetry.LocationDestination(tr.id), "application/json;charset=utf-8", body, gostomp.SendOpt.Receipt)
	if err != nil {
		tr.t.Fatal(err)
	}
}

// listen subscribes to the truck's texts.
func (tr *truck) listen() {
	tr.t.Helper()
	var err error
	if tr.texts, err = tr.conn.Subscribe(telemetry.TextDestination(tr.id), gostomp.AckClientIndividual); err != nil {
		tr.t.Fatal(err)
	}
}

// text waits for the next text.
func (tr *truck) text() *gostomp.Message {
	tr.t.Helper()
	m := receive(tr.t, "text to "+tr.id, tr.texts.C)
	if m.Err != nil {
		tr.t.Fatal(m.Err)
	}
	return m
}

// show confirms that a text has been shown.
func (tr *truck) show(m *gostomp.Message) {
	tr.t.Helper()
	if err := tr.conn.Ack(m); err != nil {
		tr.t.Fatal(err)
	}
}

// leave disconnects in order.
func (tr *truck) leave() {
	tr.t.Helper()
	if err := tr.conn.Disconnect(); err != nil {
		tr.t.Fatal(err)
	}
}

// phone is a device of the test over MQTT: it tells how it is held and takes alerts.
type phone struct {
	t      *testing.T
	id     string
	client pahov3.Client
	alerts chan string
}

// newPhone connects a phone that listens to its alerts.
func newPhone(t *testing.T, s *testServer, id string) *phone {
	t.Helper()
	p := &phone{t: t, id: id, alerts: make(chan string, 100), client: mqttClient(t, s, pahov3.NewClientOptions().SetClientID(id))}
	p.wait(p.client.Subscribe(telemetry.AlertTopic(id), 1, func(_ pahov3.Client, m pahov3.Message) { p.alerts <- string(m.Payload()) }))
	return p
}

// mqttClient connects an MQTT client, until the test ends.
func mqttClient(t *testing.T, s *testServer, opt *pahov3.ClientOptions) pahov3.Client {
	t.Helper()
	c := pahov3.NewClient(opt.AddBroker("tcp://" + s.at.MQTT).SetAutoReconnect(false))
	if tok := c.Connect(); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatal("MQTT connect: ", tok.Error())
	}
	t.Cleanup(func() { c.Disconnect(100) })
	return c
}

func (p *phone) wait(tok pahov3.Token) {
	p.t.Helper()
	if !tok.WaitTimeout(patience) || tok.Error() != nil {
		p.t.Fatal("MQTT: ", tok.Error())
	}
}

// move sends how the phone is held.
func (p *phone) move(m telemetry.Motion) {
	p.t.Helper()
	p.send(telemetry.MotionTopic(p.id), telemetry.AppendMotion(nil, m), true)
}

// send publishes anything, confirmed.
func (p *phone) send(topic string, payload []byte, retained bool) {
	p.t.Helper()
	p.wait(p.client.Publish(topic, 1, retained, payload))
}

// silence is a logger for go-stomp, which else calls each end of a connection an
// error on standard error.
type silence struct{}

func (silence) Debugf(string, ...any)   {}
func (silence) Infof(string, ...any)    {}
func (silence) Warningf(string, ...any) {}
func (silence) Errorf(string, ...any)   {}
func (silence) Debug(string)            {}
func (silence) Info(string)             {}
func (silence) Warning(string)          {}
func (silence) Error(string)            {}
