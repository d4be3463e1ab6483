package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mwm/devicesim"
	"mwm/devicesim/link"
	"mwm/server"
	"mwm/server/httpd"
)

// The commands against a server with accounts and a certificate of its own:
// devices with their own passwords, a person with a password in the environment,
// and the certificate known by its fingerprint.
func TestCommandsWithAccountsAndTLS(t *testing.T) {
	dir := t.TempDir()
	file := accountsFile{filepath.Join(dir, "accounts")}
	if err := (&UserAddCmd{file, "operator", "olga"}).add(t.Context(), typing("correct horse\n")); err != nil {
		t.Fatal(err)
	}
	if err := (&UserAddCmd{file, "viewer", "vera"}).add(t.Context(), typing("correct horse\n")); err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := (&DeviceAddCmd{accountsFile: file, IDs: []string{"AAA", "BBB", "XYZ"}}).add(t.Context(), typing(""), &printed, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	passwords := filepath.Join(dir, "passwords")
	if err := os.WriteFile(passwords, printed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	cfg := server.Config{HTTPS: "127.0.0.1:0", STOMPS: "127.0.0.1:0", MQTTS: "127.0.0.1:0", TLSSelfSigned: true, Accounts: file.Accounts, Data: filepath.Join(dir, "data")}
	s, err := server.New(cfg, server.Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
	at := s.Addresses()

	t.Setenv(passwordVariable, "correct horse")
	olga := AccessFlags{User: "olga", TLS: true, TLSFingerprint: fingerprintOf(t, at, "olga")}
	vera := olga
	vera.User = "vera"

	sim := SimCmd{DevicePasswords: passwords, AccessFlags: olga}
	access, err := sim.logins()
	if err != nil {
		t.Fatal(err)
	}
	f, stopFleet := simulating(t, devicesim.Config{STOMP: at.STOMPS, MQTT: at.MQTTS, Trucks: 2, Phones: 1, Rate: 50 * time.Millisecond, Access: access})
	eventually(t, "all are connected", func() bool { return f.Stats().Connected == 3 })

	var out bytes.Buffer
	if err := (&TextCmd{STOMP: at.STOMPS, HTTP: at.HTTPS, AccessFlags: olga, ID: "BBB", Text: []string{"hello"}, patience: 20 * time.Second}).send(ctx, &out); err != nil || !strings.Contains(out.String(), "BBB has") {
		t.Errorf("text: %v, %s", err, out.String())
	}
	if err := (&AlertCmd{MQTT: at.MQTTS, AccessFlags: olga, ID: "XYZ", Color: "red"}).send(ctx, &out); err != nil {
		t.Errorf("alert: %v", err)
	}
	for what, err := range map[string]error{
		"a viewer sends a text":   (&TextCmd{STOMP: at.STOMPS, AccessFlags: vera, ID: "BBB", Text: []string{"hello"}}).send(ctx, &out),
		"a viewer sends an alert": (&AlertCmd{MQTT: at.MQTTS, AccessFlags: vera, ID: "XYZ", Color: "red"}).send(ctx, &out),
	} {
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "not ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	watching, stopWatch := context.WithCancel(ctx)
	seen := &lockedBuffer{}
	watched := make(chan error, 1)
	go func() {
		watched <- (&WatchCmd{STOMP: at.STOMPS, MQTT: at.MQTTS, AccessFlags: vera}).follow(watching, seen, &bytes.Buffer{})
	}()
	eventually(t, "a viewer sees locations and motions", func() bool {
		return strings.Contains(seen.String(), "location BBB") && strings.Contains(seen.String(), "motion   XYZ")
	})
	stopWatch()
	<-watched
	stopFleet()

	wrong := olga
	wrong.TLSFingerprint = strings.Repeat("00", 32)
	unknown := AccessFlags{User: "olga", TLS: true}
	for what, f := range map[string]AccessFlags{"another certificate": wrong, "an unknown authority": unknown, "no TLS": {User: "olga"}} {
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		for _, err := range []error{
			(&TextCmd{STOMP: at.STOMPS, AccessFlags: f, ID: "BBB", Text: []string{"x"}}).send(short, &out),
			(&AlertCmd{MQTT: at.MQTTS, AccessFlags: f, ID: "XYZ", Color: "red"}).send(short, &out),
		} {
			if err == nil || strings.Contains(err.Error(), "correct horse") {
				t.Errorf("%s: %v", what, err)
			}
		}
		cancel()
	}
	t.Setenv(passwordVariable, "wrong password")
	if err := (&TextCmd{STOMP: at.STOMPS, AccessFlags: olga, ID: "BBB", Text: []string{"x"}}).send(ctx, &out); err == nil || !strings.Contains(err.Error(), "login or passcode are wrong") {
		t.Errorf("a wrong password: %v", err)
	}

	text := log.String()
	for line := range strings.Lines(printed.String()) {
		_, password, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.Contains(text, password) {
			t.Error("a password is in the log")
		}
	}
	if strings.Contains(text, "correct horse") || strings.Contains(text, "wrong password") || !strings.Contains(text, strings.ReplaceAll(olga.TLSFingerprint, " ", "")) {
		t.Error("the log has a password, or not the fingerprint")
	}
}

// fingerprintOf asks the server's status, as somebody who sits before it would.
func fingerprintOf(t *testing.T, at httpd.Addresses, user string) string {
	t.Helper()
	a := link.Access{TLS: &tls.Config{InsecureSkipVerify: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+at.HTTPS+"/api/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(user, "correct horse")
	c := client(a)
	defer c.CloseIdleConnections()
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var status httpd.Status
	if err := json.NewDecoder(res.Body).Decode(&status); err != nil || status.TLS == nil || !status.TLS.SelfSigned {
		t.Fatalf("%s: %v", res.Status, err)
	}
	if res.ProtoMajor != 2 {
		t.Errorf("HTTPS speaks %s", res.Proto)
	}
	return status.TLS.SHA256
}
