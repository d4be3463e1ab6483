package httpd

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"mwm/server/netx"
)

// freeRoom is what a request may hold in any case, in bytes: so much its connection
// costs anyway, and who looks after a server that is short of memory has to get
// through.
const freeRoom = 8 << 10

// room is what requests hold beyond that, all together: bodies that come slowly, and
// answers that are read slowly.
type room struct {
	max  int64
	held atomic.Int64
}

// limit is how much there is: of --max-memory an eighth at most, and less while
// memory is short.
func (m *room) limit() int64 {
	limit := m.max
	if all := netx.MemoryLimit(); all > 0 {
		limit = min(limit, all/8)
	}
	if netx.Pressed() {
		limit /= 4
	}
	return limit
}

// holder is where a request's answer goes. It books what the request holds.
type holder struct {
	http.ResponseWriter
	room *room
	held int
	does bool // more than look: it must be told what it has done
}

// Unwrap is for [http.ResponseController].
func (h *holder) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// hold books n more bytes until the request ends; false if there is no room.
func (h *holder) hold(n int) bool { return h.book(n, false) }

func (h *holder) book(n int, must bool) bool {
	over := beyond(h.held+n) - beyond(h.held)
	if h.room.held.Add(over) > h.room.limit() && over > 0 && !must {
		h.room.held.Add(-over)
		return false
	}
	h.held += n
	netx.Book(n)
	return true
}

func (h *holder) release() {
	h.room.held.Add(-beyond(h.held))
	netx.Unbook(h.held)
	h.held = 0
}

// beyond is what of n bytes is not free.
func beyond(n int) int64 { return int64(max(0, n-freeRoom)) }

// holding has requests book what they hold.
func (s *Server) holding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := &holder{ResponseWriter: w, room: &s.room, does: r.Method != http.MethodGet && r.Method != http.MethodHead}
		defer h.release()
		next.ServeHTTP(h, r)
	})
}

// hold books what a request is about to hold; if there is no room it says so.
func (s *Server) hold(w http.ResponseWriter, n int) bool {
	if h, ok := w.(*holder); ok && !h.hold(n) {
		s.limited.Add(1)
		full(w)
		return false
	}
	return true
}

// full answers that there is no room.
func full(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	w.Header().Set("Connection", "close") // what else it may send is not read
	problem(w, http.StatusServiceUnavailable, errFull.Error())
}

var (
	errFull     = errors.New("too many large requests and answers are under way; try again in a moment")
	errTooLarge = errors.New("the body is too large")
)

// readBody reads the body of a request, of up to limit bytes. What it books is twice
// the body: there is soon something made of it. What is only announced costs nothing.
func readBody(w http.ResponseWriter, r *http.Request, limit int) ([]byte, error) {
	if r.ContentLength > int64(limit) {
		return nil, errTooLarge
	}
	h, booked := w.(*holder)
	var body []byte
	for {
		if len(body) > limit {
			return nil, errTooLarge
		}
		if len(body) == cap(body) {
			size := min(max(512, 2*len(body)), limit+1)
			if booked && !h.hold(size) {
				return nil, errFull
			}
			body = append(make([]byte, 0, size), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF && len(body) <= limit:
			return body, nil
		case err != nil && err != io.EOF:
			return nil, err
		}
	}
}
