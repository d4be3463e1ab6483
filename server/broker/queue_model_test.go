package broker

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"mwm/server/netx"
)

// devNull is a connection whose peer takes everything.
type devNull struct{ net.Conn }

func (devNull) Write(p []byte) (int, error)      { return len(p), nil }
func (devNull) SetWriteDeadline(time.Time) error { return nil }

// model is a queue as one would write it without a care: a list that is searched.
type model struct {
	t         *testing.T
	messages  []*modelMessage
	consumers []*modelConsumer
	dead      int
}

type modelMessage struct {
	body       string
	priority   int
	seq        int
	deliveries int
	maybe      bool           // it was given to a consumer who did not come to it
	holder     *modelConsumer // nil: it waits
	tag        uint64
}

type modelConsumer struct {
	*Consumer
	out    *netx.Outbound
	window int
}

// held are the messages that a consumer has, in the order in which it got them.
func (m *model) held(c *modelConsumer) (held []*modelMessage) {
	for _, x := range m.messages {
		if x.holder == c {
			held = append(held, x)
		}
	}
	slices.SortFunc(held, func(a, b *modelMessage) int { return int(a.tag) - int(b.tag) })
	return held
}

// next is the message that is to be delivered next: the highest priority, the
// oldest of these.
func (m *model) next() (best *modelMessage) {
	for _, x := range m.messages {
		if x.holder == nil && (best == nil || x.priority > best.priority || x.priority == best.priority && x.seq < best.seq) {
			best = x
		}
	}
	return best
}

// delivered checks one delivery.
func (m *model) delivered(c *modelConsumer, d Delivery) {
	m.t.Helper()
	x := m.next()
	if x == nil || string(d.Body) != x.body {
		m.t.Fatalf("delivered %s, want %+v", d.Body, x)
	}
	times := x.deliveries
	if x.maybe {
		times = max(times, 1)
	}
	if d.Redelivered != times {
		m.t.Errorf("%s is delivered with %d deliveries before, want %d", x.body, d.Redelivered, times)
	}
	if n := len(m.held(c)); n >= c.window {
		m.t.Errorf("%s is delivered to a consumer that holds %d already", x.body, n)
	}
	x.deliveries++
	x.holder, x.tag = c, d.Tag
}

func (m *model) remove(x *modelMessage) {
	m.messages = slices.DeleteFunc(m.messages, func(y *modelMessage) bool { return y == x })
}

// back returns a message to the queue, or buries it.
func (m *model) back(x *modelMessage, maxDeliveries int) {
	x.holder = nil
	if x.deliveries >= maxDeliveries {
		m.dead++
		m.remove(x)
	}
}

// Random operations on a queue agree with the model: order, priorities, windows,
// counts, redelivery, dead letters.
func TestQueueModel(t *testing.T) {
	const maxDeliveries = 4
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := New(Options{MaxDeliveries: maxDeliveries})
		p := b.NewPublisher(nil)
		m := &model{t: t}
		seq := 0
		for op := range 400 {
			// What is delivered during the operation is checked as it happens, so the
			// model is changed first.
			switch k := r.IntN(10); {
			case k < 4:
				for range 1 + r.IntN(3) {
					seq++
					x := &modelMessage{body: fmt.Sprint(seq), priority: r.IntN(10), seq: seq}
					m.messages = append(m.messages, x)
					p.Enqueue("q", func(msg *Message) { msg.Body, msg.Priority = []byte(x.body), uint8(x.priority) }, nil)
				}
				p.Flush()
			case k == 4 && len(m.consumers) < 4:
				c := &modelConsumer{window: 1 + r.IntN(5), out: netx.NewOutbound(devNull{}, 0, 0, nil)}
				m.consumers = append(m.consumers, c)
				var err error
				c.Consumer, err = b.Consume("q", ConsumerOptions{Window: c.window, Out: c.out,
					Append: func(dst []byte, d Delivery) []byte {
						m.delivered(c, d)
						return append(dst, d.Body...)
					}})
				if err != nil {
					t.Fatal(err)
				}
			case k == 5 && len(m.consumers) > 0 && r.IntN(3) == 0:
				i := r.IntN(len(m.consumers))
				c := m.consumers[i]
				c.out.Flush(time.Minute) // what was written counts as delivered
				m.consumers = slices.Delete(m.consumers, i, i+1)
				for i, x := range m.held(c) {
					if i > 0 { // it only waited for the consumer
						x.deliveries--
						x.maybe = true
					}
					m.back(x, maxDeliveries)
				}
				c.Leave()
			case len(m.consumers) > 0:
				c := m.consumers[r.IntN(len(m.consumers))]
				held := m.held(c)
				if len(held) == 0 {
					if err := c.Ack(uint64(r.IntN(1000)), false, nil); err == nil {
						t.Error("what was not delivered can be acknowledged")
					}
					continue
				}
				i := r.IntN(len(held))
				tag, settled := held[i].tag, held[i:i+1]
				cumulative := r.IntN(2) == 0
				if cumulative {
					settled = held[:i+1]
				}
				var err error
				if k < 9 {
					for _, x := range settled {
						m.remove(x)
					}
					err = c.Ack(tag, cumulative, nil)
				} else {
					for _, x := range settled {
						m.back(x, maxDeliveries)
					}
					err = c.Nack(tag, cumulative)
				}
				if err != nil {
					t.Fatalf("answer to %d: %v", tag, err)
				}
			}
			m.check(b, seed, op)
			if t.Failed() {
				return
			}
		}
	}
}

// check compares what can be seen of the queue, and that nobody waits in vain.
func (m *model) check(b *Broker, seed uint64, op int) {
	m.t.Helper()
	waiting, given := 0, 0
	for _, x := range m.messages {
		if x.holder == nil {
			waiting++
		} else {
			given++
		}
	}
	if waiting > 0 {
		for _, c := range m.consumers {
			if len(m.held(c)) < c.window {
				m.t.Errorf("seed %d, operation %d: %d messages wait, and a consumer has room", seed, op, waiting)
			}
		}
	}
	var q QueueInfo
	for _, i := range b.Queues("q") {
		q = i
	}
	if q.Waiting != waiting || q.Unacknowledged != given || q.Consumers != len(m.consumers) {
		m.t.Errorf("seed %d, operation %d: the queue has %+v, want %d waiting, %d given, %d consumers", seed, op, q, waiting, given, len(m.consumers))
	}
	dead := 0
	for _, i := range b.Queues("DLQ.q") {
		dead = i.Waiting
	}
	if dead != m.dead {
		m.t.Errorf("seed %d, operation %d: %d dead letters, want %d", seed, op, dead, m.dead)
	}
}
