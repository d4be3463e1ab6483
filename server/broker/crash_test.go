package broker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mwm/server/netx"
)

// TestCrashes plays random histories: messages, acknowledgements, transactions,
// durable subscribers and dead letters, on a disk that fails now and then. After
// each transaction that the disk has taken the server might crash. The test makes it
// do so after every one of them, starts it anew with what was on the disk then, and
// holds what comes against what was promised until then.
func TestCrashes(t *testing.T) {
	histories := 600
	if testing.Short() {
		histories = 150
	}
	crashes := 0
	for seed := range uint64(histories) {
		h := newHistory(t, seed)
		for range 60 {
			h.step()
		}
		crashes += h.crashEverywhere()
		if t.Failed() {
			t.Fatalf("history %d", seed)
		}
	}
	t.Logf("%d crashes in %d histories", crashes, histories)
}

// never is when something has happened that has not.
const never = 1 << 30

// sent is what the test knows of a message; times are numbers of transactions.
type sent struct {
	body     string
	n        int // in the order of sending
	home     string
	readers  []string // of a topic: who has to get it; else home alone
	tx       *sentTx  // nil: none
	promised int
	refused  bool
	// By reader: when an acknowledgement was issued, when promised, when it was
	// first delivered.
	acked, gone, seen map[string]int
}

// sentTx is a transaction.
type sentTx struct {
	sends    []*sent
	acks     []*sent // from queues
	ackHome  []string
	refused  bool
	promised int
}

// history is a broker with its past.
type history struct {
	t     *testing.T
	rand  *rand.Rand
	b     *Broker
	p     *Publisher
	store *pastStore

	messages  []*sent
	bodies    map[string]*sent
	txs       []*sentTx
	consumers []*crashConsumer
}

// pastStore remembers every state that it was in.
type pastStore struct {
	memoryStore
	past []snapshot
	fail bool
}

type snapshot struct {
	boxes   []Box
	records []StoredRecord
}

func (s *pastStore) Apply(c *Changes) error {
	if s.fail {
		return errors.New("the disk is full")
	}
	for len(s.entered) > 0 {
		<-s.entered
	}
	if err := s.memoryStore.Apply(c); err != nil {
		return err
	}
	s.remember()
	return nil
}

func (s *pastStore) remember() {
	boxes, records := s.contents()
	s.past = append(s.past, snapshot{boxes, records})
}

// crashConsumer consumes a queue, or a durable subscription.
type crashConsumer struct {
	*Consumer
	h       *history
	reader  string
	out     *netx.Outbound
	open    []uint64 // tags, in order
	bodies  map[uint64]*sent
	durable bool
}

func (c *crashConsumer) append(dst []byte, d Delivery) []byte {
	m := c.h.bodies[string(d.Body)]
	c.open = append(c.open, d.Tag)
	c.bodies[d.Tag] = m
	if _, again := m.seen[c.reader]; again && d.Redelivered == 0 {
		c.h.t.Errorf("%s gets %s again without a mark", c.reader, m.body)
	}
	if _, seen := m.seen[c.reader]; !seen {
		m.seen[c.reader] = c.h.now()
	}
	return append(dst, d.Body...)
}

var crashQueues = []string{"a", "b"}

const crashTopic, crashMax = "news", 3

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{t: t, rand: rand.New(rand.NewPCG(seed, 7)), bodies: map[string]*sent{}}
	h.store = &pastStore{memoryStore: *newMemoryStore()}
	h.store.remember()
	h.b = New(Options{Store: h.store, MaxDeliveries: crashMax})
	h.p = h.b.NewPublisher(&Client{ID: "p", Protocol: STOMP})
	for _, name := range []string{"d1", "d2"} {
		c := h.connect(name, true)
		if h.rand.IntN(2) == 0 {
			h.leave(c)
		}
	}
	h.flush()
	return h
}

// now is how many transactions the disk has taken.
func (h *history) now() int { return len(h.store.past) - 1 }

// flush lets the journal write; now and then the disk fails once.
func (h *history) flush() {
	if h.rand.IntN(12) == 0 {
		h.store.fail = true
		_ = h.b.journal.flush()
		h.store.fail = false
	}
	if err := h.b.journal.flush(); err != nil {
		h.t.Error(err)
	}
}

