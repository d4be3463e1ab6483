package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"mwm/devicesim"
	"mwm/devicesim/gpx"
	"mwm/devicesim/link"
	"mwm/devicesim/terminal"
)

// SimCmd simulates devices against a server. The variables of the clients' addresses are not those of the server's: MWM_STOMP is where a server
// listens, MWM_CLIENT_STOMP where a client finds one, and a container may well have the first set.
type SimCmd struct {
	STOMP string `name:"stomp" env:"MWM_CLIENT_STOMP" default:"127.0.0.1:61613" placeholder:"HOST:PORT" help:"The server's STOMP address, for trucks. Default: ${default}"`
	MQTT  string `name:"mqtt" env:"MWM_CLIENT_MQTT" default:"127.0.0.1:1883" placeholder:"HOST:PORT" help:"The server's MQTT address, for phones. Default: ${default}"`

	AccessFlags     `embed:""`
	DevicePasswords string `env:"MWM_SIM_DEVICE_PASSWORDS" type:"existingfile" placeholder:"FILE" help:"Let each device connect with an account of its own: lines of ID and password, as mwm device add prints them." group:"Access"`

	Trucks int           `env:"MWM_SIM_TRUCKS" default:"10" placeholder:"N" help:"Trucks that drive the roads of Andorra (AAA, BBB, …). Default: ${default}"`
	Phones int           `env:"MWM_SIM_PHONES" default:"5" placeholder:"N" help:"Phones that are moved about (XYZ, WXY, …). Default: ${default}"`
	Rate   time.Duration `env:"MWM_SIM_RATE" default:"1s" placeholder:"TIME" help:"Interval of reports. Default: ${default}"`

	GPX   []string `name:"gpx" type:"existingfile" placeholder:"FILE" help:"Replay a GPX file with a truck of its own, before the others in the order of IDs. May be repeated."`
	Files []string `arg:"" optional:"" name:"gpx-file" type:"existingfile" help:"More GPX files, so that --gpx *.gpx works."`
	Speed float64  `env:"MWM_SIM_SPEED" default:"1" placeholder:"N" help:"Replay so many times faster than recorded. Default: ${default}"`

	PerConnection int    `env:"MWM_SIM_PER_CONNECTION" default:"1" placeholder:"N" help:"Let one connection report for N devices, as a gateway does. Default: ${default}"`
	Prefix        string `env:"MWM_SIM_PREFIX" placeholder:"TEXT" help:"Put this before every ID, to run several simulators against one server."`
}

// Run simulates until ctx ends.
func (c *SimCmd) Run(ctx context.Context) error {
	paths, err := readPaths(append(c.GPX, c.Files...))
	if err != nil {
		return err
	}
	if len(paths)+c.Trucks+c.Phones == 0 {
		return errors.New("there is nothing to simulate: --trucks and --phones are 0, and there is no --gpx")
	}
	access, err := c.logins()
	if err != nil {
		return err
	}
	cfg := devicesim.Config{
		Access: access,
		STOMP:  c.STOMP, MQTT: c.MQTT, Trucks: c.Trucks, Phones: c.Phones, Replay: paths, Rate: c.Rate, Speed: c.Speed,
		PerConnection: c.PerConnection, Prefix: c.Prefix, Output: os.Stdout,
	}
	if _, drawn := terminal.Of(os.Stdout); !drawn { // log lines would run across the view
		cfg.Logger = slog.Default()
	}
	return devicesim.Run(ctx, cfg)
}

// logins returns how each client connects.
func (c *SimCmd) logins() (func(clientID string) link.Access, error) {
	all, err := c.access()
	if err != nil || c.DevicePasswords == "" {
		return func(string) link.Access { return all }, err
	}
	passwords, err := readPasswords(c.DevicePasswords)
	return func(clientID string) link.Access {
		if p, ok := passwords[clientID]; ok {
			return link.Access{User: clientID, Password: p, TLS: all.TLS}
		}
		return all
	}, err
}

func readPaths(files []string) ([]*gpx.Path, error) {
	var paths []*gpx.Path
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		recorded, err := gpx.Parse(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		paths = append(paths, gpx.NewPath(recorded.Legs()))
	}
	return paths, nil
}
