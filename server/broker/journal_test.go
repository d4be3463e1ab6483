package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The answer to a persistent message comes when it is on disk, and what waits
// meanwhile goes into one transaction.
func TestAnswerWaitsForTheDisk(t *testing.T) {
	s := newMemoryStore()
	s.held = make(chan struct{})
	b := running(t, s)
	p := b.NewPublisher(nil)
	first := send(p, "q", "1")
	<-s.entered
	second, third := send(p, "q", "2"), send(p, "q", "3")
	for _, c := range []chan error{first, second, third} {
		if len(c) > 0 {
			t.Fatal("an answer came before the disk had the message")
		}
	}
	close(s.held)
	for _, c := range []chan error{first, second, third} {
		if err := answered(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if s.commits != 2 {
		t.Errorf("%d transactions, want 2", s.commits)
	}
	want(t, "on disk", stored(s), "1", "2", "3")
}

// A message that is acknowledged before it was written never is, and its sender
// has its answer.
func TestAcknowledgedBeforeWritten(t *testing.T) {
	s := newMemoryStore()
	s.held = make(chan struct{})
	b := running(t, s)
	p := b.NewPublisher(nil)
	blocker := send(p, "other", "x")
	<-s.entered
	in := consume(t, b, "q")
	answer := send(p, "q", "fast")
	p.Flush()
	acked := make(chan error, 1)
	if err := in.Ack(in.got[0].Tag, false, func(err error) { acked <- err }); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, answer); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, acked); err != nil {
		t.Fatal(err)
	}
	close(s.held)
	if err := answered(t, blocker); err != nil {
		t.Fatal(err)
	}
	want(t, "on disk", stored(s), "x")
}

// An acknowledgement of a message on disk is answered when it is gone from there.
func TestAckWaitsForTheDisk(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "1")); err != nil {
		t.Fatal(err)
	}
	in := consume(t, b, "q")
	acked := make(chan error, 1)
	if err := in.Ack(in.got[0].Tag, false, func(err error) { acked <- err }); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, acked); err != nil {
		t.Fatal(err)
	}
	want(t, "on disk", stored(s))
}

// A disk that refuses is an answer, not a crash: the message is not on the queue,
// what needs no disk goes on, and when the disk is well again so is everything.
func TestDiskFails(t *testing.T) {
	s := newMemoryStore()
	full := errors.New("the disk is full")
	s.fail = full
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "lost")); !errors.Is(err, full) {
		t.Errorf("answer %v", err)
	}
	memory := make(chan error, 1)
	p.Enqueue("q", func(m *Message) { m.Body = []byte("memory") }, func(err error) { memory <- err })
	if err := answered(t, memory); err != nil {
		t.Error(err)
	}
	s.set(func() { s.fail = nil })
	if err := answered(t, send(p, "q", "kept")); err != nil {
		t.Error(err)
	}
	in := consume(t, b, "q")
	want(t, "delivered", in.bodies(), "memory", "kept")
	want(t, "on disk", stored(s), "kept")
	if boxes, _ := s.contents(); len(boxes) != 1 {
		t.Errorf("boxes %v: the queue's was not written when the disk was well again", boxes)
	}
}

// Who acknowledges a message while it is being written has an answer when it is not on
// disk in the end, also if that is because the disk has refused it.
func TestAckOfWhatCannotBeWritten(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "0")); err != nil { // the queue itself is on disk
		t.Fatal(err)
	}
	for len(s.entered) > 0 {
		<-s.entered
	}
	held := make(chan struct{})
	s.set(func() { s.held, s.fail = held, errors.New("the disk is full") })
	sent := send(p, "q", "1")
	<-s.entered
	in := consume(t, b, "q")
	acked := make(chan error, 1)
	if err := in.Ack(in.got[1].Tag, false, func(err error) { acked <- err }); err != nil {
		t.Fatal(err)
	}
	close(held)
	if err := answered(t, acked); err != nil {
		t.Error(err)
	}
	if err := answered(t, sent); err == nil {
		t.Error("the message is said to be on disk")
	}
}

