package history

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/clock"
)

const year = 365 * 24 * time.Hour

// A clock that jumps by a year, and back, deletes nothing, keeps nothing longer,
// and lets no point be lost.
func TestClockJumps(t *testing.T) {
	for name, by := range map[string]time.Duration{"ahead": year, "back": -year} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { clockJumps(t, by) })
		})
	}
}

func clockJumps(t *testing.T, by time.Duration) {
	store := newDisk()
	r := newRecorder(t, Options{Store: store, All: true, MaxAge: 30 * 24 * time.Hour})
	var off atomic.Int64
	r.clock = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	points := drive(begin, 5*chunkPoints, rand.New(rand.NewPCG(1, 1)))
	added := 0
	add := func() {
		for range chunkPoints {
			r.Add("BBB", points[added])
			added++
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
	}
	left := func(when string, want int64) {
		t.Helper()
		if got := r.Stats().Usage.Points; got != want {
			t.Errorf("%s %d points are left, want %d", when, got, want)
		}
	}
	add()
	time.Sleep(24 * time.Hour) // the clock has gone well for long
	add()
	off.Store(int64(by))
	add()
	left("while it is wrong", 3*chunkPoints)
	off.Store(0)
	add()
	time.Sleep(2 * clock.Steady)
	add()
	left("when it is right again", 5*chunkPoints)
	if s := r.Stats(); s.Dropped != (Drops{}) || s.Recorded != int64(added) {
		t.Errorf("%+v", s)
	}
	// After a chunk is begun it is saved within the hour, whatever the clock says.
	r.Add("AAA", points[0])
	off.Store(-int64(year))
	time.Sleep(time.Hour + time.Minute)
	synctest.Wait()
	left("after an hour", 5*chunkPoints+1)
	off.Store(0)
	time.Sleep(31 * 24 * time.Hour)
	synctest.Wait()
	left("after their time", 0)
}

// A clock that is not set yet when the server starts deletes nothing either.
func TestClockIsWrongAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, Options{All: true})
		r.Add("BBB", At(begin, 1, 1))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		off := atomic.Int64{}
		off.Store(int64(year))
		r.clock = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(30 * time.Minute)
		off.Store(0)
		time.Sleep(2 * clock.Steady)
		synctest.Wait()
		if got := r.Stats().Usage.Points; got != 1 {
			t.Errorf("%d points are left", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
