package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	pahov3 "github.com/eclipse/paho.mqtt.golang"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/auth"
	"mwm/server/fleet"
)

// passwords of the accounts that accountsFile makes; devices' are made up.
const password = "correct horse"

// accountsFile writes a file with the operator olga, the viewer vera and devices.
func accountsFile(t *testing.T, devices ...string) (file string, passwords map[string]string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "accounts")
	hash, err := auth.HashPassword(password)
	if err != nil {
		t.Fatal(err)
	}
	passwords = map[string]string{"olga": password, "vera": password}
	err = auth.EditAccounts(file, func(a *auth.Accounts) error {
		for _, id := range devices {
			p, h := auth.MakePassword()
			passwords[id] = p.Reveal()
			if err := a.Set(auth.Account{Role: auth.Device, Name: id, Hash: h}); err != nil {
				return err
			}
		}
		if err := a.Set(auth.Account{Role: auth.Viewer, Name: "vera", Hash: hash}); err != nil {
			return err
		}
		return a.Set(auth.Account{Role: auth.Operator, Name: "olga", Hash: hash})
	})
	if err != nil {
		t.Fatal(err)
	}
	return file, passwords
}

// remove takes accounts out of the file.
func remove(t *testing.T, file string, names ...string) {
	t.Helper()
	err := auth.EditAccounts(file, func(a *auth.Accounts) error {
		for _, n := range names {
			a.Remove(n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// party is one connection of somebody, over whatever protocol. Addresses are in
// STOMP's form.
type party interface {
	// publish and subscribe report whether they were permitted.
	publish(address, body string) bool
	subscribe(address string) bool
	close()
}

// ways are all ways to the brokers.
var ways = map[string]func(*testing.T, *server.Server, string, string) (party, error){
	"STOMP":                  stompParty(func(s *server.Server) string { return "tcp://" + s.Addresses().STOMP }),
	"STOMP over WebSocket":   stompParty(func(s *server.Server) string { return "ws://" + s.Addresses().STOMPWS + "/any" }),
	"STOMP at /stomp":        stompParty(func(s *server.Server) string { return "ws://" + s.Addresses().HTTP + "/stomp" }),
	"STOMP at the MQTT port": stompParty(func(s *server.Server) string { return "ws://" + s.Addresses().MQTTWS }),
	"MQTT":                   mqttParty(func(s *server.Server) string { return "tcp://" + s.Addresses().MQTT }),
	"MQTT over WebSocket":    mqttParty(func(s *server.Server) string { return "ws://" + s.Addresses().MQTTWS + "/mqtt" }),
	"MQTT at /mqtt":          mqttParty(func(s *server.Server) string { return "ws://" + s.Addresses().HTTP + "/mqtt" }),
	"MQTT at the STOMP port": mqttParty(func(s *server.Server) string { return "ws://" + s.Addresses().STOMPWS }),
}

type stompConn struct{ c *gostomp.Conn }

func stompParty(at func(*server.Server) string) func(*testing.T, *server.Server, string, string) (party, error) {
	return func(t *testing.T, s *server.Server, user, pass string) (party, error) {
		var nc net.Conn
		url := at(s)
		if addr, ok := strings.CutPrefix(url, "tcp://"); ok {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return nil, err
			}
			nc = c
		} else {
			ws, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{Subprotocols: []string{"v12.stomp"}})
			if err != nil {
				return nil, err
			}
			nc = websocket.NetConn(context.Background(), ws, websocket.MessageText)
		}
		id := user
		if user == "" {
			id = "nobody"
		}
		opts := []func(*gostomp.Conn) error{gostomp.ConnOpt.HeartBeat(0, 0), gostomp.ConnOpt.RcvReceiptTimeout(3 * time.Second), gostomp.ConnOpt.Header("client-id", id), gostomp.ConnOpt.Logger(silent{})}
		if user != "" {
			opts = append(opts, gostomp.ConnOpt.Login(user, pass))
		}
		c, err := gostomp.Connect(nc, opts...)
		if err != nil {
			nc.Close()
			return nil, err
		}
		return stompConn{c}, nil
	}
}

func (p stompConn) publish(address, body string) bool {
	return p.c.Send(address, "", []byte(body), gostomp.SendOpt.Receipt) == nil
}

func (p stompConn) subscribe(address string) bool {
	sub, err := p.c.Subscribe(address, gostomp.AckAuto)
	if err != nil {
		return false
	}
	// SUBSCRIBE has no answer; a frame after it does, or the connection is gone.
	if p.c.Send("/temp-queue/x", "", nil, gostomp.SendOpt.Receipt) != nil {
		return false
	}
	_ = sub
	return true
}

func (p stompConn) close() { _ = p.c.MustDisconnect() }

// silent keeps go-stomp's remarks out of the test's output.
type silent struct{}

func (silent) Debugf(string, ...any)   {}
func (silent) Infof(string, ...any)    {}
func (silent) Warningf(string, ...any) {}
func (silent) Errorf(string, ...any)   {}
func (silent) Debug(string)            {}
func (silent) Info(string)             {}
func (silent) Warning(string)          {}
func (silent) Error(string)            {}

type mqttConn struct{ c pahov3.Client }

func mqttParty(at func(*server.Server) string) func(*testing.T, *server.Server, string, string) (party, error) {
	return func(t *testing.T, s *server.Server, user, pass string) (party, error) {
		opt := pahov3.NewClientOptions().AddBroker(at(s)).SetClientID(user).SetAutoReconnect(false).SetConnectRetry(false).SetTLSConfig(&tls.Config{})
		if user == "" {
			opt.SetClientID("nobody")
		} else {
			opt.SetUsername(user).SetPassword(pass)
		}
		c := pahov3.NewClient(opt)
		if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
			return nil, fmt.Errorf("connect: %w", tok.Error())
		}
		return mqttConn{c}, nil
	}
}

func mqttTopic(address string) (topic string, ok bool) {
	name, ok := strings.CutPrefix(address, "/topic/")
	return strings.NewReplacer(".", "/", "*", "+", ">", "#").Replace(name), ok
}

func (p mqttConn) publish(address, body string) bool {
	topic, ok := mqttTopic(address)
	if !ok {
		return false
	}
	tok := p.c.Publish(topic, 1, false, body)
	return tok.WaitTimeout(10*time.Second) && tok.Error() == nil
}

func (p mqttConn) subscribe(address string) bool {
	topic, ok := mqttTopic(address)
	if !ok {
		return false
	}
	tok := p.c.Subscribe(topic, 1, func(pahov3.Client, pahov3.Message) {})
	return tok.WaitTimeout(10*time.Second) && tok.Error() == nil && tok.(*pahov3.SubscribeToken).Result()[topic] < 0x80
}

func (p mqttConn) close() { p.c.Disconnect(0) }

// The table of who may do what where, over every way there is. What is refused
// reaches nobody.
func TestAccessTable(t *testing.T) {
	file, passwords := accountsFile(t, "AAA", "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	watcher := pahov3.NewClient(pahov3.NewClientOptions().AddBroker("tcp://" + s.Addresses().MQTT).SetClientID("watcher").SetUsername("olga").SetPassword(password))
	wait(t, watcher.Connect())
	defer watcher.Disconnect(100)
	var seen atomic.Int64
	wait(t, watcher.Subscribe("#", 1, func(pahov3.Client, pahov3.Message) { seen.Add(1) }))
	for _, c := range []struct {
		action, address, allowed string
		everywhere               bool
	}{
		{"publish", "/topic/device.BBB.location", "BBB olga", true},
		{"publish", "/topic/device.AAA.location", "AAA olga", true},
		{"publish", "/topic/device.BBB.other", "olga", false},
		{"publish", "/topic/.mwm.BBB.motion", "BBB olga", false},
		{"publish", "/topic/.mwm.BBB.alert", "olga", false},
		{"publish", "/topic/.mwm.lastWill", "BBB olga", false}, // which is what the body says
		{"publish", "/queue/device.BBB.text", "olga", false},
		{"subscribe", "/topic/device.*.location", "olga vera", true},
		{"subscribe", "/topic/device.BBB.location", "olga vera", false},
		{"subscribe", "/topic/>", "olga vera", false},
		{"subscribe", "/topic/.mwm.BBB.alert", "BBB olga vera", false},
		{"subscribe", "/topic/.mwm.*.alert", "olga vera", false},
		{"subscribe", "/queue/device.BBB.text", "BBB olga", true},
		{"subscribe", "/queue/device.AAA.text", "AAA olga", false},
		{"subscribe", "/queue/>", "olga", false},
	} {
		for way, connect := range ways {
			if strings.HasPrefix(c.address, "/queue/") && strings.HasPrefix(way, "MQTT") {
				continue // queues are STOMP's
			}
			if !c.everywhere && way != "STOMP" && way != "MQTT" {
				continue // the ways differ in how one comes in, not in what is then checked
			}
			for _, user := range []string{"AAA", "BBB", "olga", "vera"} {
				p, err := connect(t, s, user, passwords[user])
				if err != nil {
					t.Fatalf("%s connects over %s: %v", user, way, err)
				}
				before := seen.Load()
				var got bool
				if c.action == "publish" {
					got = p.publish(c.address, `{"deviceID":"BBB","lat":1,"lng":1}`)
				} else {
					got = p.subscribe(c.address)
				}
				p.close()
				if want := slices.Contains(strings.Fields(c.allowed), user); got != want {
					t.Errorf("%s: %s %s %s: %t", way, user, c.action, c.address, got)
				}
				if c.action == "publish" && strings.HasPrefix(c.address, "/topic/") {
					// A message of the watcher's own comes after whatever was let through.
					n := before + 1
					if got {
						n++
					}
					wait(t, watcher.Publish("sync", 1, false, "x"))
					eventually(t, "the watcher has seen all", func() bool { return seen.Load() >= n })
					if seen.Load() != n {
						t.Errorf("%s: %s %s: %d messages came, want %d", way, user, c.address, seen.Load()-before, n-before)
					}
				}
			}
		}
	}
}

// Nobody comes in without the right credentials, over any way.
func TestStrangers(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	for way, connect := range ways {
		tries := [][2]string{{"", ""}, {"BBB", passwords["BBB"] + "x"}, {"BBB", ""}, {"eve", passwords["BBB"]}, {"", passwords["BBB"]}}
		if way != "STOMP" && way != "MQTT" {
			tries = tries[:2]
		}
		for _, c := range tries {
			if p, err := connect(t, s, c[0], c[1]); err == nil {
				p.close()
				t.Errorf("%s: %q comes in", way, c[0])
			}
		}
	}
	for _, path := range []string{"/api/v1/status", "/api/v1/devices", "/api/v1/feed", "/metrics"} {
		res, err := http.Get("http://" + s.Addresses().HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, res.Status)
		}
	}
}

// Taking an account away ends its connections, and nobody else's.
func TestRemovedAccount(t *testing.T) {
	file, passwords := accountsFile(t, "AAA", "BBB", "CCC")
	s, _ := start(t, server.Config{Accounts: file})
	lost := make(chan string, 10)
	connect := func(user string) pahov3.Client {
		c := pahov3.NewClient(pahov3.NewClientOptions().AddBroker("tcp://" + s.Addresses().MQTT).SetClientID(user).SetUsername(user).SetPassword(passwords[user]).
			SetAutoReconnect(false).SetConnectionLostHandler(func(pahov3.Client, error) { lost <- user }))
		wait(t, c.Connect())
		t.Cleanup(func() { c.Disconnect(0) })
		return c
	}
	connect("AAA")
	bbb := connect("BBB")
	ccc, err := ways["STOMP over WebSocket"](t, s, "CCC", passwords["CCC"])
	if err != nil {
		t.Fatal(err)
	}
	defer ccc.close()
	remove(t, file, "AAA", "CCC")
	select {
	case who := <-lost:
		if who != "AAA" {
			t.Errorf("%s was disconnected", who)
		}
	case <-time.After(10 * time.Second):
		t.Error("who was removed stays")
	}
	eventually(t, "the other one goes", func() bool { return !ccc.publish("/topic/device.CCC.location", "{}") })
	wait(t, bbb.Publish("/mwm/BBB/motion", 1, false, "x"))
	for _, user := range []string{"AAA", "CCC"} {
		if p, err := ways["STOMP"](t, s, user, passwords[user]); err == nil {
			p.close()
			t.Errorf("%s comes back", user)
		}
	}
}

// A viewer's connection is nobody's presence, and a device's is its own.
func TestPresenceWithAccounts(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	viewer, err := ways["MQTT"](t, s, "vera", password)
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.close()
	device, err := ways["MQTT"](t, s, "BBB", passwords["BBB"])
	if err != nil {
		t.Fatal(err)
	}
	defer device.close()
	if !device.publish("/topic/.mwm.BBB.motion", strings.Repeat("\x00", 24)) {
		t.Fatal("BBB may not say how it moves")
	}
	type list struct{ Devices []fleet.Device }
	var l list
	eventually(t, "BBB is online", func() bool {
		l = getAs[list](t, s, "olga", "/api/v1/devices")
		return len(l.Devices) > 0 && l.Devices[0].Online.MQTT
	})
	if len(l.Devices) != 1 || l.Devices[0].ID != "BBB" {
		t.Errorf("%+v", l.Devices)
	}
}

// The file that holds the hashes is nobody else's business.
func TestAccountsFileMode(t *testing.T) {
	file, _ := accountsFile(t, "BBB")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
