package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"mwm/server/netx"
	"mwm/server/topic"
)

// ErrDurables refuses a durable subscription beyond [Options.MaxDurables].
var ErrDurables = errors.New("too many durable subscriptions")

// ErrUnknownSubscriber answers the end of a durable subscription that is not there.
var ErrUnknownSubscriber = errors.New("no such durable subscription")

// DurableOptions say what a durable subscriber of topics wants. They are kept
// with it.
type DurableOptions struct {
	Filter   string // canonical
	Selector string `json:",omitempty"`
	NoLocal  bool   `json:",omitempty"` // not what its own client sends
}

// durableKey is who a durable subscription belongs to, and its name.
type durableKey struct{ Client, Name string }

// durable is a durable subscriber: a queue that a topic subscription fills,
// whether somebody consumes it or not.
type durable struct {
	key   durableKey
	owner string // the principal
	opt   DurableOptions
	sub   *Subscription
	queue *Queue
	match func(*Message) bool // nil: everything
}

// meta is what a box on disk says of a durable subscription.
type meta struct {
	Key   durableKey
	Opt   DurableOptions
	Owner string `json:",omitempty"`
}

// cost is what the subscription takes, beside its messages.
func (d *durable) cost() int { return d.sub.cost() + SelectorCost(d.opt.Selector) }

// Deliver keeps the batch, unless Keep has.
func (d *durable) Deliver(s *Subscription, b *Batch) {
	if !b.KeepFirst() {
		d.Keep(s, b)
	}
}

// Keep implements [Keeper].
func (d *durable) Keep(_ *Subscription, b *Batch) {
	for i := range b.Messages {
		if d.wants(&b.Messages[i]) && !b.Kept(i, d) {
			d.keep(b, i)
		}
	}
	b.pub.touched(d.queue)
}

// wants reports whether a message is for the subscriber.
func (d *durable) wants(m *Message) bool {
	return !(d.opt.NoLocal && m.Sender == d.key.Client) && (d.match == nil || d.match(m))
}

// room reports why there is no room for a message. d.queue.mu is held.
func (d *durable) room(m *Message) error {
	if err := d.queue.room(m); err != nil {
		return fmt.Errorf("%w, for the durable subscriber %q of client-id %q", err, d.key.Name, d.key.Client)
	}
	return nil
}

// keep puts message i on the queue, and on disk if it is persistent. One that
// the queue has no room for is lost, counted, and its sender is told.
func (d *durable) keep(b *Batch, i int) {
	q := d.queue
	m := b.Clone(i)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.dropped { // since the publisher looked who subscribes
		return
	}
	if err := d.room(m); err != nil {
		q.b.stats.Lost.Add(1)
		b.Keeping(i)(err)
		return
	}
	e := q.push(m)
	if m.Persistent && q.b.journal.Durable() {
		e.rec = q.b.journal.Put(q.box, m, b.Keeping(i))
	}
}

// Stage implements [Stager].
func (d *durable) Stage(m *Message) (*Staged, error) {
	if !d.wants(m) {
		return nil, nil
	}
	q := d.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := d.room(m); err != nil {
		return nil, err
	}
	q.promise(m)
	return &Staged{Placed{Box: q.box, Message: m}, func(rec *Record) { d.settle(m, rec) }}, nil
}

// settle takes what was staged, or nothing if it is not on disk. Consumers are looked
// after by Keep, which sees the message, too.
func (d *durable) settle(m *Message, rec *Record) {
	q := d.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.keepPromise(m)
	switch {
	case rec == nil:
	case q.dropped:
		q.b.journal.Remove(nil, rec)
	default:
		q.push(m).rec = rec
	}
}

// keepRetained puts the last values of its topics on the queue of a new subscription,
// as keep does with messages.
func (d *durable) keepRetained() {
	q := d.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	q.b.Retained(d.opt.Filter, func(m *Message) {
		switch {
		case !d.wants(m):
		case d.room(m) != nil:
			q.b.stats.Lost.Add(1)
		default:
			e := q.push(m)
			if m.Persistent {
				e.rec = q.b.journal.Put(q.box, m, nil)
			}
		}
	})
}

// Online reports whether the subscriber is connected.
func (d *durable) Online() bool {
	d.queue.mu.Lock()
	defer d.queue.mu.Unlock()
	return len(d.queue.consumers) > 0
}

// ConsumeDurable connects a client to its durable subscription of that name,
// which is made if need be. With other options than before it begins anew, as
// JMS has it. done, which may be nil, is called when the subscription is on disk.
// The client must have an ID. match, if not nil, is the parsed selector.
func (b *Broker) ConsumeDurable(name string, opt DurableOptions, match func(*Message) bool, c ConsumerOptions, done func(error)) (*Consumer, error) {
	if err := topic.CheckFilter(opt.Filter); err != nil {
		return nil, err
	}
	key := durableKey{c.Client.ID, name}
	b.durablesMu.Lock()
	defer b.durablesMu.Unlock()
	d, own := b.durables[key], meta{key, opt, c.Client.Principal}
	if d != nil && !d.belongsTo(c.Client) {
		return nil, ErrOtherPrincipal
	}
	if netx.Exhausted() && (d == nil || d.opt != opt) {
		return nil, netx.ErrMemory
	}
	if d != nil && (d.opt != opt || d.owner != own.Owner && d.owner != "") {
		b.dropDurable(d, nil)
		d = nil
	}
	switch {
	case d != nil && d.owner != own.Owner: // from before there were accounts
		d.owner = own.Owner
		b.journal.SetBox(Box{ID: d.queue.box, Kind: DurableBox, Name: name, Meta: own.encode()}, done)
	case d != nil:
		if done != nil {
			done(nil)
		}
	case len(b.durables) >= b.opt.MaxDurables:
		return nil, fmt.Errorf("%w: %d exist, no more are allowed", ErrDurables, len(b.durables))
	case b.durablesOf[key.Client] >= b.opt.MaxDurablesOfClient:
		return nil, fmt.Errorf("%w: %d belong to the client-id, no more are allowed", ErrDurables, b.durablesOf[key.Client])
	default:
		d = b.addDurable(own, match, 0)
		box := Box{Kind: DurableBox, Name: name, Meta: own.encode()}
		box.ID = b.journal.NewBox(box.Kind, box.Name, box.Meta)
		d.queue.box = box.ID
		if c.Retained {
			d.keepRetained()
		}
		b.journal.SetBox(box, done) // once more, only to be told
	}
	return d.queue.consume(c), nil
}

