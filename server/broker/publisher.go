package broker

import (
	"time"

	"mwm/server/netx"
)

// How long a subscriber may hold its publishers.
const (
	// maxHold is to the harm of others; then nobody waits for it any more. What is
	// spent comes back slowly (see netx.Outbound.Charge): one that is always too
	// slow costs the others this much at first, and a sixtieth of the time later.
	maxHold = 500 * time.Millisecond
	// ownPatience is how long the server itself waits at a time. It takes what is
	// published before the subscribers do, and so would know no more than the
	// slowest of them; but it does not spoil the pace of one that is fast.
	ownPatience = time.Second
	// alonePatience is how long a peer may make no progress if nobody else is
	// harmed: on some ways a slow one is heard of once a second.
	alonePatience = time.Second
)

// Publisher is how one connection publishes. It belongs to one goroutine: the
// connection's reader calls Begin when it has read, Add or Enqueue for each
// message, and Flush before it reads again.
type Publisher struct {
	b      *Broker
	client *Client
	id     ID
	began  time.Time
	now    int64 // of it
	last   *Route
	batch  Batch
	wake   []*netx.Outbound
	queues []*Queue
	run    *run // what batch.Messages came from; nil: nothing was added
	class  int  // of the next run, see runSizes
	most   int  // messages at a time since the last flush
	others others
	// judged says that last may be used for some bodies and not for others.
	judged  bool
	tickets Tickets // nil: AddTicket is not used
}

// NewPublisher returns the publisher of a connection.
func (b *Broker) NewPublisher(c *Client) *Publisher {
	p := &Publisher{b: b, client: c}
	now := time.Now()
	p.id.init(b.publishers.Add(1), now)
	p.batch.pub = p
	p.Begin(now)
	return p
}

// Begin sets the time that the messages that follow carry.
func (p *Publisher) Begin(now time.Time) { p.began, p.now = now, now.UnixMilli() }

// Topic is TopicFor for a message without a body.
func (p *Publisher) Topic(name []byte) (*Route, error) { return p.TopicFor(name, nil) }

// TopicFor returns the route to a topic, by its canonical name, for a message
// with that body. If the client may not send it the error is ErrForbidden.
func (p *Publisher) TopicFor(name, body []byte) (*Route, error) {
	if r := p.last; r != nil && string(name) == r.Name && r.gen == p.b.routes.gen.Load() && !p.judged {
		return r, nil
	}
	p.last = nil // judged is said of another one now
	if err := p.mayPublish(name, body); err != nil {
		return nil, err
	}
	r, err := p.b.routes.lookup(name)
	if err == nil && len(name) <= longName {
		p.last = r
	}
	return r, err
}

// Add adds a message to the run of its route and returns it, with Name, ID,
// Timestamp, Priority and Sender set, for the caller to fill in. It is
// delivered at the latest by Flush; until then its slices must stay valid.
func (p *Publisher) Add(r *Route) *Message {
	b := &p.batch
	if p.run == nil {
		p.begin()
	}
	if b.route != r || len(b.Messages) == cap(b.Messages) && !p.enlarge() {
		p.deliver()
		b.route = r
		p.others.note(r.Name, p.now)
	}
	b.Messages = b.Messages[:len(b.Messages)+1] // what is not in use is clear
	m := &b.Messages[len(b.Messages)-1]
	p.stamp(m)
	m.Name = r.Name
	return m
}

// stamp sets what the broker says about a message.
func (p *Publisher) stamp(m *Message) {
	m.ID = p.id
	p.id.next()
	m.Timestamp = p.now
	m.Priority = DefaultPriority
	if p.client != nil {
		m.Sender = p.client.ID
	}
}

// Flush delivers what was added and wakes the writers of those who got it.
func (p *Publisher) Flush() {
	p.deliver()
	p.batch.route = nil
	if p.run != nil {
		p.end()
	}
	p.wakeAll()
	for i, q := range p.queues {
		q.dispatch()
		p.queues[i] = nil
	}
	p.queues = p.queues[:0]
}

// maxDirect is up to how many connections a publisher writes to itself.
const maxDirect = 2

func (p *Publisher) wakeAll() {
	few := len(p.wake) <= maxDirect
	for i, o := range p.wake {
		if few {
			o.WakeHere()
		} else {
			o.Wake()
		}
		p.wake[i] = nil
	}
	p.wake = p.wake[:0]
}

// deliver hands the run to the subscriptions of its route.
func (p *Publisher) deliver() {
	b := &p.batch
	if len(b.Messages) == 0 {
		return
	}
	all := b.Messages
	p.most = max(p.most, len(all))
	p.b.stats.In.Add(uint64(len(all)))
	b.route.count(len(all))
	p.published(len(all))
	p.dropExpired()
	p.b.retain(b.Messages)
	if b.once {
		p.keepOnce()
	}
	for _, s := range b.route.subs {
		s.Receiver.Deliver(s, b)
	}
	b.runLate()
	for i := range b.Messages {
		p.confirm(&b.Messages[i])
	}
	b.reset()
	clear(all) // they point into the publisher's read buffer
}

// dropExpired removes messages whose time was over when they came.
func (p *Publisher) dropExpired() {
	msgs := p.batch.Messages
	w := 0
	now := p.b.clock.Due(p.began)
	for i := range msgs {
		p.limitAge(&msgs[i])
		if m := &msgs[i]; m.Expired(now) {
			p.b.stats.Expired.Add(1)
			p.b.observe.Queued(QueueEvent{Step: Expired, Message: m, Client: p.client})
			p.confirm(m)
			continue
		}
		if w != i {
			msgs[w] = msgs[i]
		}
		w++
	}
	p.batch.Messages = msgs[:w]
}

