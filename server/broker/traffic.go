package broker

import (
	"math"
	"sync/atomic"
	"time"
)

// Traffic is what has crossed a connection since it was made.
type Traffic struct {
	MessagesIn, MessagesOut uint64
	BytesIn, BytesOut       uint64
	Dropped                 uint64 // messages that it lost because it did not keep up
}

// Rates are messages and bytes a second, over the last five seconds or so.
type Rates struct{ MessagesIn, MessagesOut, BytesIn, BytesOut float64 }

// traffic is what a client's traffic is measured with.
type traffic struct {
	published atomic.Uint64
	rates     [4]atomic.Uint64 // bits of float64
	before    Traffic          // at the last measurement, the measurer's own
	at        time.Time
}

// published counts what a connection has published.
func (p *Publisher) published(n int) {
	if p.client != nil {
		p.client.traffic.published.Add(uint64(n))
	}
}

// Num is the connection's number, which no other one will have until the server
// is started anew.
func (c *Client) Num() uint64 { return c.num }

// Traffic returns what has crossed the connection.
func (c *Client) Traffic() Traffic {
	t := Traffic{MessagesIn: c.traffic.published.Load()}
	if c.In != nil {
		t.BytesIn = c.In.Received()
	}
	if c.Out != nil {
		t.MessagesOut, t.BytesOut, t.Dropped = c.Out.Messages(), c.Out.Bytes(), c.Out.Dropped()
	}
	return t
}

// Traffic returns what has crossed all connections, also those that have ended.
func (b *Broker) Traffic() Traffic {
	b.clients.mu.Lock()
	defer b.clients.mu.Unlock()
	sum := b.clients.gone
	for c := range b.clients.all {
		sum.Add(c.Traffic())
	}
	return sum
}

// Add adds another connection's traffic.
func (t *Traffic) Add(other Traffic) {
	t.MessagesIn += other.MessagesIn
	t.MessagesOut += other.MessagesOut
	t.BytesIn += other.BytesIn
	t.BytesOut += other.BytesOut
	t.Dropped += other.Dropped
}

// Rates returns what crosses the connection in a second.
func (c *Client) Rates() Rates {
	r := func(i int) float64 { return math.Float64frombits(c.traffic.rates[i].Load()) }
	return Rates{r(0), r(1), r(2), r(3)}
}

// measureEvery is how often rates are measured.
const measureEvery = 5 * time.Second

// measure measures the rates of all connections.
func (b *Broker) measure(now time.Time) {
	for _, c := range b.Clients() {
		c.measure(now)
	}
}

func (c *Client) measure(now time.Time) {
	x, is := &c.traffic, c.Traffic()
	since := x.at
	if since.IsZero() {
		since = c.Since
	}
	if seconds := now.Sub(since).Seconds(); seconds > 0 {
		for i, pair := range [...][2]uint64{
			{is.MessagesIn, x.before.MessagesIn}, {is.MessagesOut, x.before.MessagesOut},
			{is.BytesIn, x.before.BytesIn}, {is.BytesOut, x.before.BytesOut},
		} {
			x.rates[i].Store(math.Float64bits(float64(pair[0]-pair[1]) / seconds))
		}
	}
	x.before, x.at = is, now
}

// Client returns the connection of that number, nil if there is none.
func (b *Broker) Client(num uint64) *Client {
	b.clients.mu.Lock()
	defer b.clients.mu.Unlock()
	for c := range b.clients.all {
		if c.num == num {
			return c
		}
	}
	return nil
}

// ClientSubscription is something that a client is subscribed to.
type ClientSubscription struct {
	ID          string // as the client calls it; "" in MQTT
	Destination string // as the client wrote it
	Mode        string // "auto", "client" or "client-individual"; "QoS 0" and so on
	Selector    string // "" for none
	Durable     string // the name of a durable subscription
}

// ClientWill is what the server publishes on a client's behalf when it is lost.
type ClientWill struct {
	Name   string // of the topic, canonical
	Body   []byte
	QoS    uint8
	Retain bool
	Delay  time.Duration // after which it is published
}
