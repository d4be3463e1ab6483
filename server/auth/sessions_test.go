package auth

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func ended(s *Session) bool {
	select {
	case <-s.Done():
		return true
	default:
		return false
	}
}

func TestSessions(t *testing.T) {
	s := NewSessions(SessionOptions{})
	olga := principalOf(Operator, "olga")
	token, x := s.Begin(olga)
	again, y := s.Begin(olga)
	if token == again || x == y || len(token) < 26 {
		t.Error("a session is not new")
	}
	if got, err := s.Find(token); err != nil || got != x || got.Principal != olga {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []Secret{"", "x", token + "x", token[:len(token)-1]} {
		if _, err := s.Find(bad); err != ErrNoSession {
			t.Errorf("%d characters: %v", len(bad), err)
		}
	}
	s.End(x)
	s.End(x)
	if _, err := s.Find(token); err != ErrNoSession || !ended(x) || ended(y) || s.Len() != 1 {
		t.Errorf("after signing out: %v", err)
	}
}

func TestSessionsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSessions(SessionOptions{Idle: time.Hour, Absolute: 10 * time.Hour})
		p := principalOf(Operator, "olga")
		idle, x := s.Begin(p)
		used, y := s.Begin(p)
		open, z := s.Begin(p)
		for range 19 {
			time.Sleep(30 * time.Minute)
			if _, err := s.Find(used); err != nil {
				t.Fatal("a session that is used ends: ", err)
			}
			s.Touch(z)
			s.Sweep()
		}
		if _, err := s.Find(idle); err == nil || !ended(x) {
			t.Error("a session that is not used goes on")
		}
		if _, err := s.Find(open); err != nil {
			t.Error("a session with a feed ends")
		}
		time.Sleep(30 * time.Minute)
		if _, err := s.Find(used); err == nil || !ended(y) {
			t.Error("a session goes on for ever")
		}
		s.Sweep()
		if s.Len() != 0 || !ended(z) {
			t.Errorf("%d sessions are left", s.Len())
		}
	})
}

// Who loses the account loses the sessions.
func TestSessionsOfRevoked(t *testing.T) {
	s := NewSessions(SessionOptions{})
	p, q := principalOf(Operator, "olga"), principalOf(Viewer, "vera")
	token, x := s.Begin(p)
	other, y := s.Begin(q)
	p.revoked.Store(true)
	if _, err := s.Find(token); err == nil || !ended(x) {
		t.Error("the session of a removed account goes on")
	}
	q.revoked.Store(true)
	s.Sweep()
	if _, err := s.Find(other); err == nil || !ended(y) {
		t.Error("the feed of a removed account goes on")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSessions(SessionOptions{Max: 5, MaxOfOne: 3})
		_, first := s.Begin(principalOf(Viewer, "vera"))
		for range 4 {
			time.Sleep(time.Second)
			s.Begin(principalOf(Operator, "olga"))
		}
		if s.Len() != 4 || ended(first) {
			t.Errorf("%d sessions; one who signs in often signs another out: %t", s.Len(), ended(first))
		}
		for i := range 10 {
			time.Sleep(time.Second)
			s.Begin(principalOf(Viewer, fmt.Sprint(i)))
		}
		if s.Len() != 5 || !ended(first) {
			t.Errorf("%d sessions", s.Len())
		}
	})
}
