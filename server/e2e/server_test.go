package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	"mwm/devicesim"
	"mwm/server"
	"mwm/server/fleet"
	"mwm/server/httpd"
)

// testServer is a server in this process. It can be stopped and started again on
// the same ports.
type testServer struct {
	t    *testing.T
	cfg  server.Config
	opt  server.Options
	at   httpd.Addresses
	stop func()
}

// serve starts a server on free ports of this machine, until the test ends.
func serve(t *testing.T, cfg server.Config, opt server.Options) *testServer {
	t.Helper()
	opt.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	s := &testServer{t: t, cfg: cfg, opt: opt}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

// start runs the server, on the ports that it had before.
func (s *testServer) start() {
	s.t.Helper()
	for addr, had := range map[*string]string{
		&s.cfg.HTTP: s.at.HTTP, &s.cfg.STOMP: s.at.STOMP, &s.cfg.STOMPWS: s.at.STOMPWS, &s.cfg.MQTT: s.at.MQTT, &s.cfg.MQTTWS: s.at.MQTTWS,
	} {
		if *addr = had; had == "" {
			*addr = "127.0.0.1:0"
		}
	}
	var running *server.Server
	var err error
	eventually(s.t, "its ports are free", func() bool { // while it was away, somebody else may have been given one
		running, err = server.New(s.cfg, s.opt)
		return !errors.Is(err, syscall.EADDRINUSE)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.at = running.Addresses()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- running.Run(ctx) }()
	s.stop = func() {
		s.stop = func() {}
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				s.t.Errorf("the server ended with %v", err)
			}
		case <-time.After(patience):
			s.t.Error("the server does not stop")
		}
		http.DefaultClient.CloseIdleConnections()
	}
}

func (s *testServer) page() string { return "http://" + s.at.HTTP + "/" }

// device asks the API for a device; nil if nothing was heard from it.
func (s *testServer) device(id string) *fleet.Details {
	s.t.Helper()
	res, err := http.Get(s.page() + "api/v1/devices/" + url.PathEscape(id))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil
	}
	d := new(fleet.Details)
	if err := json.NewDecoder(res.Body).Decode(d); err != nil {
		s.t.Fatal(err)
	}
	return d
}

// simulate runs simulated devices against the server until the test ends.
func simulate(t *testing.T, s *testServer, cfg devicesim.Config) *devicesim.Fleet {
	t.Helper()
	cfg.STOMP, cfg.MQTT, cfg.ServerInProcess = s.at.STOMP, s.at.MQTT, true
	if cfg.Seed == 0 {
		cfg.Seed = 7 // the same roads each time
	}
	sim, err := devicesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	runSimulator(t, sim)
	return sim
}

func runSimulator(t *testing.T, sim *devicesim.Fleet) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := receive(t, "end of the simulator", ended); err != nil {
			t.Errorf("the simulator ended with %v", err)
		}
	})
}
