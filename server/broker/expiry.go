package broker

import (
	"container/heap"
	"time"
)

// expiries is a heap of things by the time at which they are due. What has been
// dealt with otherwise meanwhile is found out when it comes up.
type expiries[T any] struct{ h expiryHeap[T] }

type expiring[T any] struct {
	at int64 // ms since 1970 UTC
	x  T
}

// add plans x for the given time; 0 means never.
func (e *expiries[T]) add(at int64, x T) {
	if at != 0 {
		heap.Push(&e.h, expiring[T]{at, x})
	}
}

// first is the earliest time that something is planned for; 0 if there is none.
func (e *expiries[T]) first() int64 {
	if len(e.h) == 0 {
		return 0
	}
	return e.h[0].at
}

// due removes and returns what is due.
func (e *expiries[T]) due(now time.Time) (due []T) {
	for len(e.h) > 0 && e.h[0].at <= now.UnixMilli() {
		due = append(due, heap.Pop(&e.h).(expiring[T]).x)
	}
	return due
}

// compact forgets what keep refuses, once that may be more than the live ones:
// without it, things replaced long before their time would pile up.
func (e *expiries[T]) compact(live int, keep func(at int64, x T) bool) {
	if len(e.h) < 2*live+1024 {
		return
	}
	w := 0
	for _, x := range e.h {
		if keep(x.at, x.x) {
			e.h[w] = x
			w++
		}
	}
	clear(e.h[w:])
	e.h = e.h[:w]
	heap.Init(&e.h)
}

type expiryHeap[T any] []expiring[T]

func (h expiryHeap[T]) Len() int           { return len(h) }
func (h expiryHeap[T]) Less(i, j int) bool { return h[i].at < h[j].at }
func (h expiryHeap[T]) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *expiryHeap[T]) Push(x any)        { *h = append(*h, x.(expiring[T])) }
func (h *expiryHeap[T]) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = expiring[T]{}
	*h = (*h)[:last]
	return x
}

// ExpiresAfter is what Message.Expires says of one that comes now and is to be
// given up after d. It is not reckoned from its Timestamp, which is what the
// machine's clock shows, right or wrong.
func (p *Publisher) ExpiresAfter(d time.Duration) int64 {
	return p.b.clock.At(p.began).Add(d).UnixMilli()
}

// limitAge lets a message expire when it has been kept for as long as may be.
func (p *Publisher) limitAge(m *Message) {
	if p.b.opt.MaxAge <= 0 {
		return
	}
	if last := p.ExpiresAfter(p.b.opt.MaxAge); m.Expires == 0 || m.Expires > last {
		m.Expires = last
	}
}
