package httpd

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Lists that have to be whole are made one at a time: whoever asks for many of them
// at once makes the server hold one. Others wait, not for ever, and pages that need
// no whole list do not.
func TestWholeListsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var making, most atomic.Int32
		goOn := make(chan struct{})
		opts, _ := options(t)
		opts.Sessions = func() []Session {
			most.Store(max(most.Load(), making.Add(1)))
			defer making.Add(-1)
			<-goOn
			return []Session{{Client: "AAA"}}
		}
		opts.EndSession = func(string) (found, away bool) { return false, false }
		s := newServer(t, opts)
		ask := func(ctx context.Context, path string) chan int {
			code := make(chan int, 1)
			go func() {
				w := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
				r.Host = "127.0.0.1:8080"
				s.ServeHTTP(w, r)
				code <- w.Code
			}()
			synctest.Wait()
			return code
		}
		leaves, leave := context.WithCancel(t.Context())
		first := ask(t.Context(), "/api/v1/sessions")
		waits := ask(t.Context(), "/api/v1/sessions?sort=-queued")
		left := ask(leaves, "/api/v1/queues?sort=waiting")
		if code := <-ask(t.Context(), "/api/v1/queues"); code != 200 {
			t.Errorf("a page in the order of names: %d", code)
		}
		leave()
		if code := <-left; code != 503 {
			t.Errorf("one that has left: %d", code)
		}
		time.Sleep(turnTime - time.Second)
		goOn <- struct{}{}
		if code := <-first; code != 200 {
			t.Errorf("the first one: %d", code)
		}
		third := ask(t.Context(), "/api/v1/subscriptions")
		time.Sleep(turnTime)
		if code := <-third; code != 503 || s.Limited() != 2 {
			t.Errorf("one that waits for too long: %d, %d were refused", code, s.Limited())
		}
		goOn <- struct{}{}
		if code := <-waits; code != 200 {
			t.Errorf("the one that waited: %d", code)
		}
		if most.Load() != 1 {
			t.Errorf("%d were made at a time", most.Load())
		}
	})
}
