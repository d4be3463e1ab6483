package main

import (
	"context"
	"log/slog"

	"github.com/alecthomas/kong"

	"mwm/server"
)

// ServeCmd is `mwm serve`.
type ServeCmd struct {
	Config   kong.ConfigFlag `placeholder:"FILE" help:"Read settings from this file: lines of \"name = value\" with the names of these flags. Flags and variables come first."`
	LogLevel slog.Level      `env:"MWM_LOG_LEVEL" default:"INFO" placeholder:"LEVEL" help:"DEBUG, INFO, WARN or ERROR. Default: ${default}"`
	Settings server.Config   `embed:""`
}

// Run serves until ctx ends.
func (c *ServeCmd) Run(ctx context.Context) error {
	log := newLogger(c.LogLevel)
	s, err := server.New(c.Settings, server.Options{Logger: log})
	if err != nil {
		return err
	}
	// Whoever connects from now on is served.
	if err := notifyReady(); err != nil {
		log.Warn("systemd does not take the word that the server is ready", "err", err)
	}
	return s.Run(ctx)
}
