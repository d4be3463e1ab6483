package e2e

import (
	"net"
	"net/url"
	"testing"

	pahov3 "github.com/eclipse/paho.mqtt.golang"

	"mwm/server"
	"mwm/server/telemetry"
)

// newMortal is a phone with a last will, and what cuts its connection.
func newMortal(t *testing.T, s *testServer, id string) (ph *phone, lose func()) {
	t.Helper()
	var conn net.Conn
	opt := pahov3.NewClientOptions().SetClientID(id).SetBinaryWill(telemetry.LastWillMQTT, telemetry.AppendWill(nil, id), 2, false)
	opt.SetCustomOpenConnectionFn(func(u *url.URL, _ pahov3.ClientOptions) (c net.Conn, err error) {
		conn, err = net.Dial("tcp", u.Host)
		return conn, err
	})
	ph = &phone{t: t, id: id, client: mqttClient(t, s, opt)}
	return ph, func() {
		t.Helper()
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The last will of a phone takes its row off the motion page; the fleet keeps the
// device, offline, with its last values.
func TestLastWillOnPage(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	ph, lose := newMortal(t, s, "short-lived")
	stays := newPhone(t, s, "stays")
	p := open(t, s.page()+"#view=motion")
	stays.move(telemetry.Motion{Pitch: 1})
	ph.move(telemetry.Motion{Pitch: 2})
	phones := all(tagged("phone")+":not([hidden])") + ".map((e) => e.dataset.device).sort().join()"
	p.wait(phones + " === 'short-lived,stays'")
	lose()
	p.wait(phones + " === 'stays'")
	eventually(t, "the fleet keeps the lost phone", func() bool {
		d := s.device("short-lived")
		return d != nil && d.Motion != nil && !d.Online.MQTT
	})
	p.wait(find(having("event", "data-kind", "lastwill") + `[data-device="short-lived"]`))
	back := newPhone(t, s, "short-lived")
	back.move(telemetry.Motion{Pitch: 3})
	p.wait(phones + " === 'short-lived,stays'")
}
