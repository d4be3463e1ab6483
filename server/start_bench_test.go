package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/store"
)

// BenchmarkStart starts a server that holds 100,000 retained topics and 10,000
// sessions that are away, with 100 messages each.
func BenchmarkStart(b *testing.B) {
	const sessions, each, topics = 10_000, 100, 100_000
	dir := b.TempDir()
	fill(b, dir, sessions, each, topics)
	for b.Loop() {
		cfg := Config{Data: dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0"}
		s, err := New(cfg, Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			b.Fatal(err)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB")
		if n := len(s.mqtt.Sessions()); n != sessions {
			b.Fatalf("%d sessions", n)
		}
		if err := s.mqtt.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.close(); err != nil {
			b.Fatal(err)
		}
	}
}

// A server that holds much starts with all of it, and says so. MWM_LARGE=1 makes it
// as much as in BenchmarkStart.
func TestStartWithMuch(t *testing.T) {
	sessions, each, topics := 300, 20, 5000
	if os.Getenv("MWM_LARGE") != "" {
		sessions, each, topics = 10_000, 100, 100_000
	}
	dir := t.TempDir()
	fill(t, dir, sessions, each, topics)
	var log bytes.Buffer
	cfg := Config{Data: dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0"}
	s, err := New(cfg, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	queued := 0
	for _, x := range s.mqtt.Sessions() {
		queued += x.Queued
	}
	if n := len(s.mqtt.Sessions()); n != sessions || queued != sessions*each || s.broker.RetainedCount() != topics {
		t.Errorf("%d sessions, %d messages, %d retained; want %d, %d and %d", n, queued, s.broker.RetainedCount(), sessions, sessions*each, topics)
	}
	for _, want := range []string{fmt.Sprintf("messages=%d retained=%d", sessions*each, topics), fmt.Sprintf("sessions=%d", sessions)} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log.String())
		}
	}
	if err := errors.Join(s.mqtt.Shutdown(t.Context()), s.close()); err != nil {
		t.Error(err)
	}
}

func fill(b testing.TB, dir string, sessions, each, topics int) {
	st, err := store.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	now := time.Now()
	id, err := broker.ParseID("000001-000000000001")
	if err != nil {
		b.Fatal(err)
	}
	message := func(name string, n int) *broker.Message {
		m := &broker.Message{Name: name, Body: fmt.Appendf(nil, "message %0100d", n), ID: id, QoS: 1, Persistent: true}
		m.Timestamp = now.UnixMilli() + int64(n)
		return m
	}
	c := &broker.Changes{}
	for i := range sessions {
		meta := fmt.Appendf(nil, `{"Expiry":%d,"Until":%d,"Subscriptions":[{"Filter":"to/%d","QoS":1}]}`, time.Hour, now.Add(time.Hour).UnixMilli(), i)
		c.Boxes = append(c.Boxes, broker.Box{ID: uint64(i + 1), Kind: broker.SessionBox, Name: fmt.Sprint("client", i), Meta: meta})
	}
	for n := range sessions * each {
		c.Insert = append(c.Insert, broker.StoredRecord{
			ID: uint64(n + 1), Box: uint64(n%sessions + 1), State: 1 << 16, Message: message(fmt.Sprint("to.", n%sessions), n)})
	}
	if err := st.Apply(c); err != nil {
		b.Fatal(err)
	}
	var values store.Values
	for i := range topics {
		name := fmt.Sprint("retained.", i)
		values.Retained = append(values.Retained, broker.RetainedChange{Name: name, Message: message(name, i)})
	}
	if err := st.Save(b.Context(), values); err != nil {
		b.Fatal(err)
	}
}
