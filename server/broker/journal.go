package broker

import (
	"errors"
	"sync"
	"sync/atomic"
)

// ErrDisk says that something could not be written to disk.
var ErrDisk = errors.New("the disk refuses to write")

// BoxKind says what a [Box] belongs to.
type BoxKind uint8

// The kinds of boxes.
const (
	QueueBox   BoxKind = iota // a queue
	DurableBox                // a durable topic subscriber of STOMP
	SessionBox                // a kept MQTT session
)

// Box is a named sequence of records on disk: what a queue, a durable
// subscriber or a session has to keep. Its ID is never used again.
type Box struct {
	ID   uint64
	Kind BoxKind
	Name string
	Meta []byte // the owner's; opaque
}

// StoredRecord is a record as it is on disk.
type StoredRecord struct {
	ID      uint64 // ascending in the order of Put
	Box     uint64
	State   uint64 // the owner's: how often delivered, a packet identifier
	Message *Message
}

// StateChange is a record's new state.
type StateChange struct{ ID, State uint64 }

// Changes are what a [Store] applies at once.
type Changes struct {
	Boxes   []Box    // new ones, and those with new Meta
	Dropped []uint64 // boxes that are gone; what they held is in Delete
	Insert  []StoredRecord
	Update  []StateChange
	Delete  []uint64 // records
}

func (c *Changes) empty() bool {
	return len(c.Boxes)+len(c.Dropped)+len(c.Insert)+len(c.Update)+len(c.Delete) == 0
}

// Store keeps boxes and records on disk.
type Store interface {
	// Apply makes the changes in one transaction, all or none, and returns when
	// they would survive a crash of the machine. A record may be deleted, and a
	// box dropped, that is not there.
	Apply(*Changes) error
}

// phase is how far a record is on its way to the disk.
type phase uint8

const (
	planned phase = iota // not written
	writing              // in the transaction that is being written
	written
	removed // or never to be written
	refused // by the disk
)

// Record is a message that is on disk, or on its way there.
type Record struct {
	id    uint64
	box   uint64
	msg   *Message
	state uint64

	// Guarded by journal.mu.
	phase phase
	doom  bool // to be deleted once it is written
	again bool // to be written even if the disk refuses it at first
	held  bool // its acknowledgement is expected soon; see Journal.linger
	old   bool // it replaces one that is on disk
	done  func(error)
}

// Journal is the one writer of a [Store]. Changes wait until the one before has
// been synced, and then go into one transaction together: under load, one sync
// serves thousands of messages. A record that is removed before it was written
// never is.
//
// The zero Journal, without a store, keeps nothing and is done at once.
type Journal struct {
	store  Store
	wake   chan struct{}
	groups sync.RWMutex // held for reading while something that belongs together is planned

	mu      sync.Mutex
	insert  []*Record
	strict  []*Record     // to be deleted in the next transaction, or not at all; see Transact
	live    int           // of insert, not removed again
	bytes   int           // of insert
	owed    int           // what the other changes and done take, also those that are being written
	flying  int           // records in the transaction that is being written
	held    int           // of insert
	settled chan struct{} // told when none is held any more
	next    Changes
	boxes   map[uint64]int // where they are in next.Boxes, by ID
	done    []func(error)
	record  uint64        // the last ID
	box     uint64        // the last ID
	room    chan struct{} // closed when there is room again; nil: nobody waits

	stopping bool // see stop

	stats   JournalStats
	failing atomic.Bool
	told    func(error) // see Options.OnDisk
}

// Failing reports whether the disk has refused the last transaction.
func (j *Journal) Failing() bool { return j.failing.Load() }

// Works says that the disk has taken something else since: it is not failing any more.
func (j *Journal) Works() {
	if j.failing.CompareAndSwap(true, false) && j.told != nil {
		j.told(nil)
	}
}

// Unwritten is how many messages wait to be written, or are being written.
func (j *Journal) Unwritten() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.live + j.flying
}

