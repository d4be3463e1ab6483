package broker

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/clock"
)

// A clock that is set a year ahead or back while the server runs, and right again
// within the hour, gives up nothing, refuses nothing that is in time, and keeps
// nothing for longer.
func TestClockJumps(t *testing.T) {
	for _, by := range []time.Duration{365 * 24 * time.Hour, -57 * 365 * 24 * time.Hour, time.Hour, -time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { clockJumps(t, by) })
		})
	}
}

func clockJumps(t *testing.T, by time.Duration) {
	var off atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(off.Load())).Round(0) }
	c := clock.New(now, 0)
	b := New(Options{Clock: c, MaxAge: 40 * time.Minute})
	ctx, cancel := context.WithCancel(t.Context())
	go b.Run(ctx)
	defer func() { cancel(); synctest.Wait() }()
	p := b.NewPublisher(nil)
	send := func(queue string, expires time.Time) {
		p.Begin(time.Now())
		r, err := p.Topic([]byte(queue))
		if err != nil {
			t.Fatal(err)
		}
		m := p.Add(r)
		m.Body, m.Expires, m.Retain = []byte("x"), expires.UnixMilli(), true
		p.Enqueue(queue, func(m *Message) { m.Expires = expires.UnixMilli() }, nil)
		p.Flush()
	}
	left := func(when string, want ...string) {
		t.Helper()
		c.Look()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, name := range []string{"early", "late", "aged", "meanwhile"} {
			there := len(b.Queues(name)) == 1
			if there != (b.RetainedMessage(name) != nil) {
				t.Errorf("%s: %s is on the queue: %v, and not so retained", when, name, there)
			}
			expected := false
			for _, w := range want {
				expected = expected || w == name
			}
			if there != expected {
				t.Errorf("%s: %s is there: %v", when, name, there)
			}
		}
	}
	send("early", now().Add(10*time.Minute))
	send("late", now().Add(30*time.Minute))
	send("aged", now().Add(24*time.Hour))
	off.Store(int64(by))
	left("after the jump", "early", "late", "aged")
	send("meanwhile", time.Now().Add(38*time.Minute)) // by a sender whose clock is right
	if by < 0 {
		time.Sleep(5 * time.Minute)
		left("while it is wrong", "early", "late", "aged", "meanwhile")
	}
	off.Store(0)
	left("when it is right again", "early", "late", "aged", "meanwhile")
	time.Sleep(11 * time.Minute)
	left("after eleven minutes", "late", "aged", "meanwhile")
	time.Sleep(20 * time.Minute)
	left("after half an hour", "aged", "meanwhile")
	time.Sleep(10 * time.Minute)
	left("after their time")
}
