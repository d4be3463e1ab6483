package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// faults counts errors and keeps the first.
type faults struct {
	mu    sync.Mutex
	n     int64
	first string
}

func (f *faults) add(what string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n == 1 {
		f.first = what + ": " + err.Error()
	}
}

// pub is one publisher of a flood.
type pub struct {
	c     *client
	id    int
	dest  string
	fan   int64 // deliveries due for each message
	sent  int64 // messages handed to TCP; read when the publisher has ended
	acked atomic.Int64
	wake  chan struct{}
	stall int64
}

// sub is one subscriber. It checks the sequence of every publisher.
type sub struct {
	c    *client
	next []uint32 // by publisher
	mark []uint32 // by publisher: where the next credit is due
	late atomic.Int64
	old  atomic.Int64 // deliveries of an earlier run
	n    atomic.Int64 // deliveries so far
	last atomic.Int64 // time of the last one, ns since the epoch
	_    [64]byte     // keep neighbours' counters apart
}

// flood is a set of publishers and subscribers, connected and ready.
type flood struct {
	conf  *config
	pubs  []*pub
	subs  []*sub
	step  int // messages per write
	depth int // writes in flight for each publisher; 0: open loop
	bad   faults
	over  atomic.Bool // the run ended: closed connections are no fault
}

