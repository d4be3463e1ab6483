package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"mwm/server"
	"mwm/server/httpd"
)

// readme runs a command line that stands in the README, with the ports of a
// server of the test.
func (s *testServer) readme(t *testing.T, line string) *process {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\n    "+line+"\n") {
		t.Errorf("the README does not have the command %q", line)
	}
	mqttPort, stompPort := splitPort(s.at.MQTT)[1], splitPort(s.at.STOMP)[1]
	line = strings.NewReplacer("mosquitto_pub", "mosquitto_pub -p "+mqttPort, "mosquitto_sub", "mosquitto_sub -p "+mqttPort, "61613", stompPort).Replace(line)
	return s.run(t, "bash", "-c", line)
}

// run runs a program for which the server's addresses are the usual ones.
func (s *testServer) run(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return run(t, "env", append([]string{"MWM_CLIENT_STOMP=" + s.at.STOMP, "MWM_CLIENT_MQTT=" + s.at.MQTT, name}, args...)...)
}

func (s *testServer) status() (st httpd.Status) {
	s.t.Helper()
	res, err := http.Get(s.page() + "api/v1/status")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&st); err != nil {
		s.t.Fatal(err)
	}
	return st
}

// Simulated devices, headquarters and an onlooker, all from the command line.
func TestCommands(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	if out := s.run(t, mwm, "alert", "away", "red").wait(1); !strings.Contains(out, "no device was listening to the alerts of away") {
		t.Errorf("mwm alert says %q of a phone that is away", out)
	}
	watch := s.run(t, mwm, "watch", "--http", s.at.HTTP)
	watch.expect(`HTTP .*: connected`)
	watch.expect(`STOMP .*: connected`)
	watch.expect(`MQTT .*: connected`)
	sim := s.run(t, mwm, "sim", "--trucks", "3", "--phones", "2", "--rate", "200ms")
	sim.expect(`3 trucks and 2 phones, all connected \(5 connections\)`)
	watch.expect(`online   AAA\n`)
	watch.expect(`location BBB  φ:42\.\d{4}, λ:1\.\d{4}`)
	watch.expect(`motion   XYZ  pitch: -?\d+°  roll: -?\d+°  yaw: -?\d+°`)

	if out := s.readme(t, `mwm text BBB "Where are you heading to?"`).wait(0); !strings.HasPrefix(out, "accepted: ") {
		t.Errorf("mwm text says %q", out)
	}
	sim.expect(`BBB text: Where are you heading to\?`)
	watch.expect(`text     BBB  consumed: Where are you heading to\?`)
	if out := s.run(t, mwm, "text", "--http", s.at.HTTP, "CCC", "and", "you?").wait(0); !strings.Contains(out, "\nconsumed: CCC ") {
		t.Errorf("mwm text says %q", out)
	}
	if out := s.run(t, mwm, "text", "--http", s.at.HTTP, "away", "hello").wait(0); !strings.Contains(out, "\nwaiting: no device was listening") {
		t.Errorf("mwm text says %q of a truck that is away", out)
	}
	if out := s.readme(t, `mwm alert XYZ red`).wait(0); out != "sent: XYZ turns red\n" {
		t.Errorf("mwm alert says %q", out)
	}
	sim.expect(`XYZ alert: red`)
	watch.expect(`alert    XYZ  red`)
	if out := s.run(t, mwm, "alert", "XYZ", "pink").wait(1); !strings.Contains(out, `there is no colour "pink"; phones know black, `) {
		t.Errorf("mwm alert says %q of pink", out)
	}
	sim.interrupt()
	if out := sim.wait(0); !strings.Contains(out, "stopped: 3 trucks and 2 phones sent ") {
		t.Errorf("the simulator ended with\n%s", out)
	}
	eventually(t, "all devices are offline", func() bool {
		a, x := s.device("AAA"), s.device("XYZ")
		return a.Status == "offline" && x.Status == "offline"
	})
	watch.interrupt()
	watch.wait(0)
}

