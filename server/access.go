package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/httpd"
	"mwm/server/netx"
	"mwm/server/topic"
)

// hasAccounts reports whether clients have to say who they are.
func (c *Config) hasAccounts() bool {
	return c.Accounts != "" || c.JWTKeys != "" || c.TLSClientCA != ""
}

// checkAccess reports settings of accounts that cannot be, or contradict each
// other.
func (c *Config) checkAccess() error {
	for flag, given := range map[string]bool{"accounts": c.Accounts != "", "jwt-keys": c.JWTKeys != "", "tls-client-ca": c.TLSClientCA != ""} {
		if given && c.AllowAnonymous {
			return fmt.Errorf("--%s and --allow-anonymous exclude each other: clients either have to say who they are or not", flag)
		}
	}
	switch {
	case c.JWTKeys == "" && (c.JWTIssuer != "" || c.JWTAudience != "" || len(c.JWTAlgorithms) > 0):
		return errors.New("--jwt-issuer, --jwt-audience and --jwt-algorithms have no use without --jwt-keys")
	case c.JWTKeys != "" && (c.JWTIssuer == "" || c.JWTAudience == ""):
		return errors.New("--jwt-keys needs --jwt-issuer and --jwt-audience: a signature alone says that a token is somebody's, for something")
	}
	if _, err := httpd.ParseProxies(c.TrustedProxy); err != nil {
		return fmt.Errorf("--trusted-proxy: %w", err)
	}
	return nil
}

// access is who may come in, and how much of it.
type access struct {
	authority *auth.Authority // nil: everybody may
	sessions  *auth.Sessions  // of the page; nil: nobody need sign in
	proxies   httpd.Proxies
	gate      *netx.Gate
	total     *netx.Meter // of what all clients send; nil: no limit
}

// openAccess reads the accounts.
func (s *Server) openAccess(given Options) (err error) {
	a, c := &s.access, s.cfg
	netx.SetMemoryLimit(c.limitMemory())
	topic.SetMaxLevels(c.MaxLevels)
	if a.proxies, err = httpd.ParseProxies(c.TrustedProxy); err != nil {
		return err
	}
	a.gate = netx.NewGate(netx.GateOptions{
		PerAddress: c.MaxPerAddress, Rate: c.MaxConnectRate, Exempt: func(addr netip.Addr) bool { return a.proxies.Trust(addr) },
	})
	a.total = netx.NewMeter(c.TotalRate)
	if !c.hasAccounts() {
		return nil
	}
	opt := auth.Options{
		File: c.Accounts, Certificates: c.TLSClientCA != "", DeviceRate: c.DeviceRate, Rate: c.AccountRate, DeviceConns: c.DeviceConns,
		Extra: given.Accounts, Changed: s.expel, Logger: s.log,
	}
	if c.JWTKeys != "" {
		opt.Tokens = &auth.TokenOptions{Keys: c.JWTKeys, Issuer: c.JWTIssuer, Audience: c.JWTAudience, Algorithms: c.JWTAlgorithms}
	}
	if a.authority, err = auth.New(opt); err != nil {
		return fmt.Errorf("--accounts, --jwt-keys: %w", err)
	}
	a.sessions = auth.NewSessions(auth.SessionOptions{Idle: c.SessionIdle, Absolute: c.SessionAge, Valid: a.authority.Valid})
	return nil
}

// logins are how many attempts to come in were refused, and told to come again.
func (a *access) logins() (refused, delayed uint64) {
	if a.authority == nil {
		return 0, 0
	}
	c := a.authority.Stats()
	return c.Refused.Load(), c.Delayed.Load()
}

// signedIn is how many sessions of the page there are, and how many were ended
// for others.
func (a *access) signedIn() (open int, evicted uint64) {
	if a.sessions == nil {
		return 0, 0
	}
	return a.sessions.Len(), a.sessions.Evicted()
}

// runAccess follows changes of the accounts, and ends sessions in time, until ctx
// ends.
func (s *Server) runAccess(ctx context.Context) error {
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	sweeping.Go(func() {
		tick := time.NewTicker(10 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.access.sessions.Sweep()
			case <-ctx.Done():
				return
			}
		}
	})
	return s.access.authority.Run(ctx)
}

// expel ends the connections and sessions of those who may not stay.
func (s *Server) expel() {
	for _, c := range s.broker.Clients() {
		if p, ok := c.Access.(*auth.Principal); ok && s.access.authority.Valid(p) != nil {
			c.Close(broker.ErrRevoked)
		}
	}
	s.access.sessions.Sweep()
}
