package broker

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"mwm/server/netx"
)

// Protocol names what a client speaks.
type Protocol string

const (
	STOMP    Protocol = "stomp"
	MQTT     Protocol = "mqtt"
	Internal Protocol = "internal" // the server itself
)

// ErrTakenOver closes a connection when another one connects with its client identifier.
var ErrTakenOver = errors.New("another connection took over this client-id")

// ErrTooMany refuses a client whose principal has enough connections (Client.Max).
var ErrTooMany = errors.New("too many connections of the same account")

// ErrOtherPrincipal refuses a client whose identifier is in use by somebody else.
var ErrOtherPrincipal = errors.New("the client-id is in use by another principal")

// ErrClosedByOperator closes a connection because somebody asked for it.
var ErrClosedByOperator = errors.New("an operator closed the connection")

// Client is a connection that has been accepted by its front end.
type Client struct {
	// ID is the STOMP client-id or MQTT client identifier; may be empty for STOMP.
	ID        string
	Protocol  Protocol
	Version   string
	Remote    string
	Principal string // who authenticated; "" for anonymous
	// Access says what the client may do; nil: everything.
	Access Access
	// Owner says that the ID is the principal's own name: others who use it give
	// way.
	Owner bool
	// Max is how many connections the principal may have at a time; 0: any number.
	Max int
	// Temp begins the names of the connection's own temporary destinations; "": it
	// has none.
	Temp  string
	Since time.Time
	// Close ends the connection with a reason that the peer is told. It must
	// not block and may be called more than once.
	Close func(reason error)
	// Leave gives back what the client has and has not acknowledged, and returns when it
	// has; nil: it has nothing.
	Leave func()
	// In and Out are what the connection is read and written through; nil for
	// the server's own.
	In  *netx.Reader
	Out *netx.Outbound
	// Subscriptions tells what the client is subscribed to, at most limit; nil: nothing.
	Subscriptions func(limit int) []ClientSubscription
	// Will tells what is published if the client is lost; nil, or returning nil: nothing.
	Will func() *ClientWill
	// Explain takes apart what a tap was shown, whose end may be missing. It may
	// change p, and is called after the connection has ended, too; nil: nobody can.
	Explain func(p []byte, in bool) []WireFrame

	num     uint64 // set by Attach
	traffic traffic
	held    atomic.Int32 // see Held
}

// Held reports whether the client has to wait for a subscriber: what it sends is not
// read meanwhile, so that nobody can expect acknowledgements of it.
func (c *Client) Held() bool { return c.held.Load() > 0 }

type clientKey struct {
	protocol Protocol
	id       string
}

// clients are those connected now.
type clients struct {
	mu   sync.Mutex
	all  map[*Client]struct{}
	gone Traffic // of those who were in it
	byID map[clientKey]*Client
	// of counts those of principals that may have so many.
	of map[string]int
	// count numbers them.
	count uint64
}

// Attach registers a client. One of the same protocol and identifier that is
// connected already is told ErrTakenOver and closed, and has given back what it had,
// so that the new one gets it first; but if it belongs to another principal, the new
// one is not registered, unless it is the Owner.
func (b *Broker) Attach(c *Client) error {
	announce, err := b.Admit(c)
	if err == nil {
		announce()
	}
	return err
}

// Admit is Attach in two steps: whoever has to do something first that cannot be undone
// does it when the client is registered, and then calls announce, which tells the others.
func (b *Broker) Admit(c *Client) (announce func(), err error) {
	old, err := b.clients.attach(c)
	if err != nil {
		return nil, err
	}
	return func() {
		if old != nil {
			old.Close(ErrTakenOver)
			if old.Leave != nil {
				old.Leave()
			}
		}
		b.observe.Connected(c)
	}, nil
}

// attach adds a client and returns the one whose identifier it took over.
func (l *clients) attach(c *Client) (old *Client, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := clientKey{c.Protocol, c.ID}
	if c.ID != "" {
		if old = l.byID[key]; old != nil && old.Principal != c.Principal && !c.Owner {
			return nil, ErrOtherPrincipal
		}
	}
	if c.Max > 0 && old == nil && l.of[c.Principal] >= c.Max { // who takes over makes room
		return nil, ErrTooMany
	}
	if l.all == nil {
		l.all = map[*Client]struct{}{}
		l.byID = map[clientKey]*Client{}
		l.of = map[string]int{}
	}
	if c.Max > 0 {
		l.of[c.Principal]++
	}
	l.count++
	c.num = l.count
	l.all[c] = struct{}{}
	if c.ID != "" {
		l.byID[key] = c
	}
	return old, nil
}

// Detach takes a client off the register; err is why it ended, nil when it said
// goodbye. It reports whether the client was the last one under its identifier,
// false when another one has taken over.
func (b *Broker) Detach(c *Client, err error) (last bool) {
	b.clients.mu.Lock()
	_, known := b.clients.all[c]
	if known {
		delete(b.clients.all, c)
		b.clients.gone.Add(c.Traffic())
		b.clients.forget(c)
	}
	last = true
	if c.ID != "" {
		key := clientKey{c.Protocol, c.ID}
		if last = b.clients.byID[key] == c; last {
			delete(b.clients.byID, key)
		}
	}
	b.clients.mu.Unlock()
	if known {
		b.endTemps(c)
		b.observe.Disconnected(c, err, last)
	}
	return last
}

// forget takes a client off the count of its principal. l.mu is held.
func (l *clients) forget(c *Client) {
	if c.Max == 0 {
		return
	}
	if l.of[c.Principal]--; l.of[c.Principal] == 0 {
		delete(l.of, c.Principal)
	}
}

// Clients returns those connected now, in no order.
func (b *Broker) Clients() []*Client {
	b.clients.mu.Lock()
	defer b.clients.mu.Unlock()
	all := make([]*Client, 0, len(b.clients.all))
	for c := range b.clients.all {
		all = append(all, c)
	}
	return all
}

// Observer is told what happens to clients and queues. Its methods are called
// without a lock held and must not block.
type Observer interface {
	Connected(c *Client)
	// Disconnected says why a client went: err is nil when it said goodbye, and
	// last is false when another connection has taken over its identifier.
	Disconnected(c *Client, err error, last bool)
	// Queued is told each step in the life of a message on a watched queue.
	Queued(ev QueueEvent)
}

// QueueStep is a step in the life of a message on a queue.
type QueueStep uint8

const (
	Accepted  QueueStep = iota // on the queue (and on disk, if persistent)
	Delivered                  // written to a consumer's connection
	Consumed                   // acknowledged
	Returned                   // not acknowledged, back on the queue
	Refused                    // NACKed by the consumer
	Expired                    // given up: its time is over
	Dead                       // given up: delivered too often
	Discarded                  // deleted by an operator, or moved elsewhere
)

// QueueEvent is one step.
type QueueEvent struct {
	Step    QueueStep
	Message *Message
	Client  *Client // the consumer's, if one is concerned
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Connected(*Client)                 {}
func (nobody) Disconnected(*Client, error, bool) {}
func (nobody) Queued(QueueEvent)                 {}
