package broker

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/netx"
)

// subscriber is a receiver behind a connection.
type subscriber struct {
	out   *netx.Outbound
	peer  net.Conn
	count int // bytes read
	mu    sync.Mutex
}

func connectSubscriber(t *testing.T, b *Broker, limit int, read func(s *subscriber)) *subscriber {
	near, far := net.Pipe()
	s := &subscriber{out: netx.NewOutbound(near, limit, 0, nil), peer: far}
	b.Subscribe(&Subscription{Filter: "a", Receiver: s, Key: "same"})
	var reading sync.WaitGroup
	if read != nil {
		reading.Go(func() { read(s) })
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
		s.out.Close()
		reading.Wait()
	})
	return s
}

func (s *subscriber) Deliver(sub *Subscription, b *Batch) { b.Send(sub, s.out, text{}) }
func (s *subscriber) Backlog() int                        { return s.out.Pending() }
func (s *subscriber) Outlet() *netx.Outbound              { return s.out }

// readAt reads n bytes each time.
func readAt(n int, every time.Duration) func(s *subscriber) {
	return func(s *subscriber) {
		buf := make([]byte, n)
		for left := n; ; {
			k, err := s.peer.Read(buf[:left])
			if err != nil {
				return
			}
			s.mu.Lock()
			s.count += k
			s.mu.Unlock()
			if left -= k; left == 0 {
				left = n
				time.Sleep(every)
			}
		}
	}
}

func (s *subscriber) read() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// momentary is done with what it gets a moment later.
type momentary struct{ served time.Time }

func (m *momentary) Deliver(*Subscription, *Batch) { m.served = time.Now() }

func (m *momentary) Backlog() int {
	if time.Now().Equal(m.served) {
		return 1
	}
	return 0
}

