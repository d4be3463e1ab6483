package broker

import (
	"sync/atomic"
	"time"

	"mwm/server/topic"
)

// topicCounts count the messages of one topic. A publisher adds to them once for
// a whole run.
type topicCounts struct {
	in, out atomic.Uint64
	mark    uint64 // in, when the shard was last short of room; guarded by its lock
}

// count counts a run of messages.
func (r *Route) count(n int) {
	r.counts.in.Add(uint64(n))
	r.counts.out.Add(uint64(n * r.outside))
}

// manyTopics counts for topics beyond those that are counted one by one, and for those
// of long names.
var manyTopics topicCounts

// countsInShard bounds the topics that are counted: 65,536 in all.
const countsInShard = 1024

// countsOf returns the counts of a topic. When there is no room it makes some by
// forgetting topics to which nothing was published since it was last short of
// room. s.mu is held.
func (s *routeShard) countsOf(name string) *topicCounts {
	c := s.counts[name]
	if c != nil {
		return c
	}
	if len(s.counts) >= countsInShard {
		for name, c := range s.counts {
			if in := c.in.Load(); in == c.mark {
				delete(s.counts, name)
			} else {
				c.mark = in
			}
		}
	}
	if len(s.counts) >= countsInShard {
		return &manyTopics
	}
	if s.counts == nil {
		s.counts = map[string]*topicCounts{}
	}
	c = &topicCounts{}
	s.counts[name] = c
	return c
}

// TopicInfo describes a topic at one moment.
type TopicInfo struct {
	Name        string
	Subscribers int    // those that are away included, the server's own not
	Online      int    // of them, connected
	In          uint64 // messages published
	Out         uint64 // of these, what subscribers were given
	Retained    bool
}

// Topics describes topics that were published to since the start, or that
// somebody has subscribed to by name: those that the page is about, in the order
// of their names. Of very many, those to which nothing is published any more are
// forgotten.
func (b *Broker) Topics(p Page) (topics []TopicInfo, more bool) {
	names := NewPicker(p)
	t := &b.routes
	for i := range t.cache {
		shard := &t.cache[i]
		shard.mu.RLock()
		for name := range shard.counts {
			names.Add(name)
		}
		shard.mu.RUnlock()
	}
	t.mu.RLock()
	for name, subs := range t.exact {
		for _, s := range subs {
			if !s.Internal {
				names.Add(name)
				break
			}
		}
	}
	t.mu.RUnlock()
	picked, more := names.Picked()
	for _, name := range picked {
		topics = append(topics, b.topicInfo(name))
	}
	return topics, more
}

// Topic describes one topic; ok is false if the name is none.
func (b *Broker) Topic(name string) (info TopicInfo, ok bool) {
	if topic.CheckName(name) != nil {
		return TopicInfo{}, false
	}
	return b.topicInfo(name), true
}

func (b *Broker) topicInfo(name string) TopicInfo {
	t := &b.routes
	r := t.compute(name) // not remembered: who looks should leave no trace
	info := TopicInfo{Name: name, Subscribers: r.outside, Online: r.Listeners(), Retained: b.RetainedMessage(name) != nil}
	shard := &t.cache[hash([]byte(name))%routeShards]
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	if c := shard.counts[name]; c != nil {
		info.In, info.Out = c.in.Load(), c.out.Load()
	}
	return info
}

// RetainedMessage returns the last value of a topic, nil if it has none.
func (b *Broker) RetainedMessage(name string) *Message {
	b.retainedMu.RLock()
	defer b.retainedMu.RUnlock()
	m, ok := b.retained.Get(name)
	if !ok || m.Expired(b.clock.Due(time.Now())) {
		return nil
	}
	return m
}

// RetainedPage returns the last values of topics, in the order of their names.
func (b *Broker) RetainedPage(p Page) (messages []*Message, more bool) {
	names := NewPicker(p)
	b.retainedMu.RLock()
	b.retained.All(func(m *Message) { names.Add(m.Name) })
	b.retainedMu.RUnlock()
	picked, more := names.Picked()
	for _, name := range picked {
		if m := b.RetainedMessage(name); m != nil { // not cleared meanwhile
			messages = append(messages, m)
		}
	}
	return messages, more
}
