package stomp_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
)

// sluggish is a subscriber that reads so many bytes a second.
func (w *world) sluggish(destination string, rate int) {
	p := w.connect("1.2")
	p.nc.(*net.TCPConn).SetReadBuffer(16 << 10)
	p.send("SUBSCRIBE\nid:0\ndestination:" + destination + "\n\n^@")
	p.sync()
	go func() {
		const every = 10 * time.Millisecond
		buf := make([]byte, max(rate/100, 1))
		for tick := time.NewTicker(every); ; <-tick.C {
			if _, err := io.ReadFull(p.nc, buf); err != nil {
				tick.Stop()
				return
			}
		}
	}()
}

// Subscribers that are slow but moving lose messages; those beside them get all, in
// order, and what the server holds stays within the bounds. How long they wait is
// tested with a fake clock in package broker.
func TestSlowReaders(t *testing.T) {
	const bound, n, size = 512 << 10, 6000, 5000
	rates := []int{80_000, 1_000_000, 20_000_000}
	w := serve(t, stomp.Options{MaxOutbound: bound, Linger: 50 * time.Millisecond})
	held := held()
	for _, rate := range rates {
		w.sluggish("/topic/a", rate)
	}
	var healthy sync.WaitGroup
	for range 3 {
		p := w.connect("1.2")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		p.sync()
		healthy.Go(func() {
			for i := range n {
				m, err := p.read()
				if err != nil || !strings.HasPrefix(m.body, fmt.Sprintf("%d ", i)) {
					t.Errorf("message %d: %.20q, %v", i, m.body, err)
					return
				}
			}
		})
	}
	pub, pad, most := w.connect("1.2"), strings.Repeat("x", size), int64(0)
	for i := range n {
		if _, err := fmt.Fprintf(pub.nc, "SEND\ndestination:/topic/a\n\n%d %s\x00", i, pad); err != nil {
			t.Fatal(err)
		}
		most = max(most, held())
	}
	healthy.Wait()
	if w.server.Dropped() == 0 {
		t.Error("nothing is counted as dropped: the slow ones set the pace")
	}
	if limit := int64((len(rates)+3)*bound + 8<<20); most > limit {
		t.Errorf("%d bytes were held, want at most %d", most, limit)
	}
}

// Subscribers that stop to acknowledge all at once hold their publisher together no
// longer than one of them could, and those behind them not at all; one that still
// acknowledges is not taken for one of them.
func TestStoppedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, burst = 10, 20
		w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
		var reading sync.WaitGroup
		start := time.Now()
		type subscriber struct {
			got         int
			first, last time.Duration
		}
		subscribe := func(ack string, answers bool) *subscriber {
			p, s := w.connect("1.2"), &subscriber{}
			p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nack:" + ack + "\nprefetch-count:3\n\n^@")
			p.sync()
			reading.Go(func() {
				for s.got < 2*burst {
					m, err := p.read()
					if err != nil || m.command != "MESSAGE" {
						return
					}
					if s.last = time.Since(start); s.got == 0 {
						s.first = s.last
					}
					if s.got++; answers {
						time.Sleep(10 * time.Millisecond)
						p.send(answerTo("1.2", "ACK", m))
					}
				}
			})
			return s
		}
		var stopped []*subscriber
		for range n {
			stopped = append(stopped, subscribe("client", false))
		}
		busy, plain := subscribe("client-individual", true), subscribe("auto", false)
		pub := w.connect("1.2")
		for range 2 {
			pub.send(strings.Repeat("SEND\ndestination:/topic/a\n\nx^@", burst))
		}
		pub.sync()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("they hold the publisher for %v", took)
		}
		reading.Wait()
		for _, s := range stopped {
			if s.got != 3 {
				t.Errorf("one that stopped got %d messages, want its window", s.got)
			}
		}
		if busy.got != 2*burst || plain.got != 2*burst {
			t.Errorf("those that did not stop got %d and %d messages", busy.got, plain.got)
		}
		if plain.first > 100*time.Millisecond {
			t.Errorf("the first message comes to one that need not be waited for after %v", plain.first)
		}
	})
}

// acker is a topic's subscriber that takes so long for each message, one at a time.
type acker struct {
	*peer
	got int
	end message // what it got that was no MESSAGE
}

func (w *pipe) acker(reading *sync.WaitGroup, takes time.Duration) *acker {
	a := &acker{peer: w.connect("1.2")}
	a.send("SUBSCRIBE\nid:0\ndestination:/topic/a\nack:client-individual\nprefetch-count:1\n\n^@")
	a.sync()
	reading.Go(func() {
		for {
			m, err := a.read()
			if err != nil {
				return
			}
			if m.command != "MESSAGE" {
				a.end = m
				continue
			}
			a.got++
			time.Sleep(takes)
			if _, err := io.WriteString(a.nc, strings.ReplaceAll(answerTo("1.2", "ACK", m), "^@", "\x00")); err != nil {
				return
			}
		}
	})
	return a
}

