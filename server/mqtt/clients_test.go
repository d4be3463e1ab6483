package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
	old "github.com/eclipse/paho.mqtt.golang"
)

// Eclipse Paho's client of 3.1 and 3.1.1, over TCP and WebSocket: everything that
// the book's phones and pages use (SYSTEM §3).
func TestPaho3(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	ws := f.serveWS() + "/mqtt"
	for _, c := range []struct {
		broker  string
		version uint
	}{{"tcp://" + f.addr, 3}, {"tcp://" + f.addr, 4}, {ws, 3}, {ws, 4}} {
		t.Run(fmt.Sprintf("%.5s version %d", c.broker, c.version), func(t *testing.T) {
			connect := func(id string, set func(*old.ClientOptions)) old.Client {
				t.Helper()
				opt := old.NewClientOptions().AddBroker(c.broker).SetProtocolVersion(c.version).SetClientID(id).
					SetUsername("AAA").SetPassword("secret").SetAutoReconnect(false).SetKeepAlive(10 * time.Second)
				if set != nil {
					set(opt)
				}
				cl := old.NewClient(opt)
				done(t, cl.Connect())
				return cl
			}
			got := make(chan string, 100)
			page := connect("page", nil)
			defer page.Disconnect(250)
			hear := func(_ old.Client, m old.Message) {
				got <- fmt.Sprintf("%s %s q%d retained=%t", m.Topic(), m.Payload(), m.Qos(), m.Retained())
			}
			done(t, page.SubscribeMultiple(map[string]byte{"/mwm/+/motion": 0, "/mwm/lastWill/#": 2}, hear))

			phone := connect("AAA-"+strings.Repeat("x", 32), func(o *old.ClientOptions) {
				o.SetWill("/mwm/lastWill", `{"deviceID":"AAA"}`, 2, false)
			})
			alerts := make(chan string, 10)
			done(t, phone.Subscribe("/mwm/AAA/alert", 1, func(_ old.Client, m old.Message) { alerts <- string(m.Payload()) }))
			for qos := range byte(3) {
				done(t, phone.Publish("/mwm/AAA/motion", qos, true, fmt.Sprint("m", qos)))
				hears(t, got, fmt.Sprintf("/mwm/AAA/motion m%d q0 retained=false", qos))
				done(t, page.Publish("/mwm/AAA/alert", qos, false, "red"))
				hears(t, alerts, "red")
			}
			late := connect("late", nil)
			done(t, late.Subscribe("/mwm/#", 0, hear))
			hears(t, got, "/mwm/AAA/motion m2 q0 retained=true")
			done(t, late.Publish("/mwm/AAA/motion", 1, true, ""))
			hears(t, got, "/mwm/AAA/motion  q0 retained=false")
			hears(t, got, "/mwm/AAA/motion  q0 retained=false")
			late.Disconnect(250)
			f.lose(phone.OptionsReader())
			hears(t, got, `/mwm/lastWill {"deviceID":"AAA"} q2 retained=false`)
		})
	}
}

// lose cuts a client's connection.
func (f *fixture) lose(r old.ClientOptionsReader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		if c.session() != nil && c.client.ID == r.ClientID() {
			c.nc.Close()
		}
	}
}

func done(t *testing.T, tok old.Token) {
	t.Helper()
	if !tok.WaitTimeout(patience) {
		t.Fatal("no answer in time")
	}
	if err := tok.Error(); err != nil {
		t.Fatal(err)
	}
}

func hears(t *testing.T, ch <-chan string, want string) {
	t.Helper()
	select {
	case got := <-ch:
		if got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("nothing came, want %q", want)
	}
}

// Wrong credentials: return code 4 (SYSTEM §3).
func TestPaho3BadPassword(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	cl := old.NewClient(old.NewClientOptions().AddBroker("tcp://" + f.addr).SetClientID("x").SetUsername("AAA").SetPassword("wrong"))
	tok := cl.Connect()
	if !tok.WaitTimeout(patience) || tok.Error() == nil || tok.(*old.ConnectToken).ReturnCode() != 4 {
		t.Errorf("got %v, want return code 4", tok.Error())
	}
}

