package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// rememberFor is how long a right password need not be verified again.
	rememberFor = 5 * time.Minute
	// trustFor is how long an address from which an account has come is not held
	// up by those who guess its password from elsewhere.
	trustFor = 30 * 24 * time.Hour
	// maxRemembered bounds what is remembered of each kind.
	maxRemembered = 16384
	// maxWaiting is how many verifications may wait for their turn.
	maxWaiting = 200
)

// mac identifies a name with its hash and a password without holding them.
type mac [sha256.Size]byte

// verifier verifies passwords. Those with slow hashes take turns, are verified
// once when many come with the same, are remembered for a while, and are slowed
// down for those who guess. It is safe for concurrent use.
type verifier struct {
	key   []byte
	seed  maphash.Seed
	slots chan struct{} // one for each slow verification at a time

	waiting   atomic.Int32
	addresses lines[netip.Prefix]
	names     throttle[uint64]

	mu      sync.Mutex
	known   map[mac]time.Time // right ones, until
	trusted map[mac]time.Time // names and addresses, until
	flights map[mac]*flight
}

// flight is a verification under way.
type flight struct {
	done chan struct{}
	err  error
}

func newVerifier() *verifier {
	v := &verifier{
		key: make([]byte, 32), seed: maphash.MakeSeed(), slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		addresses: lines[netip.Prefix]{rate: throttle[netip.Prefix]{burst: 20, every: 5 * time.Second, max: 4 * maxRemembered}},
		names:     throttle[uint64]{burst: 20, every: 30 * time.Second, max: 4 * maxRemembered},
		known:     map[mac]time.Time{}, trusted: map[mac]time.Time{}, flights: map[mac]*flight{},
	}
	_, _ = rand.Read(v.key) // never fails
	return v
}

// sum returns the MAC of parts; none can be mistaken for part of another.
func (v *verifier) sum(parts ...string) (m mac) {
	h := hmac.New(sha256.New, v.key)
	for _, p := range parts {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	h.Sum(m[:0])
	return m
}

// check verifies a password. h is that of the account, or a decoy if there is
// none, which takes as long and never matches.
func (v *verifier) check(ctx context.Context, name string, h *hash, decoy bool, password Secret, remote string) error {
	if len(password) > maxPassword {
		return ErrCredentials
	}
	if !h.isSlow() { // nobody can guess it, so nobody need be slowed down
		if !h.matches(password) || decoy {
			return ErrCredentials
		}
		return nil
	}
	at := attempt{
		name: maphash.String(v.seed, name), address: addressKey(remote),
		login: v.sum("login", name, h.text, password.Reveal()),
	}
	at.place = v.sum("place", name, at.address.String())
	if wait := v.blocked(at, time.Now()); wait > 0 {
		return &BusyError{wait}
	}
	if v.remembers(v.known, at.login) {
		return nil
	}
	f, first := v.join(at.login)
	if first {
		f.err = v.verify(ctx, at, h, decoy, password)
		v.leave(at.login, f)
		return f.err
	}
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return &BusyError{time.Second}
	}
}

// attempt is somebody who wants to come in.
type attempt struct {
	name    uint64
	address netip.Prefix
	login   mac // name, hash and password
	place   mac // name and address
}

// blocked returns how long the attempt has to wait because of others before it.
func (v *verifier) blocked(at attempt, now time.Time) time.Duration {
	return max(v.addresses.guessed(at.address, now), v.nameBlocked(at, now))
}

// nameBlocked is blocked by those who come with the same name.
func (v *verifier) nameBlocked(at attempt, now time.Time) time.Duration {
	if v.remembers(v.trusted, at.place) {
		return 0
	}
	return v.names.wait(at.name, now)
}

func (v *verifier) remembers(m map[mac]time.Time, key mac) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	until, ok := m[key]
	return ok && time.Now().Before(until)
}

func (v *verifier) join(login mac) (f *flight, first bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f = v.flights[login]; f != nil {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	v.flights[login] = f
	return f, true
}

func (v *verifier) leave(login mac, f *flight) {
	v.mu.Lock()
	delete(v.flights, login)
	v.mu.Unlock()
	close(f.done)
}

// verify is the slow part. The attempt is booked before, so that guesses made at
// the same time count too, and given back unless it was a wrong one.
func (v *verifier) verify(ctx context.Context, at attempt, h *hash, decoy bool, password Secret) (err error) {
	if err := v.addresses.enter(ctx, at.address); err != nil {
		return err
	}
	defer func() { v.addresses.leave(at.address, err == ErrCredentials) }()
	now := time.Now()
	if wait := v.nameBlocked(at, now); wait > 0 { // by those who came in meanwhile
		return &BusyError{wait}
	}
	v.names.take(at.name, now)
	err = v.turn(ctx)
	if err == nil {
		if !h.matches(password) || decoy {
			err = ErrCredentials
		}
		<-v.slots
	}
	if err == ErrCredentials {
		return err
	}
	v.names.giveBack(at.name)
	if err == nil {
		v.mu.Lock()
		defer v.mu.Unlock()
		remember(v.known, at.login, rememberFor)
		remember(v.trusted, at.place, trustFor)
	}
	return err
}

// turn waits for a slot.
func (v *verifier) turn(ctx context.Context) error {
	if v.waiting.Add(1) > maxWaiting {
		v.waiting.Add(-1)
		return &BusyError{5 * time.Second}
	}
	defer v.waiting.Add(-1)
	select {
	case v.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &BusyError{5 * time.Second}
	}
}

// remember adds a key to one of the bounded maps.
func remember(m map[mac]time.Time, key mac, d time.Duration) {
	now := time.Now()
	if len(m) >= maxRemembered {
		for k, until := range m {
			if !now.Before(until) {
				delete(m, k)
			}
		}
	}
	for k := range m { // in no order
		if len(m) < maxRemembered {
			break
		}
		delete(m, k)
	}
	m[key] = now.Add(d)
}
