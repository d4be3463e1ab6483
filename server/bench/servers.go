package main

import (
	"log/slog"
	"os"

	gostomp "github.com/go-stomp/stomp/v3/server"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

// serveMochi is the library's server with its default options.
func serveMochi(addr string) error {
	s := mqtt.New(&mqtt.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err := s.AddHook(new(auth.AllowHook), nil); err != nil {
		return err
	}
	if err := s.AddListener(listeners.NewTCP(listeners.Config{ID: "t", Address: addr})); err != nil {
		return err
	}
	if err := s.Serve(); err != nil {
		return err
	}
	select {}
}

// serveGoSTOMP is the library's server. It has no wildcards, sends no RECEIPT for
// SUBSCRIBE, and refuses the ACK of STOMP 1.2, which it announces.
func serveGoSTOMP(addr string) error { return gostomp.ListenAndServe(addr) }
