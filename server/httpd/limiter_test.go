package httpd

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// Some at once, then one each interval, apart for each name; and it does not grow
// with the names it has seen.
func TestLimiter(t *testing.T) {
	l := newLimiter(time.Second, 3)
	now := time.Unix(1000, 0)
	for i, want := range []time.Duration{0, 0, 0, time.Second, time.Second} {
		if wait := l.allow("A", now); wait != want {
			t.Errorf("request %d: wait %v, want %v", i, wait, want)
		}
	}
	if wait := l.allow("B", now); wait != 0 {
		t.Errorf("another name waits %v", wait)
	}
	if wait := l.allow("A", now.Add(1500*time.Millisecond)); wait != 0 {
		t.Errorf("after a while it waits %v", wait)
	}
	if wait := l.allow("A", now.Add(1500*time.Millisecond)); wait != 500*time.Millisecond {
		t.Errorf("then it waits %v", wait)
	}
	for i := range 3 * maxBooked {
		l.allow(fmt.Sprint(i), now.Add(time.Duration(i)*time.Second))
	}
	if n := len(l.booked); n > maxBooked {
		t.Errorf("%d names are remembered", n)
	}
	for i := range 2 * maxBooked { // all at once
		l.allow(fmt.Sprint("x", i), now.Add(time.Hour))
	}
	if n := len(l.booked); n > maxBooked {
		t.Errorf("%d names are remembered", n)
	}
}

// Who alerts one device too often does not use up what there is for all of them.
func TestAlertsOfOneDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // or the last one could be the next that is allowed
		opts, _ := options(t)
		s := newServer(t, opts)
		last := 0
		for range 1500 { // more than all may have at once
			last = ask(s, "POST", "/api/v1/devices/AAA/alerts", `{"color":"red"}`, asJSON).Code
		}
		if last != http.StatusTooManyRequests {
			t.Errorf("the last one of many: %d", last)
		}
		if res := ask(s, "POST", "/api/v1/devices/BBB/alerts", `{"color":"red"}`, asJSON); res.Code != http.StatusOK {
			t.Errorf("another device: %d %s", res.Code, res.Body)
		}
	})
}