// The overload policy: a publisher waits for a subscriber that reads, so that
// nothing is lost; not for one that does not; and for a slow one only as long as
// others are not harmed, and else for a moment.
func TestOverload(t *testing.T) {
	const size, count = 10_000, 1000
	message := strings.Repeat("x", size)
	truck := &Client{ID: "truck", Protocol: STOMP}
	flood := func(t *testing.T, b *Broker, c *Client, topics ...string) (took time.Duration) {
		p := b.NewPublisher(c)
		start := time.Now()
		for range count {
			p.Begin(time.Now())
			for _, topic := range topics {
				publish(t, p, topic, nil, message)
			}
		}
		return time.Since(start)
	}
	t.Run("alone and slow: it sets the pace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			s := connectSubscriber(t, b, 1<<20, readAt(100_000, 10*time.Millisecond))
			if took := flood(t, b, truck, "a"); took < 600*time.Millisecond {
				t.Errorf("10 MB at 10 MB/s went out in %v", took)
			}
			time.Sleep(10 * time.Second)
			if s.read() != size*count || s.out.Dropped() != 0 {
				t.Errorf("%d bytes read, %d messages dropped, want all", s.read(), s.out.Dropped())
			}
		})
	})
	t.Run("stuck: nobody waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			stuck := connectSubscriber(t, b, 1<<20, nil)
			healthy := connectSubscriber(t, b, 1<<20, readAt(1<<20, 0))
			if took := flood(t, b, truck, "a"); took > time.Second {
				t.Errorf("one that does not read held the publisher for %v", took)
			}
			time.Sleep(time.Second)
			if healthy.read() != size*count || healthy.out.Dropped() != 0 {
				t.Errorf("the healthy one got %d bytes and lost %d messages", healthy.read(), healthy.out.Dropped())
			}
			if stuck.out.Dropped() == 0 || stuck.out.Pending() > 1<<20 {
				t.Errorf("the stuck one lost %d messages, %d bytes are pending", stuck.out.Dropped(), stuck.out.Pending())
			}
		})
	})
	t.Run("alone, and heard of once in 0.8 s", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			s := connectSubscriber(t, b, 1<<20, readAt(400_000, 800*time.Millisecond))
			flood(t, b, truck, "a")
			time.Sleep(time.Hour)
			if s.read() != size*count || s.out.Dropped() != 0 {
				t.Errorf("%d bytes read, %d messages dropped, want all", s.read(), s.out.Dropped())
			}
		})
	})
	t.Run("slow, and the publisher has another topic, too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			slow := connectSubscriber(t, b, 1<<20, readAt(1000, 10*time.Millisecond))
			healthy := &listener{}
			if err := b.Subscribe(&Subscription{Filter: "b", Receiver: healthy}); err != nil {
				t.Fatal(err)
			}
			if took := flood(t, b, truck, "a", "b"); took > 2*time.Second {
				t.Errorf("those of the other topic waited for %v", took)
			}
			if slow.out.Dropped() == 0 || len(healthy.take()) != count {
				t.Errorf("the slow one lost %d messages", slow.out.Dropped())
			}
		})
	})
	t.Run("slow, and the server itself wants to know", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			slow := connectSubscriber(t, b, 1<<20, readAt(1000, 10*time.Millisecond))
			if err := b.Subscribe(&Subscription{Filter: "a", Receiver: &listener{}, Internal: true}); err != nil {
				t.Fatal(err)
			}
			if took := flood(t, b, truck, "a"); took > 3*time.Second {
				t.Errorf("the server waited for %v", took)
			}
			if slow.out.Dropped() == 0 {
				t.Error("the slow one lost nothing")
			}
		})
	})
	t.Run("slow, and the server itself publishes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			connectSubscriber(t, b, 1<<20, readAt(1000, 10*time.Millisecond))
			if took := flood(t, b, nil, "a"); took > 2*time.Second {
				t.Errorf("the server waited for %v", took)
			}
		})
	})
	t.Run("slow beside a healthy one: a moment at most", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			slow := connectSubscriber(t, b, 1<<20, readAt(1000, 10*time.Millisecond)) // 100 KB/s
			healthy := connectSubscriber(t, b, 1<<20, readAt(1<<20, 0))
			if took := flood(t, b, truck, "a"); took > time.Second {
				t.Errorf("the slow one held the publisher for %v", took)
			}
			time.Sleep(time.Second)
			if healthy.read() != size*count {
				t.Errorf("the healthy one got %d bytes of %d", healthy.read(), size*count)
			}
			if slow.out.Dropped() == 0 {
				t.Error("the slow one lost nothing")
			}
		})
	})
	t.Run("a crowd of stuck ones: no longer than one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			for range 50 {
				connectSubscriber(t, b, 1<<20, nil)
			}
			if took := flood(t, b, truck, "a"); took > 1500*time.Millisecond {
				t.Errorf("fifty that do not read held the publisher for %v", took)
			}
			for range 50 {
				connectSubscriber(t, b, 1<<20, nil)
			}
			healthy := connectSubscriber(t, b, 1<<20, readAt(1<<20, 0))
			if took := flood(t, b, truck, "a"); took > 200*time.Millisecond {
				t.Errorf("fifty that do not read held a healthy one for %v", took)
			}
			time.Sleep(time.Second)
			if healthy.read() != size*count {
				t.Errorf("the healthy one got %d bytes of %d", healthy.read(), size*count)
			}
		})
	})
	t.Run("a crowd of stuck ones beside one that has always just been served: no longer than one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			if err := b.Subscribe(&Subscription{Filter: "a", Receiver: &momentary{}}); err != nil {
				t.Fatal(err)
			}
			for i := range 50 { // it comes to them one after the other
				connectSubscriber(t, b, 1<<20+i<<17, nil)
			}
			if took := flood(t, b, truck, "a"); took > 200*time.Millisecond {
				t.Errorf("fifty that do not read held a healthy one for %v", took)
			}
		})
	})
	t.Run("a crowd of slow ones beside a healthy one: no longer than one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := New(Options{})
			for range 50 {
				connectSubscriber(t, b, 1<<20, readAt(1000, 10*time.Millisecond))
			}
			healthy := connectSubscriber(t, b, 1<<20, readAt(1<<20, 0))
			if took := flood(t, b, truck, "a"); took > time.Second {
				t.Errorf("fifty slow ones held a healthy one for %v", took)
			}
			time.Sleep(time.Second)
			if healthy.read() != size*count {
				t.Errorf("the healthy one got %d bytes of %d", healthy.read(), size*count)
			}
		})
	})
}

