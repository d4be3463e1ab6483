package devicesim

import (
	"context"
	"sync/atomic"
	"time"

	"mwm/devicesim/link"
)

// line is what an uplink needs of a link of either protocol.
type line interface {
	comparable
	Lost() <-chan struct{}
	Err() error
	Close()
	Abort()
}

// uplink is one connection for one device, or for several behind a gateway. It dials, stays, and comes back.
type uplink[L line] struct {
	fleet *Fleet
	id    string
	open  func(context.Context) (L, error) // dials and subscribes

	current atomic.Pointer[L]
}

// get returns the link while it is up.
func (u *uplink[L]) get() (l L, up bool) {
	if p := u.current.Load(); p != nil {
		return *p, true
	}
	return l, false
}

// run keeps the link up until ctx ends, and has then closed it.
func (u *uplink[L]) run(ctx context.Context) {
	link.Keep(ctx, link.Backoff{}, u.session, u.lost)
}

func (u *uplink[L]) session(ctx context.Context) error {
	l, err := u.connect(ctx)
	if err != nil {
		return err
	}
	u.current.Store(&l)
	u.fleet.count.connected.Add(1)
	select {
	case <-ctx.Done():
	case <-l.Lost():
	}
	u.current.Store(nil)
	u.fleet.count.connected.Add(-1)
	u.fleet.closing(l.Abort, l.Close)
	return l.Err()
}

// connect waits for its turn, so that a server that comes back is not asked by everybody at once.
func (u *uplink[L]) connect(ctx context.Context) (l L, err error) {
	select {
	case u.fleet.handshakes <- struct{}{}:
		defer func() { <-u.fleet.handshakes }()
	case <-ctx.Done():
		return l, ctx.Err()
	}
	return u.open(ctx)
}

func (u *uplink[L]) lost(err error, wait time.Duration) {
	u.fleet.log.Debug("link lost", "client", u.id, "err", err, "retry", wait)
	u.fleet.count.lastError.Store(&failure{at: time.Now(), text: err.Error()})
}
