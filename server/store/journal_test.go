package store_test

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	"mwm/server/broker"
	"mwm/server/store"
)

func loadJournal(t *testing.T, s *store.Store) (boxes []broker.Box, records []broker.StoredRecord) {
	t.Helper()
	err := s.LoadJournal(t.Context(), func(b broker.Box) { boxes = append(boxes, b) },
		func(r broker.StoredRecord) { records = append(records, r) })
	if err != nil {
		t.Fatal(err)
	}
	return boxes, records
}

func numbered(n int) *broker.Message {
	id, _ := broker.ParseID(fmt.Sprintf("000001-%012d", n))
	return &broker.Message{Name: "orders", Head: []byte("destination:/queue/orders\n"), Body: fmt.Append(nil, "order ", n), ID: id,
		Timestamp: int64(n), Expires: int64(n) << 40, Priority: uint8(n % 10), QoS: 1, Persistent: true, HasLength: n%2 == 0, Sender: "BBB"}
}

// The journal comes back in order: what was deleted is gone, states and boxes
// are the last ones.
func TestJournalComesBack(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var insert, want []broker.StoredRecord
	for n := 1; n <= 333; n++ { // not a multiple of what one statement takes
		r := broker.StoredRecord{ID: uint64(n), Box: uint64(1 + n%2), State: uint64(n), Message: numbered(n)}
		insert = append(insert, r)
		if n == 200 {
			r.State = 1 << 40
		}
		if n != 5 && n != 7 && (n < 100 || n > 150) {
			want = append(want, r)
		}
	}
	insert[0].Message = &broker.Message{Name: ".mwm.AAA.motion", Body: []byte{1, 2}, ID: insert[0].Message.ID,
		Properties: &broker.Properties{ContentType: "a/b", CorrelationData: []byte{0, 255}, User: []broker.Property{{Name: "k", Value: "v"}}}}
	want[0] = insert[0]
	del := []uint64{7, 5, 9999}
	for n := uint64(150); n >= 100; n-- {
		del = append(del, n)
	}
	for _, c := range []broker.Changes{
		{Boxes: []broker.Box{{ID: 1, Kind: broker.QueueBox, Name: "orders"}, {ID: 2, Kind: broker.SessionBox, Name: "'", Meta: []byte("old")}, {ID: 3, Name: "gone"}}, Insert: insert},
		{Boxes: []broker.Box{{ID: 2, Kind: broker.SessionBox, Name: "'", Meta: []byte("new")}}, Update: []broker.StateChange{{ID: 200, State: 1 << 40}}, Delete: del, Dropped: []uint64{3}},
	} {
		if err := s.Apply(&c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	boxes, records := loadJournal(t, s)
	if want := []broker.Box{{ID: 1, Kind: broker.QueueBox, Name: "orders"}, {ID: 2, Kind: broker.SessionBox, Name: "'", Meta: []byte("new")}}; !reflect.DeepEqual(boxes, want) {
		t.Errorf("boxes %+v", boxes)
	}
	if len(records) != len(want) {
		t.Fatalf("%d records, want %d", len(records), len(want))
	}
	for i := range records {
		if !reflect.DeepEqual(records[i], want[i]) {
			t.Errorf("record %d: %+v %+v, want %+v %+v", i, records[i], records[i].Message, want[i], want[i].Message)
		}
	}
}

// The server must know whether it was stopped in order, and which messages may
// have been delivered before a crash, also after an orderly stop since then.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir, 5)
	if !s.Clean() || s.Doubtful() != 0 {
		t.Error("a new database is not clean")
	}
	copied := t.TempDir() // as a crash would leave it
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	crashed := open(t, copied)
	if crashed.Clean() || crashed.Doubtful() != 5 {
		t.Errorf("a database that was not closed is clean: %v, up to %d doubtful", crashed.Clean(), crashed.Doubtful())
	}
	more := broker.StoredRecord{ID: 6, Box: 1, Message: numbered(6)}
	if err := crashed.Apply(&broker.Changes{Insert: []broker.StoredRecord{more}}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*store.Store{s, crashed} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if s = open(t, copied); !s.Clean() || s.Doubtful() != 5 {
		t.Errorf("a database that was closed is not clean: %v, up to %d doubtful", s.Clean(), s.Doubtful())
	}
	if err := s.Apply(&broker.Changes{Delete: []uint64{1, 2, 3, 4, 5, 6}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if s = open(t, copied); s.Doubtful() != 0 {
		t.Errorf("all are gone, but %d are doubtful", s.Doubtful())
	}
	s.Close()
}

// A change that fails leaves nothing of its transaction.
func TestApplyIsAllOrNothing(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	twice := broker.StoredRecord{ID: 1, Box: 1, Message: numbered(1)}
	if err := s.Apply(&broker.Changes{Boxes: []broker.Box{{ID: 1, Name: "orders"}}, Insert: []broker.StoredRecord{twice, twice}}); err == nil {
		t.Fatal("a record was written twice")
	}
	if boxes, records := loadJournal(t, s); len(boxes)+len(records) != 0 {
		t.Errorf("left behind: %v %v", boxes, records)
	}
	if err := s.Apply(&broker.Changes{Insert: []broker.StoredRecord{twice}}); err != nil {
		t.Errorf("the transaction after a failed one: %v", err)
	}
}

func BenchmarkApply(b *testing.B) {
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const group = 64
	var c broker.Changes
	id := uint64(0)
	for b.Loop() {
		c.Delete, c.Insert = c.Delete[:0], c.Insert[:0]
		for range group {
			if id++; id > group {
				c.Delete = append(c.Delete, id-group)
			}
			c.Insert = append(c.Insert, broker.StoredRecord{ID: id, Box: 1, Message: numbered(1)})
		}
		if err := s.Apply(&c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*group/b.Elapsed().Seconds(), "messages/s")
}