// The README's larger simulations, and the recorded track that it names.
func TestReadmeSimulations(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	many := s.readme(t, "mwm sim --prefix more- --trucks 50 --phones 20")
	eventually(t, "70 devices", func() bool { return s.status().Devices == 70 })
	many.expect(`50 trucks and 20 phones, all connected \(70 connections\)`)
	s.run(t, mwm, "sim", "--trucks", "0", "--phones", "0").wait(1)
	s.readme(t, "mwm watch").expect("location more-AAA ")
	track := s.readme(t, "mwm sim --prefix gpx- --gpx devicesim/gpx/testdata/cerknicko-jezero.gpx --speed 10")
	track.expect(`11 trucks and 5 phones, all connected`)
	eventually(t, "a truck in Slovenia", func() bool {
		d := s.device("gpx-AAA")
		return d != nil && d.Location != nil && d.Location.Lat > 45 && d.Location.Lat < 46.5
	})
}

// One connection reports for several devices, and takes what they are sent.
func TestGateway(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	gateway := s.run(t, mwm, "sim", "--trucks", "10", "--phones", "4", "--per-connection", "5", "--rate", "200ms", "--prefix", "gw-")
	gateway.expect(`10 trucks and 4 phones, all connected \(3 connections\)`)
	eventually(t, "14 devices", func() bool { return s.status().Devices == 14 })
	if out := s.run(t, mwm, "text", "--http", s.at.HTTP, "gw-JJJ", "hello").wait(0); !strings.Contains(out, "\nconsumed: gw-JJJ ") {
		t.Errorf("mwm text says %q", out)
	}
	gateway.expect(`gw-JJJ text: hello`)
	s.run(t, mwm, "alert", "gw-UVW", "green").wait(0)
	gateway.expect(`gw-UVW alert: green`)
	p := open(t, s.page())
	p.wait("mwm.devices === 14 && mwm.counts.offline === 0 && mwm.counts.moving > 2")
	p.choose("gw-JJJ")
	p.waitState("hello", "consumed")
}

// The server as a process: it says where it listens and when it is ready, tells
// its health, keeps what it knows, and ends when told to.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	start := func() (*process, *testServer) {
		p := run(t, mwm, append([]string{"serve", "--data", dir}, freePorts...)...)
		p.expect(`msg=ready`)
		address := func(what string) string {
			return p.expect(`msg=listening for=` + what + ` addr=(127\.0\.0\.1:\d+)\n`)[1]
		}
		return p, &testServer{t: t, at: httpd.Addresses{
			HTTP: address("http"), STOMP: address("stomp"), STOMPWS: address("stomp-ws"), MQTT: address("mqtt"), MQTTWS: address("mqtt-ws"),
		}}
	}
	p, s := start()
	s.run(t, mwm, "health", s.page()+"healthz").wait(0)
	newTruck(t, s, "BBB").report(42.5, 1.5)
	s.run(t, mwm, "text", "BBB", "see you after the break").wait(0)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out := p.wait(0); !strings.Contains(out, "msg=stopped") {
		t.Errorf("the server ended with\n%s", out)
	}
	s.run(t, mwm, "health", s.page()+"healthz").wait(1)

	_, s = start()
	if d := s.device("BBB"); d == nil || d.Location == nil || d.Location.Lat != 42.5 {
		t.Errorf("after the restart BBB is %+v", d)
	}
	bbb := newTruck(t, s, "BBB")
	bbb.listen()
	if m := bbb.text(); string(m.Body) != "see you after the break" {
		t.Errorf("after the restart BBB gets %q", m.Body)
	}
}

// A newcomer's first command: devices are there and move, nothing else is needed.
func TestDemo(t *testing.T) {
	demo := run(t, mwm, append([]string{"demo"}, freePorts...)...)
	p := open(t, demo.expect(`Open (http://127\.0\.0\.1:\d+) in a browser\. Ctrl-C ends the demo\.`)[1]+"/")
	p.wait("mwm.devices === 26 && mwm.located === 20 && mwm.counts.moving >= 10")
	p.wait("!" + find(tagged("connect")) + ".open")
	p.choose("AAA")
	p.write(tagged("text-body"), "hello")
	p.click(tagged("text-send"))
	p.waitState("hello", "consumed")
	demo.expect(`AAA text: hello`)
	p.close()
	demo.interrupt()
	demo.wait(0)
}
