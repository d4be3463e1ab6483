// Package server is the whole product in one process: it wires the brokers, the
// fleet, the page and the database together, and starts and stops them in order.
//
// # Life cycle
//
// [New] checks the configuration, opens the database and all listeners: a port
// in use is an ordinary error. [Server.Run] serves until its context ends, then
// stops in order, within Config.ShutdownTimeout: no new connections, clients are
// told, the last values go to disk. A disk that does not answer then is not waited
// for: Run says what it was not given.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/history"
	"mwm/server/httpd"
	"mwm/server/live"
	"mwm/server/mqtt"
	"mwm/server/stomp"
	"mwm/server/stomp/frame"
	"mwm/server/store"
	"mwm/server/wire"
	"mwm/web"
)

// Options are what a server gets from the program around it.
type Options struct {
	Logger *slog.Logger // nil: slog.Default
	// Demo starts simulated devices beside the server, as the page asks; nil if
	// that is not possible.
	Demo func(ctx context.Context, devices int) error
	// Accounts are known beside those of the file, if there are accounts at all.
	Accounts []auth.Account
	// Now is what the machine's clock shows; nil: time.Now.
	Now func() time.Time
}

// Server is a configured server. Make one with New.
type Server struct {
	cfg   Config
	log   *slog.Logger
	audit *slog.Logger // of what known users do: nothing is left out

	broker *broker.Broker
	fleet  *fleet.Fleet
	hub    *live.Hub
	stomp  *stomp.Server
	mqtt   *mqtt.Server
	httpd  *httpd.Server
	store  *store.Store // nil: memory only
	keeper *keeper      // nil: memory only

	history *history.Recorder // nil: none is kept
	wire    *wire.Monitor

	listeners    []*listener
	origins      auth.OriginPolicy
	access       access
	certificates *certificates // nil: there are no TLS listeners
	started      time.Time
}

// listener is one open port and what serves it until its context ends.
type listener struct {
	flag  string
	ln    net.Listener
	serve func(ctx context.Context, ln net.Listener) error
}

