package broker

import (
	"fmt"
)

// Restore gives queues back what was on disk: boxes and their records, in the
// order of their IDs. Messages of records up to doubtful may have been delivered
// before a crash, and are marked as such, however often the server has been
// stopped in order since then. Boxes of other kinds wait for their front ends to
// Claim them. Nobody may be connected yet.
func (b *Broker) Restore(boxes []Box, records []StoredRecord, doubtful uint64) error {
	b.journal.record = max(b.journal.record, doubtful) // new ones are not
	kept := map[uint64]*Kept{}
	queues := map[uint64]*Queue{}
	for _, box := range boxes {
		b.journal.restoredBox(box.ID)
		if box.Kind != QueueBox {
			kept[box.ID] = &Kept{Box: box}
			b.kept = append(b.kept, kept[box.ID])
			continue
		}
		q, err := b.lockQueue(box.Name)
		if err != nil {
			return fmt.Errorf("queue %q on disk: %w", box.Name, err)
		}
		if q.box == 0 {
			q.box = box.ID
		} // a second box of the name was about to be dropped: the first one serves
		q.mu.Unlock()
		queues[box.ID] = q
	}
	var orphans []*Record
	for _, r := range records {
		rec := b.journal.restored(r)
		if k := kept[r.Box]; k != nil {
			k.Records = append(k.Records, KeptRecord{Record: rec, Message: r.Message, State: r.State, Doubtful: r.ID <= doubtful})
			continue
		}
		q := queues[r.Box]
		if q == nil {
			orphans = append(orphans, rec)
			continue
		}
		q.mu.Lock()
		q.push(r.Message).recall(rec, r.State, r.ID <= doubtful)
		q.mu.Unlock()
	}
	b.journal.Remove(nil, orphans...)
	for _, q := range queues {
		b.tidy(q) // those that were empty
	}
	return nil
}

// Kept is a box of another kind than a queue, as it was on disk.
type Kept struct {
	Box     Box
	Records []KeptRecord
}

// KeptRecord is one of its records.
type KeptRecord struct {
	Record  *Record
	Message *Message
	State   uint64
	// Doubtful says that it may have been delivered, whatever State says.
	Doubtful bool
}

// Claim returns the boxes of a kind that Restore has found, once.
func (b *Broker) Claim(kind BoxKind) (claimed []*Kept) {
	rest := b.kept[:0]
	for _, k := range b.kept {
		if k.Box.Kind == kind {
			claimed = append(claimed, k)
		} else {
			rest = append(rest, k)
		}
	}
	clear(b.kept[len(rest):])
	b.kept = rest
	return claimed
}
