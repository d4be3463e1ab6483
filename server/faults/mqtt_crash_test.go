package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"mwm/server/internal/mqttmodel"
)

// TestCrashMQTT kills the server again and again while MQTT publishers and
// subscribers with kept sessions are at work at QoS 1 and 2, and checks every
// message by its number: what was acknowledged comes, in order; at QoS 2 once; at
// QoS 1 again only with DUP or after a reconnect. A value that is retained anew again
// and again is at most a few seconds old. A STOMP sender, and a durable subscriber of
// STOMP, are among them: what had its RECEIPT comes, and what was acknowledged.
// Every fifth run is ended in order instead.
func TestCrashMQTT(t *testing.T) {
	kills := number(t, "MWM_CRASH_KILLS", 20)
	// Room for all that a fast machine sends while a receiver is away: nothing is refused.
	args := []string{"--data=" + t.TempDir(), "--max-session-messages=10000000", "--max-session-bytes=1000000000",
		"--max-queue-messages=10000000", "--max-queue-bytes=1000000000"}
	c, value := newMQTTCrash(), new(lastValue)
	var faults []string
	for run := 1; run <= kills && len(faults) == 0; run++ {
		p := serve(t, args...)
		if run == 1 {
			c.meet(t, p)
		}
		value.check(t, p)
		c.conns.Go(func() { _ = value.publish(p) }) // until the server is gone
		faults = c.work(p, run)
		if p.over() {
			faults = append(faults, "the server ended by itself:\n"+p.log.Tail())
		}
		inOrder, end := run%5 == 0, time.Now()
		if inOrder {
			p.stop()
		} else {
			p.kill()
		}
		c.wait()
		value.ended(inOrder, end)
		for _, f := range faults {
			t.Errorf("run %d: %s", run, f)
		}
	}
	last := serve(t, args...)
	value.check(t, last)
	c.finish(t, last)
	sent, got, again := c.stomp.model.Next, c.paper.got, 0
	for _, s := range c.senders {
		sent += s.Next
	}
	for _, r := range c.receivers {
		got, again = got+r.Got, again+r.Again
		for _, f := range r.Faults {
			t.Error(f)
		}
	}
	for _, f := range c.paper.faults {
		t.Error(f)
	}
	t.Logf("%d runs: %d messages sent, %d received, %d of these again; %d values retained, %d of them known to be on disk",
		kills, sent, got, again, value.acked, value.least)
	if sent < 50*kills || got < 50*kills || kills >= 20 && value.least == 0 {
		t.Error("that is too little work to prove anything")
	}
}

// mqttCrash is the cast of the test.
type mqttCrash struct {
	senders   []*mqttmodel.Sender
	stomp     *stompSender
	receivers []*mqttmodel.Receiver
	paper     *paper
	conns     sync.WaitGroup
}

func newMQTTCrash() *mqttCrash {
	c := &mqttCrash{stomp: newSTOMPSender()}
	for i, qos := range []byte{1, 2, 1, 2} {
		c.senders = append(c.senders, &mqttmodel.Sender{ID: fmt.Sprint("sender", i), Level: []byte{4, 5, 5, 4}[i], QoS: qos, Window: 50})
	}
	all := append([]*mqttmodel.Sender{c.stomp.model}, c.senders...)
	c.paper = &paper{senders: all}
	for i, qos := range []byte{2, 1, 2} {
		c.receivers = append(c.receivers, &mqttmodel.Receiver{
			ID: fmt.Sprint("receiver", i), Level: []byte{5, 4, 4}[i], QoS: qos, Senders: all,
		})
	}
	return c
}