// Eclipse Paho's client of 5.0: request and response with properties, all QoS,
// and a session that is taken up again.
func TestPaho5(t *testing.T) {
	f := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	u, _ := url.Parse("mqtt://" + f.addr)
	connect := func(id string, on func(*paho.Publish)) *autopaho.ConnectionManager {
		t.Helper()
		cfg := autopaho.ClientConfig{
			ServerUrls: []*url.URL{u}, KeepAlive: 20, SessionExpiryInterval: 60,
			ClientConfig: paho.ClientConfig{ClientID: id, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
				func(r paho.PublishReceived) (bool, error) { on(r.Packet); return true, nil },
			}},
		}
		cm, err := autopaho.NewConnection(ctx, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := cm.AwaitConnection(ctx); err != nil {
			t.Fatal(err)
		}
		return cm
	}
	var server *autopaho.ConnectionManager
	server = connect("server", func(m *paho.Publish) {
		go server.Publish(ctx, &paho.Publish{
			QoS: m.QoS, Topic: m.Properties.ResponseTopic, Payload: append([]byte("re: "), m.Payload...),
			Properties: &paho.PublishProperties{CorrelationData: m.Properties.CorrelationData, User: m.Properties.User},
		})
	})
	if _, err := server.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "ask/+", QoS: 2}}}); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 10)
	client := connect("client", func(m *paho.Publish) {
		answers <- fmt.Sprintf("%s %s %s q%d", m.Payload, m.Properties.CorrelationData, m.Properties.User.Get("k"), m.QoS)
	})
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "answers/client", QoS: 2}}}); err != nil {
		t.Fatal(err)
	}
	for qos := range byte(3) {
		_, err := client.Publish(ctx, &paho.Publish{QoS: qos, Topic: "ask/x", Payload: []byte("?"), Properties: &paho.PublishProperties{
			ResponseTopic: "answers/client", CorrelationData: []byte{'0' + qos}, User: paho.UserProperties{{Key: "k", Value: "v"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		hears(t, answers, fmt.Sprintf("re: ? %d v q%d", qos, qos))
	}
	res, err := client.Publish(ctx, &paho.Publish{QoS: 1, Topic: "nobody"})
	if err != nil || res.ReasonCode != 0x10 {
		t.Errorf("got %+v, %v, want reason code 0x10", res, err)
	}
	if err := client.Disconnect(ctx); err != nil {
		t.Error(err)
	}
	if err := server.Disconnect(ctx); err != nil {
		t.Error(err)
	}
	<-client.Done()
	<-server.Done()
}

// tool runs one of Mosquitto's clients.
func tool(t *testing.T, f *fixture, name string, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is needed for this test: install the Debian package mosquitto-clients", name)
	}
	host, port, _ := net.SplitHostPort(f.addr)
	return exec.CommandContext(t.Context(), name, append([]string{"-h", host, "-p", port}, args...)...)
}

// The command lines of SYSTEM §3, in each version and QoS.
func TestMosquittoClients(t *testing.T) {
	f := start(t)
	for _, version := range []string{"mqttv31", "mqttv311", "mqttv5"} {
		for qos := range 3 {
			t.Run(fmt.Sprintf("%s at %d", version, qos), func(t *testing.T) {
				listeners := func() int { return f.b.Listeners(".mwm.AAA.motion") + f.b.Listeners(".mwm.lastWill") }
				await(t, "the one before is gone", func() bool { return listeners() == 0 })
				var out bytes.Buffer
				sub := tool(t, f, "mosquitto_sub", "-V", version, "-q", fmt.Sprint(qos), "-t", "/mwm/+/motion", "-t", "/mwm/lastWill/#", "-F", "%t %x", "-C", "2", "-W", "60")
				sub.Stdout, sub.Stderr = &out, &out
				if err := sub.Start(); err != nil {
					t.Fatal(err)
				}
				await(t, "mosquitto_sub listens", func() bool { return listeners() == 2 })
				payload := strings.Repeat("\x01", 24)
				for _, args := range [][]string{{"-t", "/mwm/AAA/motion", "-m", payload}, {"-t", "/mwm/lastWill", "-m", "x"}} {
					if b, err := tool(t, f, "mosquitto_pub", append(args, "-V", version, "-q", fmt.Sprint(qos))...).CombinedOutput(); err != nil {
						t.Errorf("mosquitto_pub: %v: %s", err, b)
					}
				}
				if err := sub.Wait(); err != nil {
					t.Error(err)
				}
				got := slices.Sorted(strings.Lines(out.String())) // they came over two connections
				if want := []string{"/mwm/AAA/motion " + strings.Repeat("01", 24) + "\n", "/mwm/lastWill 78\n"}; !slices.Equal(got, want) {
					t.Errorf("mosquitto_sub printed %q, want %q", got, want)
				}
			})
		}
	}
}

// mosquitto_pub says when nobody is listening, from the PUBACK's reason code.
func TestMosquittoNobody(t *testing.T) {
	f := start(t)
	b, err := tool(t, f, "mosquitto_pub", "-V", "mqttv5", "-q", "1", "-t", "/mwm/XYZ/alert", "-m", "yellow", "-d").CombinedOutput()
	if err != nil || !strings.Contains(string(b), "RC:16") {
		t.Errorf("%v: %s", err, b)
	}
}