// Enqueue puts a message on the queue of the given canonical name; fill sets
// it up. done, which may be nil, is called once the message is accepted (and on
// disk, if it is persistent), or with the reason why it is not. It may be called
// from another goroutine, and must not block.
func (p *Publisher) Enqueue(name string, fill func(m *Message), done func(error)) {
	m := new(Message)
	p.stamp(m)
	m.Name = name
	fill(m)
	p.limitAge(m)
	if done == nil {
		done = func(error) {}
	}
	if err := p.client.MayPublish(QueueKind, name, m.Body); err != nil {
		done(err)
		return
	}
	if m.Persistent {
		p.b.journal.WaitRoom()
	}
	p.published(1)
	p.others.queued = p.now
	m.own()
	if q := p.b.enqueue(m, p.client, done); q != nil {
		p.touched(q)
	}
}

// touched remembers to dispatch the queue.
func (p *Publisher) touched(q *Queue) {
	for _, x := range p.queues {
		if x == q {
			return
		}
	}
	p.queues = append(p.queues, q)
}

// Batch is a run of messages to one topic on its way to the subscribers.
type Batch struct {
	Messages []Message

	pub   *Publisher
	route *Route
	run   encoding
	// The run as encoded last, for the subscriptions with the same key.
	shared *netx.Chunk
	key    string
	clones []*Message
	once   bool      // somebody may not get a message twice; see AddTicket
	late   []func()  // see Later
	held   time.Time // see HeldSince
}

// Client is the connection that the messages come from; nil for the server's own.
func (b *Batch) Client() *Client { return b.pub.client }

// Topic is the name of the topic that all messages are to.
func (b *Batch) Topic() string { return b.route.Name }

// Listeners is what [Route.Listeners] says of the topic.
func (b *Batch) Listeners() int { return b.route.Listeners() }

// Clone returns the lasting copy of message i; all who keep it share one.
func (b *Batch) Clone(i int) *Message {
	for len(b.clones) <= i {
		b.clones = append(b.clones, nil)
	}
	if b.clones[i] == nil {
		b.clones[i] = b.Messages[i].Clone()
	}
	return b.clones[i]
}

func (b *Batch) reset() {
	b.release()
	b.once, b.held = false, time.Time{}
	b.Messages = b.Messages[:0]
	clear(b.clones)
	b.clones = b.clones[:0]
}

func (b *Batch) release() {
	if b.shared != nil {
		b.shared.Release()
		b.shared, b.key = nil, ""
	}
}

// Encoder writes messages as one kind of subscriber is sent them.
type Encoder interface {
	// Size is an upper bound of the encoded length in bytes.
	Size(m *Message) int
	// Append encodes m; it may append nothing, if m is not for this subscriber.
	Append(dst []byte, m *Message) []byte
}

// encoding is a batch seen by an Outbound.
type encoding struct {
	msgs []Message
	enc  Encoder
}

func (e *encoding) Len() int                        { return len(e.msgs) }
func (e *encoding) Size(i int) int                  { return e.enc.Size(&e.msgs[i]) }
func (e *encoding) Append(dst []byte, i int) []byte { return e.enc.Append(dst, &e.msgs[i]) }

// Send appends the batch to a subscriber's outbound queue, as frames that may
// be lost. While that queue is more than half full and its peer reads, Send
// waits, so that publishers cannot outrun their subscribers; but only until the
// peer makes no progress for 100 ms, or has held publishers for half a second while
// other subscribers of the topic had nothing to do, alone or together with others
// that are slow. Then the peer loses its oldest messages, counted, until it has
// caught up.
func (b *Batch) Send(s *Subscription, out *netx.Outbound, enc Encoder) {
	b.run = encoding{b.Messages, enc}
	if s.Key == "" || b.route.keyed == 1 {
		b.offer(s.Receiver, out)
		return
	}
	if b.shared == nil || b.key != s.Key {
		b.share(s.Key)
	}
	for !b.taken(out.OfferShared(b.shared), out) {
		b.hold(s.Receiver, out)
	}
}

// SendOne appends message i alone, as Send does the batch.
func (b *Batch) SendOne(i int, out *netx.Outbound, enc Encoder) {
	b.run = encoding{b.Messages[i : i+1], enc}
	b.offer(nil, out)
}

// offer appends the run, once there is room for it.
func (b *Batch) offer(r Receiver, out *netx.Outbound) {
	for !b.taken(out.Offer(&b.run), out) {
		b.hold(r, out)
	}
}

// taken notes whom to wake, and reports whether something was appended.
func (b *Batch) taken(sent netx.Sent, out *netx.Outbound) bool {
	if sent.Wake {
		b.pub.wake = append(b.pub.wake, out)
	}
	return !sent.Crowded
}

// share encodes the run once for all subscriptions with the key.
func (b *Batch) share(key string) {
	b.release()
	size := 0
	for i := range b.Messages {
		size += b.run.Size(i)
	}
	b.shared, b.key = netx.NewShared(size, &b.run), key
}

// Wake remembers to wake a writer when the batch has reached everybody.
func (b *Batch) Wake(out *netx.Outbound) { b.pub.wake = append(b.pub.wake, out) }

// FlushWakes wakes all writers now; a receiver that has to wait calls it first.
func (b *Batch) FlushWakes() { b.pub.wakeAll() }
