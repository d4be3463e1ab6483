package stomp

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/broker"
)

// Stats count what has happened since the start.
type Stats struct {
	Accepted    atomic.Uint64 // connections
	Refused     atomic.Uint64 // sessions ended by the server with an ERROR
	Dropped     atomic.Uint64 // messages lost by subscribers that have gone, for being too slow
	LostHeaders atomic.Uint64 // headers left out because STOMP 1.0 cannot carry them
	TooSlow     atomic.Uint64 // sessions ended because the client did not keep up
}

// Server serves STOMP connections. Its methods are safe for concurrent use.
type Server struct {
	b     *broker.Broker
	opt   Options
	log   *slog.Logger
	stats Stats

	mu       sync.Mutex
	sessions map[string]*session // by their ids
	refusals map[string]uint64   // by the message header of the ERROR
	closing  bool
	running  sync.WaitGroup
}

// New returns a server that is ready for connections.
func New(b *broker.Broker, opt Options) (*Server, error) {
	if b == nil {
		return nil, errors.New("stomp: no broker")
	}
	opt = opt.withDefaults()
	s := &Server{b: b, opt: opt, log: opt.Logger.With("component", "stomp"), sessions: map[string]*session{}, refusals: map[string]uint64{}}
	for _, limit := range limits {
		s.refusals[limit] = 0
	}
	return s, nil
}

// Stats returns the counters.
func (s *Server) Stats() *Stats { return &s.stats }

// Sessions is the number of connections now.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// Dropped is the number of messages that subscribers lost because they did not
// keep up, of those still connected, too.
func (s *Server) Dropped() uint64 {
	n := s.stats.Dropped.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.sessions {
		n += x.out.Dropped()
	}
	return n
}

// limits are the message headers of the ERRORs for what was too much: they are
// counted from 0.
var limits = []string{
	"header line too long", "too many headers", "headers too long", "body too large", "too many subscriptions",
	"too many transactions", "transactions too large", "too many levels", "too many queues", "too many durable subscriptions",
	"queue full", "connect timeout", "too slow", "short of memory",
}

// Refusals counts the sessions that the server ended with an ERROR by its message
// header: each limit and each rule has one of its own.
func (s *Server) Refusals() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.refusals)
}

// refused counts an ERROR.
func (s *Server) refused(pe *ProtocolError) {
	s.stats.Refused.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals[pe.Message]++
}

// ServeConn serves one connection until it has ended, and closes it.
func (s *Server) ServeConn(nc net.Conn) {
	x := newSession(s, nc)
	if !s.enter(x) {
		nc.Close()
		return
	}
	defer s.running.Done()
	s.stats.Accepted.Add(1)
	x.serve()
	s.mu.Lock()
	delete(s.sessions, x.id)
	s.mu.Unlock()
	s.stats.Dropped.Add(x.out.Dropped())
}

func (s *Server) enter(x *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.sessions[x.id] = x
	s.running.Add(1)
	return true
}

// hasGone reports whether the session with that id has left its subscriptions, and takes
// nothing any more, although its connection may not be closed yet.
func (s *Server) hasGone(id string) bool {
	s.mu.Lock()
	x := s.sessions[id]
	s.mu.Unlock()
	if x == nil {
		return true
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.left
}

// Shutdown tells all clients with an ERROR frame that the server stops, and
// returns when their connections have ended. When ctx ends, what is left is
// closed without ceremony and ctx's error returned. New connections are closed.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	open := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		open = append(open, x)
	}
	s.mu.Unlock()
	for _, x := range open {
		x.end(ErrShutdown)
	}
	over := make(chan struct{})
	go func() {
		s.running.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
	}
	for _, x := range open {
		x.nc.Close()
	}
	select { // closing wakes the readers; give them a moment to go
	case <-over:
	case <-time.After(time.Second):
	}
	return ctx.Err()
}