// JournalStats count what has happened since the start.
type JournalStats struct {
	Transactions atomic.Uint64 // synced
	Failed       atomic.Uint64 // transactions that the disk refused
	Spared       atomic.Uint64 // records removed before they were written
	Groups       Spread        // records written, of each transaction
	Microseconds Spread        // of each transaction, those that failed, too
}

// Stats returns the counters.
func (j *Journal) Stats() *JournalStats { return &j.stats }

func (j *Journal) init(s Store, told func(error)) {
	j.store, j.told = s, told
	j.wake, j.settled = make(chan struct{}, 1), make(chan struct{}, 1)
	j.stats.Groups = newSpread(0, 1, 4, 16, 64, 256, 1024, 4096, 16384)
	j.stats.Microseconds = newSpread(200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 5_000_000)
}

// Durable reports whether there is a store.
func (j *Journal) Durable() bool { return j.store != nil }

// NewBox plans a new box and returns its ID; 0 if there is no store.
func (j *Journal) NewBox(kind BoxKind, name string, meta []byte) uint64 {
	if j.store == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.box++
	j.putBox(Box{j.box, kind, name, meta})
	j.signal()
	return j.box
}

// SetBox plans new Meta of a box; done, which may be nil, is called when it is
// on disk.
func (j *Journal) SetBox(b Box, done func(error)) {
	j.plan(done, func() { j.putBox(b) })
}

// putBox plans to write a box, as it is now: what was planned for it before is not
// written. A client may have its own written anew as often as it likes. j.mu is held.
func (j *Journal) putBox(b Box) {
	j.owed += b.cost()
	if i, known := j.boxes[b.ID]; known {
		j.owed -= j.next.Boxes[i].cost()
		j.next.Boxes[i] = b
		return
	}
	if j.boxes == nil {
		j.boxes = map[uint64]int{}
	}
	j.boxes[b.ID] = len(j.next.Boxes)
	j.next.Boxes = append(j.next.Boxes, b)
}

// DropBox plans the end of a box, whose owner has removed all its records.
func (j *Journal) DropBox(id uint64, done func(error)) {
	j.plan(done, func() {
		j.next.Dropped = append(j.next.Dropped, id)
		j.owed += changeCost
	})
}

// Sync calls done when all that was planned before is on disk, or with the
// reason why it cannot be written.
func (j *Journal) Sync(done func(error)) { j.plan(done, func() {}) }

