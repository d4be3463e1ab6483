package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pahov3 "github.com/eclipse/paho.mqtt.golang"

	"mwm/server"
	"mwm/server/auth"
	"mwm/server/fleet"
)

// passwords of the accounts that accountsFile makes; devices' are made up.
const password = "correct horse"

// accountsFile writes a file with the operator olga, the viewer vera and devices.
func accountsFile(t testing.TB, devices ...string) (file string, passwords map[string]string) {
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

// Nobody comes in without the right credentials, over any way.
func TestStrangers(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	for way, w := range ways {
		tries := [][2]string{{"", ""}, {"BBB", passwords["BBB"] + "x"}, {"BBB", ""}, {"eve", passwords["BBB"]}, {"", passwords["BBB"]}}
		if way != "STOMP" && way != "MQTT" {
			tries = tries[:2]
		}
		for _, c := range tries {
			if p, err := w.connect(t, s, c[0], c[1], c[0], nil); err == nil {
				p.drop()
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
	ccc, err := ways["STOMP over WebSocket"].connect(t, s, "CCC", passwords["CCC"], "CCC", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ccc.drop()
	remove(t, file, "AAA", "CCC")
	select {
	case who := <-lost:
		if who != "AAA" {
			t.Errorf("%s was disconnected", who)
		}
	case <-time.After(patience):
		t.Error("who was removed stays")
	}
	eventually(t, "the other one goes", func() bool { return !ccc.do("publish", "/topic/device.CCC.location", "{}") })
	wait(t, bbb.Publish("/mwm/BBB/motion", 1, false, "x"))
	for _, user := range []string{"AAA", "CCC"} {
		if p, err := ways["STOMP"].connect(t, s, user, passwords[user], user, nil); err == nil {
			p.drop()
			t.Errorf("%s comes back", user)
		}
	}
}

// A viewer's connection is nobody's presence, and a device's is its own.
func TestPresenceWithAccounts(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	viewer, err := ways["MQTT"].connect(t, s, "vera", password, "vera", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.drop()
	device, err := ways["MQTT"].connect(t, s, "BBB", passwords["BBB"], "BBB", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer device.drop()
	if !device.do("publish", "/topic/.mwm.BBB.motion", strings.Repeat("\x00", 24)) {
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