// meet makes the sessions.
func (c *mqttCrash) meet(t *testing.T, p *process) {
	t.Helper()
	once := func(level byte, id, filter string, qos byte) {
		nc, err := net.Dial("tcp", p.mqtt)
		if err != nil {
			t.Fatal(err)
		}
		conn, _, err := mqttmodel.Connect(nc, level, id)
		if err == nil && filter != "" {
			err = conn.Subscribe(filter, qos)
		}
		if err == nil {
			err = conn.Goodbye()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range c.senders {
		once(s.Level, s.ID, "", 0)
	}
	for i, r := range c.receivers {
		once(r.Level, r.ID, []string{"crash/#", "crash/#", "$share/alone/crash/#"}[i], r.QoS)
	}
	conn, err := c.paper.subscribe(p.addresses)
	if err == nil {
		err = conn.goodbye() // whose RECEIPT comes after what was before it
	}
	if err != nil {
		t.Fatal(err)
	}
}

// work lets everybody work for a while, and returns what is wrong so far.
func (c *mqttCrash) work(p *process, run int) (faults []string) {
	var mu sync.Mutex
	start := func(f func(nc net.Conn, rng *rand.Rand) error) {
		rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
		c.conns.Go(func() {
			for { // until the server is gone
				nc, err := net.Dial("tcp", p.mqtt)
				if err != nil {
					return
				}
				err = f(nc, rng)
				nc.Close()
				if errors.Is(err, mqttmodel.ErrNoSession) || errors.Is(err, mqttmodel.ErrAnswer) {
					mu.Lock()
					faults = append(faults, err.Error())
					mu.Unlock()
					return
				}
			}
		})
	}
	for _, s := range c.senders {
		start(func(nc net.Conn, rng *rand.Rand) error { return s.Run(nc, rng, 1<<30) })
	}
	for i, r := range c.receivers {
		if (run+i)%4 != 0 { // each stays away now and then
			start(func(nc net.Conn, rng *rand.Rand) error {
				likes := rng.IntN(5000)
				return r.Run(nc, rng, func() bool { likes--; return likes < 0 })
			})
		}
	}
	c.conns.Go(func() { again(p, func() error { return c.stomp.run(p.addresses, 1<<30) }) })
	if run%3 != 0 {
		c.conns.Go(func() { again(p, func() error { return c.paper.run(p.addresses, func() bool { return false }) }) })
	}
	length := 50*time.Millisecond + rand.N(500*time.Millisecond)
	if run%20 == 13 { // when nobody is away
		length += retainedAge + time.Second
	}
	pause := time.NewTimer(length)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-p.ended:
	}
	mu.Lock()
	defer mu.Unlock()
	return faults
}

// wait waits until all connections have ended.
func (c *mqttCrash) wait() { c.conns.Wait() }

// finish lets everybody send and get what is left.
func (c *mqttCrash) finish(t *testing.T, p *process) {
	t.Helper()
	limit := c.stomp.model.Next + 1
	for _, s := range c.senders {
		limit = max(limit, s.Next+1)
	}
	dial := func() net.Conn {
		nc, err := net.Dial("tcp", p.mqtt)
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
	for _, s := range c.senders {
		nc := dial()
		c.conns.Go(func() {
			defer nc.Close()
			if err := s.Run(nc, rand.New(rand.NewPCG(1, 1)), limit); err != nil {
				t.Error(err)
			}
		})
	}
	c.conns.Go(func() {
		if err := c.stomp.run(p.addresses, limit); err != nil {
			t.Errorf("STOMP: %v", err)
		}
	})
	c.conns.Go(func() {
		if err := c.paper.run(p.addresses, func() bool { return c.paper.has(limit) }); err != nil {
			t.Errorf("the durable subscriber has not got all: %v", err)
		}
	})
	for _, r := range c.receivers {
		nc := dial()
		c.conns.Go(func() {
			defer nc.Close()
			err := r.Run(nc, rand.New(rand.NewPCG(1, 2)), func() bool { return r.Has(limit) })
			if err != nil {
				t.Errorf("%s has not got all: %v", r.ID, err)
			}
		})
	}
	c.conns.Wait()
}
