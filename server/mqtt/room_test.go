package mqtt

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/broker"
	"mwm/server/netx"
)

// The queue of a session that is away is bounded in messages and bytes; what
// does not fit is counted, newest first, and told to a 5.0 publisher; expired ones
// make room.
func TestQueueLimits(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want int
	}{
		{Options{MaxQueued: 5}, 5},
		{Options{MaxQueuedBytes: 1000}, 9}, // 100 + 1 bytes each
	} {
		f := newFixture(t, c.opt, true)
		f.away(forMinutes("S"), "t", 1)
		src := f.connect(hello{level: v5, id: "src"})
		for i := range 20 {
			src.publish(pub{topic: "t", body: fmt.Sprintf("%0100d", i), qos: 1, id: 1})
			if i < c.want {
				src.expect("PUBACK 1")
			} else {
				src.expect(`PUBACK 1 code=0x97 reason="the queue of a session is full"`)
			}
		}
		info := f.Sessions()
		for _, s := range info {
			if s.ClientID == "S" && (s.Queued != c.want || s.Dropped != uint64(20-c.want)) {
				t.Errorf("%+v: %d queued, %d dropped, want %d and %d", c.opt, s.Queued, s.Dropped, c.want, 20-c.want)
			}
		}
		if n := f.Stats().Overflowed.Load(); n != uint64(20-c.want) {
			t.Errorf("%d overflowed, want %d", n, 20-c.want)
		}
		p := f.dial()
		p.shake2(forMinutes("S"), fmt.Sprintf(
			`CONNACK session=true code=0x00 reason="%d messages were discarded: there was no room for them"`, 20-c.want))
		for i := range c.want {
			p.take(fmt.Sprintf("PUBLISH t \"%0100d\"", i), 1, uint16(i+1))
		}
		p.expectNothing()
	}
}

// A queue that is full is not searched for each message that it has no room for, but
// when something in it expires, or the disk has refused something.
func TestFullQueueIsNotSearched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		b := broker.New(broker.Options{Store: d})
		srv := &Server{b: b}
		s := &session{srv: srv}
		now := time.Now()
		add := func(expires time.Duration) {
			m := &broker.Message{Name: "t"}
			if expires > 0 {
				m.Expires = now.Add(expires).UnixMilli()
			}
			s.queue.push(item{msg: m})
		}
		for _, expires := range []time.Duration{0, 2 * time.Minute, time.Minute, 3 * time.Minute} {
			add(expires)
		}
		searched := func(n int) (yes bool) {
			first, expires, failed := *s.queue.at(0), s.queue.expires, s.failed
			s.queue.at(0).msg = nil // who searches stumbles
			defer func() {
				yes = recover() != nil
				*s.queue.at(0), s.queue.expires, s.failed = first, expires, failed
			}()
			s.fits(&broker.Message{Name: "t"}, n, 1<<20)
			return false
		}
		if searched(5) || searched(4) {
			t.Error("it is searched although there is room, or nothing to be found")
		}
		for i, want := range []int{3, 2, 1} {
			time.Sleep(time.Minute)
			if !searched(1) {
				t.Errorf("minute %d: it is not searched", i+1)
			}
			if s.fits(&broker.Message{Name: "t"}, 1, 1<<20); s.queue.n != want {
				t.Errorf("minute %d: %d messages are left, want %d", i+1, s.queue.n, want)
			}
			if searched(1) {
				t.Errorf("minute %d: it is searched again", i+1)
			}
		}
		b.Journal().Stats().Failed.Add(1)
		if !searched(1) {
			t.Error("the disk has refused something, and it is not searched")
		}
		s.queue.discard()
	})
}

// What a full session has no room for is never lost in silence, although a 3.x
// publisher is acknowledged: it is counted and logged, and the client is told when it
// is back, also after a crash.
func TestFullSessionTells(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		opt := Options{MaxQueued: 2, MaxStored: 2, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		l := live(t, d, opt, false)
		h := hello{level: v5, id: "S", keep: true, props: forever}
		p := l.listener(h, 2)
		p.goodbye()
		src := l.meet(hello{id: "src"})
		for i := range 5 {
			src.send(pub{topic: "t", body: "x", qos: 1 + byte(i)%2, id: uint16(i + 1)})
		}
		if s := l.session("S").info(); s.Queued != 2 || s.Dropped != 3 || l.Stats().Overflowed.Load() != 3 {
			t.Errorf("%d wait, %d dropped, want 2 and 3", s.Queued, s.Dropped)
		}
		synctest.Wait()
		d.set(0)
		l.crash(d)

		d.boot(-1)
		l = live(t, d, opt, true)
		src = l.meet(hello{id: "src"})
		src.send(pub{topic: "t", body: "x", qos: 1, id: 1})
		p = l.peer() // the disk knew of the first one
		p.shake2(h, `CONNACK session=true code=0x00 reason="2 messages were discarded: there was no room for them"`)
		p.take(`PUBLISH t "x"`, 1, 1)
		p.take(`PUBLISH t "x"`, 2, 2)
		p.goodbye()
		l.stop()
		d.boot(-1)
		l = live(t, d, opt, false)
		p = l.peer()
		p.shake2(h, "CONNACK session=true code=0x00")
		l.stop()
	})
	for _, want := range []string{"the queue of a session is full", `"a client is back that has missed messages: there was no room for them" component=mqtt client=S messages=2`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}

