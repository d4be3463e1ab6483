package main

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// latency sends at a fixed rate, evenly spread over the publishers. Each
// message carries the moment just before its write; how far that lagged the
// schedule is reported apart.
func (c *config) latency() (*result, error) {
	c.window = 0
	f, err := c.connect(c.n, 1, false)
	defer f.close()
	if err != nil {
		return nil, err
	}
	perSec := c.rate * float64(c.n)
	total := int64(min(float64(c.msgs), perSec*c.time.Seconds()))
	lat := make([]int64, 0, total)
	s := f.subs[0]
	stomp := c.w.stomp
	go f.listen(s, func(p []byte) { lat = append(lat, time.Now().UnixNano()-stamp(stomp, p)) })
	batches := make([]*batch, c.n)
	for i, p := range f.pubs {
		go f.hear(p)
		batches[i] = c.w.newBatch(kindTopic, i, 1, p.dest)
	}
	m := newMeter(c.pid)
	lags := make([]int64, 0, total)
	t0 := time.Now()
	done := make(chan struct{})
	go func() { // a thread of its own, for sleeps finer than the runtime's
		defer close(done)
		runtime.LockOSThread()
		const prSetTimerSlack = 29
		syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, 1, 0)
		for k := range total {
			due := time.Duration(float64(k) / perSec * 1e9)
			if d := due - time.Since(t0); d > 0 {
				ts := syscall.NsecToTimespec(int64(d))
				syscall.Nanosleep(&ts, nil)
			}
			i := int(k) % c.n
			p, b := f.pubs[i], batches[i]
			b.setSeq(0, uint32(p.sent))
			now := time.Now()
			b.setTS(0, now.UnixNano())
			if _, err := p.c.Write(b.buf); err != nil {
				f.bad.add("publish", err)
				continue
			}
			p.sent++
			lags = append(lags, int64(now.Sub(t0)-due))
		}
	}()
	<-done
	r := &result{Label: c.label, Proto: c.w.name(), Mode: c.mode, N: c.n, Case: fmt.Sprintf("latency %d x %g/s", c.n, c.rate)}
	for _, p := range f.pubs {
		r.Sent += p.sent
	}
	r.Expected = r.Sent
	r.Cut = drain(r.Expected, c.quiet, c.drain, s.n.Load)
	r.Delivered, r.Late, r.Stale = s.n.Load(), s.late.Load(), f.stale()
	r.Lost = max(0, r.Expected-r.Delivered)
	r.Secs = float64(s.last.Load()-t0.UnixNano()) / 1e9
	r.Rate = float64(r.Delivered) / r.Secs
	m.finish(r, r.Delivered)
	f.over.Store(true)
	r.faults(&f.bad)
	got := slices.Clone(lat[:min(int64(len(lat)), r.Delivered)])
	slices.Sort(got)
	slices.Sort(lags)
	r.P50, r.P99, r.P999, r.Max = quantile(got, .5), quantile(got, .99), quantile(got, .999), quantile(got, 1)
	r.LagP99, r.LagMax = quantile(lags, .99), quantile(lags, 1)
	return r, nil
}

// quantile of sorted nanoseconds, in microseconds.
func quantile(v []int64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	return float64(v[min(len(v)-1, int(q*float64(len(v))))]) / 1e3
}
