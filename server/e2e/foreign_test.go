package e2e

import (
	"regexp"
	"strings"
	"testing"

	"mwm/server"
	"mwm/server/telemetry"
)

// The book's command line tools speak all versions of MQTT.
func TestMosquitto(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	xyz := newPhone(t, s, "XYZ")
	xyz.move(telemetry.Motion{Pitch: 1, Roll: -2, Yaw: 0.5})
	const motion = "3ff0000000000000" + "c000000000000000" + "3fe0000000000000"

	s.readme(t, "mosquitto_pub -t /mwm/XYZ/alert -m yellow").wait(0)
	if color := receive(t, "alert", xyz.alerts); color != "yellow" {
		t.Errorf("the phone got %q", color)
	}
	s.readme(t, "mosquitto_sub -t '/mwm/+/motion' -F %x").expect(`(?m)^` + motion + `$`)

	for _, version := range []string{"mqttv31", "mqttv311", "mqttv5"} {
		at := append([]string{"-V", version, "-h"}, splitPort(s.at.MQTT)[0], "-p", splitPort(s.at.MQTT)[1])
		sub := run(t, "mosquitto_sub", append(at, "-t", "/mwm/+/motion", "-t", "device/+/location", "-q", "2", "-F", "%t %r %x")...)
		sub.expect("/mwm/XYZ/motion 1 " + motion) // the retained one
		xyz.move(telemetry.Motion{Pitch: 1, Roll: -2, Yaw: 0.5})
		sub.expect("/mwm/XYZ/motion 0 " + motion)
		tr := newTruck(t, s, "truck "+version)
		tr.send([]byte("00"))
		sub.expect("device/truck " + version + "/location 0 3030")
		run(t, "mosquitto_pub", append(at, "-t", "/mwm/XYZ/alert", "-m", version, "-q", "2")...).wait(0)
		if color := receive(t, "alert", xyz.alerts); color != version {
			t.Errorf("the phone got %q", color)
		}
	}
}

// A person at a terminal is a client: LF or CR LF, no version, no IDs.
func TestNetcat(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	onlooker := s.readme(t, `printf 'CONNECT\n\n\0SUBSCRIBE\ndestination:/topic/device.*.location\n\n\0' | nc -q -1 localhost 61613`)
	onlooker.expect(`^CONNECTED\n`)
	for _, end := range []string{"\n", "\r\n"} {
		nc := run(t, "nc", splitPort(s.at.STOMP)...)
		lines := func(text string) { nc.say(strings.ReplaceAll(text, "\n", end)) }
		lines("CONNECT\nclient-id: BBB\n\n\x00")
		nc.expect(`^CONNECTED\n`)
		lines("\nSUBSCRIBE\ndestination : /queue/device.BBB.text\n\n\x00\n")
		const where = `{"deviceID":"BBB","lat":48.8581,"lng":2.2946,"ts":"2014-04-1T17:30:39+02:00"}`
		lines("SEND\ndestination:/topic/device.BBB.location\n\n" + where + "\x00\n")
		onlooker.expect(`MESSAGE\n(?:.+\n)*destination:/topic/device\.BBB\.location\n(?:.+\n)*\n` + regexp.QuoteMeta(where))
		if d := s.device("BBB"); d == nil || d.Location == nil || !d.Online.STOMP {
			t.Errorf("the fleet does not believe a person at a terminal: %+v", d)
		}
		s.run(t, mwm, "text", "BBB", "hello").wait(0)
		nc.expect(`MESSAGE\n(?:.+\n)*destination:/queue/device\.BBB\.text\n(?:.+\n)*\nhello\x00`)
		lines("DISCONNECT\nreceipt:bye\n\n\x00")
		nc.expect(`RECEIPT\nreceipt-id:bye\n`)
		nc.closeInput()
		nc.wait(0)
	}
}

// stomp.py as truck and as headquarters, in all versions.
func TestStompPy(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	for _, version := range []string{"1.0", "1.1", "1.2"} {
		script := func(role ...string) *process {
			return run(t, python, append(append([]string{"server/e2e/testdata/stomppy.py"}, splitPort(s.at.STOMP)...), append([]string{version}, role...)...)...)
		}
		hq, tr := script("headquarters"), script("truck", "PY")
		hq.expect("connected")
		tr.expect("connected")
		eventually(t, "headquarters hears from the truck", func() bool {
			tr.say("\n")
			return strings.Contains(hq.out.String(), "/topic/device.PY.location: PY is at 48.8581, 2.2946")
		})
		hq.say("PY où êtes-vous ?\n")
		tr.expect("text: où êtes-vous \\?")
		eventually(t, "the text is confirmed", func() bool {
			texts := s.device("PY").Texts
			return len(texts) > 0 && texts[len(texts)-1].State == "consumed"
		})
		for _, p := range []*process{hq, tr} {
			p.closeInput()
			if out := p.wait(0); strings.Contains(out, "error:") || !strings.Contains(out, "disconnected") {
				t.Errorf("STOMP %s: %s", version, out)
			}
		}
	}
}
