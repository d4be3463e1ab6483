package mqtt

import (
	"context"
	"errors"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/topic"
)

// Authenticator decides who may connect.
type Authenticator interface {
	// Authenticate returns who shows the credentials of a CONNECT. It may block
	// until ctx ends.
	Authenticate(ctx context.Context, c auth.Credentials) (*auth.Principal, error)
	// Valid returns why a principal may not stay.
	Valid(p *auth.Principal) error
}

// authenticate asks who the client of a CONNECT is, and what it may do.
func (c *conn) authenticate(h *handshake, client *broker.Client) (*auth.Principal, error) {
	a := c.srv.opt.Authenticator
	if a == nil {
		return nil, nil
	}
	// A little less than the connection has: its client is told why.
	ctx, cancel := context.WithTimeout(context.Background(), c.srv.opt.ConnectTimeout*3/4)
	defer cancel()
	c.asking.Store(&cancel)
	if err := c.ending(); err != nil {
		return nil, err
	}
	p, err := a.Authenticate(ctx, auth.Credentials{
		Name: string(h.pk.Connect.Username), Password: auth.Secret(h.pk.Connect.Password),
		Certificate: netx.PeerCertificate(c.nc), Remote: client.Remote,
	})
	clear(h.pk.Connect.Password)
	if err == nil && !h.assigned {
		err = p.CheckClientID(h.clientID)
	}
	if err != nil {
		return nil, refusal(err)
	}
	client.Principal, client.Access, client.Owner, client.Max = p.String(), p, p.Owns(h.clientID), p.MaxConns
	if h.assigned && p.Role == auth.Device {
		h.cut = h.expiry > 0
		h.expiry = 0 // it could not come back to the session: the identifier is not its own
	}
	c.meters[1] = p.Meter
	if h.will != nil {
		if err := client.MayPublish(broker.TopicKind, h.will.name, h.will.body); err != nil {
			return nil, newFault(packets.ErrNotAuthorized, "a will that is not permitted")
		}
	}
	return p, nil
}

// refusal is how a client is told that it may not connect.
func refusal(err error) error {
	busy := (*auth.BusyError)(nil)
	switch {
	case errors.As(err, &busy):
		return newFault(packets.ErrServerBusy, "%s", err)
	case errors.Is(err, auth.ErrForbidden):
		return newFault(packets.ErrNotAuthorized, "%s", err)
	}
	return newFault(packets.ErrBadUsernameOrPassword, "bad user name or password")
}

// stillValid refuses a client whose account was changed while it connected:
// those who look for such clients may have looked before it was to be seen.
func (c *conn) stillValid(p *auth.Principal) error {
	if p == nil || c.srv.opt.Authenticator.Valid(p) == nil {
		return nil
	}
	return errRevoked
}

// mayTake reports whether a client may have the identifier of a session, be it
// to resume it or to begin anew.
func (s *session) mayTake(c *broker.Client) bool {
	return s.principal == c.Principal || s.principal == "" || c.Access == nil || c.Owner
}

// mayResume reports whether a client may go on with a session: what was
// subscribed to when more was permitted, or by somebody else, is not resumed.
// s.mu is held.
func (s *session) mayResume(c *broker.Client) bool {
	if s.principal != c.Principal && s.principal != "" && c.Access != nil {
		return false
	}
	for _, sub := range s.subs {
		if sub.group != nil && s.principal != c.Principal {
			return false
		}
		if c.MaySubscribe(broker.TopicKind, sub.name) != nil {
			return false
		}
	}
	return true
}

// denied answers a PUBLISH that the client may not send. 3.x can refuse none at
// QoS 1 and 2: it may be acknowledged or the connection closed ([MQTT-3.3.5-2]),
// and an acknowledgement would say that the message was taken.
func (c *conn) denied(qos byte, id uint16, name []byte) error {
	c.srv.stats.Denied.Add(1)
	f := newFault(packets.ErrNotAuthorized, "not permitted to publish to %.200s", topic.AppendSwap(nil, name))
	if qos > 0 && c.level < v5 {
		return f
	}
	c.answer(qos, id, f.code, f.text)
	return nil
}

// shareOwner is whose a group of subscribers is. Operators share theirs; others
// have their own, from which they take nothing away from anybody.
func shareOwner(principal string) string {
	if strings.HasPrefix(principal, auth.Operator.String()+" ") {
		return ""
	}
	return principal
}
