package mqtt

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
)

// Server serves MQTT clients. Its methods are safe for concurrent use.
type Server struct {
	b     *broker.Broker
	opt   Options
	log   *slog.Logger
	stats Stats
	ids   keyedMutex

	keptSessions atomic.Int64
	maxConns     atomic.Int64 // most connections at a time
	started      time.Time

	mu       sync.Mutex
	gone     broker.Traffic      // of connections that have ended
	sysTimer *time.Timer         // see wakeSys
	sessions map[string]*session // by client identifier
	conns    map[*conn]struct{}
	closed   bool
	idle     chan struct{} // closed when the last connection is gone; nil: nobody waits

	groupsMu sync.Mutex
	groups   map[groupKey]*group
}

// New returns a server on the broker, with the sessions that [broker.Broker.Restore]
// has found.
func New(b *broker.Broker, opt Options) (*Server, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{
		b: b, opt: opt, log: opt.Logger, started: time.Now(),
		sessions: map[string]*session{}, conns: map[*conn]struct{}{}, groups: map[groupKey]*group{},
	}
	return s, s.restore()
}

// Stats returns the counters.
func (s *Server) Stats() *Stats { return &s.stats }

// Sessions describes all sessions, in no order.
func (s *Server) Sessions() []SessionInfo {
	all := s.all()
	infos := make([]SessionInfo, len(all))
	for i, sess := range all {
		infos[i] = sess.info()
	}
	return infos
}

// SessionTotals sum up all sessions.
type SessionTotals struct {
	Sessions    int
	Away        int // of them, whose client has gone
	Queued      int // messages that wait
	QueuedBytes int
	Inflight    int // messages sent, not acknowledged
}

// SessionTotals sums up all sessions.
func (s *Server) SessionTotals() (t SessionTotals) {
	for _, sess := range s.all() {
		t.Sessions++
		sess.mu.Lock()
		if sess.owner == nil && !sess.until.IsZero() { // not one that its client is just being told of
			t.Away++
		}
		t.Queued += sess.queue.n
		t.QueuedBytes += sess.queue.bytes
		t.Inflight += len(sess.flights.byID)
		sess.mu.Unlock()
	}
	return t
}

func (s *Server) all() []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.sessions))
}

// enter books a new connection, unless the server is shutting down.
func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	s.maxConns.Store(max(s.maxConns.Load(), int64(len(s.conns))))
	return true
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.client != nil {
		s.gone.Add(c.client.Traffic())
	}
	if len(s.conns) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// Shutdown tells every client that the server goes (5.0: DISCONNECT 0x8B) and
// ends the connections. It returns when they have ended, or with the error of
// ctx when that ends first. New connections are closed at once. No wills are
// published: no client is lost. Sessions are not kept afterwards, nor are their
// timers.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	var all []*conn
	for c := range s.conns {
		all = append(all, c)
	}
	if len(all) > 0 && s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	for _, c := range all {
		c.close(errShutdown)
	}
	defer s.stopTimers()
	if len(all) > 0 {
		select {
		case <-idle:
		case <-ctx.Done():
			for _, c := range all {
				c.nc.Close()
			}
			return ctx.Err()
		}
	}
	return nil
}

// stopTimers stops the timers of the sessions that are left.
func (s *Server) stopTimers() {
	s.mu.Lock()
	stop(&s.sysTimer)
	s.mu.Unlock()
	for _, sess := range s.all() {
		sess.mu.Lock()
		stop(&sess.timer)
		stop(&sess.willTimer)
		stop(&sess.debtTimer)
		sess.mu.Unlock()
	}
}

// attach gives a client its session and tells it so. Whoever held the client
// identifier is told that it is taken over, and its will is published, before
// anything that the new connection sends.
func (s *Server) attach(c *conn, h *handshake) error {
	unlock := s.ids.lock(h.clientID)
	defer unlock()
	old := s.session(h.clientID)
	if old != nil && !old.mayTake(c.client) {
		return newFault(packets.ErrNotAuthorized, "the client identifier belongs to somebody else")
	}
	another := h.expiry > 0 && (old == nil || !old.isKept())
	if another && !s.countSession() {
		return newFault(packets.ErrQuotaExceeded, "%d sessions are kept, no more are allowed", s.opt.MaxSessions)
	}
	announce, err := s.b.Admit(c.client)
	if err != nil {
		if another {
			s.uncountSession()
		}
		code := packets.ErrNotAuthorized
		if errors.Is(err, broker.ErrTooMany) {
			code = packets.ErrQuotaExceeded
		}
		return newFault(code, "%s", err)
	}
	sess := s.succeed(old, h, c)
	if another {
		sess.counted(h.expiry)
	}
	if old != nil && sess != old {
		s.awaitDisk() // or a crash would bring back what the client is told is gone
	}
	announce() // to the old connection, too
	s.stats.Connected.Add(1)
	c.mu.Lock()
	c.sess = sess
	c.mu.Unlock()
	missed := sess.tellMissed()
	if missed > 0 {
		s.log.Warn("a client is back that has missed messages: there was no room for them", "client", c.client.ID, "messages", missed)
	}
	c.connack(h, sess == old, missed)
	sess.bind(c, h.expiry, h.will)
	c.start()
	c.pumpDue = true
	s.log.Debug("client connected", "client", c.client.ID, "remote", c.client.Remote, "version", c.client.Version,
		"clean", h.clean, "resumed", sess == old)
	return nil
}

