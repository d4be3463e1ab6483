package broker

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/netx"
)

func toQueue(name, body string) Step {
	return Step{Kind: QueueKind, Message: &Message{Name: name, Body: []byte(body), Persistent: true}}
}

func toTopic(name, body string) Step {
	return Step{Message: &Message{Name: name, Body: []byte(body), Persistent: true}}
}

// commit commits and returns where the answer comes.
func commit(p *Publisher, steps ...Step) chan error {
	answer, done := make(chan error, 1), make(chan error, 1)
	go func() {
		err := p.Commit(steps, func(err error) { done <- err })
		p.Flush()
		if err == nil {
			err = <-done
		}
		answer <- err
	}()
	return answer
}

// Nobody sees anything of a transaction before it is on disk, where it comes whole:
// what it sends, and what it acknowledges.
func TestCommit(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "in", "job")); err != nil {
		t.Fatal(err)
	}
	worker, out, topic := consume(t, b, "in"), consume(t, b, "out"), &listener{}
	if err := b.Subscribe(&Subscription{Filter: "news", Receiver: topic}); err != nil {
		t.Fatal(err)
	}
	paper := &inbox{}
	c, err := b.ConsumeDurable("paper", DurableOptions{Filter: "news"}, nil, paper.options(t, "reader"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Leave()
	if err := answered(t, send(p, "fence", "")); err != nil {
		t.Fatal(err)
	}
	for len(s.entered) > 0 {
		<-s.entered
	}
	s.set(func() { s.held = make(chan struct{}) })
	answer := commit(p, toQueue("out", "1"), Step{Consumer: worker.Consumer, Tag: 1}, toTopic("news", "extra"), toQueue("out", "2"))
	<-s.entered
	if n := len(out.bodies()) + len(topic.take()) + len(paper.bodies()); n > 0 || len(answer) > 0 {
		t.Errorf("%d messages were delivered before the disk had them", n)
	}
	close(s.held)
	if err := answered(t, answer); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is delivered", func() bool { return len(out.bodies()) == 2 && len(paper.bodies()) == 1 })
	want(t, "out", out.bodies(), "1", "2")
	want(t, "topic", topic.take(), "extra")
	want(t, "durable", paper.bodies(), "extra")
	want(t, "on disk", stored(s), "", "1", "extra", "2")
	if q := b.Queues("in")[0]; q.Unacknowledged+q.Waiting != 0 {
		t.Errorf("the input: %+v", q)
	}
}

// What cannot be done whole is not done at all: a queue that is full, a delivery
// that is not there, a durable subscriber without room, a name that is none.
func TestCommitRefused(t *testing.T) {
	for what, last := range map[string]func(in *inbox) Step{
		"full":     func(*inbox) Step { return toQueue("full", "2") },
		"unknown":  func(in *inbox) Step { return Step{Consumer: in.Consumer, Tag: 99} },
		"durable":  func(*inbox) Step { return toTopic("news", strings.Repeat("x", 2000)) },
		"wildcard": func(*inbox) Step { return toQueue("a.*", "x") },
	} {
		t.Run(what, func(t *testing.T) {
			s := newMemoryStore()
			b := running(t, s)
			b.opt.MaxQueueMessages, b.opt.MaxQueueBytes = 2, 1000
			p := b.NewPublisher(nil)
			for _, body := range []string{"job", "next"} {
				if err := answered(t, send(p, "in", body)); err != nil {
					t.Fatal(err)
				}
			}
			paper := &inbox{}
			if _, err := b.ConsumeDurable("paper", DurableOptions{Filter: "news"}, nil, paper.options(t, "reader"), nil); err != nil {
				t.Fatal(err)
			}
			in := consume(t, b, "in")
			err := answered(t, commit(p, toQueue("out", "1"), toQueue("full", "0"), toQueue("full", "1"), toTopic("news", "extra"), Step{Consumer: in.Consumer, Tag: 1}, last(in)))
			if err == nil {
				t.Fatal("it was committed")
			}
			for _, q := range []string{"out", "full"} {
				if infos := b.Queues(q); len(infos) != 0 {
					t.Errorf("%s: %+v", q, infos[0])
				}
			}
			want(t, "on disk", stored(s), "job", "next")
			want(t, "durable", paper.bodies())
			want(t, "the input comes again", in.bodies(), "job", "next", "job(1)")
			if err := answered(t, commit(p, toQueue("full", "0"), toQueue("full", "1"))); err != nil {
				t.Errorf("room was lost: %v", err)
			}
		})
	}
}

// A disk that refuses a transaction refuses all of it: the acknowledged message is
// still there, on disk, too, when the disk is well again.
func TestCommitDiskFails(t *testing.T) {
	s := newMemoryStore()
	var told []string
	b := runningWith(t, Options{Store: s, OnDisk: func(err error) { told = append(told, fmt.Sprint(err)) }})
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "in", "job")); err != nil {
		t.Fatal(err)
	}
	in := consume(t, b, "in")
	s.set(func() { s.fail = errors.New("disk full") })
	err := answered(t, commit(p, toQueue("out", "1"), Step{Consumer: in.Consumer, Tag: 1}))
	if !errors.Is(err, ErrDisk) || !b.Journal().Failing() {
		t.Errorf("%v, failing: %v", err, b.Journal().Failing())
	}
	want(t, "the input comes again", in.bodies(), "job", "job(1)")
	s.set(func() { s.fail = nil })
	if err := answered(t, send(p, "fence", "")); err != nil {
		t.Fatal(err)
	}
	want(t, "on disk", stored(s), "job", "")
	if len(b.Queues("out")) != 0 {
		t.Error("something is on the queue")
	}
	if err := answered(t, commit(p, toQueue("out", "1"), Step{Consumer: in.Consumer, Tag: 2})); err != nil {
		t.Error(err)
	}
	want(t, "on disk", stored(s), "", "1")
	if want := []string{"disk full", "<nil>"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// Dead letters are on disk in one place or the other, also when the disk refuses
// for a while: then it is tried again.
func TestDeadLetterWhileDiskFails(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	p := b.NewPublisher(nil)
	if err := answered(t, send(p, "q", "poison")); err != nil {
		t.Fatal(err)
	}
	in := consume(t, b, "q")
	s.set(func() { s.fail = errors.New("disk full") })
	if err := in.Reject(1, false); err != nil {
		t.Fatal(err)
	}
	if err := answered(t, send(p, "other", "refused")); !errors.Is(err, ErrDisk) {
		t.Errorf("answer %v", err)
	}
	want(t, "on disk", stored(s), "poison")
	s.set(func() { s.fail = nil })
	if err := answered(t, send(p, "fence", "")); err != nil {
		t.Fatal(err)
	}
	_, records := s.contents()
	if len(records) != 2 || records[0].Message.Name != "DLQ.q" {
		t.Errorf("on disk %+v", records)
	}
}

// A subscriber that takes its time holds up the transaction that sends to it, and
// not the disk.
func TestCommitDoesNotHoldTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := runningWith(t, Options{Store: newMemoryStore()})
		slow := connectSubscriber(t, b, 1000, nil)
		slow.out.SendRun(long{}) // crowded
		p := b.NewPublisher(&Client{ID: "p", Protocol: STOMP})
		answer := commit(p, toTopic("a", "x"), toQueue("q", "y"))
		if err := answered(t, send(b.NewPublisher(nil), "other", "z")); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if q := b.Queues("q"); len(q) != 1 {
			t.Error("the transaction's own message is not on its queue")
		}
		if err := answered(t, answer); err != nil {
			t.Error(err)
		}
	})
}

