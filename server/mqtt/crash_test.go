package mqtt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/broker"
	"mwm/server/clock"
	"mwm/server/internal/mqttmodel"
)

// disk is a store that outlives brokers, and that can crash: after a number of
// transactions nothing is written any more, and nobody is told.
type disk struct {
	mu       sync.Mutex
	boxes    map[uint64]broker.Box
	records  map[uint64]broker.StoredRecord
	doubtful uint64
	commits  int

	room    func() error  // nil: there is always some
	clock   *clock.Clock  // of the broker; nil: the machine's
	fails   error         // what the next transaction that inserts something comes to
	slow    time.Duration // how long a transaction takes at most
	left    int           // transactions until the crash; negative: there is none
	crashed chan struct{}
	over    chan struct{} // closed when everybody is cut off
}

var errCrashed = errors.New("the machine is down")

// newDisk is empty, and ready for a life of the server.
func newDisk() *disk {
	d := &disk{boxes: map[uint64]broker.Box{}, records: map[uint64]broker.StoredRecord{}}
	d.boot(-1)
	return d
}

// boot readies the disk for another life.
func (d *disk) boot(left int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left, d.crashed, d.over = left, make(chan struct{}), make(chan struct{})
}

// breakDown makes the next write of a message fail.
func (d *disk) breakDown() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = errors.New("the disk is broken")
}

func (d *disk) Apply(c *broker.Changes) error {
	if d.slow > 0 { // clients may come and go meanwhile
		time.Sleep(time.Duration(rand.Int64N(int64(d.slow))))
	}
	d.mu.Lock()
	if d.left == 0 {
		select {
		case <-d.crashed:
		default:
			close(d.crashed)
		}
		d.mu.Unlock()
		<-d.over
		return errCrashed
	}
	defer d.mu.Unlock()
	if err := d.fails; err != nil && len(c.Insert) > 0 {
		d.fails = nil
		return err
	}
	d.left--
	d.commits++
	for _, b := range c.Boxes {
		if old, ok := d.boxes[b.ID]; ok {
			old.Meta = b.Meta
			b = old
		}
		d.boxes[b.ID] = b
	}
	for _, r := range c.Insert {
		d.records[r.ID] = r
	}
	for _, u := range c.Update {
		if r, ok := d.records[u.ID]; ok {
			r.State = u.State
			d.records[u.ID] = r
		}
	}
	for _, id := range c.Delete {
		delete(d.records, id)
	}
	for _, id := range c.Dropped {
		delete(d.boxes, id)
	}
	return nil
}

// restore gives a new broker what is on the disk.
func (d *disk) restore(t testing.TB, b *broker.Broker, crashed bool) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var boxes []broker.Box
	for _, id := range slices.Sorted(maps.Keys(d.boxes)) {
		boxes = append(boxes, d.boxes[id])
	}
	var records []broker.StoredRecord
	for _, id := range slices.Sorted(maps.Keys(d.records)) {
		records = append(records, d.records[id])
		if crashed {
			d.doubtful = max(d.doubtful, id)
		}
	}
	if err := b.Restore(boxes, records, d.doubtful); err != nil {
		t.Fatal(err)
	}
}

// set says after how many transactions there is a crash.
func (d *disk) set(left int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = left
}

// count is how much is on the disk.
func (d *disk) count() (boxes, records int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.boxes), len(d.records)
}

// life is the server between a start and a stop or crash.
type life struct {
	*fixture
	stopBroker func()
	mu         sync.Mutex
	conns      []net.Conn
	cut        bool
}

// live starts a server on what the disk holds.
func live(t testing.TB, d *disk, opt Options, crashed bool) *life {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	b := broker.New(broker.Options{Store: d, Room: d.room, Clock: d.clock})
	d.restore(t, b, crashed)
	s, err := New(b, opt)
	if err != nil {
		t.Fatal(err)
	}
	l := &life{fixture: &fixture{Server: s, t: t, b: b}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = b.Run(ctx)
	}()
	l.stopBroker = func() { cancel(); <-ended }
	return l
}

