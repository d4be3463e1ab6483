package mqtt

import (
	"time"

	"mwm/server/netx"
)

// kept reports whether the session outlives its connection. s.mu is held.
func (s *session) kept() bool { return s.expiry > 0 }

func (s *session) isKept() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept()
}

// sessionCost is what a session takes while its client is away, in bytes, roughly,
// beside its subscriptions and what waits.
const sessionCost = 2 << 10

// keepFor sets how long the session outlives its connection. s.mu is held.
func (s *session) keepFor(d time.Duration) {
	switch {
	case s.expiry == 0 && d > 0:
		s.srv.keptSessions.Add(1)
		netx.Book(sessionCost)
	case s.expiry > 0 && d == 0:
		s.srv.uncountSession()
	}
	s.expiry = d
}

// countSession counts one more kept session, unless there are too many.
func (s *Server) countSession() bool {
	if s.keptSessions.Add(1) > int64(s.opt.MaxSessions) {
		s.keptSessions.Add(-1)
		return false
	}
	netx.Book(sessionCost)
	return true
}

// uncountSession counts one less.
func (s *Server) uncountSession() {
	s.keptSessions.Add(-1)
	netx.Unbook(sessionCost)
}

// counted is keepFor for a new session that countSession has counted.
func (s *session) counted(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expiry = d
}
