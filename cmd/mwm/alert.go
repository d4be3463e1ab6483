package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"mwm/devicesim/link"
	"mwm/devicesim/terminal"
	"mwm/server/telemetry"
)

// AlertCmd turns a phone to a colour.
type AlertCmd struct {
	MQTT string `name:"mqtt" env:"MWM_CLIENT_MQTT" default:"127.0.0.1:1883" placeholder:"HOST:PORT" help:"The server's MQTT address. Default: ${default}"`

	AccessFlags `embed:""`

	ID    string `arg:"" help:"The device's ID."`
	Color string `arg:"" default:"red" help:"One of the colours that phones know; an unknown one lists them. Default: ${default}"`
}

// Run sends the alert. It fails when nobody was listening, if the server tells.
func (c *AlertCmd) Run(ctx context.Context) error { return c.send(ctx, os.Stdout) }

func (c *AlertCmd) send(ctx context.Context, out io.Writer) error {
	if err := telemetry.CheckID(c.ID); err != nil {
		return fmt.Errorf("ID %q: %w", c.ID, err)
	}
	if _, known := telemetry.ColorNamed(c.Color); !known {
		return fmt.Errorf("there is no colour %q; phones know %s", c.Color, colorNames())
	}
	access, err := c.access()
	if err != nil {
		return err
	}
	l, err := link.DialMQTT(ctx, link.MQTTConfig{Addr: c.MQTT, ClientID: clientID("alert"), Access: access})
	if err != nil {
		return err
	}
	defer l.Close()
	code, err := l.PublishConfirmed(ctx, telemetry.AlertTopic(c.ID), []byte(c.Color))
	switch {
	case err != nil:
		return err
	case code == link.NoMatchingSubscribers:
		return fmt.Errorf("no device was listening to the alerts of %s", terminal.Clean(c.ID))
	}
	fmt.Fprintf(out, "sent: %s turns %s\n", terminal.Clean(c.ID), c.Color)
	return nil
}

func colorNames() string {
	var names []string
	for _, c := range telemetry.Colors() {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// clientID returns an MQTT client identifier that no other client has: one that is in use already would be taken over.
func clientID(what string) string {
	return fmt.Sprintf("mwm-%s-%08x", what, rand.Uint32()) // #nosec G404 -- a name, no secret
}
