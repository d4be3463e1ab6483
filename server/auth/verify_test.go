package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// guarded is a hash that counts as a slow one, and costs 2 MiB.
var guarded = newHash("correct horse", cost{2 << 10, 1, 1})

func (v *verifier) try(name string, password Secret, remote string) error {
	return v.check(context.Background(), name, guarded, false, password, remote)
}

func isBusy(err error) bool {
	var b *BusyError
	return errors.As(err, &b) && b.Wait > 0
}

func TestVerify(t *testing.T) {
	v := newVerifier()
	if err := v.try("alice", "correct horse", "10.0.0.1:1"); err != nil {
		t.Error(err)
	}
	if err := v.try("alice", "wrong", "10.0.0.1:1"); err != ErrCredentials {
		t.Error(err)
	}
	if err := v.check(context.Background(), "eve", guarded, true, "correct horse", "10.0.0.1:1"); err != ErrCredentials {
		t.Errorf("the decoy's password: %v", err)
	}
	// It is remembered for this name, hash and password alone.
	if len(v.known) != 1 {
		t.Errorf("%d are remembered", len(v.known))
	}
	other := newHash("battery staple", cost{2 << 10, 1, 1})
	if err := v.check(context.Background(), "alice", other, false, "correct horse", "10.0.0.1:1"); err != ErrCredentials {
		t.Errorf("the password before it was changed: %v", err)
	}
	if err := v.try("alice", Secret(make([]byte, maxPassword+1)), "10.0.0.1:1"); err != ErrCredentials {
		t.Error(err)
	}
}

func TestVerifyRemembersForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier()
		_ = v.try("alice", "correct horse", "10.0.0.1")
		login := v.sum("login", "alice", guarded.text, "correct horse")
		time.Sleep(rememberFor - time.Second)
		if !v.remembers(v.known, login) {
			t.Error("forgotten too early")
		}
		time.Sleep(time.Second)
		if v.remembers(v.known, login) {
			t.Error("remembered too long")
		}
	})
}

// Who guesses is slowed down by address, and an account by all who guess; not
// where it has come from before.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier()
		if err := v.try("alice", "correct horse", "10.0.0.9"); err != nil {
			t.Fatal(err)
		}
		guess := func(name, from string, n int) (refused int) {
			for i := range n {
				if isBusy(v.try(name, Secret(fmt.Sprint("guess", i)), from)) {
					refused++
				}
			}
			return refused
		}
		if n := guess("alice", "10.0.0.1", 25); n != 5 {
			t.Errorf("%d of 25 guesses were refused unseen", n)
		}
		if !isBusy(v.try("alice", "correct horse", "10.0.0.1")) {
			t.Error("who guesses is told when it is right")
		}
		if !isBusy(v.try("bob", "x", "10.0.0.1")) {
			t.Error("the same address guesses on with another name")
		}
		if !isBusy(v.try("alice", "guess", "10.0.0.2")) {
			t.Error("another address guesses on with the same name")
		}
		if err := v.try("alice", "correct horse", "10.0.0.9"); err != nil {
			t.Errorf("alice is locked out of where she works: %v", err)
		}
		if err := v.try("bob", "correct horse", "10.0.0.2"); err != nil {
			t.Errorf("bob is held up by what happens to alice: %v", err)
		}
		time.Sleep(time.Minute)
		if n := guess("alice", "10.0.0.1", 25); n < 20 {
			t.Errorf("after a minute only %d of 25 guesses were refused", n)
		}
		time.Sleep(time.Hour)
		if err := v.try("alice", "correct horse", "10.0.0.1"); err != nil {
			t.Errorf("after an hour: %v", err)
		}
		// In IPv6 one who guesses has a network of addresses.
		refused := 0
		for i := range 40 {
			if isBusy(v.try("carol", Secret(fmt.Sprint(i)), fmt.Sprintf("[2001:db8:0:1::%x]:1", i))) {
				refused++
			}
		}
		if refused != 20 {
			t.Errorf("%d of 40 guesses from one network were refused", refused)
		}
	})
}

// Passwords that nobody can guess are not rationed: a fleet behind one address
// comes in, whatever one truck of it does wrong.
func TestMadeUpPasswordsAreNotRationed(t *testing.T) {
	v := newVerifier()
	p, text := MakePassword()
	h, _ := parseHash(text)
	for range 100 {
		if err := v.check(context.Background(), "BBB", h, false, "wrong", "10.0.0.1"); err != ErrCredentials {
			t.Fatal(err)
		}
	}
	if err := v.check(context.Background(), "BBB", h, false, p, "10.0.0.1"); err != nil {
		t.Error(err)
	}
}

// Many who come with one password are verified once; those with many take turns.
func TestVerifyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier()
		v.slots = make(chan struct{}, 1)
		v.slots <- struct{}{} // somebody is being verified
		var work sync.WaitGroup
		for range 500 {
			work.Go(func() {
				if err := v.try("sim", "correct horse", "127.0.0.1"); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := v.waiting.Load(); n != 1 {
			t.Errorf("%d verifications of one password wait", n)
		}
		<-v.slots
		work.Wait()

		v.slots <- struct{}{}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var busy atomic.Int32
		for i := range 300 {
			work.Go(func() {
				err := v.check(ctx, fmt.Sprint("n", i), guarded, false, "correct horse", fmt.Sprintf("10.1.%d.%d", i/200, i%200))
				if isBusy(err) {
					busy.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := busy.Load(); n != 100 { // those beyond the queue are told at once
			t.Errorf("%d were refused, want 100", n)
		}
		cancel()
		work.Wait()
		if n := busy.Load(); n != 300 || v.waiting.Load() != 0 {
			t.Errorf("%d were refused, and %d still wait", n, v.waiting.Load())
		}
		<-v.slots
		if err := v.try("n1", "correct horse", "10.1.0.1"); err != nil { // waiting was no guess
			t.Error(err)
		}
	})
}

// Whatever strangers send, memory is bounded.
func TestThrottleIsBounded(t *testing.T) {
	th := throttle[int]{burst: 2, every: time.Minute, max: 100}
	now := time.Unix(1000, 0)
	for i := range 100_000 {
		th.take(i, now)
	}
	if len(th.until) > 100 {
		t.Errorf("%d keys", len(th.until))
	}
	m := map[mac]time.Time{}
	v := newVerifier()
	for i := range maxRemembered + 100 {
		remember(m, v.sum(fmt.Sprint(i)), time.Hour)
	}
	if len(m) > maxRemembered {
		t.Errorf("%d remembered", len(m))
	}
}

func TestAddressKey(t *testing.T) {
	for remote, want := range map[string]string{
		"10.0.0.1:5": "10.0.0.1/32", "10.0.0.1": "10.0.0.1/32", "[::ffff:10.0.0.1]:5": "10.0.0.1/32",
		"[2001:db8:1:2:3::4]:5": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "invalid Prefix", "pipe": "invalid Prefix",
	} {
		if got := addressKey(remote); got.String() != want {
			t.Errorf("%q: %s", remote, got)
		}
	}
	if addressKey("x") != (netip.Prefix{}) {
		t.Error("addresses that cannot be told apart count as one")
	}
}