// dial connects in memory; nil when the server is down.
func (l *life) dial() net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil
	}
	here, there := net.Pipe()
	l.conns = append(l.conns, here, there)
	l.wg.Go(func() { l.ServeConn(there) })
	return here
}

// peer is dial for a test that looks at every byte.
func (l *life) peer() *peer { return newPeer(l.t, l.dial()) }

// meet is a peer that has shaken hands.
func (l *life) meet(h hello) *peer {
	l.t.Helper()
	p := l.peer()
	p.shake(h)
	return p
}

// listener is a peer that is subscribed to t.
func (l *life) listener(h hello, qos byte) *peer {
	l.t.Helper()
	p := l.meet(h)
	p.subscribe(1, "t", qos)
	p.expect(fmt.Sprintf("SUBACK 1 [%02x]", qos))
	return p
}

// crash cuts all connections; what the server does then reaches nobody.
func (l *life) crash(d *disk) {
	l.mu.Lock()
	l.cut = true
	for _, nc := range l.conns {
		nc.Close()
	}
	l.mu.Unlock()
	close(d.over)
	l.end()
}

// stop ends it in order.
func (l *life) stop() {
	l.mu.Lock()
	l.cut = true
	l.mu.Unlock()
	l.end()
}

func (l *life) end() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.Shutdown(ctx); err != nil {
		l.t.Errorf("Shutdown: %v", err)
	}
	l.wg.Wait()
	l.stopBroker()
}

// history is one run of the model over many lives of the server.
type history struct {
	t         *testing.T
	rng       *rand.Rand
	d         *disk
	opt       Options
	senders   []*mqttmodel.Sender
	receivers []*mqttmodel.Receiver
	crashed   bool
	shared    bool // the receivers have shared subscriptions

	mu     sync.Mutex
	faults []string
}

func (h *history) fault(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, err.Error())
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{t: t, rng: rand.New(rand.NewPCG(seed, 1)), d: newDisk(), shared: seed%3 == 0}
	if seed%2 == 0 {
		h.d.slow = 30 * time.Millisecond
	}
	h.opt = Options{MaxInflight: 5, ReceiveMaximum: 20, MaxQueued: 1000}
	for i, qos := range []byte{1, 2, 2} {
		h.senders = append(h.senders, &mqttmodel.Sender{ID: fmt.Sprint("s", i), Level: []byte{v311, v5, v311}[i], QoS: qos, Window: 6})
	}
	for i, qos := range []byte{1, 2} {
		h.receivers = append(h.receivers, &mqttmodel.Receiver{ID: fmt.Sprint("r", i), Level: []byte{v5, v311}[i], QoS: qos, Senders: h.senders})
	}
	return h
}

// begin makes the sessions.
func (h *history) begin() {
	h.d.boot(-1)
	l := live(h.t, h.d, h.opt, false)
	meet := func(level byte, id string, filter string, qos byte) {
		c, _, err := mqttmodel.Connect(l.dial(), level, id)
		if err == nil && filter != "" {
			err = c.Subscribe(filter, qos)
		}
		if err == nil {
			err = c.Goodbye()
		}
		if err != nil {
			h.fault(err)
		}
	}
	for _, s := range h.senders {
		meet(s.Level, s.ID, "", 0)
	}
	for _, r := range h.receivers {
		meet(r.Level, r.ID, h.share(r)+"crash/#", r.QoS)
	}
	l.stop()
}

// share is before the filter of a receiver. In every third history each is alone in
// a group of its own: it gets what it would get without one.
func (h *history) share(r *mqttmodel.Receiver) string {
	if h.shared {
		return sharePrefix + r.ID + "/"
	}
	return ""
}

