// Command mwm is messaging between devices and people: a server for STOMP and
// MQTT with a live map, and the trucks and phones to try it with.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"mwm/server"
)

type cli struct {
	Serve   ServeCmd   `cmd:"" help:"Run the brokers, the dashboard and the API."`
	Sim     SimCmd     `cmd:"" help:"Simulate trucks and phones against any server."`
	Demo    DemoCmd    `cmd:"" help:"Run server and simulator in one process."`
	Text    TextCmd    `cmd:"" help:"Send a text to a truck."`
	Alert   AlertCmd   `cmd:"" help:"Send a colour alert to a phone."`
	Watch   WatchCmd   `cmd:"" help:"Follow locations, motions, texts, alerts, comings and goings as lines."`
	User    UserCmd    `cmd:"" help:"Manage those who may sign in."`
	Device  DeviceCmd  `cmd:"" help:"Manage the devices that may connect."`
	Backup  BackupCmd  `cmd:"" help:"Copy the database, also while the server runs."`
	Restore RestoreCmd `cmd:"" help:"Make a data directory from a backup."`
	Doctor  DoctorCmd  `cmd:"" help:"Say what is wrong with a set-up, and what to do; the settings are those of serve."`
	Health  HealthCmd  `cmd:"" help:"Ask a running server whether it serves; the exit status tells."`

	Build   VersionCmd       `cmd:"" name:"version" help:"Print the version, and what it was built from."`
	Version kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)

	// All help is more than a mistake needs, and fills the log of a service that is
	// tried again and again; who types nothing but the name wants to see the commands.
	usage := kong.ShortUsageOnError()
	if len(os.Args) == 1 {
		usage = kong.UsageOnError()
	}
	var c cli
	k := kong.Parse(&c,
		kong.Name("mwm"),
		kong.Description("Messaging for trucks and phones: STOMP, MQTT and a live map in one program."),
		usage,
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": "mwm " + server.Build()},
		kong.Configuration(settingsFile),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err := k.Run(); err != nil && !errors.Is(err, context.Canceled) {
		k.Errorf("%v", err)
		os.Exit(1)
	}
}
