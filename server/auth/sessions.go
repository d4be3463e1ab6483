package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// ErrNoSession is what a request without a live session is refused with.
var ErrNoSession = errors.New("not signed in")

// SessionOptions are the limits of sessions. A zero field means its default.
type SessionOptions struct {
	Idle     time.Duration          // ends one that is not used; default 12 h
	Absolute time.Duration          // ends any; default 7 days
	Max      int                    // sessions at a time; default 10,000
	MaxOfOne int                    // of one account; default 100
	Valid    func(*Principal) error // why a principal may not stay; nil: its own method
}

// Sessions are those who have signed in on the page. The browser holds a random
// token; here is only its hash, so that nobody who reads this memory, or times a
// comparison, gets one. They live in memory: a restart signs everybody out. It is
// safe for concurrent use.
type Sessions struct {
	opt SessionOptions

	mu      sync.Mutex
	byKey   map[sessionKey]*Session
	evicted uint64
}

type sessionKey [sha256.Size]byte

// Session is one browser that has signed in.
type Session struct {
	Principal *Principal

	began time.Time
	key   sessionKey
	done  chan struct{}
	used  time.Time // guarded by Sessions.mu
}

// Lifetime is how long a session lasts at most.
func (s *Sessions) Lifetime() time.Duration { return s.opt.Absolute }

// Done is closed when the session ends.
func (s *Session) Done() <-chan struct{} { return s.done }

// NewSessions returns no sessions.
func NewSessions(opt SessionOptions) *Sessions {
	dur := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	num := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	dur(&opt.Idle, 12*time.Hour)
	dur(&opt.Absolute, 7*24*time.Hour)
	num(&opt.Max, 10_000)
	num(&opt.MaxOfOne, 100)
	if opt.Valid == nil {
		opt.Valid = func(p *Principal) error { return p.Valid(time.Now()) }
	}
	return &Sessions{opt: opt, byKey: map[sessionKey]*Session{}}
}

// Begin begins a session and returns the token for the browser, which is new in
// any case: one that somebody else could know is worth nothing. Of too many
// sessions the one that was not used for longest ends, that of the same account
// first.
func (s *Sessions) Begin(p *Principal) (token Secret, session *Session) {
	token = Secret(rand.Text())
	now := time.Now()
	session = &Session{Principal: p, began: now, used: now, key: keyOf(token), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if oldest, n := s.oldest(func(x *Session) bool { return x.Principal.String() == p.String() }); n >= s.opt.MaxOfOne {
		s.evicted++
		s.end(oldest)
	}
	if len(s.byKey) >= s.opt.Max {
		oldest, _ := s.oldest(func(*Session) bool { return true })
		s.evicted++
		s.end(oldest)
	}
	s.byKey[session.key] = session
	return token, session
}

func keyOf(token Secret) sessionKey { return sha256.Sum256([]byte(token.Reveal())) }

// oldest returns the session of a kind that was not used for longest, and how
// many there are. s.mu is held.
func (s *Sessions) oldest(of func(*Session) bool) (oldest *Session, n int) {
	for _, x := range s.byKey {
		if of(x) {
			n++
			if oldest == nil || x.used.Before(oldest.used) {
				oldest = x
			}
		}
	}
	return oldest, n
}

// Find returns the session of a token, and notes that it is used.
func (s *Sessions) Find(token Secret) (*Session, error) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byKey[keyOf(token)]
	if x == nil {
		return nil, ErrNoSession
	}
	if s.over(x, now) {
		s.end(x)
		return nil, ErrNoSession
	}
	x.used = now
	return x, nil
}

func (s *Sessions) over(x *Session, now time.Time) bool {
	return now.Sub(x.used) >= s.opt.Idle || now.Sub(x.began) >= s.opt.Absolute || s.opt.Valid(x.Principal) != nil
}

// Touch notes that a session is used: a feed is open.
func (s *Sessions) Touch(x *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.used = time.Now()
}

// End signs out.
func (s *Sessions) End(x *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(x)
}

// end removes a session. s.mu is held.
func (s *Sessions) end(x *Session) {
	if s.byKey[x.key] == x {
		delete(s.byKey, x.key)
		close(x.done)
	}
}

// Sweep ends the sessions whose time is over, or whose account is gone.
func (s *Sessions) Sweep() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.byKey {
		if s.over(x, now) {
			s.end(x)
		}
	}
}

// Len is the number of sessions.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byKey)
}

// Evicted is how many sessions were ended because there were too many.
func (s *Sessions) Evicted() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.evicted
}