// parallel runs f(0..n-1), at most 32 at a time, and returns the first error.
func parallel(n int, f func(i int) error) error {
	sem := make(chan struct{}, 32)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	for i := range n {
		sem <- struct{}{}
		wg.Go(func() {
			defer func() { <-sem }()
			if err := f(i); err != nil {
				mu.Lock()
				if first == nil {
					first = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return first
}

// shape splits a window of messages in flight among publishers: up to two
// writes each, so that one is on its way while the other is acknowledged.
func shape(window, pubs, batch int) (step, depth int) {
	if window == 0 {
		return batch, 0
	}
	each := max(1, window/pubs)
	if each == 1 {
		return 1, 1
	}
	step = min(batch, each/2)
	return step, each / step
}

// connect opens np publishers and ns subscribers. With pairs, subscriber i
// hears publisher i alone; else all hear all.
func (c *config) connect(np, ns int, pairs bool) (*flood, error) {
	f := &flood{conf: c, pubs: make([]*pub, np), subs: make([]*sub, ns)}
	f.step, f.depth = shape(c.window, np, c.batch)
	err := parallel(ns, func(i int) error {
		cl, err := c.w.dial(c.addr, clientID("s", i), 128<<10)
		if err != nil {
			return err
		}
		f.subs[i] = &sub{c: cl, next: make([]uint32, np), mark: make([]uint32, np)}
		for k := range f.subs[i].mark {
			f.subs[i].mark[k] = uint32(f.step)
		}
		dest, group := c.w.wildcard(), 0
		if pairs {
			dest, group = c.w.topic(i), i
		}
		return cl.subscribe(dest, kindTopic, group, 0)
	})
	if err != nil {
		return f, fmt.Errorf("subscriber: %w", err)
	}
	err = parallel(np, func(i int) error {
		cl, err := c.w.dialPublisher(c.addr, i, 4<<10)
		if err != nil {
			return err
		}
		p := &pub{c: cl, id: i, dest: c.w.topic(i), fan: int64(ns), wake: make(chan struct{}, 1)}
		group := 0
		if pairs {
			p.fan, group = 1, i
		}
		f.pubs[i] = p
		if c.w.relay {
			return cl.preface('P', group, c.w.newBatch(kindTopic, i, 1, p.dest).size)
		}
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("publisher: %w", err)
	}
	time.Sleep(200 * time.Millisecond) // a broker may confirm before it routes
	return f, nil
}

func (f *flood) close() {
	f.over.Store(true)
	for _, p := range f.pubs {
		if p != nil {
			p.c.bye()
		}
	}
	for _, s := range f.subs {
		if s != nil {
			s.c.bye()
		}
	}
}

// listen reads a subscriber until its connection ends. each, if not nil, sees
// every payload.
func (f *flood) listen(s *sub, each func(payload []byte)) {
	stomp := f.conf.w.stomp
	var n, late int64
	on := func(frame, body []byte) {
		if body == nil {
			f.bad.add("subscriber", fmt.Errorf("broker sent %.200q", frame))
			return
		}
		id, seq := ids(stomp, body)
		if id < 0 || id >= len(s.next) {
			s.old.Add(1)
			return
		}
		n++
		if each != nil {
			each(body)
		}
		if seq < s.next[id] {
			late++
			return
		}
		s.next[id] = seq + 1
		if f.depth > 0 && seq+1 >= s.mark[id] {
			k := (seq+1-s.mark[id])/uint32(f.step) + 1
			s.mark[id] += k * uint32(f.step)
			p := f.pubs[id]
			p.acked.Add(int64(k))
			select {
			case p.wake <- struct{}{}:
			default:
			}
		}
	}
	for {
		err := s.c.fill(on)
		if n > 0 {
			s.last.Store(time.Now().UnixNano())
			s.n.Add(n)
			s.late.Add(late)
			n, late = 0, 0
		}
		if err != nil {
			if !f.over.Load() {
				f.bad.add("subscriber", err)
			}
			return
		}
	}
}

// hear watches for what a broker says to a publisher, which is only bad news.
func (f *flood) hear(p *pub) {
	for {
		err := p.c.fill(func(frame, _ []byte) {
			f.bad.add("publisher", fmt.Errorf("broker sent %.200q", frame))
		})
		if err != nil {
			if !f.over.Load() {
				f.bad.add("publisher", err)
			}
			return
		}
	}
}

// send publishes up to count messages until the deadline.
func (f *flood) send(p *pub, count int64, end time.Time) {
	b := f.conf.w.newBatch(kindTopic, p.id, f.step, p.dest)
	p.c.SetWriteDeadline(end.Add(3 * time.Second)) // if the broker blocks us
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var writes int64
	for p.sent < count && time.Now().Before(end) {
		for f.depth > 0 && writes-p.acked.Load()/p.fan >= int64(f.depth) {
			timer.Reset(500 * time.Millisecond)
			select {
			case <-p.wake:
			case <-timer.C: // lost on the way: start a new window
				p.stall++
				p.acked.Store(writes * p.fan)
			}
			if !time.Now().Before(end) {
				return
			}
		}
		k := int(min(int64(f.step), count-p.sent))
		for i := range k {
			b.setSeq(i, uint32(p.sent)+uint32(i))
		}
		n, err := p.c.Write(b.buf[:k*b.size])
		p.sent += int64(n / b.size)
		if err != nil {
			if !f.over.Load() {
				f.bad.add("publish", err)
			}
			return
		}
		writes++
	}
}

func (f *flood) received() (n, late, last int64) {
	for _, s := range f.subs {
		n += s.n.Load()
		late += s.late.Load()
		last = max(last, s.last.Load())
	}
	return
}

func (f *flood) stale() (n int64) {
	for _, s := range f.subs {
		n += s.old.Load()
	}
	return
}

// drain waits until want deliveries arrived, or none came for quiet, and
// says whether it gave up while they still came.
func drain(want int64, quiet, limit time.Duration, got func() int64) (cut bool) {
	t0 := time.Now()
	seen, since := int64(-1), t0
	for {
		n := got()
		if n >= want {
			return false
		}
		if n != seen {
			seen, since = n, time.Now()
		}
		if time.Since(since) > quiet {
			return false
		}
		if time.Since(t0) > limit {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// flood runs fanin, fanout and pairs.
func (c *config) flood() (*result, error) {
	np, ns := c.n, 1
	switch c.mode {
	case "fanout":
		np, ns = 1, c.n
	case "pairs":
		ns = c.n
	}
	f, err := c.connect(np, ns, c.mode == "pairs")
	defer f.close()
	if err != nil {
		return nil, err
	}
	for _, s := range f.subs {
		go f.listen(s, nil)
	}
	m := newMeter(c.pid)
	t0 := time.Now()
	var wg sync.WaitGroup
	for i, p := range f.pubs {
		go f.hear(p)
		share := c.msgs / int64(np)
		if int64(i) < c.msgs%int64(np) {
			share++
		}
		wg.Go(func() { f.send(p, share, t0.Add(c.time)) })
	}
	wg.Wait()
	sentAt := time.Now().UnixNano()
	r := &result{Label: c.label, Proto: c.w.name(), Mode: c.mode, N: c.n}
	r.Case = fmt.Sprintf("%s n=%d open loop", c.mode, c.n)
	if c.window > 0 {
		r.Case = fmt.Sprintf("%s n=%d window %d", c.mode, c.n, c.window)
	}
	for _, p := range f.pubs {
		r.Sent += p.sent
		r.Expected += p.sent * p.fan
		r.Stalls += p.stall
	}
	r.Cut = drain(r.Expected, c.quiet, c.drain, func() int64 { n, _, _ := f.received(); return n })
	n, late, last := f.received()
	r.Delivered, r.Late, r.Stale = n, late, f.stale()
	r.Lost = max(0, r.Expected-r.Delivered)
	if r.Delivered > 0 {
		// If all deliveries were early, the rest of the load got none.
		r.Secs = float64(max(last, sentAt)-t0.UnixNano()) / 1e9
		r.Rate = float64(r.Delivered) / r.Secs
	}
	m.finish(r, r.Delivered)
	f.over.Store(true)
	r.faults(&f.bad)
	return r, nil
}

func (r *result) faults(f *faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.Errors, r.FirstErr = f.n, f.first
}
