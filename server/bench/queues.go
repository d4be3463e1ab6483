package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const queuesPerConn = 100

// queues measures n queues, each with a consumer, to which one publisher sends in
// turn, and what each of them costs.
func (c *config) queues() (*result, error) {
	window := 64
	if c.window > 0 {
		window = c.window
	}
	var bad faults
	var over atomic.Bool
	var got, last atomic.Int64
	r := &result{Label: c.label, Proto: c.w.name(), Mode: c.mode, N: c.n, Case: fmt.Sprintf("queues n=%d window %d", c.n, window)}
	m := newMeter(c.pid)
	conns := make([]*client, (c.n+queuesPerConn-1)/queuesPerConn)
	defer func() {
		over.Store(true)
		for _, cl := range conns {
			cl.bye()
		}
	}()
	t0 := time.Now()
	err := parallel(len(conns), func(i int) (err error) {
		if conns[i], err = c.w.dial(c.addr, clientID("s", i), 128<<10); err != nil {
			return err
		}
		for q := i * queuesPerConn; q < min(c.n, (i+1)*queuesPerConn) && err == nil; q++ {
			err = conns[i].consume(fmt.Sprint(q), queueName(q))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("consumer: %w", err)
	}
	r.Conns, r.ConnRate = c.n, float64(c.n)/time.Since(t0).Seconds()
	for _, cl := range conns {
		go cl.consumeAll(&got, &last, &bad, &over)
	}
	p, err := c.w.dial(c.addr, clientID("p", 0), 32<<10)
	if err != nil {
		return nil, err
	}
	defer p.bye()
	destinations := make([]*batch, c.n)
	for i := range destinations {
		destinations[i] = c.w.newBatch(kindQueue, i, 1, queueName(i))
	}
	t0 = time.Now()
	if err := c.storeAll(p, r, destinations, window, &bad); err != nil {
		bad.add("publisher", err)
	}
	r.Expected = r.Sent
	r.Cut = drain(r.Expected, c.quiet, c.drain, got.Load)
	r.Delivered = got.Load()
	r.Lost = max(0, r.Expected-r.Delivered)
	if r.Delivered > 0 {
		r.Secs = float64(last.Load()-t0.UnixNano()) / 1e9
		r.Rate = float64(r.Delivered) / r.Secs
	}
	m.finish(r, r.Delivered)
	r.KiBConn = float64(r.RSS-r.RSSStart) / 1024 / float64(c.n)
	over.Store(true)
	r.faults(&bad)
	return r, nil
}

func queueName(i int) string { return fmt.Sprintf("/queue/device.%d.%d.text", runID, i) }

// consume subscribes to a queue that is empty, and waits for the receipt.
func (c *client) consume(id, queue string) error {
	_ = c.SetDeadline(time.Now().Add(handshakeTime))
	defer c.SetDeadline(time.Time{})
	return c.ask(consumeFrame(id, queue, "receipt:sub\n"), func(f []byte) (bool, error) {
		if f[0] != 'R' {
			return true, fmt.Errorf("subscribe: broker says %.200q", f)
		}
		return true, nil
	})
}

func consumeFrame(id, queue, more string) []byte {
	return fmt.Appendf(nil, "SUBSCRIBE\nid:%s\ndestination:%s\nack:client-individual\nprefetch-count:256\nactivemq.prefetchSize:256\n%s\n\x00", id, queue, more)
}

// consumeAll acknowledges what comes until the connection ends.
func (c *client) consumeAll(got, last *atomic.Int64, bad *faults, over *atomic.Bool) {
	var acks []byte
	var n int64
	on := func(frame, body []byte) {
		if body == nil {
			bad.add("consumer", fmt.Errorf("broker sent %.200q", frame))
			return
		}
		acks = appendAck(acks, c, frame)
		n++
	}
	for {
		err := c.fill(on)
		if n > 0 {
			last.Store(time.Now().UnixNano())
			got.Add(n)
			n = 0
		}
		if err == nil && len(acks) > 0 {
			_, err = c.Write(acks)
			acks = acks[:0]
		}
		if err != nil {
			if !over.Load() {
				bad.add("consumer", err)
			}
			return
		}
	}
}

// storeAll sends persistent messages to destinations in turn, a window of them
// without a receipt, until the time is over, and notes what was confirmed.
func (c *config) storeAll(p *client, r *result, destinations []*batch, window int, bad *faults) error {
	t0 := time.Now()
	end := t0.Add(c.time)
	_ = p.SetDeadline(end.Add(20 * time.Second)) // what a stuck broker may cost
	on := func(f, _ []byte) {
		if f[0] != 'R' {
			bad.add("publisher", fmt.Errorf("broker sent %.200q", f))
			return
		}
		r.Confirmed++
	}
	var out []byte
	for {
		out = out[:0]
		for r.Sent < c.msgs && r.Sent-r.Confirmed < int64(window) && len(out) < 16<<10 && time.Now().Before(end) {
			b := destinations[r.Sent%int64(len(destinations))]
			b.setSeq(0, uint32(r.Sent)/uint32(len(destinations)))
			b.setPID(0, uint32(r.Sent))
			out = append(out, b.buf...)
			r.Sent++
		}
		if len(out) > 0 {
			if _, err := p.Write(out); err != nil {
				return err
			}
		}
		if r.Confirmed >= r.Sent {
			break
		}
		if err := p.fill(on); err != nil {
			return fmt.Errorf("%d unconfirmed: %w", r.Sent-r.Confirmed, err)
		}
		if bad.n > 0 {
			return errors.New("given up")
		}
	}
	r.ConfirmRate = float64(r.Confirmed) / time.Since(t0).Seconds()
	return nil
}

// backlog fills a queue that nobody consumes, looks at what it costs, and empties
// it.
func (c *config) backlog() (*result, error) {
	window := 1024
	if c.window > 0 {
		window = c.window
	}
	var bad faults
	var over atomic.Bool
	defer over.Store(true)
	r := &result{Label: c.label, Proto: c.w.name(), Mode: c.mode, N: 1, Case: fmt.Sprintf("backlog of %d, window %d", c.msgs, window)}
	p, err := c.w.dial(c.addr, clientID("p", 0), 64<<10)
	if err != nil {
		return nil, err
	}
	defer p.bye()
	m := newMeter(c.pid)
	if err := c.storeAll(p, r, []*batch{c.w.newBatch(kindQueue, 0, 1, queueName(0))}, window, &bad); err != nil {
		bad.add("publisher", err)
	}
	if r.Confirmed > 0 {
		r.KiBConn = float64(tree(c.pid).rss-m.broker.rss) / 1024 / float64(r.Confirmed)
	}
	con, err := c.w.dial(c.addr, clientID("s", 0), 128<<10)
	if err != nil {
		return nil, err
	}
	defer con.bye()
	var got, last atomic.Int64
	t0 := time.Now()
	if _, err := con.Write(consumeFrame("0", queueName(0), "")); err != nil { // a receipt would come among the messages
		return nil, err
	}
	go con.consumeAll(&got, &last, &bad, &over)
	r.Expected = r.Confirmed
	r.Cut = drain(r.Expected, c.quiet, 3*c.time+c.drain, got.Load)
	r.Delivered = got.Load()
	r.Lost = max(0, r.Expected-r.Delivered)
	if r.Delivered > 0 {
		r.Secs = float64(last.Load()-t0.UnixNano()) / 1e9
		r.Rate = float64(r.Delivered) / r.Secs
	}
	m.finish(r, r.Delivered)
	over.Store(true)
	r.faults(&bad)
	return r, nil
}