// plan adds changes to the next transaction.
func (j *Journal) plan(done func(error), add func()) {
	if j.store == nil {
		if done != nil {
			done(nil)
		}
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	add()
	if done != nil {
		j.await(done)
	}
	j.signal()
}

// signal starts the writer. j.mu is held.
func (j *Journal) signal() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Put plans to write a lasting message to a box. done, which may be nil, is
// called once: with nil when the record is on disk, or was removed before it had
// to be; with the reason when it cannot be written. It must not block. Put
// returns nil if there is no store, after calling done.
func (j *Journal) Put(box uint64, m *Message, done func(error)) *Record {
	return j.PutState(box, m, 0, done)
}

// PutState is Put for a record that has a state to begin with.
func (j *Journal) PutState(box uint64, m *Message, state uint64, done func(error)) *Record {
	if j.store == nil {
		if done != nil {
			done(nil)
		}
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.put(box, m, done)
	r.state = state
	return r
}

// putHeld is Put for a message that a consumer is about to get: its acknowledgement
// may come before it has to be written.
func (j *Journal) putHeld(box uint64, m *Message, done func(error)) *Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.put(box, m, done)
	r.held = true
	j.held++
	return r
}

// release ends the wait for the acknowledgement of a planned record. j.mu is held.
func (j *Journal) release(r *Record) {
	if !r.held {
		return
	}
	r.held = false
	if j.held--; j.held == 0 {
		select {
		case j.settled <- struct{}{}:
		default:
		}
	}
}

// put plans a new record. j.mu is held.
func (j *Journal) put(box uint64, m *Message, done func(error)) *Record {
	j.record++
	r := &Record{id: j.record, box: box, msg: m, done: done}
	j.insert = append(j.insert, r)
	j.live++
	j.bytes += m.Size()
	j.signal()
	return r
}

// Move plans to write a message to a box in place of a record: one or the other
// is on disk, and it is tried until that is so. Who waited for the record waits for
// the message instead.
func (j *Journal) Move(old *Record, box uint64, m *Message) *Record {
	if j.store == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.put(box, m, nil)
	r.again = true
	if old != nil {
		r.done, r.old = j.remove(old)
	}
	return r
}

// Remove plans to delete records; done, which may be nil, is called when they
// are gone from the disk. Nil records are passed over.
func (j *Journal) Remove(done func(error), records ...*Record) {
	if j.store == nil {
		if done != nil {
			done(nil)
		}
		return
	}
	var early []func(error)
	j.mu.Lock()
	pending := false
	for _, r := range records {
		if r == nil {
			continue
		}
		f, waits := j.remove(r)
		pending = pending || waits
		if f != nil {
			early = append(early, f)
		}
	}
	if done != nil {
		if pending {
			j.await(done)
		} else {
			early = append(early, done)
		}
	}
	j.mu.Unlock()
	for _, f := range early {
		f(nil)
	}
}

// remove returns the callback that is due if the record need not be written any
// more, and whether the disk has to be waited for. j.mu is held.
func (j *Journal) remove(r *Record) (done func(error), waits bool) {
	switch r.phase {
	case planned:
		r.phase = removed
		j.stats.Spared.Add(1)
		j.live--
		done, r.done = r.done, nil
		waits = r.old
		j.release(r)
	case writing:
		r.doom = true
		waits = true
	case written:
		r.phase = removed
		j.next.Delete = append(j.next.Delete, r.id)
		j.owed += changeCost
		j.signal()
		waits = true
	}
	return done, waits
}

// Refused reports whether the disk has refused to write a record, and so whoever has
// waited for it has been told.
func (j *Journal) Refused(r *Record) bool {
	if r == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return r.phase == refused
}

// SetState plans a record's new state.
func (j *Journal) SetState(r *Record, state uint64) {
	if r == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	switch r.state = state; r.phase {
	case planned:
		j.release(r)
	case writing, written:
		j.next.Update = append(j.next.Update, StateChange{r.id, state})
		j.owed += changeCost
		j.signal()
	}
}

// restored makes the record of a message that was read from the disk.
func (j *Journal) restored(s StoredRecord) *Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.record = max(j.record, s.ID)
	return &Record{id: s.ID, box: s.Box, msg: s.Message, state: s.State, phase: written}
}

// restoredBox notes that an ID is taken.
func (j *Journal) restoredBox(id uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.box = max(j.box, id)
}

// Together runs f, and what f plans goes into one transaction: all or nothing.
// f must not call WaitRoom or Together.
func (j *Journal) Together(f func()) {
	j.groups.RLock()
	defer j.groups.RUnlock()
	f()
}

// Placed is a message, the box that it goes to, and its state there.
type Placed struct {
	Box, State uint64
	Message    *Message
}

// Transact plans to write messages and to delete records in one transaction. done
// is called once: with nil when that is on disk; with the reason when nothing of it
// is, and it will not be tried again. Nobody else may remove the records
// meanwhile; nil records are passed over. The new records, nil if there is no
// store, are not to be shown to anybody before done.
func (j *Journal) Transact(put []Placed, remove []*Record, done func(error)) []*Record {
	records := make([]*Record, len(put))
	if j.store == nil {
		done(nil)
		return records
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for i, p := range put {
		records[i] = j.put(p.Box, p.Message, nil)
		records[i].state = p.State
	}
	for _, r := range remove {
		if r != nil {
			j.strict = append(j.strict, r)
		}
	}
	j.await(done)
	j.signal()
	return records
}
