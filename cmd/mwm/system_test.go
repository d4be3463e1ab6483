package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"mwm/devicesim"
	"mwm/server"
)

// serving runs a server until the test ends or stop is called. Its addresses are those of at, or free ones.
func serving(t *testing.T, cfg server.Config) (at server.Config, stop func()) {
	t.Helper()
	for _, a := range []*string{&cfg.HTTP, &cfg.STOMP, &cfg.MQTT} {
		if *a == "" {
			*a = "127.0.0.1:0"
		}
	}
	c, err := parse(t, "serve", "--http", cfg.HTTP, "--stomp", cfg.STOMP, "--mqtt", cfg.MQTT, "--stomp-ws=", "--mqtt-ws=", "--data="+cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	opt := server.Options{Logger: slog.New(slog.DiscardHandler)}
	s, err := server.New(c.Serve.Settings, opt)
	for end := time.Now().Add(time.Minute); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); s, err = server.New(c.Serve.Settings, opt) {
		<-time.After(10 * time.Millisecond) // somebody else has been given its port meanwhile
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop = func() {
		cancel()
		if done != nil {
			if err := <-done; err != nil {
				t.Errorf("server: %v", err)
			}
			done = nil
		}
	}
	t.Cleanup(stop)
	a := s.Addresses()
	return server.Config{HTTP: a.HTTP, STOMP: a.STOMP, MQTT: a.MQTT}, stop
}

// simulating runs a fleet until the test ends or stop is called.
func simulating(t *testing.T, cfg devicesim.Config) (f *devicesim.Fleet, stop func()) {
	t.Helper()
	f, err := devicesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stop = func() {
		cancel()
		if done != nil {
			<-done
			done = nil
		}
	}
	t.Cleanup(stop)
	return f, stop
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

// The commands of the documentation, against a server and a fleet.
func TestCommandsAgainstTheServer(t *testing.T) {
	at, _ := serving(t, server.Config{})
	f, stopFleet := simulating(t, devicesim.Config{STOMP: at.STOMP, MQTT: at.MQTT, Trucks: 3, Phones: 2, Rate: 250 * time.Millisecond})
	eventually(t, "all are connected", func() bool { return f.Stats().Connected == 5 })

	send := func(id, text, api string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := TextCmd{STOMP: at.STOMP, HTTP: api, ID: id, Text: []string{text}}
		if id != "NEW" || api == "" { // else there is no last state to wait for
			cmd.patience = 20 * time.Second
		}
		if err := cmd.send(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := send("BBB", "Where are you heading to?", at.HTTP); !strings.Contains(got, "consumed: BBB has shown it") {
		t.Errorf("text to a truck that drives: %q", got)
	}
	if got := send("NEW", "Welcome", at.HTTP); !strings.Contains(got, "no device was listening") {
		t.Errorf("text to a truck that has not come yet: %q", got)
	}
	if got := send("BBB", "And now?", ""); !strings.Contains(got, "taken: it is on its way to BBB") {
		t.Errorf("text to a truck, over STOMP alone: %q", got)
	}
	if got := send("NEW", "Again", ""); !strings.Contains(got, "no device was listening") {
		t.Errorf("text to nobody, over STOMP alone: %q", got)
	}
	if err := (&AlertCmd{MQTT: at.MQTT, ID: "XYZ", Color: "yellow"}).send(t.Context(), new(bytes.Buffer)); err != nil {
		t.Errorf("alert: %v", err)
	}
	eventually(t, "the phone gets the alert", func() bool { return f.Stats().Alerts == 1 })
	err := (&AlertCmd{MQTT: at.MQTT, ID: "AAA", Color: "red"}).send(t.Context(), new(bytes.Buffer))
	if err == nil || !strings.Contains(err.Error(), "no device was listening") {
		t.Errorf("alert to a truck: %v", err)
	}

	out, expect := watching(t, WatchCmd{STOMP: at.STOMP, MQTT: at.MQTT, HTTP: at.HTTP})
	expect("location BBB  φ:42.")
	expect("motion   XYZ  pitch:")
	send("CCC", "Turn\x1b[2J back", at.HTTP)
	expect("text     CCC  consumed: Turn\uFFFD[2J back\n")
	send("N%41?W", "How far?", "")
	expect("text     N%41?W  waiting: How far?\n")
	if strings.Contains(out.String(), "heading to?") {
		t.Errorf("old texts are told as news:\n%s", out)
	}
	stopFleet()
	if s := f.Stats(); s.Skipped > 0 {
		t.Errorf("%d reports were left out", s.Skipped)
	}
}

func TestFleetSurvivesARestartOfTheServer(t *testing.T) {
	at, stop := serving(t, server.Config{})
	f, _ := simulating(t, devicesim.Config{STOMP: at.STOMP, MQTT: at.MQTT, Trucks: 10, Phones: 5, Rate: 50 * time.Millisecond, PerConnection: 2})
	eventually(t, "all are connected", func() bool { return f.Stats().Connected == 8 })
	stop()
	eventually(t, "all notice", func() bool { return f.Stats().Connected == 0 })
	before := f.Stats()
	serving(t, at)
	eventually(t, "all are back and report", func() bool {
		s := f.Stats()
		return s.Connected == 8 && s.Locations > before.Locations+20 && s.Motions > before.Motions+20
	})
}