// live is one life: a crash after some transactions, or between two, or an end in
// order.
func (h *history) live(limit int) {
	left := -1
	if h.rng.IntN(6) > 0 {
		left = h.rng.IntN(30)
	}
	h.d.boot(left)
	l := live(h.t, h.d, h.opt, h.crashed)
	var all sync.WaitGroup
	work := func(f func(nc net.Conn, rng *rand.Rand) error) {
		rng := rand.New(rand.NewPCG(h.rng.Uint64(), 2))
		all.Go(func() {
			for {
				nc := l.dial()
				if nc == nil {
					return
				}
				err := f(nc, rng)
				nc.Close()
				if errors.Is(err, mqttmodel.ErrNoSession) || errors.Is(err, mqttmodel.ErrAnswer) {
					h.fault(err)
					return
				}
				time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
			}
		})
	}
	for _, s := range h.senders {
		if h.rng.IntN(5) > 0 {
			work(func(nc net.Conn, rng *rand.Rand) error { return s.Run(nc, rng, limit) })
		}
	}
	for _, r := range h.receivers {
		if h.rng.IntN(4) > 0 { // else it is away
			work(func(nc net.Conn, rng *rand.Rand) error {
				likes := rng.IntN(60)
				return r.Run(nc, rng, func() bool { likes--; return likes < 0 })
			})
		}
	}
	select {
	case <-h.d.crashed:
		h.crashed = true
	case <-time.After(time.Duration(h.rng.IntN(200)) * time.Millisecond):
		h.crashed = h.rng.IntN(2) == 0
	}
	if h.crashed {
		h.d.set(0)
		l.crash(h.d)
	} else {
		h.d.set(-1)
		close(h.d.over)
		l.stop()
	}
	all.Wait()
}

// end lets everybody finish, and checks that nothing is left.
func (h *history) end(limit int) {
	h.d.slow = 0 // so that there is nothing left to do when everybody waits
	h.d.boot(-1)
	l := live(h.t, h.d, h.opt, h.crashed)
	var all sync.WaitGroup
	for i, s := range h.senders {
		all.Go(func() {
			if err := s.Run(l.dial(), rand.New(rand.NewPCG(1, uint64(i))), limit); err != nil {
				h.fault(err)
			}
		})
	}
	all.Wait()
	for i, r := range h.receivers {
		all.Go(func() {
			err := r.Run(l.dial(), rand.New(rand.NewPCG(2, uint64(i))), func() bool { return false })
			if !r.Has(limit) {
				h.fault(fmt.Errorf("%s has not got all: %w", r.ID, err))
			}
		})
	}
	synctest.Wait() // there is nothing left to do
	l.stop()
	all.Wait()
	for _, r := range h.receivers {
		for _, f := range r.Faults {
			h.fault(errors.New(f))
		}
	}
	if boxes, records := h.d.count(); boxes != len(h.senders)+len(h.receivers) || records != 0 {
		h.fault(fmt.Errorf("%d boxes and %d records are left on disk", boxes, records))
	}
}

// Whatever transaction is the last one before a crash: what was acknowledged comes,
// in order; at QoS 2 once; and what the receivers have acknowledged is gone.
func TestCrashHistories(t *testing.T) {
	histories := setting(t, "MWM_MQTT_HISTORIES", 300)
	first := setting(t, "MWM_MQTT_SEED", 1)
	for seed := first; seed < first+histories && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			h := newHistory(t, uint64(seed))
			h.begin()
			lives := 2 + h.rng.IntN(6)
			for i := range lives {
				h.live(15 * (i + 1))
			}
			h.end(15 * (lives + 1))
			for _, f := range h.faults {
				t.Errorf("history %d: %s", seed, f)
			}
		})
	}
}

// setting is a number from the environment.
func setting(t *testing.T, name string, def int) int {
	text, ok := os.LookupEnv(name)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s is %q, not a number", name, text)
	}
	return n
}
