package faults

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// book knows of every message what has become of it, over all runs of the server.
type book struct {
	mu      sync.Mutex
	run     int // the server's, from 1
	streams map[string]*stream
	groups  []*group
	faults  []string

	confirmed, delivered, repeated int
}

// stream is what one publisher sends to one destination, numbered from 1.
type stream struct {
	name string
	sent []sending
}

// sending is one message. Number n is at index n-1.
type sending struct {
	run     int
	receipt bool
}

// group is whoever shares the messages of some streams: the consumers of a queue,
// or one durable subscriber.
type group struct {
	name    string
	streams []*stream
	ordered bool                    // one consumer at a time, who puts nothing back
	got     map[*stream][]reception // number n at index n-1
	firsts  map[*stream]int         // how many different ones
	ended   bool                    // it has got the last message of the test
}

// reception is what a group knows of a message.
type reception struct {
	times    int32
	run      int32 // of the last delivery
	unmarked bool  // one delivery was not marked as redelivered
	gone     bool  // its ACK has got a RECEIPT
}

// of returns what is known of number n, which may be nothing yet.
func (g *group) of(s *stream, n int) *reception {
	got := g.got[s]
	if n > len(got) {
		got = append(got, make([]reception, n-len(got))...)
		g.got[s] = got
	}
	return &got[n-1]
}

// find returns the stream and the number that a key or a body begins with.
func (b *book) find(text string) (s *stream, n int) {
	name, rest, _ := strings.Cut(text, ":")
	digits, _, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(digits)
	if s = b.streams[name]; err != nil || s == nil || n < 1 || n > len(s.sent) {
		return nil, 0
	}
	return s, n
}

func newBook() *book { return &book{streams: map[string]*stream{}} }

func (b *book) stream(name string) *stream {
	s := &stream{name: name}
	b.streams[name] = s
	return s
}

func (b *book) group(name string, ordered bool, streams ...*stream) *group {
	g := &group{name: name, ordered: ordered, streams: streams, got: map[*stream][]reception{}, firsts: map[*stream]int{}}
	b.groups = append(b.groups, g)
	return g
}

// next makes the next message of a stream, which is about to be sent.
func (b *book) next(s *stream) (n int, body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.sent = append(s.sent, sending{run: b.run})
	n = len(s.sent)
	body = fmt.Sprintf("%s:%d:", s.name, n)
	if n%50 == 0 {
		body += strings.Repeat("x", 20_000) // longer than a read buffer
	}
	return n, body
}

// lag is how many messages of a stream its slowest group has not got yet.
func (b *book) lag(s *stream) (lag int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.groups {
		if slices.Contains(g.streams, s) {
			lag = max(lag, len(s.sent)-g.firsts[s])
		}
	}
	return lag
}

// receipt notes that the server has promised a message.
func (b *book) receipt(s *stream, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.sent[n-1].receipt = true
	b.confirmed++
}

// fault notes a broken promise.
func (b *book) fault(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.say(format, args...)
}

func (b *book) say(format string, args ...any) {
	if len(b.faults) < 30 {
		b.faults = append(b.faults, fmt.Sprintf("run %d: ", b.run)+fmt.Sprintf(format, args...))
	}
}

// reader is one connection's view of a group.
type reader struct {
	b    *book
	g    *group
	last map[*stream]int
}

func (b *book) reader(g *group) *reader { return &reader{b, g, map[*stream]int{}} }

// delivery notes a message and returns its key; times is how often the group had
// it before.
func (r *reader) delivery(body string, redelivered bool) (key string, times int) {
	b := r.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if body == theEnd {
		r.g.ended = true
		return "", 0
	}
	s, n := b.find(body)
	if s == nil {
		b.say("%s got %.60q, which nobody has sent", r.g.name, body)
		return "", 0
	}
	key = s.name + ":" + strconv.Itoa(n)
	e := r.g.of(s, n)
	switch {
	case e.gone:
		b.say("%s got %s again, although its ACK had a RECEIPT", r.g.name, key)
	case e.unmarked && !redelivered: // two connections are not read in the order of their deliveries
		b.say("%s got %s %d times, twice not marked as redelivered (before: run %d)", r.g.name, key, e.times+1, e.run)
	case r.g.ordered && n <= r.last[s]:
		b.say("%s got %s after %d of the same connection", r.g.name, key, r.last[s])
	}
	r.last[s] = n
	times = int(e.times)
	e.times, e.run, e.unmarked = e.times+1, int32(b.run), e.unmarked || !redelivered
	b.delivered++
	b.repeated += min(times, 1)
	r.g.firsts[s] += 1 - min(times, 1)
	return key, times
}

// acknowledged notes that the RECEIPT of an ACK has come.
func (r *reader) acknowledged(key string) {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	s, n := r.b.find(key)
	r.g.of(s, n).gone = true
}

func (b *book) ended(g *group) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return g.ended
}

// theEnd is the last message that each group gets.
const theEnd = "the end"

// check compares at the end what was promised with what has come.
func (b *book) check(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.groups {
		for _, s := range g.streams {
			b.checkStream(g, s)
		}
	}
	for _, f := range b.faults {
		t.Error(f)
	}
}

// checkStream checks that a group has all that had a RECEIPT, and no gap: what is
// lost without one is the end of a run. The consumers of a shared queue may see a
// part of that end before it is lost.
func (b *book) checkStream(g *group, s *stream) {
	lost := 0 // the first one of the run
	for i, m := range s.sent {
		n := i + 1
		if i > 0 && s.sent[i-1].run != m.run {
			lost = 0
		}
		e := g.of(s, n)
		got := e.times > 0
		switch {
		case !got && m.receipt:
			b.say("%s never got %s:%d of run %d, which had a RECEIPT", g.name, s.name, n, m.run)
		case got && lost > 0 && (g.ordered || int(e.run) > m.run):
			b.say("%s got %s:%d of run %d, but never %d, which was sent before", g.name, s.name, n, m.run, lost)
		}
		if !got && lost == 0 {
			lost = n
		}
	}
}
