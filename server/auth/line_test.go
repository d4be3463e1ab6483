package auth

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A fleet behind one address, each device with a password that somebody chose,
// comes in at once.
func TestFleetBehindOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // however long a hash takes, nobody waits for too long
		v := newVerifier()
		v.slots = make(chan struct{}, 1)
		var work sync.WaitGroup
		for i := range 60 {
			work.Go(func() {
				if err := v.try(fmt.Sprint("truck", i), "correct horse", fmt.Sprint("10.0.0.1:", 1000+i)); err != nil {
					t.Errorf("truck %d: %v", i, err)
				}
			})
		}
		work.Wait()
		if len(v.addresses.of) != 0 || v.addresses.waiting != 0 {
			t.Errorf("%d lines are left, in which %d wait", len(v.addresses.of), v.addresses.waiting)
		}
	})
}

// Who guesses many at once has no more guesses by it, with one name or with many, and
// those who stand in the same line are refused when they are used up.
func TestGuessingAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier()
		var work sync.WaitGroup
		var seen, refused atomic.Int32
		for i := range 100 {
			work.Go(func() {
				switch err := v.try(fmt.Sprint("name", i), Secret(fmt.Sprint("guess", i)), "10.0.0.1"); {
				case err == ErrCredentials:
					seen.Add(1)
				case isBusy(err):
					refused.Add(1)
				}
			})
		}
		work.Wait()
		if seen.Load() != 20 || refused.Load() != 80 {
			t.Errorf("of 100 guesses %d were looked at, %d refused", seen.Load(), refused.Load())
		}
		if !isBusy(v.try("alice", "correct horse", "10.0.0.1")) {
			t.Error("who guesses is told when it is right")
		}
		time.Sleep(5 * time.Second)
		if err := v.try("alice", "correct horse", "10.0.0.1"); err != nil {
			t.Errorf("after a while: %v", err)
		}
	})
}

// The line of an address is bounded, in number and in time.
func TestLineIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier()
		v.slots = make(chan struct{}) // nobody's turn comes
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		var refused atomic.Int32
		for i := range 20 + maxLine + 5 {
			work.Go(func() {
				if isBusy(v.check(ctx, fmt.Sprint("truck", i), guarded, false, "correct horse", "10.0.0.1")) {
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := refused.Load(); n != 5 {
			t.Errorf("%d are refused at once, want 5", n)
		}
		time.Sleep(lineTime)
		synctest.Wait()
		if n := refused.Load(); n != 5+maxLine {
			t.Errorf("%d are refused in time, want %d", n, 5+maxLine)
		}
		cancel()
		work.Wait()
		if len(v.addresses.of) != 0 || v.addresses.waiting != 0 {
			t.Errorf("%d lines are left, in which %d wait", len(v.addresses.of), v.addresses.waiting)
		}
	})
}
