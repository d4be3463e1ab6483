package broker

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/clock"
	"mwm/server/netx"
	"mwm/server/topic"
)

// Options are the limits of a broker. A zero field means its default.
type Options struct {
	// MaxQueues is how many queues may exist; default 100,000.
	MaxQueues int
	// MaxQueueMessages and MaxQueueBytes bound one queue; defaults 1,000,000
	// and 256 MiB. A message over them is refused.
	MaxQueueMessages int
	MaxQueueBytes    int
	// MaxRetained and MaxRetainedBytes bound the retained messages of all
	// topics; defaults 1,000,000 and 256 MiB. A message over them is delivered,
	// but not retained, and counted; nor is what was retained before it.
	MaxRetained      int
	MaxRetainedBytes int
	// MaxDurables is how many durable topic subscriptions may exist; default 100,000.
	MaxDurables int
	// MaxDurablesOfClient is how many of them one client-id may have; default 1000.
	MaxDurablesOfClient int
	// MaxDeliveries is how often a message is delivered before it is moved to
	// the queue "DLQ." + name; default 6.
	MaxDeliveries int
	// MaxAge is how long after its arrival a message is given up at the latest,
	// whatever its sender says; default: no limit.
	MaxAge time.Duration
	// KeepExpired moves persistent messages whose time is over to the dead letter
	// queue, instead of giving them up.
	KeepExpired bool
	// Clock is the time by which that is decided; nil: the machine's as it was at the
	// start.
	Clock *clock.Clock
	// Store keeps what is persistent; nil: memory only.
	Store Store
	// Room reports why the disk is to take no more messages, although it still takes
	// acknowledgements; nil: it takes all that it can.
	Room func() error
	// OnDisk is called with the reason when the store begins to fail, and with nil
	// when it works again; nil: nobody is told. It must not block.
	OnDisk func(error)
	// KeepChanges notes which retained values change, for TakeRetainedChanges.
	KeepChanges bool
	// Watch tells which queues the observer is told about; nil: none.
	Watch func(queue string) bool
	// Observer is told what happens; nil: nobody.
	Observer Observer
}

// withDefaults returns a copy with the defaults filled in.
func (o Options) withDefaults() Options {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&o.MaxQueues, 100_000)
	def(&o.MaxQueueMessages, 1_000_000)
	def(&o.MaxQueueBytes, 256<<20)
	def(&o.MaxRetained, 1_000_000)
	def(&o.MaxRetainedBytes, 256<<20)
	def(&o.MaxDurables, 100_000)
	def(&o.MaxDurablesOfClient, 1000)
	def(&o.MaxDeliveries, 6)
	if o.Watch == nil {
		o.Watch = func(string) bool { return false }
	}
	if o.Room == nil {
		o.Room = func() error { return nil }
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Clock == nil {
		o.Clock = clock.New(time.Now, 0)
	}
	return o
}

// Stats count what has happened since the start.
type Stats struct {
	In         atomic.Uint64 // messages published to topics
	Enqueued   atomic.Uint64 // messages accepted by queues
	Consumed   atomic.Uint64 // messages acknowledged
	Expired    atomic.Uint64 // messages given up because their time was over
	Dead       atomic.Uint64 // messages moved to a dead letter queue
	Refused    atomic.Uint64 // messages refused because a queue was full, or there were too many
	Unretained atomic.Uint64 // messages not retained because of the limits
	Lost       atomic.Uint64 // messages for a durable subscriber, or dead letters, that there was no room for
}

// Broker routes messages. Its methods are safe for concurrent use.
type Broker struct {
	opt        Options
	observe    Observer
	clock      *clock.Clock
	routes     routes
	clients    clients
	publishers atomic.Uint64
	stopped    atomic.Bool // see StopDelivery
	stats      Stats
	journal    Journal
	kept       []*Kept // found by Restore, not claimed yet

	retainedMu     sync.RWMutex
	retained       topic.Names[*Message]
	retainedBytes  int
	retainedExpiry expiries[string]
	retainedDirty  map[string]struct{}

	queuesMu  sync.RWMutex
	temps     map[string]map[string]struct{} // names of temporary queues, by Client.Temp
	queues    map[string]*Queue
	past      pastQueues
	wild      topic.Tree[*WildConsumer]
	wildCount int

	movedMu sync.Mutex
	movedID ID // of the message that was moved last

	durablesMu sync.Mutex
	durables   map[durableKey]*durable
	durablesOf map[string]int // client-id
}

// New returns a broker.
func New(opt Options) *Broker {
	b := &Broker{opt: opt.withDefaults(), queues: map[string]*Queue{}, durables: map[durableKey]*durable{}, durablesOf: map[string]int{}, temps: map[string]map[string]struct{}{}}
	b.observe, b.clock = b.opt.Observer, b.opt.Clock
	b.journal.init(b.opt.Store, b.opt.OnDisk)
	b.routes.init()
	b.publishers.Store(rand.Uint64N(1_000_000)) // #nosec G404 -- tells starts of the server apart, no secret
	return b
}

// Stats returns the counters.
func (b *Broker) Stats() *Stats { return &b.stats }

// StopDelivery ends the delivery from queues, before the connections end: what one
// consumer gives back would go to the next one, until all of them are gone. None of
// them waits any more to tell the disk something.
func (b *Broker) StopDelivery() {
	b.stopped.Store(true)
	b.journal.stop()
}

// Run writes the journal and gives up messages whose time is over, until ctx
// ends. Then it writes what is left: whoever publishes must have ended before.
func (b *Broker) Run(ctx context.Context) error {
	var expiry sync.WaitGroup
	defer expiry.Wait()
	expiry.Go(func() { b.expire(ctx) })
	b.journal.run(ctx)
	<-ctx.Done()
	return nil
}

// expire gives up messages whose time is over, and measures rates, until ctx ends.
func (b *Broker) expire(ctx context.Context) {
	tick, measure := time.NewTicker(time.Second), time.NewTicker(measureEvery)
	defer tick.Stop()
	defer measure.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-measure.C:
			b.measure(now)
		case t := <-tick.C:
			now := b.clock.Due(t)
			b.expireQueues(now)
			b.expireDurables(now)
			b.expireRetained(now)
		}
	}
}

// Room reports why front ends are to put no more messages on disk (Options.Room).
func (b *Broker) Room() error { return b.opt.Room() }

// Clock is the time by which messages and sessions are given up.
func (b *Broker) Clock() *clock.Clock { return b.clock }

// Journal is where front ends keep what has to outlive the server.
func (b *Broker) Journal() *Journal { return &b.journal }

// Subscribe adds a subscription: messages published from now on reach it.
func (b *Broker) Subscribe(s *Subscription) error {
	if err := topic.CheckFilter(s.Filter); err != nil {
		return err
	}
	b.routes.add(s)
	netx.Book(s.cost())
	return nil
}

// Unsubscribe removes a subscription and reports whether it was there. A
// message that is being delivered may still reach it.
func (b *Broker) Unsubscribe(s *Subscription) bool {
	if !b.routes.remove(s) {
		return false
	}
	netx.Unbook(s.cost())
	return true
}

// Subscriptions is the number of subscriptions to topics.
func (b *Broker) Subscriptions() int { return b.routes.len() }

// Listeners is the number of connected subscribers of a topic, the server's own
// left out.
func (b *Broker) Listeners(name string) int {
	r, err := b.routes.lookup([]byte(name))
	if err != nil {
		return 0
	}
	return r.Listeners()
}