// long is a run that fills a small queue.
type long struct{}

func (long) Len() int                        { return 1 }
func (long) Size(int) int                    { return 900 }
func (long) Append(dst []byte, _ int) []byte { return append(dst, make([]byte, 900)...) }

// A message that its consumer refuses for good goes to the dead letter queue at
// once, and from there nowhere.
func TestReject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var steps []string
		b := New(Options{Observer: &recorder{note: func(s string) { steps = append(steps, s) }}, Watch: func(q string) bool { return q == "q" }})
		enqueue(t, b, "a", "b", "c")
		i := consume(t, b, "q")
		synctest.Wait()
		if err := i.Reject(2, true); err != nil {
			t.Fatal(err)
		}
		dead := consume(t, b, "DLQ.q")
		synctest.Wait()
		want(t, "dead", dead.bodies(), "a", "b")
		if cause := dead.got[0].Properties.User[0].Value; cause != "refused by the consumer" {
			t.Errorf("cause %q", cause)
		}
		want(t, "steps", steps[6:], "refused a", "dead a", "refused b", "dead b")
		dead.Reject(1, false)
		dead.Leave()
		synctest.Wait()
		want(t, "left", consume(t, b, "DLQ.q").bodies(), "b(1)")
	})
}

// What comes back to a durable subscription that has been forgotten is gone from
// the disk, too.
func TestForgottenWhileDelivered(t *testing.T) {
	s := newMemoryStore()
	b := running(t, s)
	in := &inbox{}
	c, err := b.ConsumeDurable("paper", DurableOptions{Filter: "news"}, nil, in.options(t, "reader"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := answered(t, commit(b.NewPublisher(nil), toTopic("news", "x"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is delivered", func() bool { return len(in.bodies()) == 1 })
	if err := b.Forget("reader", "paper", nil); err != nil {
		t.Fatal(err)
	}
	c.Leave()
	if err := answered(t, send(b.NewPublisher(nil), "fence", "")); err != nil {
		t.Fatal(err)
	}
	want(t, "on disk", stored(s), "")
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(time.Millisecond); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// A message to a temporary queue that is given up while the transaction is written, by
// its owner or with it, is gone with the queue: nobody would ever take it.
func TestCommitToWhatIsGone(t *testing.T) {
	const name = "$temp.owner.q"
	for what, end := range map[string]func(*Broker, *Client){
		"unsubscribed": func(b *Broker, _ *Client) { b.DeleteQueue(name) },
		"ended":        func(b *Broker, owner *Client) { b.Detach(owner, nil) },
	} {
		t.Run(what, func(t *testing.T) {
			s := newMemoryStore()
			s.held = make(chan struct{})
			b := running(t, s)
			owner := &Client{Protocol: STOMP, Temp: "$temp.owner."}
			if err := b.Attach(owner); err != nil {
				t.Fatal(err)
			}
			before := netx.MemoryUsed()
			toTemp := toQueue(name, strings.Repeat("x", 1<<20))
			toTemp.Message.Persistent = false
			answer := commit(b.NewPublisher(nil), toTemp, toQueue("q", "x"))
			<-s.entered
			end(b, owner)
			close(s.held)
			if err := answered(t, answer); err != nil {
				t.Fatal(err)
			}
			if n := netx.MemoryUsed() - before; n > 1<<19 || len(b.Queues(name)) != 0 {
				t.Errorf("%d bytes are booked, and there are the queues %+v", n, b.Queues(name))
			}
		})
	}
}
