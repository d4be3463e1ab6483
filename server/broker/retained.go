package broker

import (
	"time"
)

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
	old, have := b.retained.Get(m.Name)
	if len(m.Body) == 0 { // MQTT 5.0 §3.3.1.3: an empty payload clears
		if have {
			b.retained.Delete(m.Name)
			b.retainedBytes -= old.Size()
		}
		return
	}
	freed := 0
	if have {
		freed = old.Size()
	}
	if !have && b.retained.Len() >= b.opt.MaxRetained || b.retainedBytes-freed+m.Size() > b.opt.MaxRetainedBytes {
		b.stats.Unretained.Add(1)
		return
	}
	c := m.Clone()
	c.Retained = true
	b.retained.Set(m.Name, c)
	b.retainedExpiry.add(c.Expires, c.Name)
	b.retainedExpiry.compact(b.retained.Len(), func(at int64, name string) bool {
		m, ok := b.retained.Get(name)
		return ok && m.Expires == at
	})
	b.retainedBytes += m.Size() - freed
}

// Retained calls yield with the last value of each topic that the filter
// matches. No topic is given a new one meanwhile: a subscriber that is
// subscribed already and appends what it is given to its queue keeps the order.
// yield must not publish.
func (b *Broker) Retained(filter string, yield func(m *Message)) {
	now := time.Now()
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
			b.retained.Delete(name)
			b.retainedBytes -= m.Size()
			b.stats.Expired.Add(1)
		}
	}
}
