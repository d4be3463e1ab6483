package netx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// ListenOptions are the limits of a listener.
type ListenOptions struct {
	// MaxConns is how many connections may be open at a time; 0 means 100,000.
	// Further ones are closed at once and counted.
	MaxConns int
	Logger   *slog.Logger // nil: slog.Default
}

// Listener accepts connections for a handler and survives what goes wrong.
type Listener struct {
	ln       net.Listener
	name     string
	max      int64
	log      *slog.Logger
	open     atomic.Int64
	refused  atomic.Uint64
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	handlers sync.WaitGroup
}

// Listen opens a TCP listener on addr ("host:port"). name is for logs and errors.
func Listen(name, addr string, opt ListenOptions) (*Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %q: %w", name, addr, err)
	}
	return NewListener(name, ln, opt), nil
}

// NewListener serves an open listener.
func NewListener(name string, ln net.Listener, opt ListenOptions) *Listener {
	if opt.MaxConns <= 0 {
		opt.MaxConns = 100_000
	}
	if opt.Logger == nil {
		opt.Logger = slog.Default()
	}
	return &Listener{ln: ln, name: name, max: int64(opt.MaxConns), log: opt.Logger, conns: map[net.Conn]struct{}{}}
}

// Addr is the address that the listener got.
func (l *Listener) Addr() net.Addr { return l.ln.Addr() }

// Open is the number of open connections, Refused how many were over the limit.
func (l *Listener) Open() int64     { return l.open.Load() }
func (l *Listener) Refused() uint64 { return l.refused.Load() }

// Serve accepts until ctx ends or the listener is closed, and calls handle for
// each connection on a goroutine of its own. When ctx ends Serve closes the
// listener and returns when all handlers have returned; ending them is the
// owner's business, with [Listener.CloseConns] as the last means.
func (l *Listener) Serve(ctx context.Context, handle func(net.Conn)) error {
	stop := context.AfterFunc(ctx, func() { l.ln.Close() })
	defer stop()
	defer l.handlers.Wait()
	backoff := time.Duration(0)
	for {
		nc, err := l.ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			// Out of file descriptors, say: others will end, so go on, but slowly.
			backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
			l.log.Warn("cannot accept a connection", "listener", l.name, "err", err, "retry", backoff)
			select {
			case <-ctx.Done():
			case <-time.After(backoff):
			}
			continue
		}
		backoff = 0
		if l.open.Add(1) > l.max {
			l.open.Add(-1)
			l.refused.Add(1)
			nc.Close()
			continue
		}
		l.track(nc, true)
		l.handlers.Go(func() {
			defer l.open.Add(-1)
			defer l.track(nc, false)
			defer nc.Close()
			handle(nc)
		})
	}
}

func (l *Listener) track(nc net.Conn, add bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if add {
		l.conns[nc] = struct{}{}
	} else {
		delete(l.conns, nc)
	}
}

// CloseConns closes every open connection.
func (l *Listener) CloseConns() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for nc := range l.conns {
		nc.Close()
	}
}
