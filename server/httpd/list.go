package httpd

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// badParameter is a fault in the query of a request.
type badParameter struct{ name, should string }

func (e *badParameter) Error() string { return e.name + " must be " + e.should }

// query reads the parameters of a request; the first fault is kept.
type query struct {
	values url.Values
	err    error
}

func queryOf(r *http.Request) *query { return &query{values: r.URL.Query()} }

func (q *query) text(name string) string { return q.values.Get(name) }

// required returns a parameter that must be there.
func (q *query) required(name, what string) string {
	v := q.values.Get(name)
	if v == "" {
		q.fail(name, what)
	}
	return v
}

func (q *query) fail(name, should string) {
	if q.err == nil {
		q.err = &badParameter{name, should}
	}
}

// number returns a whole number between least and most.
func (q *query) number(name string, standard, least, most int) int {
	v := q.values.Get(name)
	if v == "" {
		return standard
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		q.fail(name, fmt.Sprintf("a number from %d to %d", least, most))
		return standard
	}
	return n
}

// seq returns a number that counts up for as long as the server runs, 0 if none
// is given.
func (q *query) seq(name string) uint64 {
	v := q.values.Get(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 53) // more is no number to JavaScript
	if err != nil {
		q.fail(name, "a number, as an answer has it")
	}
	return n
}

// limit is how many entries of a list are asked for.
func (q *query) limit() int { return q.number("limit", defaultPage, 1, maxPage) }

// choice returns one of some values, the first one if none is given.
func (q *query) choice(name string, choices ...string) string {
	v := q.values.Get(name)
	for _, c := range choices {
		if v == c {
			return v
		}
	}
	if v != "" {
		q.fail(name, fmt.Sprintf("one of %q", choices))
	}
	return choices[0]
}

// bad answers a request whose parameters are wrong, and reports whether they are.
func (q *query) bad(w http.ResponseWriter) bool {
	if q.err != nil {
		problem(w, http.StatusBadRequest, q.err.Error())
	}
	return q.err != nil
}

// turnTime is how long a request waits for its turn.
const turnTime = 10 * time.Second

// replyList answers with a list. One that has to be whole to be made, because it is
// sorted, or of what is known in no order, may have a million entries of which the
// answer has a page: one request at a time makes such a list, and it is gone before
// anything is sent to somebody who may read slowly.
func (s *Server) replyList(w http.ResponseWriter, r *http.Request, whole bool, list func() map[string]any) {
	if !whole {
		replyJSON(w, http.StatusOK, list())
		return
	}
	answer, ok := s.inTurn(r.Context(), list)
	if !ok {
		s.limited.Add(1)
		full(w)
		return
	}
	replyJSON(w, http.StatusOK, answer)
}

// viewed is a list as an answer has it.
func viewed[T, V any](all []T, view func(T) V) []V {
	views := make([]V, len(all))
	for i, x := range all {
		views[i] = view(x)
	}
	return views
}

// inTurn makes a list when it is its turn; false: it was not in time.
func (s *Server) inTurn(ctx context.Context, list func() map[string]any) (map[string]any, bool) {
	ctx, cancel := context.WithTimeout(ctx, turnTime)
	defer cancel()
	select {
	case s.whole <- struct{}{}:
		defer func() { <-s.whole }()
		return list(), true
	case <-ctx.Done():
		return nil, false
	}
}

// entries is a list that is never null.
func entries[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
