package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// idle opens connections that subscribe and then do nothing.
func (c *config) idle() (*result, error) {
	conns := make([]*client, c.n)
	var bad faults
	var over atomic.Bool
	defer func() {
		over.Store(true)
		parallel(c.n, func(i int) error { conns[i].bye(); return nil })
	}()
	r := &result{Label: c.label, Proto: c.w.name(), Mode: c.mode, N: c.n, Case: fmt.Sprintf("idle n=%d", c.n)}
	m := newMeter(c.pid)
	t0 := time.Now()
	var up atomic.Int64
	parallel(c.n, func(i int) error {
		cl, err := c.w.dial(c.addr, clientID("i", i), 1<<10)
		if err == nil {
			conns[i] = cl
			err = cl.subscribe(c.w.topic(i), kindTopic, i, 0)
		}
		if err != nil {
			bad.add("connect", err)
			return err
		}
		up.Add(1)
		return nil
	})
	r.Conns = int(up.Load())
	r.ConnRate = float64(r.Conns) / time.Since(t0).Seconds()
	if r.Conns == 0 {
		return nil, fmt.Errorf("no connection: %s", bad.first)
	}

	// Settle, then look at the cost of doing nothing.
	time.Sleep(time.Second)
	before, t1 := tree(c.pid), time.Now()
	time.Sleep(c.time)
	after := tree(c.pid)
	r.IdleCores = (after.cpu - before.cpu) / time.Since(t1).Seconds()
	r.KiBConn = float64(after.rss-m.broker.rss) / 1024 / float64(r.Conns)

	// One message to each shows that all still live.
	var got, last atomic.Int64
	var wg sync.WaitGroup
	for _, cl := range conns {
		if cl == nil {
			continue
		}
		wg.Go(func() {
			for {
				err := cl.fill(func(_, body []byte) {
					if body != nil {
						got.Add(1)
						last.Store(time.Now().UnixNano())
					}
				})
				if err != nil {
					if !over.Load() {
						bad.add("idle connection", err)
					}
					return
				}
			}
		})
	}
	if !c.w.relay {
		p, err := c.w.dial(c.addr, clientID("p", 0), 4<<10)
		if err != nil {
			return nil, err
		}
		defer p.bye()
		p.SetWriteDeadline(time.Now().Add(10 * time.Second))
		for i := range c.n {
			if conns[i] == nil {
				continue
			}
			if _, err := p.Write(c.w.newBatch(kindTopic, i, 1, c.w.topic(i)).buf); err != nil {
				bad.add("publish", err)
				break
			}
			r.Sent++
		}
	}
	r.Expected = r.Sent
	r.Cut = drain(r.Expected, c.quiet, c.drain, got.Load)
	r.Delivered = got.Load()
	r.Lost = max(0, r.Expected-r.Delivered)
	r.Secs = time.Since(t0).Seconds()
	m.finish(r, r.Delivered)
	over.Store(true)
	r.faults(&bad)
	return r, nil
}