// New returns a server whose database is loaded and whose ports are open.
func New(cfg Config, opt Options) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: opt.Logger, started: time.Now()}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.audit, s.log = s.log, slog.New(newSparing(s.log.Handler()))
	cfg.warn(s.log)
	err := s.openAccess(opt)
	if err == nil {
		err = s.buildCore(opt.Now)
	}
	if err == nil {
		err = s.buildFrontEnds(opt)
	}
	if err == nil {
		err = s.listen()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// buildCore makes broker and fleet, and gives them back what is on disk.
func (s *Server) buildCore(now func() time.Time) (err error) {
	c := s.cfg
	if s.fleet, err = fleet.New(fleet.Options{MaxDevices: c.MaxDevices, StaleAfter: c.StaleAfter, OfflineAfter: c.OfflineAfter}); err != nil {
		return err
	}
	in := &ingest{fleet: s.fleet}
	opt := broker.Options{
		MaxQueues: c.MaxQueues, MaxQueueMessages: c.MaxQueueMessages, MaxQueueBytes: c.MaxQueueBytes, MaxDurables: c.MaxDurables,
		MaxRetained: c.MaxRetained, MaxRetainedBytes: c.MaxRetainedBytes, MaxDeliveries: c.MaxDeliveries, KeepExpired: c.KeepExpired, MaxAge: c.MaxMessageAge, OnDisk: s.onDisk,
		Watch: isTextQueue, Observer: in,
	}
	if c.Data != "" {
		err = during(s.log, "database", func() (err error) {
			s.store, err = store.Open(c.Data)
			return err
		})
		if err != nil {
			return fmt.Errorf("--data: %w", err)
		}
		s.store.KeepFree(c.minFree())
		opt.Store, opt.KeepChanges, opt.Room = s.store, true, s.store.Room
	}
	opt.Clock = s.openClock(now)
	s.broker = broker.New(opt)
	in.broker = s.broker
	s.wire = wire.New(s.broker.Clients)
	in.wire = s.wire
	if s.store != nil {
		s.keeper = &keeper{store: s.store, broker: s.broker, fleet: s.fleet, log: s.log.With("component", "store")}
		if err := s.keeper.load(context.Background()); err != nil {
			return fmt.Errorf("--data: %w", err)
		}
	}
	err = during(s.log, "tracks", func() (err error) {
		in.history, err = s.openHistory()
		return err
	})
	if err != nil {
		return err
	}
	s.history = in.history
	return in.subscribe()
}

// buildFrontEnds makes what clients and browsers talk to.
func (s *Server) buildFrontEnds(opt Options) (err error) {
	c := s.cfg
	s.origins = auth.OriginPolicy{Patterns: c.WSOrigin, Credentials: c.hasAccounts()}
	forStomp := stomp.Options{
		Limits:      frame.Limits{Body: c.MaxMessage, HeaderLine: c.MaxHeader, Headers: c.MaxHeaders, HeaderBytes: c.MaxHeaderBytes},
		MaxOutbound: c.MaxOutbound, MaxTransactions: c.MaxTransactions, MaxTransactionBytes: c.MaxTxBytes, ConnectTimeout: c.ConnectTimeout,
		MaxSubscriptions: c.MaxSubscriptions, Rate: c.ConnectionRate, Total: s.access.total,
		Version: Version, Origin: s.origins.AllowProtocol, Logger: s.log,
	}
	forMQTT := mqtt.Options{
		MaxPacket: c.MaxMessage, MaxOutbound: c.MaxOutbound, ConnectTimeout: c.ConnectTimeout,
		MaxSubscriptions: c.MaxSubscriptions, MaxFilters: c.MaxFilters, MaxInflight: c.MaxInflight, ReceiveMaximum: c.MaxInflight,
		SessionExpiry: c.SessionExpiry, MaxSessions: c.MaxMQTTSessions, MaxStored: c.MaxSessionMessages, MaxStoredBytes: c.MaxSessionBytes,
		Rate: c.ConnectionRate, Total: s.access.total, Version: Version, CheckOrigin: s.origins.AllowProtocol, Logger: s.log,
	}
	if s.access.authority != nil {
		forStomp.Authenticator, forMQTT.Authenticator = s.access.authority, s.access.authority
	}
	if s.stomp, err = stomp.New(s.broker, forStomp); err != nil {
		return err
	}
	err = during(s.log, "sessions", func() (err error) {
		s.mqtt, err = mqtt.New(s.broker, forMQTT)
		return err
	})
	if err != nil {
		return err
	}
	feed := live.Options{Fleet: s.fleet, Logger: s.log.With("component", "live"), Server: "mwm/" + Version, Demo: opt.Demo != nil}
	if c.Tiles != "" {
		feed.Tiles = &live.Tiles{URL: c.Tiles, Attribution: c.TilesAttribution, MaxZoom: c.TilesMaxZoom}
	}
	if s.hub, err = live.New(feed); err != nil {
		return err
	}
	forHTTP := httpd.Options{
		Assets: web.FS, Fleet: s.fleet, Broker: s.broker, History: s.history, Wire: s.wire, Sessions: s.sessions, EndSession: s.mqtt.EndSession, Feed: s.hub, Headquarters: newHeadquarters(s.broker, s.fleet, opt.Demo),
		STOMP: s.stomp, MQTT: s.mqtt, Status: s.status, SecurePhone: s.securePhone, Ready: s.ready, Metrics: s.metricsHandler(), Origins: s.origins, Demo: opt.Demo != nil, TilesURL: c.Tiles,
		SignedIn: s.access.sessions, Proxies: s.access.proxies, Admit: s.access.gate.Admit, OnlyTLS: c.onlyTLS(),
		MaxText: MaxText, HeadTimeout: c.ConnectTimeout, Logger: s.log.With("component", "http"), Audit: s.audit.With("component", "http"),
	}
	if s.access.authority != nil {
		forHTTP.Accounts = s.access.authority
	}
	s.httpd, err = httpd.New(forHTTP)
	return err
}

// Addresses are where the server listens.
func (s *Server) Addresses() httpd.Addresses {
	return httpd.Addresses{
		STOMP: s.addr("stomp"), STOMPWS: s.addr("stomp-ws"), MQTT: s.addr("mqtt"), MQTTWS: s.addr("mqtt-ws"), HTTP: s.addr("http"),
		STOMPS: s.addr("stomps"), MQTTS: s.addr("mqtts"), HTTPS: s.addr("https"),
	}
}

// Certificate is what the TLS listeners show; nil if there are none.
func (s *Server) Certificate() *httpd.TLS { return s.certificates.status() }

// Profiles is where Go's profiles are served; empty if they are not.
func (s *Server) Profiles() string { return s.addr("pprof") }

func (s *Server) addr(flag string) string {
	for _, l := range s.listeners {
		if l.flag == flag {
			return l.ln.Addr().String()
		}
	}
	return ""
}

func (s *Server) status() httpd.Status {
	return httpd.Status{
		Version: Version, Started: s.started, Demo: s.httpd.Demo(), Addresses: s.Addresses(), Phone: s.phone(),
		TLS: s.certificates.status(), Devices: s.fleet.Stats().Devices, Clients: len(s.broker.Clients()),
	}
}

// ready says what does not work.
func (s *Server) ready() error {
	if s.keeper != nil && s.keeper.failing.Load() || s.broker.Journal().Failing() {
		return errors.New("the database cannot be written")
	}
	if s.store != nil {
		return s.store.Room()
	}
	return nil
}

// onDisk logs that messages cannot be kept, or can be again.
func (s *Server) onDisk(err error) {
	if err != nil {
		s.log.Error("messages cannot be written to disk; those who need that are refused", "err", err)
		return
	}
	s.log.Info("writing messages to disk works again")
}

// Run serves until ctx ends or a part fails, and stops in order.
func (s *Server) Run(ctx context.Context) error {
	// The core outlives those who use it: what they have accepted is still
	// written when they are gone.
	core, stopCore := context.WithCancel(context.WithoutCancel(ctx))
	defer stopCore()
	var coreGroup errgroup.Group
	coreGroup.Go(func() error { return s.broker.Run(core) })
	coreGroup.Go(func() error { return s.fleet.Run(core) })
	coreGroup.Go(func() error {
		s.watchClock(core)
		return nil
	})
	if s.keeper != nil {
		coreGroup.Go(func() error { return s.keeper.run(core) })
		coreGroup.Go(func() error {
			watchRoom(core, s.store, s.log.With("component", "store"))
			return nil
		})
	}
	if s.access.authority != nil {
		coreGroup.Go(func() error { return s.runAccess(core) })
	}
	if s.certificates != nil {
		coreGroup.Go(func() error { return s.certificates.run(core) })
		coreGroup.Go(func() error { return s.certificates.watchLife(core) })
	}
	if s.history != nil {
		coreGroup.Go(func() error { return s.history.Run(core) })
	}

	front, serving := errgroup.WithContext(ctx)
	front.Go(func() error { return s.hub.Run(serving) })
	front.Go(func() error { return s.wire.Run(serving) })
	for _, l := range s.listeners {
		s.log.Info("listening", "for", l.flag, "addr", l.ln.Addr().String())
		front.Go(func() error { return l.serve(serving, l.ln) })
	}
	front.Go(func() error {
		<-serving.Done()
		return s.sayGoodbye()
	})
	s.httpd.SetReady(true)
	s.log.Info("ready")

	ended := make(chan error, 1)
	go func() {
		err := front.Wait()
		stopCore()
		ended <- errors.Join(err, coreGroup.Wait(), s.close())
	}()
	<-serving.Done()
	select {
	case err := <-ended:
		s.log.Info("stopped")
		return err
	case <-time.After(s.shutdownTimeout()):
		return s.stuck()
	}
}

// shutdownTimeout is how long a stop may take.
func (s *Server) shutdownTimeout() time.Duration {
	if s.cfg.ShutdownTimeout == 0 {
		return 10 * time.Second
	}
	return s.cfg.ShutdownTimeout
}

// stuck says what a stop that takes too long has not written.
func (s *Server) stuck() error {
	err := fmt.Errorf("the disk does not answer: %v after it was to stop the server ends without it", s.shutdownTimeout())
	if n := s.broker.Journal().Unwritten(); n > 0 {
		err = fmt.Errorf("%w; %d messages that nobody was promised are not written", err, n)
	}
	if s.history != nil {
		if n := s.history.Stats().Pending; n > 0 {
			err = fmt.Errorf("%w; %d bytes of tracks are not written", err, n)
		}
	}
	return fmt.Errorf("%w; of last known values those of the last seconds may be missing", err)
}

// sayGoodbye tells all clients that the server stops, and waits for them.
func (s *Server) sayGoodbye() error {
	s.httpd.SetReady(false)
	s.broker.StopDelivery()
	s.log.Info("stopping")
	// A part of the time is for the disk.
	ctx, cancel := context.WithTimeout(context.Background(), s.shutdownTimeout()*3/4)
	defer cancel()
	var group errgroup.Group
	group.Go(func() error { return s.stomp.Shutdown(ctx) })
	group.Go(func() error { return s.mqtt.Shutdown(ctx) })
	if err := group.Wait(); err != nil {
		s.log.Warn("not all clients left in time", "err", err)
	}
	return nil
}

// close saves last values and gives back what New has opened.
func (s *Server) close() error {
	var errs []error
	for _, l := range s.listeners {
		if err := l.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.keeper != nil {
		s.keeper.save(context.Background())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
