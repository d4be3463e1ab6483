package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// slow measures what one subscriber that never reads does to the others.
func (c *config) slow() (*result, error) {
	if c.window == 0 {
		c.window = 1000
	}
	f, err := c.connect(1, c.n, false)
	defer f.close()
	if err != nil {
		return nil, err
	}
	for _, s := range f.subs {
		go f.listen(s, nil)
	}
	p := f.pubs[0]
	go f.hear(p)
	r := &result{Label: c.label, Proto: c.w.name(), Mode: c.mode, N: c.n, Case: fmt.Sprintf("slow n=%d window %d", c.n, c.window)}
	if c.pace > 0 {
		r.Case += fmt.Sprintf(", reads %d KB/s", c.pace/1000)
	}

	// A third of the time without the slow subscriber, then with it.
	phase := func(count int64, d time.Duration) (rate float64) {
		n0, _, _ := f.received()
		t0 := time.Now()
		f.send(p, p.sent+count, t0.Add(d))
		sentAt := time.Now() // if all hang, this is later than the last delivery
		drain(p.sent*p.fan, c.quiet, c.drain, func() int64 { n, _, _ := f.received(); return n })
		n, _, last := f.received()
		if n > n0 {
			rate = float64(n-n0) / (float64(max(last, sentAt.UnixNano())-t0.UnixNano()) / 1e9)
		}
		return
	}
	r.RateBefore = phase(c.msgs/4, c.time/3)
	// Complete the last write's credit, so that the second phase starts clean.
	p.acked.Store(0)
	p.sent = (p.sent + int64(f.step) - 1) / int64(f.step) * int64(f.step)
	skipped := p.sent * p.fan
	n0, _, _ := f.received()
	for _, s := range f.subs {
		s.mark[0] = uint32(p.sent) + uint32(f.step)
	}

	dial := c.w.dialNarrow
	if c.pace > 0 {
		dial = c.w.dial // the window of a client that means to read
	}
	sl, err := dial(c.addr, clientID("slow", 0), 64<<10)
	if err != nil {
		return nil, err
	}
	defer sl.Close()
	if err := sl.subscribe(c.w.wildcard(), kindTopic, 0, 0); err != nil {
		return nil, err
	}
	time.Sleep(200 * time.Millisecond)
	m := newMeter(c.pid)
	t0 := time.Now()
	sent0 := p.sent
	stop := c.crawl(sl, r)
	r.Rate = phase(c.msgs, c.time)
	stop()
	r.Secs = time.Since(t0).Seconds()
	n, late, _ := f.received()
	r.Sent = p.sent - sent0
	r.Expected = p.sent*p.fan - skipped
	r.Delivered, r.Late, r.Stalls = n-n0, late, p.stall
	r.Lost = max(0, r.Expected-r.Delivered)
	if r.RateBefore > 0 {
		r.Kept = r.Rate / r.RateBefore
	}
	m.finish(r, r.Delivered)
	r.GrowthMiB = float64(r.RSSPeak-r.RSSStart) / (1 << 20)

	c.readRest(sl, r)
	f.over.Store(true)
	if f.bad.n > 0 {
		r.faults(&f.bad)
	}
	return r, nil
}

// crawl reads what the slow subscriber is to read, until stop.
func (c *config) crawl(sl *client, r *result) (stop func()) {
	if c.pace == 0 {
		return func() {}
	}
	var reading sync.WaitGroup
	quit := make(chan struct{})
	reading.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for budget := 0; ; {
			select {
			case <-quit:
				return
			case <-tick.C:
				budget += c.pace / 50
			}
			for budget > 0 {
				_ = sl.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				before := sl.read
				if err := sl.fill(r.slowGot); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					return // readRest says how it ended
				}
				if sl.read == before {
					break // there is nothing
				}
				budget -= int(sl.read - before)
			}
			budget = min(budget, c.pace/50)
		}
	})
	return func() {
		close(quit)
		reading.Wait()
	}
}

func (r *result) slowGot(frame, body []byte) {
	if body != nil {
		r.SlowGot++
	} else if r.FirstErr == "" {
		r.FirstErr = fmt.Sprintf("slow one was told %.120q", frame)
	}
}

// readRest reads what the slow subscriber was left with, through a wide window.
func (c *config) readRest(sl *client, r *result) {
	if tcp, ok := sl.Conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(1 << 20)
	}
	for until := time.Now().Add(c.drain); ; {
		_ = sl.SetReadDeadline(time.Now().Add(min(c.quiet, time.Until(until))))
		switch err := sl.fill(r.slowGot); {
		case err == nil:
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.SlowClosed = "kept"
		case errors.Is(err, io.EOF):
			r.SlowClosed = "closed"
		default:
			r.SlowClosed = "reset"
		}
		return
	}
}
