package main

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-stomp/stomp/v3"

	"mwm/devicesim"
	"mwm/devicesim/link"
	"mwm/server"
)

// A backup made while devices report, restored and served: what waited for a
// truck reaches it, marked as perhaps delivered before, and the fleet is known.
func TestBackupIsRestoredIntoARunningServer(t *testing.T) {
	data := t.TempDir()
	at, stop := serving(t, server.Config{Data: data})
	f, stopFleet := simulating(t, devicesim.Config{STOMP: at.STOMP, MQTT: at.MQTT, Trucks: 2, Phones: 1})
	eventually(t, "all report", func() bool { s := f.Stats(); return s.Locations > 1 && s.Motions > 0 })
	send := func(text string) {
		t.Helper()
		if err := (&TextCmd{STOMP: at.STOMP, ID: "NEW", Text: []string{text}}).send(t.Context(), new(bytes.Buffer)); err != nil {
			t.Fatal(err)
		}
	}
	send("before the backup")
	file := filepath.Join(t.TempDir(), "mwm.backup")
	var out bytes.Buffer
	backup := func() string { // the fleet is saved once a second
		out.Reset()
		if err := (&BackupCmd{Data: data, File: file}).run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	eventually(t, "the devices are in the database", func() bool {
		file = filepath.Join(t.TempDir(), "mwm.backup")
		return strings.Contains(backup(), " 1 messages") && strings.Contains(out.String(), " 3 devices")
	})
	send("after the backup")
	stopFleet()
	stop()

	if err := (&RestoreCmd{Data: data, File: file}).run(t.Context(), &out); err == nil || !strings.Contains(err.Error(), "holds a database") {
		t.Errorf("restored over a database: %v", err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if err := (&RestoreCmd{Data: fresh, File: file}).run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	at, _ = serving(t, server.Config{Data: fresh})
	res, err := http.Get("http://" + at.HTTP + "/api/v1/devices/AAA")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != http.StatusOK {
		t.Errorf("a device after the restore: %s", res.Status)
	}
	got := make(chan *stomp.Message, 10)
	l, err := link.DialSTOMP(context.Background(), link.STOMPConfig{Addr: at.STOMP})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Subscribe("/queue/device.NEW.text", stomp.AckClientIndividual, func(m *stomp.Message) { got <- m }); err != nil {
		t.Fatal(err)
	}
	m := receive(t, got)
	if string(m.Body) != "before the backup" || m.Header.Get("redelivered") != "true" {
		t.Errorf("got %q with %v", m.Body, m.Header)
	}
	if len(got) > 0 {
		t.Errorf("got another one: %q", (<-got).Body)
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
