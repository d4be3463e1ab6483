package broker

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mwm/server/netx"
	"mwm/server/topic"
)

// Receiver takes the messages of subscriptions.
type Receiver interface {
	// Deliver is called with each batch that matches, on the publisher's
	// goroutine. It must not block but by [Batch.Send], and may use the batch
	// only until it returns.
	Deliver(s *Subscription, b *Batch)
}

// Presence is an ability of a [Receiver] that can be away.
type Presence interface {
	// Online reports whether somebody is connected.
	Online() bool
}

// Backlogged is an ability of a [Receiver] that is behind a connection.
type Backlogged interface {
	// Backlog is how much waits to be written, in bytes.
	Backlog() int
}

// Outlet is an ability of a [Receiver] that publishers may have to wait for.
type Outlet interface {
	// Outlet is what it uses [Batch.Send] with; nil if it does not just now.
	Outlet() *netx.Outbound
}

// Subscription is a receiver's interest in the topics that a filter matches.
// Its fields must not change while it is subscribed.
type Subscription struct {
	Filter   string // canonical, valid
	Receiver Receiver
	// Key names the bytes that messages become for this subscription:
	// subscriptions with the same Key are sent the same. "" if not shared.
	Key string
	// Internal subscriptions are the server's own: they do not count as listeners.
	Internal bool
}

// Route is where the messages of one topic go. It is immutable.
type Route struct {
	Name string
	gen  uint64
	subs []*Subscription // those with one Key are neighbours

	counts  *topicCounts
	outside int // of subs, those that are not the server's own
	keyed   int // of subs, those with a Key
}

// Listeners is the number of subscriptions, but the server's own and those of
// receivers that are away.
func (r *Route) Listeners() (n int) {
	for _, s := range r.subs {
		if s.Internal {
			continue
		}
		if p, ok := s.Receiver.(Presence); ok && !p.Online() {
			continue
		}
		n++
	}
	return n
}

// Subscribers is the number of subscriptions, but the server's own: also of those
// that are away.
func (r *Route) Subscribers() int { return r.outside }

const (
	routeShards   = 64
	routesInShard = 1024
	// longName is the longest name in bytes that is remembered: of longer ones as many
	// would be gigabytes that nobody counts, and nobody is in need of.
	longName = 1 << 10
)

// routes knows all subscriptions and remembers the routes of recent names. Any
// change of a subscription makes all routes old.
type routes struct {
	gen   atomic.Uint64
	mu    sync.RWMutex
	exact map[string][]*Subscription // copy on write
	wild  topic.Tree[*Subscription]
	count int
	cache [routeShards]routeShard
}

type routeShard struct {
	mu     sync.RWMutex
	m      map[string]*Route
	counts map[string]*topicCounts // see topics.go
	_      [24]byte                // a cache line of its own
}

func (t *routes) init() {
	t.gen.Store(1)
	t.exact = map[string][]*Subscription{}
	for i := range t.cache {
		t.cache[i].m = map[string]*Route{}
	}
}

func (t *routes) add(s *Subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if topic.IsWild(s.Filter) {
		t.wild.Add(s.Filter, s)
	} else {
		old := t.exact[s.Filter]
		t.exact[s.Filter] = append(old[:len(old):len(old)], s)
	}
	t.count++
	t.gen.Add(1)
}

func (t *routes) remove(s *Subscription) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if topic.IsWild(s.Filter) {
		if !t.wild.Remove(s.Filter, s) {
			return false
		}
	} else {
		old := t.exact[s.Filter]
		i := slices.Index(old, s)
		if i < 0 {
			return false
		}
		if len(old) == 1 {
			delete(t.exact, s.Filter)
		} else {
			t.exact[s.Filter] = append(old[:i:i], old[i+1:]...)
		}
	}
	t.count--
	t.gen.Add(1)
	return true
}

func (t *routes) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}

// lookup returns the route of a canonical name, or why the name is not valid.
func (t *routes) lookup(name []byte) (*Route, error) {
	shard := &t.cache[hash(name)%routeShards]
	gen := t.gen.Load()
	shard.mu.RLock()
	r := shard.m[string(name)]
	shard.mu.RUnlock()
	if r != nil && r.gen == gen {
		return r, nil
	}
	if r == nil {
		if err := topic.CheckName(string(name)); err != nil {
			return nil, err
		}
	}
	r = t.compute(string(name))
	if len(name) > longName {
		r.counts = &manyTopics
		return r, nil
	}
	shard.mu.Lock()
	r.counts = shard.countsOf(r.Name)
	if len(shard.m) >= routesInShard {
		clear(shard.m)
	}
	shard.m[r.Name] = r
	shard.mu.Unlock()
	return r, nil
}

func (t *routes) compute(name string) *Route {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r := &Route{Name: name, gen: t.gen.Load(), subs: t.exact[name]}
	shared := true // the list is the map's
	t.wild.Match(name, func(s *Subscription) {
		if shared {
			r.subs, shared = slices.Clone(r.subs), false
		}
		r.subs = append(r.subs, s)
	})
	if byKey := func(a, b *Subscription) int { return strings.Compare(a.Key, b.Key) }; !slices.IsSortedFunc(r.subs, byKey) {
		if shared {
			r.subs = slices.Clone(r.subs)
		}
		slices.SortStableFunc(r.subs, byKey)
	}
	for _, s := range r.subs {
		if !s.Internal {
			r.outside++
		}
		if s.Key != "" {
			r.keyed++
		}
	}
	return r
}

// hash is FNV-1a over the end of the name, where names differ most.
func hash(name []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range name[max(0, len(name)-24):] {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}