// belongsTo reports whether a client may have the subscription: that of another
// principal only as the owner of the client-id, for whom it then begins anew.
func (d *durable) belongsTo(c *Client) bool {
	return c.Access == nil || d.owner == "" || d.owner == c.Principal || c.Owner
}

func (m meta) encode() []byte {
	p, _ := json.Marshal(m) // strings always marshal
	return p
}

// addDurable begins to keep messages. b.durablesMu is held.
func (b *Broker) addDurable(m meta, match func(*Message) bool, box uint64) *durable {
	d := &durable{key: m.Key, owner: m.Owner, opt: m.Opt, match: match, queue: &Queue{b: b, name: m.Opt.Filter, box: box}}
	d.sub = &Subscription{Filter: m.Opt.Filter, Receiver: d}
	b.durables[m.Key] = d
	b.durablesOf[m.Key.Client]++
	b.routes.add(d.sub)
	netx.Book(d.cost())
	return d
}

// dropDurable ends a durable subscription and all it kept. b.durablesMu is held.
func (b *Broker) dropDurable(d *durable, done func(error)) {
	b.routes.remove(d.sub)
	netx.Unbook(d.cost())
	delete(b.durables, d.key)
	if b.durablesOf[d.key.Client]--; b.durablesOf[d.key.Client] == 0 {
		delete(b.durablesOf, d.key.Client)
	}
	q := d.queue
	q.mu.Lock()
	var records []*Record
	q.abandon()
	for i := range q.levels {
		for n := range q.levels[i].n {
			if e := q.levels[i].at(n); e.waiting {
				e.waiting, e.gone = false, true
				records = append(records, e.rec)
			}
		}
		q.levels[i] = fifo{}
	}
	q.live -= q.waiting
	q.waiting = 0
	q.dropped = true
	box := q.box
	q.mu.Unlock()
	b.journal.Remove(nil, records...)
	b.journal.DropBox(box, done)
}

// ForgetOwn is Forget for a client, which may forget its own.
func (b *Broker) ForgetOwn(c *Client, name string, done func(error)) error {
	b.durablesMu.Lock()
	d := b.durables[durableKey{c.ID, name}]
	b.durablesMu.Unlock()
	if d != nil && !d.belongsTo(c) {
		return ErrOtherPrincipal
	}
	return b.Forget(c.ID, name, done)
}

// Forget ends a durable subscription for good. done, which may be nil, is called
// when it is gone from the disk; not if Forget returns an error.
func (b *Broker) Forget(client, name string, done func(error)) error {
	b.durablesMu.Lock()
	defer b.durablesMu.Unlock()
	d := b.durables[durableKey{client, name}]
	if d == nil {
		return ErrUnknownSubscriber
	}
	b.dropDurable(d, done)
	return nil
}

// RestoreDurables claims the durable subscriptions that were on disk. parse
// turns a selector into what matches it.
func (b *Broker) RestoreDurables(parse func(selector string) (func(*Message) bool, error)) error {
	b.durablesMu.Lock()
	defer b.durablesMu.Unlock()
	for _, k := range b.Claim(DurableBox) {
		var m meta
		if err := json.Unmarshal(k.Box.Meta, &m); err != nil {
			return fmt.Errorf("durable subscription %q on disk: %w", k.Box.Name, err)
		}
		var match func(*Message) bool
		if m.Opt.Selector != "" {
			var err error
			if match, err = parse(m.Opt.Selector); err != nil {
				return fmt.Errorf("durable subscription %q on disk: %w", k.Box.Name, err)
			}
		}
		d := b.addDurable(m, match, k.Box.ID)
		for _, r := range k.Records {
			d.queue.push(r.Message).recall(r.Record, r.State, r.Doubtful)
		}
	}
	return nil
}

// DurableInfo describes a durable subscription at one moment.
type DurableInfo struct {
	Client, Name string
	DurableOptions
	QueueInfo
}

// Durables describes the durable subscriptions, in no order.
func (b *Broker) Durables() []DurableInfo {
	b.durablesMu.Lock()
	all := slices.Collect(maps.Values(b.durables))
	b.durablesMu.Unlock()
	infos := make([]DurableInfo, len(all))
	for i, d := range all {
		infos[i] = DurableInfo{d.key.Client, d.key.Name, d.opt, d.queue.info()}
	}
	return infos
}

// expireDurables gives up kept messages whose time is over.
func (b *Broker) expireDurables(now time.Time) {
	var due []*Queue
	b.durablesMu.Lock()
	for _, d := range b.durables {
		if d.queue.isDue(now) {
			due = append(due, d.queue)
		}
	}
	b.durablesMu.Unlock()
	for _, q := range due {
		q.expire(now)
	}
}
