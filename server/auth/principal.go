package auth

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"mwm/server/netx"
)

// Reasons why somebody is refused. None of them tells whether there is an
// account of that name.
var (
	// ErrCredentials refuses whoever is not known.
	ErrCredentials = errors.New("user name or password are wrong")
	// ErrForbidden refuses what a known principal may not do.
	ErrForbidden = errors.New("not permitted")
	// ErrRevoked ends the connections of principals that are no longer valid.
	ErrRevoked = errors.New("the credentials are no longer valid")
)

// BusyError asks to come again later: somebody guesses passwords, or too many
// come at once.
type BusyError struct{ Wait time.Duration }

func (e *BusyError) Error() string {
	return fmt.Sprintf("too many attempts; try again in %v", max(e.Wait, time.Second).Round(time.Second))
}

// Principal is somebody who has been recognised. All connections of an account
// share one. What it may do does not change: when its account does, it is
// revoked.
type Principal struct {
	Name    string
	Role    Role
	Expires time.Time   // when a token or certificate ends; zero: never
	Meter   *netx.Meter // of all that its connections send; may be nil

	MaxConns int // how many it may have at a time; 0: any number

	rights  rights
	owners  func(id string) bool // whether a device has that name
	outside bool                 // somebody else vouches for it
	entry   *entry               // what the file says about one from outside; nil: nothing
	key     *jose.JSONWebKey     // that a token was verified with; nil: there was none
	revoked atomic.Bool
}

// Principal returns the principal of an account that the policy applies to.
func (p Policy) Principal(a Account) *Principal {
	return &Principal{Name: a.Name, Role: a.Role, rights: p.rights(a.Role, a.Name, a.More)}
}

// String names the principal for logs, and for telling one from another.
func (p *Principal) String() string { return p.Role.String() + " " + p.Name }

// MayPublish reports whether a message may be sent to a topic or queue of a
// canonical name.
func (p *Principal) MayPublish(queue bool, name string, body []byte) bool {
	return p.rights.mayPublish(queue, name, body)
}

// Judges reports whether MayPublish depends on the body, so that it has to be
// asked for each message.
func (p *Principal) Judges(queue bool, name string) bool { return p.rights.judges(queue, name) }

// MaySubscribe reports whether everything that a canonical filter matches may be
// subscribed to, or consumed.
func (p *Principal) MaySubscribe(queue bool, filter string) bool {
	return p.rights.may(Subscribe, queue, filter)
}

// MayBrowse reports whether the messages on the queues that a filter matches may
// be looked at.
func (p *Principal) MayBrowse(filter string) bool { return p.rights.may(Browse, true, filter) }

// CheckClientID reports why the principal may not connect under a client-id: it
// is what presence, last wills and kept sessions go by. A device has its own or
// none, and who only looks cannot have a device's.
func (p *Principal) CheckClientID(id string) error {
	switch {
	case id == "" || p.Role == Operator:
		return nil
	case p.Role == Device && id != p.Name:
		return fmt.Errorf("%w: the client-id of a device is its name, or none", ErrForbidden)
	case p.Role == Viewer && p.owners != nil && p.owners(id):
		return fmt.Errorf("%w: the client-id is that of a device", ErrForbidden)
	}
	return nil
}

// Owns reports whether the client-id is the principal's own, whoever uses it
// just now.
func (p *Principal) Owns(id string) bool { return p.Role == Device && id == p.Name }

// Valid returns ErrRevoked when the principal's account has been changed or
// removed, or its time is over.
func (p *Principal) Valid(now time.Time) error {
	if p.revoked.Load() || !p.Expires.IsZero() && !now.Before(p.Expires) {
		return ErrRevoked
	}
	return nil
}