func (h *history) connect(reader string, durable bool) *crashConsumer {
	c := &crashConsumer{h: h, reader: reader, durable: durable, bodies: map[uint64]*sent{}, out: netx.NewOutbound(devNull{}, 0, 0, nil)}
	opt := ConsumerOptions{Client: &Client{ID: reader}, Window: 1 + h.rand.IntN(5), Out: c.out, Append: c.append}
	var err error
	if durable {
		c.Consumer, err = h.b.ConsumeDurable("sub", DurableOptions{Filter: crashTopic}, nil, opt, nil)
	} else {
		c.Consumer, err = h.b.Consume(reader, opt)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.consumers = append(h.consumers, c)
	return c
}

func (h *history) leave(c *crashConsumer) {
	c.out.Flush(time.Minute)
	h.consumers = slices.DeleteFunc(h.consumers, func(x *crashConsumer) bool { return x == c })
	c.Leave()
	c.out.Close()
}

// message makes the next message.
func (h *history) message(home string) *sent {
	m := &sent{n: len(h.messages), home: home, promised: never, acked: map[string]int{}, gone: map[string]int{}, seen: map[string]int{}}
	m.body = fmt.Sprintf("%s%d", home, m.n)
	m.readers = []string{home}
	if home == crashTopic {
		m.readers = []string{"d1", "d2"}
	}
	h.messages = append(h.messages, m)
	h.bodies[m.body] = m
	return m
}

// promise returns what is to be called when the message is promised.
func (h *history) promise(m *sent) func(error) {
	return func(err error) {
		if err != nil {
			m.refused = true
			return
		}
		m.promised = h.now()
	}
}

func (h *history) step() {
	switch h.rand.IntN(10) {
	case 0, 1:
		m := h.message(crashQueues[h.rand.IntN(2)])
		h.p.Enqueue(m.home, func(x *Message) { x.Body, x.Persistent = []byte(m.body), true }, h.promise(m))
		h.p.Flush()
	case 2:
		m := h.message(crashTopic)
		r, _ := h.p.Topic([]byte(crashTopic))
		x := h.p.AddConfirmed(r, h.promise(m))
		x.Body, x.Persistent = []byte(m.body), true
		h.p.Flush()
	case 3:
		h.commit()
	case 4:
		h.flush()
	case 5:
		if len(h.consumers) < 4 {
			if name := []string{"a", "b", "DLQ.a", "d1", "d2"}[h.rand.IntN(5)]; name[0] != 'd' || !h.connected(name) {
				h.connect(name, name[0] == 'd')
			}
		} else {
			h.leave(h.consumers[h.rand.IntN(len(h.consumers))])
		}
	default:
		h.answer()
	}
}

func (h *history) connected(reader string) bool {
	return slices.ContainsFunc(h.consumers, func(c *crashConsumer) bool { return c.reader == reader })
}

// pick returns a consumer with something to answer, and one of its tags.
func (h *history) pick() (c *crashConsumer, tag uint64) {
	if len(h.consumers) == 0 {
		return nil, 0
	}
	c = h.consumers[h.rand.IntN(len(h.consumers))]
	if len(c.open) == 0 {
		return nil, 0
	}
	i := h.rand.IntN(len(c.open))
	tag = c.open[i]
	c.open = slices.Delete(c.open, i, i+1)
	return c, tag
}

// answer acknowledges something, or refuses it.
func (h *history) answer() {
	c, tag := h.pick()
	if c == nil {
		return
	}
	m := c.bodies[tag]
	reader := strings.TrimPrefix(c.reader, deadLetters)
	var err error
	switch k := h.rand.IntN(8); {
	case k == 0 && !c.durable:
		err = c.Reject(tag, false)
		if c.reader != reader {
			m.acked[reader] = h.now() // it is discarded
		}
	case k <= 2 && !c.durable:
		err = c.Nack(tag, false)
	default:
		m.acked[reader] = h.now()
		err = c.Ack(tag, false, func(err error) {
			if err == nil {
				m.gone[reader] = h.now()
			}
		})
	}
	if err != nil {
		h.t.Error(err)
	}
}

// commit carries out a transaction of some messages and acknowledgements.
func (h *history) commit() {
	tx := &sentTx{promised: never}
	h.txs = append(h.txs, tx)
	var steps []Step
	for range 1 + h.rand.IntN(3) {
		if c, tag := h.pick(); c != nil && c.reader == strings.TrimPrefix(c.reader, deadLetters) {
			m := c.bodies[tag]
			m.acked[c.reader] = h.now()
			tx.acks, tx.ackHome = append(tx.acks, m), append(tx.ackHome, c.reader)
			steps = append(steps, Step{Consumer: c.Consumer, Tag: tag})
		} else if c != nil {
			c.open = append(c.open, tag)
		}
		m := h.message(append(crashQueues, crashTopic)[h.rand.IntN(3)])
		m.tx = tx
		tx.sends = append(tx.sends, m)
		kind := QueueKind
		if m.home == crashTopic {
			kind = TopicKind
		}
		steps = append(steps, Step{Kind: kind, Message: &Message{Name: m.home, Body: []byte(m.body), Persistent: true, Priority: DefaultPriority}})
	}
	confirmed := make(chan error, 1)
	answer := make(chan error, 1)
	go func() { answer <- h.p.Commit(steps, func(err error) { confirmed <- err }) }()
	if h.rand.IntN(12) == 0 {
		h.store.fail = true
	}
	for waiting := true; waiting; {
		select {
		case err := <-answer:
			waiting = false
			h.store.fail = false
			h.committed(tx, err, confirmed)
		case <-h.b.journal.wake:
			_ = h.b.journal.flush()
		}
	}
}

func (h *history) committed(tx *sentTx, err error, confirmed chan error) {
	if err != nil {
		tx.refused = true
		for i, m := range tx.acks {
			delete(m.acked, tx.ackHome[i])
		}
		return
	}
	h.p.Flush()
	if err := <-confirmed; err != nil {
		h.t.Error(err)
	}
	tx.promised = h.now()
	for _, m := range tx.sends {
		m.promised = h.now()
	}
	for i, m := range tx.acks {
		m.gone[tx.ackHome[i]] = h.now()
	}
}

// crashEverywhere starts the server anew from every state that the disk was in.
func (h *history) crashEverywhere() int {
	h.flush()
	for _, c := range slices.Clone(h.consumers) {
		h.leave(c)
	}
	for k, s := range h.store.past {
		h.crash(k, s)
	}
	return len(h.store.past)
}

// crash checks what comes after a crash behind transaction k.
func (h *history) crash(k int, s snapshot) {
	h.t.Helper()
	b := New(Options{Store: newMemoryStore(), MaxDeliveries: crashMax})
	doubtful := uint64(0)
	if n := len(s.records); n > 0 {
		doubtful = s.records[n-1].ID
	}
	if err := b.Restore(slices.Clone(s.boxes), s.records, doubtful); err != nil {
		h.t.Fatal(err)
	}
	if err := b.RestoreDurables(nil); err != nil {
		h.t.Fatal(err)
	}
	left := map[string][]*sent{} // by reader
	for _, q := range b.Queues(">") {
		reader := strings.TrimPrefix(q.Name, deadLetters)
		if reader == crashTopic { // a dead letter of a durable subscriber's
			h.t.Errorf("after %d: unexpected queue %s", k, q.Name)
		}
		left[reader] = append(left[reader], h.drain(b, Ref{Queue: q.Name})...)
	}
	for _, d := range b.Durables() {
		left[d.Client] = append(left[d.Client], h.drain(b, Ref{Client: d.Client, Durable: d.Name})...)
	}
	for _, m := range h.messages {
		for _, reader := range m.readers {
			h.check(k, m, reader, left[reader])
		}
	}
	for i, tx := range h.txs {
		h.checkTx(k, i, tx, left)
	}
}

// drain lists what is on a queue, and checks its order.
func (h *history) drain(b *Broker, r Ref) (all []*sent) {
	page, _, err := b.Browse(r, 0, nil, 1000)
	if err != nil {
		h.t.Error(err)
	}
	for i, x := range page {
		m := h.bodies[string(x.Message.Body)]
		all = append(all, m)
		if i > 0 && all[i-1].n >= m.n && !strings.HasPrefix(r.Queue, deadLetters) {
			h.t.Errorf("%v: %s after %s", r, m.body, all[i-1].body)
		}
	}
	return all
}

// at returns when something has happened.
func at(times map[string]int, reader string) int {
	if when, ok := times[reader]; ok {
		return when
	}
	return never
}

func (h *history) check(k int, m *sent, reader string, left []*sent) {
	n := 0
	for _, x := range left {
		if x == m {
			n++
		}
	}
	switch {
	case n > 1:
		h.t.Errorf("after %d: %s has %s %d times", k, reader, m.body, n)
	case n == 0 && m.promised <= k && at(m.acked, reader) > k:
		h.t.Errorf("after %d: %s has lost %s, promised after %d", k, reader, m.body, m.promised)
	case n == 1 && at(m.gone, reader) <= k:
		h.t.Errorf("after %d: %s has %s again, whose acknowledgement was promised after %d", k, reader, m.body, at(m.gone, reader))
	case n == 1 && m.tx != nil && m.tx.refused:
		h.t.Errorf("after %d: %s has %s of a transaction that was refused", k, reader, m.body)
	}
}

// checkTx checks that a transaction is there whole or not at all.
func (h *history) checkTx(k, i int, tx *sentTx, left map[string][]*sent) {
	there, missing := 0, 0
	for _, m := range tx.sends {
		for _, reader := range m.readers {
			switch {
			case slices.Contains(left[reader], m):
				there++
			case at(m.acked, reader) > k:
				missing++
			}
		}
	}
	if there > 0 && missing > 0 {
		h.t.Errorf("after %d: of transaction %d %d messages are there, and %d are not", k, i, there, missing)
	}
	for j, m := range tx.acks {
		again := slices.Contains(left[tx.ackHome[j]], m)
		switch {
		case again && there > 0:
			h.t.Errorf("after %d: of transaction %d messages are there, and %s, which it acknowledges, too", k, i, m.body)
		case !again && missing > 0 && m.promised <= k && !(tx.refused && at(m.acked, tx.ackHome[j]) <= k): // acknowledged anew
			h.t.Errorf("after %d: transaction %d is not there, but %s, which it acknowledges, is gone", k, i, m.body)
		}
	}
}