// Those who acknowledge, but too slowly, may hold others up for a second in total, and
// not for one with each message: then they are disconnected. Whoever harms nobody sets
// the pace, alone or together with others.
func TestSlowToAcknowledge(t *testing.T) {
	const n, every, takes = 200, 10 * time.Millisecond, 300 * time.Millisecond
	for _, c := range []struct {
		name  string
		slow  int
		other string // what somebody beside them subscribes to; the publisher sends there, too
		ends  bool
	}{
		{"beside a healthy one", 1, "/topic/a", true},
		{"many beside a healthy one", 20, "/topic/a", true},
		{"while another topic waits", 1, "/topic/b", true},
		{"alone", 1, "", false},
		{"together", 3, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reading sync.WaitGroup
				w := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{})
				var slow []*acker
				for range c.slow {
					slow = append(slow, w.acker(&reading, takes))
				}
				pub, burst, healthy := w.connect("1.2"), "SEND\ndestination:/topic/a\n\nx^@", 0
				if c.other != "" {
					p := w.connect("1.2")
					p.send("SUBSCRIBE\nid:0\ndestination:" + c.other + "\n\n^@")
					p.sync()
					reading.Go(func() {
						for ; healthy < n; healthy++ {
							p.want("MESSAGE")
						}
					})
				}
				if c.other == "/topic/b" {
					burst += "SEND\ndestination:/topic/b\n\nx^@"
				}
				start := time.Now()
				for range n {
					pub.send(burst)
					time.Sleep(every)
				}
				pub.sync()
				held := time.Since(start) - n*every
				time.Sleep(2 * takes)
				synctest.Wait()
				for _, s := range slow {
					if ended := s.end.get("message") == "too slow"; ended != c.ends || !ended && s.got != n {
						t.Errorf("one that is slow got %d messages, and then %q %q", s.got, s.end.command, s.end.body)
					}
				}
				if limit := time.Second + 2*takes; c.ends && held > limit {
					t.Errorf("they held their publisher for %v, want at most %v", held, limit)
				}
				if n := w.server.Stats().TooSlow.Load(); c.ends && n != uint64(c.slow) {
					t.Errorf("%d count as too slow", n)
				}
				for _, s := range slow {
					s.nc.Close()
				}
				reading.Wait()
				if c.other != "" && healthy != n {
					t.Errorf("the healthy one got %d messages of %d", healthy, n)
				}
			})
		})
	}
}

// Those who are all as fast as each other set the pace together, and nothing is lost,
// however fast their publisher is.
func TestFastReaders(t *testing.T) {
	const subscribers, n = 30, 30_000
	w := serve(t, stomp.Options{})
	var reading sync.WaitGroup
	for range subscribers {
		p := w.connect("1.2")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		p.sync()
		reading.Go(func() {
			buf, frames := make([]byte, 64<<10), 0
			p.nc.SetReadDeadline(time.Now().Add(6 * patience))
			for frames < n {
				k, err := p.nc.Read(buf)
				if err != nil {
					t.Errorf("after %d messages: %v", frames, err)
					return
				}
				frames += bytes.Count(buf[:k], []byte{0})
			}
		})
	}
	pub := w.connect("1.2")
	burst := strings.Repeat("SEND\ndestination:/topic/a\n\n"+strings.Repeat("x", 100)+"\x00", 100)
	for range n / 100 {
		if _, err := io.WriteString(pub.nc, burst); err != nil {
			t.Fatal(err)
		}
	}
	reading.Wait()
	if n := w.server.Dropped(); n != 0 {
		t.Errorf("%d messages were dropped", n)
	}
}

// BenchmarkSlow measures what two healthy subscribers keep of their rate when a third
// one is slow, or does not read at all: "kept" is the rate with it divided by the rate
// with a third that is healthy, over a few seconds each. It means something only on a
// machine that does nothing else.
//
//	go test -run - -bench Slow -benchtime 3x ./server/stomp
func BenchmarkSlow(b *testing.B) {
	for name, rate := range map[string]int{"80KB": 80_000, "1MB": 1_000_000, "20MB": 20_000_000, "stopped": 0} {
		b.Run(name, func(b *testing.B) {
			var beside, with float64
			for b.Loop() {
				beside += rateBeside(b, -1)
				with += rateBeside(b, rate)
			}
			b.ReportMetric(with/beside, "kept")
			b.ReportMetric(with/float64(b.N)/1e6, "MB/s")
		})
	}
}

// rateBeside is what two healthy subscribers get together, in bytes a second, beside
// one that reads at a rate; -1: as fast as it can.
func rateBeside(b *testing.B, rate int) float64 {
	w := serve(b, stomp.Options{Linger: 50 * time.Millisecond})
	var got atomic.Int64
	healthy := func(count bool) {
		p := w.connect("1.2")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		p.sync()
		go func() {
			buf := make([]byte, 256<<10)
			for {
				n, err := p.nc.Read(buf)
				if count {
					got.Add(int64(n))
				}
				if err != nil {
					return
				}
			}
		}()
	}
	healthy(true)
	healthy(true)
	switch rate {
	case -1:
		healthy(false)
	case 0:
		p := w.connect("1.2")
		p.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n^@")
		p.sync()
	default:
		w.sluggish("/topic/a", rate)
	}
	pub := w.connect("1.2")
	burst := strings.Repeat("SEND\ndestination:/topic/a\n\n"+strings.Repeat("x", 200)+"\x00", 100)
	begun := time.Now()
	for time.Since(begun) < 3*time.Second {
		if _, err := io.WriteString(pub.nc, burst); err != nil {
			b.Fatal(err)
		}
	}
	return float64(got.Load()) / time.Since(begun).Seconds()
}
