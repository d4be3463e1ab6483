package server_test

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/store"
)

// A disk that does not answer any more does not hold up a stop for longer than
// --shutdown-timeout, and what it was not given is said.
func TestStopsWithoutTheDisk(t *testing.T) {
	dir, local := t.TempDir(), "127.0.0.1:0"
	s, err := server.New(server.Config{Data: dir, STOMP: local, HTTP: local, ShutdownTimeout: time.Second}, server.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	c, err := gostomp.Dial("tcp", s.Addresses().STOMP, gostomp.ConnOpt.HeartBeat(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer c.MustDisconnect()
	sub, err := c.Subscribe("/topic/passed", gostomp.AckAuto)
	if err != nil {
		t.Fatal(err)
	}
	release := hang(t, dir)
	for range 3 {
		if err := c.Send("/queue/kept", "text/plain", []byte("x"), gostomp.SendOpt.Header("persistent", "true")); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Send("/topic/passed", "text/plain", []byte("x")); err != nil { // behind the others
		t.Fatal(err)
	}
	if m := <-sub.C; m.Err != nil {
		t.Fatal(m.Err)
	}
	cancel()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "the disk does not answer") || !strings.Contains(err.Error(), "3 messages") {
			t.Errorf("it stopped with %v", err)
		}
	case <-time.After(20 * time.Second): // SQLite itself waits for 10 s each time
		t.Error("the server waits for the disk")
		<-ended
	}
	release()
	// What was left behind ends now: the directory is free again.
	deadline := time.Now().Add(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		again, err := store.Open(dir)
		if err == nil {
			if err := again.Close(); err != nil {
				t.Error(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// hang makes the database of a directory wait with all that is written to it, until
// release.
func hang(t *testing.T, dir string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, store.File)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
