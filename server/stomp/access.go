package stomp

import (
	"context"
	"errors"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp/frame"
)

// Authenticator decides who may connect.
type Authenticator interface {
	// Authenticate returns who shows the credentials of a CONNECT frame. It may
	// block until ctx ends.
	Authenticate(ctx context.Context, c auth.Credentials) (*auth.Principal, error)
	// Valid returns why a principal may not stay.
	Valid(p *auth.Principal) error
}

// authenticate asks who the client of a CONNECT frame is, and what it may do.
func (s *session) authenticate(f *frame.Frame, c *broker.Client) (*auth.Principal, error) {
	c.Temp = tempMark + s.id + "."
	a := s.srv.opt.Authenticator
	if a == nil {
		return nil, nil
	}
	// A little less than the connection has: its client is told why.
	ctx, cancel := context.WithTimeout(context.Background(), s.srv.opt.ConnectTimeout*3/4)
	defer cancel()
	s.asking.Store(&cancel)
	if s.ending.Load() {
		cancel()
	}
	login, _ := f.Get("login")
	passcode, _ := f.Get("passcode")
	p, err := a.Authenticate(ctx, auth.Credentials{
		Name: login, Password: auth.Secret(passcode), Certificate: netx.PeerCertificate(s.nc), Remote: c.Remote,
	})
	if err == nil {
		err = p.CheckClientID(c.ID)
	}
	if err != nil {
		return nil, refusal(err)
	}
	c.Principal, c.Access, c.Owner, c.Max = p.String(), p, p.Owns(c.ID), p.MaxConns
	s.meters[1] = p.Meter
	return p, nil
}

// refusal is how a client is told that it may not connect.
func refusal(err error) error {
	busy := (*auth.BusyError)(nil)
	switch {
	case errors.As(err, &busy):
		return &ProtocolError{Message: "try again later", Detail: err.Error(), Err: err}
	case errors.Is(err, auth.ErrForbidden):
		return &ProtocolError{Message: "access refused", Detail: err.Error(), Err: err}
	}
	return &ProtocolError{Message: "access refused", Detail: "login or passcode are wrong", Err: err}
}

// stillValid refuses a client whose account was changed while it connected:
// those who look for such clients may have looked before it was to be seen.
func (s *session) stillValid(p *auth.Principal) error {
	if p == nil || s.srv.opt.Authenticator.Valid(p) == nil {
		return nil
	}
	return broker.ErrRevoked
}

// permit returns why the client may not send to a destination.
func (s *session) permit(d destination, body []byte) error {
	return s.client.Load().MayPublish(d.kind, d.name, body)
}