// succeed returns the session for a client: the old one, if there is one to be
// resumed, or a new one. The will of the old one is published if it is due.
func (s *Server) succeed(old *session, h *handshake, c *conn) *session {
	if old != nil {
		old.mu.Lock()
		w, client, resumed := old.putWill(nil), old.client, old.kept() && !h.clean && old.mayResume(c.client)
		away := old.owner == nil // and so what is left of the will waits
		stop(&old.timer)
		stop(&old.willTimer)
		old.mu.Unlock()
		if !resumed {
			s.discard(old)
		}
		// MQTT 5.0 §3.1.3.2.2: a new connection in time prevents a delayed will,
		// the end of the session brings it forward.
		if w != nil && (!resumed || w.delay == 0 && !away) {
			w.publish(s, client)
		}
		if resumed {
			old.principal = c.client.Principal // from before there were accounts, or after
			return old
		}
	}
	sess := &session{srv: s, id: h.clientID, principal: c.client.Principal}
	s.mu.Lock()
	s.sessions[h.clientID] = sess
	s.mu.Unlock()
	return sess
}

// awaitDisk waits until what was planned is on disk, if there is one that works.
func (s *Server) awaitDisk() {
	synced := make(chan struct{})
	s.b.Journal().Sync(func(error) { close(synced) })
	select {
	case <-synced:
	case <-time.After(s.opt.WriteTimeout):
	}
}

func (s *Server) session(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// discard ends a session: others get what they shared with it. The lock of its
// client identifier is held.
func (s *Server) discard(sess *session) {
	s.b.Journal().Together(func() {
		for _, it := range s.dissolve(sess) {
			if !it.shared.adopt(&it) {
				s.b.Journal().Remove(nil, it.rec)
			}
		}
	})
}

// dissolve ends a session, and returns what is left for those who share
// subscriptions with it.
func (s *Server) dissolve(sess *session) (left []item) {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.ended {
		return nil
	}
	sess.ended = true
	sess.keepFor(0)
	stop(&sess.timer)
	stop(&sess.willTimer)
	stop(&sess.debtTimer)
	for _, sub := range sess.subs {
		sub.stop()
	}
	left = sess.leftShared()
	sess.forget()
	sess.conn, sess.owner = nil, nil
	sess.settle()
	sess.wakeRoom()
	sess.queue.discard()
	sess.flights.discard()
	sess.replays.discard()
	sess.subs = nil
	s.mu.Lock()
	if s.sessions[sess.id] == sess {
		delete(s.sessions, sess.id)
	}
	s.mu.Unlock()
	return left
}

// detach takes a connection off the register; err is why it ended.
func (s *Server) detach(c *conn, err error) {
	unlock := s.ids.lock(c.client.ID)
	defer unlock()
	sess := c.sess
	sess.unbind(c)
	goodbye := errors.Is(err, errGoodbye)
	if goodbye {
		err = nil
	}
	s.b.Detach(c.client, err)
	sess.mu.Lock()
	if sess.owner != c {
		sess.mu.Unlock()
		return
	}
	sess.owner = nil
	sess.absence++
	w := sess.will
	if errors.Is(err, errShutdown) {
		sess.putWill(nil)
		w = nil
	}
	kept := sess.kept()
	if kept {
		now := time.Now()
		sess.until, sess.willAt = now.Add(sess.expiry), time.Time{}
		if w != nil && w.delay > 0 {
			sess.willAt = now.Add(w.delay)
			w = nil // published then, or when the session ends
		}
		if !s.isClosed() {
			s.awaitReturn(sess, now)
		}
	}
	if w != nil {
		sess.putWill(nil)
	}
	sess.save()
	sess.mu.Unlock()
	if !kept {
		s.discard(sess)
	}
	w.publish(s, c.client)
}

// awaitReturn sets the timers of a session whose client is away. sess.mu is held.
func (s *Server) awaitReturn(sess *session, now time.Time) {
	absence := sess.absence
	sess.timer = time.AfterFunc(sess.until.Sub(now), func() { s.expire(sess, absence) })
	if sess.will != nil && sess.willAt.Before(sess.until) {
		sess.willTimer = time.AfterFunc(sess.willAt.Sub(now), func() { s.willDue(sess, absence) })
	}
}

// expire ends a session whose client has been away for too long.
func (s *Server) expire(sess *session, absence int) {
	unlock := s.ids.lock(sess.id)
	defer unlock()
	sess.mu.Lock()
	if sess.ended || sess.timer == nil || sess.absence != absence {
		sess.mu.Unlock()
		return
	}
	w, client := sess.putWill(nil), sess.client
	sess.mu.Unlock()
	s.stats.Ended.Add(1)
	s.discard(sess)
	w.publish(s, client)
}

// willDue publishes a delayed will.
func (s *Server) willDue(sess *session, absence int) {
	unlock := s.ids.lock(sess.id)
	defer unlock()
	sess.mu.Lock()
	if sess.ended || sess.willTimer == nil || sess.absence != absence {
		sess.mu.Unlock()
		return
	}
	w, client := sess.putWill(nil), sess.client
	sess.willAt = time.Time{}
	sess.mu.Unlock()
	w.publish(s, client)
	sess.mu.Lock()
	sess.save()
	sess.mu.Unlock()
}

// keyedMutex is a lock for each key. The zero value is ready.
type keyedMutex struct {
	mu    sync.Mutex
	locks map[string]*keyedLock
}

type keyedLock struct {
	mu    sync.Mutex
	users int
}

func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[string]*keyedLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyedLock{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}
}