// After a restart each queue has its messages in their order; they may have been
// delivered before a crash, and say so; after an orderly stop they know.
func TestRestore(t *testing.T) {
	for _, clean := range []bool{true, false} {
		s := newMemoryStore()
		b := running(t, s)
		p := b.NewPublisher(nil)
		for i := range 5 {
			if err := answered(t, send(p, "q", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		in := consume(t, b, "q")
		acked := make(chan error, 1)
		if err := in.Ack(in.got[2].Tag, false, func(err error) { acked <- err }); err != nil {
			t.Fatal(err)
		}
		if err := answered(t, acked); err != nil {
			t.Fatal(err)
		}
		again := New(Options{Store: newMemoryStore()})
		boxes, records := s.contents()
		doubtful := uint64(0)
		if !clean {
			doubtful = records[len(records)-1].ID
		}
		if err := again.Restore(boxes, records, doubtful); err != nil {
			t.Fatal(err)
		}
		next := again.NewPublisher(nil)
		next.Enqueue("q", func(m *Message) { m.Body = []byte("new") }, nil)
		got := consume(t, again, "q").bodies()
		if clean {
			want(t, "after a stop", got, "0", "1", "3", "4", "new")
		} else {
			want(t, "after a crash", got, "0(1)", "1(1)", "3(1)", "4(1)", "new")
		}
	}
}

// A box is written as it is last, however often it was set while the disk was at work or
// refused to write, and what was planned for it before is not held.
func TestBoxIsWrittenOnce(t *testing.T) {
	s := newMemoryStore()
	s.held, s.fail = make(chan struct{}), errors.New("broken")
	b := running(t, s)
	j := &b.journal
	id := j.NewBox(SessionBox, "A", []byte("new"))
	<-s.entered
	set := func(meta string) chan error {
		done := make(chan error, 1)
		j.SetBox(Box{ID: id, Kind: SessionBox, Name: "A", Meta: []byte(meta)}, func(err error) { done <- err })
		return done
	}
	var all []chan error
	for i := range 100 {
		all = append(all, set(fmt.Sprint(i)))
	}
	j.mu.Lock()
	if n := len(j.next.Boxes); n != 1 {
		t.Errorf("%d versions of a box wait to be written", n)
	}
	j.mu.Unlock()
	close(s.held) // and what is refused now does not replace what is newer
	for _, done := range all {
		if err := answered(t, done); err == nil {
			t.Fatal("the disk is said to work")
		}
	}
	s.set(func() { s.fail = nil })
	synced := make(chan error, 1)
	j.Sync(func(err error) { synced <- err })
	if err := answered(t, synced); err != nil {
		t.Fatal(err)
	}
	if boxes, _ := s.contents(); len(boxes) != 1 || string(boxes[0].Meta) != "99" {
		t.Errorf("on disk %+v", boxes)
	}
}

// A message that nobody acknowledges ends in the dead letter queue, on disk as in
// memory, with the reason.
func TestDeadLetters(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "poison")); err != nil {
		t.Fatal(err)
	}
	in := consume(t, b, "q")
	for i := range 6 {
		if err := in.Nack(in.got[i].Tag, false); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "delivered", in.bodies(), "poison", "poison(1)", "poison(2)", "poison(3)", "poison(4)", "poison(5)")
	dead := consume(t, b, "DLQ.q")
	want(t, "dead", dead.bodies(), "poison")
	if user := dead.got[0].Properties.User; len(user) != 1 || user[0].Name != causeHeader || !strings.Contains(user[0].Value, "6 times") {
		t.Errorf("reason %v", user)
	}
	if err := answered(t, send(p, "other", "fence")); err != nil {
		t.Fatal(err)
	}
	_, records := s.contents()
	if len(records) != 2 || records[0].Message.Name != "DLQ.q" {
		t.Errorf("on disk %+v", records)
	}
}

// Who waits for room goes on when a transaction has failed, too: there may be nothing
// else to write.
func TestRoomAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryStore()
		b := running(t, s)
		p := b.NewPublisher(nil)
		if err := answered(t, send(p, "q", "1")); err != nil {
			t.Fatal(err)
		}
		first, second := make(chan struct{}), make(chan struct{})
		s.set(func() { s.held, s.fail = first, errors.New("broken") })
		send(p, "q", "2")
		synctest.Wait()
		send(p, "q", "3")
		for range maxOwed/doneCost + 1 {
			b.journal.Sync(func(error) {})
		}
		s.set(func() { s.held = second })
		close(first)
		time.Sleep(retryDisk)
		waiting := make(chan error, 1)
		go func() {
			b.journal.WaitChanges()
			waiting <- nil
		}()
		synctest.Wait()
		if len(waiting) > 0 {
			t.Error("there is room before the disk has anything")
		}
		close(second)
		if err := answered(t, waiting); err != nil {
			t.Error(err)
		}
	})
}

// Who waits for a disk that fails, and refuses the same changes again and again, does
// not wait any more when the server stops.
func TestStopWhileTheDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newMemoryStore()
		b := running(t, s)
		s.set(func() { s.fail = errors.New("broken") })
		b.journal.NewBox(QueueBox, strings.Repeat("q", maxOwed), nil)
		waiting := make(chan error, 1)
		go func() {
			b.journal.WaitChanges()
			waiting <- nil
		}()
		time.Sleep(time.Minute)
		if len(waiting) > 0 {
			t.Error("there is room while the disk fails")
		}
		b.StopDelivery()
		_ = answered(t, waiting)
	})
}
