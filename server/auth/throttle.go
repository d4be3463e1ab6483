package auth

import (
	"net/netip"
	"sync"
	"time"
)

// throttle lets each key have a burst of attempts, and then one each interval.
// Its memory is bounded: of too many keys some are forgotten. It is safe for
// concurrent use.
type throttle[K comparable] struct {
	burst int
	every time.Duration
	max   int

	mu    sync.Mutex
	until map[K]time.Time // when all that was taken is paid for (GCRA)
	swept time.Time
}

// wait returns how long the key has to wait for its next attempt.
func (t *throttle[K]) wait(key K, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, known := t.until[key]
	if !known {
		return 0
	}
	return max(0, until.Sub(now)-time.Duration(t.burst-1)*t.every)
}

// take books an attempt.
func (t *throttle[K]) take(key K, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.until == nil {
		t.until = map[K]time.Time{}
	}
	if _, known := t.until[key]; !known && len(t.until) >= t.max {
		t.makeRoom(now)
	}
	from := now
	if u := t.until[key]; u.After(now) {
		from = u
	}
	t.until[key] = from.Add(t.every)
}

// giveBack takes an attempt back that was not one at guessing.
func (t *throttle[K]) giveBack(key K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u, ok := t.until[key]; ok {
		t.until[key] = u.Add(-t.every)
	}
}

// makeRoom forgets those who have paid, and if there are none, somebody.
func (t *throttle[K]) makeRoom(now time.Time) {
	if now.Sub(t.swept) >= time.Second {
		t.swept = now
		for k, u := range t.until {
			if !u.After(now) {
				delete(t.until, k)
			}
		}
	}
	for k := range t.until {
		if len(t.until) < t.max {
			return
		}
		delete(t.until, k)
	}
}

// addressKey is whom an address counts as: in IPv6 the network, since whoever
// has one address there has 2^64.
func addressKey(remote string) netip.Prefix {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		ap, err := netip.ParseAddrPort(remote)
		if err != nil {
			return netip.Prefix{}
		}
		addr = ap.Addr()
	}
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // of valid addresses always
	return p
}
