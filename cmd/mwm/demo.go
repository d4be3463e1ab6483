package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sync/errgroup"

	"mwm/devicesim"
	"mwm/devicesim/link"
	"mwm/server"
	"mwm/server/auth"
)

// DemoCmd is `mwm demo`.
type DemoCmd struct {
	Trucks   int        `default:"20" placeholder:"N" help:"Trucks that drive the roads of Andorra. Default: ${default}"`
	Phones   int        `default:"6" placeholder:"N" help:"Phones that are moved about. Default: ${default}"`
	LogLevel slog.Level `env:"MWM_LOG_LEVEL" default:"WARN" placeholder:"LEVEL" help:"DEBUG, INFO, WARN or ERROR. Default: ${default}"`

	Settings server.Config `embed:""`
}

// Run serves and simulates until ctx ends.
func (c *DemoCmd) Run(ctx context.Context) error {
	log := newLogger(c.LogLevel)
	var fleet *devicesim.Fleet
	login, account := demoLogin()
	s, err := server.New(c.Settings, server.Options{
		Logger: log, Accounts: []auth.Account{account},
		// The page asks for some devices: mostly trucks, with a phone now and then.
		Demo: func(_ context.Context, n int) error { return fleet.Add(n-n/4, n/4) },
	})
	if err != nil {
		return err
	}
	at := s.Addresses()
	fleet, err = devicesim.New(devicesim.Config{
		Access: func(string) link.Access { return login },
		STOMP:  at.STOMP, MQTT: at.MQTT, Trucks: c.Trucks, Phones: c.Phones, ServerInProcess: true,
		Output: struct{ io.Writer }{os.Stdout}, // lines, also on a terminal: there is a page to look at
		Logger: log,
	})
	if err != nil {
		return err
	}
	if page := pageURL(at.HTTP, at.HTTPS); page != "" {
		fmt.Printf("\n  Open %s in a browser. Ctrl-C ends the demo.\n", page)
	}
	if cert := s.Certificate(); cert != nil && cert.SelfSigned { // the log says so, but not here
		fmt.Printf("  Browsers warn of its certificate; this is the one that has the SHA-256 fingerprint\n  %s\n", cert.SHA256)
	}
	fmt.Println()
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { return fleet.Run(running) })
	return group.Wait()
}

// pageURL is where a browser of this machine finds the page, given the addresses that the server listens at; empty if it does at none.
func pageURL(http, https string) string {
	scheme, addr := "http://", http
	if addr == "" {
		scheme, addr = "https://", https
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		addr = "localhost:" + port // all addresses are none that all browsers open
	}
	return scheme + addr
}

// demoLogin is what the simulated devices connect with when the server has accounts; nobody else knows it.
func demoLogin() (link.Access, auth.Account) {
	password, hash := auth.MakePassword()
	account := auth.Account{Role: auth.Operator, Name: "mwm demo", Hash: hash}
	return link.Access{User: account.Name, Password: link.Secret(password.Reveal())}, account
}