// Nobody is to blame for the time in which the process did not run.
func TestAwaitOverAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{})
		s := connectSubscriber(t, b, 1<<20, nil)
		p := b.NewPublisher(&Client{ID: "truck", Protocol: STOMP})
		r, err := p.Topic([]byte("a"))
		if err != nil {
			t.Fatal(err)
		}
		p.Add(r)
		steps := 0
		room := func(d time.Duration) netx.Wait {
			if steps++; steps == 1 {
				time.Sleep(time.Minute)
				return netx.Busy
			}
			time.Sleep(d)
			if steps == 10 {
				return netx.Room
			}
			return netx.Busy
		}
		if !p.batch.Await(s, s.out, time.Now().Add(time.Second), time.Second, room) {
			t.Errorf("a receiver was given up in step %d", steps)
		}
		p.Flush()
	})
}

// One that is slow but moving, beside two that are healthy, while fifty megabytes a
// second are published: the healthy get everything, and wait no longer
// than the budget and what of it has come back, which is less than a twentieth of half
// a minute; the slow one gets what it can read.
func TestSlowBesideHealthy(t *testing.T) {
	const size, perTick, tick = 10_000, 5, time.Millisecond
	for name, rate := range map[string]int{"80 KB/s": 80_000, "1 MB/s": 1_000_000, "20 MB/s": 20_000_000} {
		for _, c := range []struct {
			crowd       int
			span, limit time.Duration
		}{
			{1, 30 * time.Second, 30 * time.Second / 20}, // the healthy keep 0.95
			// Waits of less than a step are not charged: a few of those are allowed for.
			{20, 3 * time.Second, maxHold + 3*time.Second/60 + 400*time.Millisecond},
		} {
			t.Run(fmt.Sprint(name, " ", c.crowd), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const bound = 1 << 20
					b := New(Options{})
					var slow, healthy []*subscriber
					for range c.crowd {
						slow = append(slow, connectSubscriber(t, b, bound, readAt(rate/50, 20*time.Millisecond)))
					}
					for range 2 {
						healthy = append(healthy, connectSubscriber(t, b, bound, readAt(bound, 0)))
					}
					p := b.NewPublisher(&Client{ID: "truck", Protocol: STOMP})
					message := strings.Repeat("x", size)
					sent, held, most := 0, time.Duration(0), 0
					for start := time.Now(); time.Since(start) < c.span; time.Sleep(tick) {
						before := time.Now()
						p.Begin(before)
						for range perTick {
							publish(t, p, "a", nil, message)
							sent += size
						}
						held += time.Since(before)
						for _, s := range slow {
							most = max(most, s.out.Pending())
						}
					}
					t.Logf("%.0f MB sent, held for %v, kept %.3f", float64(sent)/1e6, held, 1-held.Seconds()/c.span.Seconds())
					if held > c.limit {
						t.Errorf("the healthy were held for %v, want at most %v", held, c.limit)
					}
					time.Sleep(time.Second)
					for _, s := range healthy {
						if s.read() != sent || s.out.Dropped() != 0 {
							t.Errorf("a healthy one got %d bytes of %d", s.read(), sent)
						}
					}
					for _, s := range slow {
						if s.out.Dropped() == 0 || s.read() < rate*int(c.span.Seconds())*9/10 {
							t.Errorf("a slow one read %d bytes and lost %d messages", s.read(), s.out.Dropped())
						}
					}
					if most > bound {
						t.Errorf("%d bytes were pending for a slow one, the bound is %d", most, bound)
					}
				})
			})
		}
	}
}