// What a client does not acknowledge is held for it while its session is kept: bounded
// in bytes, and on the books until it is acknowledged or the session ends.
func TestInFlightIsBounded(t *testing.T) {
	for qos, ack := range map[byte]byte{1: packets.Puback, 2: packets.Pubrec} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, Options{MaxQueuedBytes: 10_000}, false)
			src, p := f.pipe(), f.pipe()
			src.shake(hello{id: "src"})
			p.shake(forMinutes("S"))
			p.subscribe(1, "t", qos)
			p.expect(fmt.Sprintf("SUBACK 1 [%02x]", qos))
			synctest.Wait()
			before := netx.MemoryUsed()
			holds := func(n int64) {
				t.Helper()
				synctest.Wait() // what has been written is not booked any more
				if held := netx.MemoryUsed() - before; held < n*1000 || held > n*1500 {
					t.Errorf("QoS %d: %d bytes are booked for %d messages", qos, held, n)
				}
			}
			hears := func(i int, dup string) {
				t.Helper()
				p.expect(fmt.Sprintf(`PUBLISH t "%01000d" q%d id=%d%s`, i, qos, i, dup))
			}
			const most = 9 // of a thousand bytes and what they take beside
			for i := 1; i <= most+2; i++ {
				src.send(pub{topic: "t", body: fmt.Sprintf("%01000d", i), qos: qos, id: uint16(i)})
				if i <= most {
					hears(i, "")
				}
			}
			p.expectNothing()
			holds(most + 2)
			p.ack(ack, 1)
			if qos == 2 {
				p.expect("PUBREL 1")
				p.ack(packets.Pubcomp, 1)
			}
			hears(most+1, "")
			holds(most + 1)
			p = f.pipe()
			p.say(forMinutes("S"))
			p.expect("CONNACK session=true code=0x00")
			for i := 2; i <= most+1; i++ {
				hears(i, " dup")
			}
			p.expectNothing()
			holds(most + 1)
			f.pipe().shake(hello{level: v5, id: "S"})
			synctest.Wait()
			if held := netx.MemoryUsed() - before; held > 0 {
				t.Errorf("QoS %d: %d bytes are still booked", qos, held)
			}
		})
	}
}

// While memory is short, what comes for a client that has much to acknowledge waits.
func TestInFlightWhileMemoryIsShort(t *testing.T) {
	f := newFixture(t, Options{}, false)
	src, p := f.pipe(), f.pipe()
	src.shake(hello{id: "src"})
	p.shake(forMinutes("S"))
	p.subscribe(1, "t", 1)
	p.expect("SUBACK 1 [01]")
	body := strings.Repeat("x", pressedQueue)
	src.send(pub{topic: "t", body: body, qos: 1, id: 1})
	p.expect(fmt.Sprintf("PUBLISH t %q q1 id=1", body))

	netx.SetMemoryLimit(netx.MemoryUsed() + 1<<20)
	netx.Book(1000 << 10)
	defer netx.SetMemoryLimit(0)
	defer netx.Unbook(1000 << 10)
	src.send(pub{topic: "t", body: "y", qos: 1, id: 2})
	p.expectNothing()
	p.ack(packets.Puback, 1)
	p.expect(`PUBLISH t "y" q1 id=2`)
}

// While the disk has no room but for acknowledgements, kept sessions take nothing:
// 5.0 publishers are told, others not acknowledged; what need not be kept goes on.
func TestNearlyFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		var short error
		d.room = func() error { return short }
		l := live(t, d, Options{}, false)
		kept, plain := l.peer(), l.peer()
		kept.shake(hello{level: v5, id: "kept", keep: true, props: forever})
		plain.shake(hello{level: v5, id: "plain"})
		for _, p := range []*peer{kept, plain} {
			p.subscribe(1, "t", 1)
			p.expect("SUBACK 1 [01]")
		}
		src := l.meet(hello{level: v5, id: "src"})
		hears := func(p *peer, body string, id uint16) { p.take(fmt.Sprintf("PUBLISH t %q", body), 1, id) }
		src.publish(pub{topic: "t", body: "1", qos: 1, id: 1})
		src.expect("PUBACK 1")
		hears(kept, "1", 1)
		hears(plain, "1", 1)

		short = errors.New("nothing is left")
		src.publish(pub{topic: "t", body: "2", qos: 1, id: 2})
		src.expect(`PUBACK 2 code=0x97 reason="the disk is nearly full"`)
		hears(plain, "2", 2)
		old := l.meet(hello{id: "old"})
		old.publish(pub{topic: "t", body: "3", qos: 1, id: 3})
		old.expectClosed() // and so not acknowledged
		hears(plain, "3", 3)
		src.publish(pub{topic: "t", body: "4"})
		kept.expect(`PUBLISH t "4"`)
		plain.expect(`PUBLISH t "4"`)
		if n := l.Stats().Unkept.Load(); n != 2 {
			t.Errorf("%d messages count as not kept, want 2", n)
		}

		short = nil
		src.publish(pub{topic: "t", body: "5", qos: 1, id: 5})
		src.expect("PUBACK 5")
		hears(kept, "5", 2)
		hears(plain, "5", 4)
		l.stop()
	})
}

