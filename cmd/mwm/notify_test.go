package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Systemd is told that the server is ready when it is, and not before. (sd_notify(3))
func TestReadyForSystemd(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenPacket("unixgram", name)
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", name)

	serve := func(ctx context.Context, data string) error {
		c, err := parse(t, "serve", "--http=127.0.0.1:0", "--stomp=", "--stomp-ws=", "--mqtt=", "--mqtt-ws=", "--log-level=ERROR", "--data="+data)
		if err != nil {
			t.Fatal(err)
		}
		return c.Serve.Run(ctx)
	}
	if err := serve(t.Context(), os.DevNull); err == nil {
		t.Error("it serves without a directory")
	}
	if err := systemd.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 100)
	if n, _, err := systemd.ReadFrom(word); err == nil {
		t.Errorf("one that cannot start says %q", word[:n])
	}

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, t.TempDir()) }()
	if err := systemd.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := systemd.ReadFrom(word); err != nil || string(word[:n]) != "READY=1" {
		t.Errorf("it says %q (%v)", word[:n], err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Nobody waits for the word, or will not hear it: the server serves all the same.
func TestReadyForNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := notifyReady(); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if notifyReady() == nil {
		t.Error("nobody heard it, and it is content")
	}
}
