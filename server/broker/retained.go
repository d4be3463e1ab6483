package broker

import (
	"maps"
	"slices"
	"time"
)

// RetainedChange is a topic whose last value has changed.
type RetainedChange struct {
	Name    string
	Message *Message // nil: it has none any more
}

// TakeRetainedChanges returns the topics whose last value has changed since the
// call before, the newest value of each. It is for whoever keeps them on disk;
// Options.KeepChanges must be set.
func (b *Broker) TakeRetainedChanges() []RetainedChange {
	b.retainedMu.Lock()
	names := b.retainedDirty
	b.retainedDirty = nil
	changes := make([]RetainedChange, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		m, _ := b.retained.Get(name)
		changes = append(changes, RetainedChange{name, m})
	}
	b.retainedMu.Unlock()
	return changes
}

// RestoreRetained gives a topic its last value back, unless it has a newer one.
// The message must be a lasting one.
func (b *Broker) RestoreRetained(m *Message) {
	b.retainedMu.Lock()
	defer b.retainedMu.Unlock()
	if _, have := b.retained.Get(m.Name); !have {
		b.putRetained(m)
		delete(b.retainedDirty, m.Name)
	}
}

// touchRetained notes a change. b.retainedMu is held.
func (b *Broker) touchRetained(name string) {
	if !b.opt.KeepChanges {
		return
	}
	if b.retainedDirty == nil {
		b.retainedDirty = map[string]struct{}{}
	}
	b.retainedDirty[name] = struct{}{}
}

// retain keeps the last message of a run that asks for it. It runs before the
// run is routed: a subscriber that comes in between gets the value from here or
// from the route, and never an older one after a newer.
func (b *Broker) retain(run []Message) {
	for i := len(run) - 1; i >= 0; i-- {
		if run[i].Retain {
			b.setRetained(&run[i])
			return
		}
	}
}

func (b *Broker) setRetained(m *Message) {
	b.retainedMu.Lock()
	defer b.retainedMu.Unlock()
	if len(m.Body) == 0 { // MQTT 5.0 §3.3.1.3: an empty payload clears
		b.dropRetained(m.Name)
		return
	}
	if _, have := b.retained.Get(m.Name); !have && b.opt.Room() != nil { // more of them take more room on disk
		b.stats.Unretained.Add(1)
		return
	}
	b.putRetained(m.Clone())
}

// dropRetained clears a topic. b.retainedMu is held.
func (b *Broker) dropRetained(name string) bool {
	m, have := b.retained.Get(name)
	if have {
		b.retained.Delete(name)
		b.retainedBytes -= m.Size()
		unbook(m)
		b.touchRetained(name)
	}
	return have
}

// putRetained gives a topic a new value, if there is room. b.retainedMu is held.
func (b *Broker) putRetained(m *Message) {
	old, have := b.retained.Get(m.Name)
	freed := 0
	if have {
		freed = old.Size()
	}
	if !have && (b.retained.Len() >= b.opt.MaxRetained || short() != nil) || b.retainedBytes-freed+m.Size() > b.opt.MaxRetainedBytes {
		b.stats.Unretained.Add(1)
		b.dropRetained(m.Name) // an older value must not stand for this one [MQTT-3.3.1-5]
		return
	}
	m.Retained = true
	b.retained.Set(m.Name, m)
	b.touchRetained(m.Name)
	b.retainedExpiry.add(m.Expires, m.Name)
	b.retainedExpiry.compact(b.retained.Len(), func(at int64, name string) bool {
		m, ok := b.retained.Get(name)
		return ok && m.Expires == at
	})
	b.retainedBytes += m.Size() - freed
	if book(m); have {
		unbook(old)
	}
}

// Retained calls yield with the last value of each topic that the filter
// matches. No topic is given a new one meanwhile: a subscriber that is
// subscribed already and appends what it is given to its queue keeps the order.
// yield must not publish.
func (b *Broker) Retained(filter string, yield func(m *Message)) {
	now := b.clock.Due(time.Now())
	b.retainedMu.RLock()
	defer b.retainedMu.RUnlock()
	b.retained.Match(filter, func(m *Message) {
		if !m.Expired(now) {
			yield(m)
		}
	})
}

// RetainedCount is the number of topics with a retained message.
func (b *Broker) RetainedCount() int {
	b.retainedMu.RLock()
	defer b.retainedMu.RUnlock()
	return b.retained.Len()
}

// expireRetained removes retained messages whose time is over.
func (b *Broker) expireRetained(now time.Time) {
	b.retainedMu.Lock()
	defer b.retainedMu.Unlock()
	due := b.retainedExpiry.due(now)
	for _, name := range due {
		if m, ok := b.retained.Get(name); ok && m.Expired(now) {
			b.dropRetained(name)
			b.stats.Expired.Add(1)
		}
	}
}