// While memory is short a durable subscriber takes nothing: 5.0 publishers are told,
// others not acknowledged, and so send it again.
func TestShortOfMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		l := live(t, d, Options{}, false)
		out := netx.NewOutbound(discard{}, 0, 0, nil)
		opt := broker.ConsumerOptions{
			Client: &broker.Client{ID: "truck", Protocol: broker.STOMP}, Out: out,
			Append: func(dst []byte, _ broker.Delivery) []byte { return append(dst, 'm') },
		}
		paper, err := l.b.ConsumeDurable("paper", broker.DurableOptions{Filter: "t"}, nil, opt, nil)
		if err != nil {
			t.Fatal(err)
		}
		paper.Leave()
		out.Close()
		five := l.meet(hello{level: v5, id: "five"})
		for qos := byte(1); qos <= 2; qos++ {
			old := l.meet(hello{id: "old", keep: true})
			m := pub{topic: "t", body: "x", qos: qos, id: 1}

			netx.SetMemoryLimit(netx.MemoryUsed() + 1<<20)
			netx.Book(1000 << 10)
			five.publish(m)
			if got, want := five.read(), fmt.Sprintf("%s 1 code=0x97 ", []string{"PUBACK", "PUBREC"}[qos-1]); !strings.HasPrefix(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
			old.publish(m)
			old.expectClosed() // and so not acknowledged
			netx.Unbook(1000 << 10)
			netx.SetMemoryLimit(0)

			old = l.meet(hello{id: "old", keep: true})
			old.send(m)
			if all := l.b.Durables(); len(all) != 1 || all[0].Waiting != int(qos) {
				t.Errorf("durable subscribers: %+v", all)
			}
		}
		l.stop()
	})
}

// What is refused at QoS 2 is not taken for a repetition when it is sent again: 3.x
// clients, who are disconnected, do so.
func TestRefusedQoS2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		var short error
		d.room = func() error { return short }
		l := live(t, d, Options{}, false)
		sub := l.listener(hello{id: "sub", keep: true}, 2)
		src := l.meet(hello{id: "src", keep: true})
		short = errors.New("nothing is left")
		m := pub{topic: "t", body: "x", qos: 2, id: 7}
		src.publish(m)
		src.expectClosed()
		short = nil
		src = l.peer()
		src.shake2(hello{id: "src", keep: true}, "CONNACK session=true code=0x00")
		m.dup = true
		src.send(m)
		sub.take(`PUBLISH t "x"`, 2, 1)
		sub.expectNothing()
		l.stop()
		if _, records := d.count(); records != 0 {
			t.Errorf("%d records are left", records)
		}
	})
}

// What the disk refuses does not come at QoS 2, neither at once nor from the queue: its
// sender sends it again, and it would come twice.
func TestRefusedByDisk(t *testing.T) {
	for _, away := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			l := live(t, d, Options{}, false)
			sub := l.listener(hello{id: "sub", keep: true}, 2)
			if away {
				sub.goodbye()
			}
			src := l.meet(hello{id: "src", keep: true})
			synctest.Wait()
			d.breakDown()
			m := pub{topic: "t", body: "x", qos: 2, id: 7}
			src.publish(m)
			src.expectClosed()
			src = l.meet(hello{id: "src", keep: true})
			m.dup = true
			src.send(m)
			id := uint16(2)
			if away {
				sub = l.meet(hello{id: "sub", keep: true})
				id = 1
			}
			sub.take(`PUBLISH t "x"`, 2, id)
			sub.expectNothing()
			l.stop()
			if _, records := d.count(); records != 0 {
				t.Errorf("%d records are left", records)
			}
		})
	}
}

// A client that comes back, and sends again what is still on its way to the disk, is
// told when that fails.
func TestRefusedAgain(t *testing.T) {
	for _, level := range []byte{v311, v5} {
		synctest.Test(t, func(t *testing.T) {
			d := newDisk()
			d.slow = 5 * time.Second
			l := live(t, d, Options{}, false)
			sub := l.listener(hello{id: "sub", keep: true}, 2)
			sub.goodbye()
			h := hello{level: level, id: "src", keep: true}
			if level == v5 {
				h.props = forever
			}
			src := l.meet(h)
			synctest.Wait()
			d.breakDown()
			m := pub{topic: "t", body: "x", qos: 2, id: 7}
			src.publish(m)
			src.nc.Close()
			time.Sleep(time.Millisecond)
			src = l.meet(h)
			m.dup = true
			src.publish(m)
			if level == v5 {
				src.expect(`PUBREC 7 code=0x80 reason="the disk refuses to write: the disk is broken"`)
			} else {
				src.expectClosed()
			}
			l.stop()
		})
	}
}
