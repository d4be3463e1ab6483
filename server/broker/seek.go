package broker

import "time"

// Find returns messages that wait behind a place, or from the first one on, and
// that match selects: at most limit, and for as long as it may take at most. next is
// where to go on; nil: all were looked at.
func (b *Broker) Find(r Ref, after *Place, match func(*Message) bool, limit int, d time.Duration) (page []Browsed, next *Place, err error) {
	q, err := b.find(r)
	if err != nil {
		return nil, nil, err
	}
	deadline := time.Now().Add(d)
	s := seeking{at: front, match: match}
	if after != nil {
		s.at = *after
	}
	for s.more(q, limit) {
		if len(s.page) == limit || time.Now().After(deadline) {
			return s.page, &s.at, nil
		}
	}
	return s.page, nil, nil
}

// seeking is how far a search is.
type seeking struct {
	match    func(*Message) bool
	at       Place // looked at last
	position int   // of the next message that waits
	begun    bool
	page     []Browsed
}

// more looks at the next messages, not so many that others have to wait for the
// queue. It reports whether there may be more.
func (s *seeking) more(q *Queue, limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !s.begun { // once: it may take a walk along the queue
		s.begun, s.position = true, q.rank(s.at)
	}
	for looked := 0; ; {
		f := &q.levels[s.at.Priority]
		for i := f.search(s.at.Seq + 1); i < f.n; i++ {
			e := f.at(i)
			s.at.Seq = e.seq
			if looked++; e.waiting {
				if s.match(e.msg) {
					s.page = append(s.page, e.browsed(s.position, nil))
				}
				s.position++
			}
			if len(s.page) == limit || looked == looks {
				return true
			}
		}
		if s.at.Priority == 0 {
			return false
		}
		s.at = Place{Priority: s.at.Priority - 1}
	}
}

// rank is how many messages wait up to a place. q.mu is held.
func (q *Queue) rank(at Place) (n int) {
	for level := int(at.Priority) + 1; level < len(q.levels); level++ {
		n += q.levels[level].waiting
	}
	f := &q.levels[at.Priority]
	return n + f.rank(f.search(at.Seq+1))
}
