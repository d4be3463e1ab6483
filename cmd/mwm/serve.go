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
	s, err := server.New(c.Settings, server.Options{Logger: newLogger(c.LogLevel)})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}
