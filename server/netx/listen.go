package netx

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Serve accepts connections until ctx ends or the listener is closed, and calls
// handle for each on a goroutine of its own. When ctx ends Serve closes the listener
// and returns when all handlers have returned; ending them is the owner's business.
// What goes wrong with accepting is waited out.
func Serve(ctx context.Context, ln net.Listener, handle func(net.Conn), log *slog.Logger) error {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	backoff := time.Duration(0)
	for {
		nc, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			// Out of file descriptors, say: others will end, so go on, but slowly.
			backoff = min(max(2*backoff, 5*time.Millisecond), time.Second)
			log.Warn("cannot accept a connection", "err", err, "retry", backoff)
			select {
			case <-ctx.Done():
			case <-time.After(backoff):
			}
			continue
		}
		backoff = 0
		handlers.Go(func() {
			defer nc.Close()
			handle(nc)
		})
	}
}
