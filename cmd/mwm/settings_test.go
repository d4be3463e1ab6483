package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// parse runs the command line without executing it.
func parse(t *testing.T, args ...string) (*cli, error) {
	t.Helper()
	var c cli
	k, err := kong.New(&c, kong.Name("mwm"), kong.Vars{"version": "mwm test"}, kong.Configuration(settingsFile),
		kong.BindTo(t.Context(), (*context.Context)(nil)), kong.Exit(func(int) { t.Error("exit") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(args)
	return &c, err
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mwm.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Flags come before variables, variables before the file, the file before defaults.
func TestSettingsPrecedence(t *testing.T) {
	file := write(t, "# comment\n\nhttp = :1\nstomp = :2\nmqtt= :3 \nws-origin = https://a\nws-origin = https://b\n")
	t.Setenv("MWM_STOMP", ":20")
	t.Setenv("MWM_HTTP", ":10")
	c, err := parse(t, "serve", "--config", file, "--http=:100")
	if err != nil {
		t.Fatal(err)
	}
	s := c.Serve.Settings
	if s.HTTP != ":100" || s.STOMP != ":20" || s.MQTT != ":3" || s.MQTTWS != "127.0.0.1:1884" {
		t.Errorf("http %q, stomp %q, mqtt %q, mqtt-ws %q", s.HTTP, s.STOMP, s.MQTT, s.MQTTWS)
	}
	if strings.Join(s.WSOrigin, " ") != "https://a https://b" {
		t.Errorf("ws-origin = %q", s.WSOrigin)
	}
}

func TestSettingsErrors(t *testing.T) {
	for text, want := range map[string]string{
		"htpt = :1":                           `line 1: there is no setting "htpt"`,
		"\nhttp":                              `line 2: "http" is not "name = value"`,
		"config = x":                          `line 1: there is no setting "config"`,
		"stale-after = tomorrow":              "--stale-after",
		"http = :1\n\nhttp = :2":              "line 3: http stands in line 1 already",
		"stale-after = 9s\nstale-after = 10s": "line 2: stale-after stands in line 1 already",
	} {
		if _, err := parse(t, "serve", "--config", write(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// The shipped example must stay true.
func TestExampleFile(t *testing.T) {
	c, err := parse(t, "serve", "--config", "../../deploy/mwm.example.conf")
	if err != nil {
		t.Fatal(err)
	}
	if c.Serve.Settings.Data != "/var/lib/mwm" {
		t.Errorf("data = %q", c.Serve.Settings.Data)
	}
}
