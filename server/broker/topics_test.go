package broker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/topic"
)

// listener is a receiver that collects bodies.
type listener struct {
	mu  sync.Mutex
	got []string
}

func (l *listener) Deliver(_ *Subscription, b *Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range b.Messages {
		l.got = append(l.got, string(b.Messages[i].Body))
	}
}

func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}

// publish sends messages to a topic.
func publish(t testing.TB, p *Publisher, name string, fill func(*Message), bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		r, err := p.Topic([]byte(name))
		if err != nil {
			t.Fatal(err)
		}
		m := p.Add(r)
		m.Body = []byte(body)
		if fill != nil {
			fill(m)
		}
	}
	p.Flush()
}

// Random subscriptions and messages agree with a naive list of subscriptions;
// the cache of routes never shows what was before.
func TestRoutesModel(t *testing.T) {
	filters := []string{"a", "a.b", "a.*", "*.b", "a.>", ">", "*", "b.*.c", "$x", "$x.>"}
	names := []string{"a", "a.b", "a.c", "c.b", "b.x.c", "$x", "$x.a", "z", ""}
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		b := New(Options{})
		publishers := []*Publisher{b.NewPublisher(nil), b.NewPublisher(nil)}
		var subs []*Subscription
		for op := range 300 {
			switch k := r.IntN(4); {
			case k == 0:
				s := &Subscription{Filter: filters[r.IntN(len(filters))], Receiver: &listener{}, Key: fmt.Sprint(r.IntN(3))}
				if err := b.Subscribe(s); err != nil {
					t.Fatal(err)
				}
				subs = append(subs, s)
			case k == 1 && len(subs) > 0:
				i := r.IntN(len(subs))
				if !b.Unsubscribe(subs[i]) || b.Unsubscribe(subs[i]) {
					t.Error("Unsubscribe finds nothing, or twice")
				}
				subs = slices.Delete(subs, i, i+1)
			default:
				name, p := names[r.IntN(len(names))], publishers[r.IntN(2)]
				if name == "" {
					if _, err := p.Topic(nil); !errors.Is(err, topic.ErrInvalid) {
						t.Errorf("an empty name: %v", err)
					}
					continue
				}
				body := fmt.Sprint(op)
				publish(t, p, name, nil, body)
				for _, s := range subs {
					var want []string
					if topic.Match(s.Filter, name) {
						want = []string{body}
					}
					if got := s.Receiver.(*listener).take(); !slices.Equal(got, want) {
						t.Fatalf("seed %d, operation %d: %s to %s: got %q, want %q", seed, op, name, s.Filter, got, want)
					}
				}
			}
			if b.Subscriptions() != len(subs) {
				t.Fatalf("%d subscriptions, want %d", b.Subscriptions(), len(subs))
			}
		}
	}
}

// The cache is bounded, whatever names are sent to.
func TestRouteCacheIsBounded(t *testing.T) {
	b := New(Options{})
	p := b.NewPublisher(nil)
	for i := range 100_000 {
		if _, err := p.Topic(fmt.Appendf(nil, "device.%d.location", i)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for i := range b.routes.cache {
		n += len(b.routes.cache[i].m)
	}
	if n > routeShards*routesInShard {
		t.Errorf("%d routes are kept, the bound is %d", n, routeShards*routesInShard)
	}
}

// Subscribing while others publish: no message of a publisher is missed once the
// subscription stands, none comes twice or out of order.
func TestSubscribeWhilePublishing(t *testing.T) {
	b := New(Options{})
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			p := b.NewPublisher(nil)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					publish(t, p, "a.b", nil, fmt.Sprint(i))
				}
			}
		})
	}
	for range 200 {
		l := &listener{}
		s := &Subscription{Filter: []string{"a.b", "a.*"}[rand.IntN(2)], Receiver: l}
		if err := b.Subscribe(s); err != nil {
			t.Fatal(err)
		}
		own := b.NewPublisher(nil)
		publish(t, own, "a.b", nil, "x0", "x1")
		publish(t, own, "a.b", nil, "x2")
		b.Unsubscribe(s)
		got := slices.DeleteFunc(l.take(), func(s string) bool { return s[0] != 'x' })
		want(t, "own messages", got, "x0", "x1", "x2")
	}
	close(stop)
	all.Wait()
}

// What a publisher sends gets its IDs, its time and its sender; batches go by
// topic.
func TestPublisher(t *testing.T) {
	b := New(Options{})
	var batches []string
	seen := map[ID]bool{}
	client := &Client{ID: "BBB"}
	b.Subscribe(&Subscription{Filter: ">", Receiver: receiverFunc(func(batch *Batch) {
		var bodies []string
		for _, m := range batch.Messages {
			bodies = append(bodies, string(m.Body))
			if seen[m.ID] || m.Sender != "BBB" || m.Timestamp != 1234 || m.Priority != DefaultPriority || batch.Client() != client {
				t.Errorf("message %+v", m)
			}
			seen[m.ID] = true
		}
		batches = append(batches, batch.Messages[0].Name+":"+strings.Join(bodies, ","))
	})})
	p := b.NewPublisher(client)
	p.Begin(time.UnixMilli(1234))
	for _, s := range []string{"a1", "a2", "b3", "a4"} {
		r, err := p.Topic([]byte(s[:1]))
		if err != nil {
			t.Fatal(err)
		}
		p.Add(r).Body = []byte(s)
	}
	p.Flush()
	want(t, "batches", batches, "a:a1,a2", "b:b3", "a:a4")
}

type receiverFunc func(*Batch)

func (f receiverFunc) Deliver(_ *Subscription, b *Batch) { f(b) }

// Retained values: the last one counts, an empty one clears, expired ones go,
// limits hold.
func TestRetained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(Options{MaxRetained: 3, MaxRetainedBytes: 100})
		p := b.NewPublisher(nil)
		keep := func(m *Message) { m.Retain = true }
		values := func(filter string) (all []string) {
			b.Retained(filter, func(m *Message) {
				if !m.Retained {
					t.Error("it is not marked as a last value")
				}
				all = append(all, m.Name+"="+string(m.Body))
			})
			slices.Sort(all)
			return all
		}
		publish(t, p, "a.1", keep, "old", "new")
		publish(t, p, "a.2", keep, "x")
		publish(t, p, "a.2", nil, "not kept")
		publish(t, p, "$x", func(m *Message) { m.Retain = true; m.Expires = time.Now().Add(time.Second).UnixMilli() }, "soon gone")
		want(t, "a.*", values("a.*"), "a.1=new", "a.2=x")
		want(t, "all", values(">"), "a.1=new", "a.2=x")
		want(t, "$x", values("$x"), "$x=soon gone")
		publish(t, p, "b", keep, "one too many")
		publish(t, p, "a.1", keep, strings.Repeat("x", 100))
		if n := b.Stats().Unretained.Load(); n != 2 {
			t.Errorf("%d not retained, want 2", n)
		}
		want(t, "no old value for a new one", values(">"), "a.2=x")
		time.Sleep(2 * time.Second)
		want(t, "$x, expired", values("$x"))
		b.expireRetained(time.Now())
		publish(t, p, "a.1", keep, "small")
		publish(t, p, "a.2", keep, "")
		if b.RetainedCount() != 1 {
			t.Errorf("%d retained, want 1", b.RetainedCount())
		}
	})
}

// While the disk is nearly full no further topic gets a retained message; those
// that have one may have a new one.
func TestRetainedOnFullDisk(t *testing.T) {
	var full error
	b := New(Options{Room: func() error { return full }})
	p := b.NewPublisher(nil)
	keep := func(m *Message) { m.Retain = true }
	publish(t, p, "a", keep, "1")
	full = errors.New("nothing is left")
	publish(t, p, "a", keep, "2")
	publish(t, p, "b", keep, "1")
	b.RestoreRetained(&Message{Name: "c", Body: []byte("1")})
	if m := b.RetainedMessage("a"); m == nil || string(m.Body) != "2" || b.RetainedMessage("b") != nil || b.RetainedMessage("c") == nil {
		t.Error("not a=2 and c are retained")
	}
	if n := b.Stats().Unretained.Load(); n != 1 {
		t.Errorf("%d messages count as not retained, want 1", n)
	}
}

// A subscriber that comes while values change sees each topic go forward only:
// the replay and what follows are in order.
func TestRetainedOrder(t *testing.T) {
	b := New(Options{})
	stop, published := make(chan struct{}), make(chan struct{}, 1)
	var publishing sync.WaitGroup
	publishing.Go(func() {
		p := b.NewPublisher(nil)
		for i := 0; ; i++ {
			publish(t, p, "a", func(m *Message) { m.Retain = true }, fmt.Sprint(i))
			select {
			case <-stop:
				return
			case published <- struct{}{}:
			default:
			}
		}
	})
	for range 300 {
		l := &listener{}
		s := &Subscription{Filter: "a", Receiver: l}
		b.Subscribe(s)
		b.Retained("a", func(m *Message) {
			l.mu.Lock()
			l.got = append(l.got, string(m.Body))
			l.mu.Unlock()
		})
		<-published
		<-published // the first may be from before
		b.Unsubscribe(s)
		last := -1
		for _, v := range l.take() {
			var i int
			fmt.Sscan(v, &i)
			if i < last {
				t.Fatalf("after %d comes %d", last, i)
			}
			last = i
		}
	}
	close(stop)
	publishing.Wait()
}

// text encodes a message as its body.
type text struct{}

func (text) Size(m *Message) int                  { return len(m.Body) }
func (text) Append(dst []byte, m *Message) []byte { return append(dst, m.Body...) }

// A client's identifier belongs to one connection, and one principal, at a time.
func TestAttach(t *testing.T) {
	b := New(Options{})
	var closed []string
	client := func(id, principal, name string) *Client {
		return &Client{ID: id, Protocol: STOMP, Principal: principal, Close: func(err error) { closed = append(closed, name+": "+err.Error()) }}
	}
	first, second, other := client("X", "p", "first"), client("X", "p", "second"), client("X", "q", "other")
	for _, c := range []*Client{first, second, client("", "p", ""), client("", "p", "")} {
		if err := b.Attach(c); err != nil {
			t.Error(err)
		}
	}
	if err := b.Attach(other); !errors.Is(err, ErrOtherPrincipal) {
		t.Errorf("another principal: %v", err)
	}
	want(t, "closed", closed, "first: "+ErrTakenOver.Error())
	if b.Detach(first, nil) || !b.Detach(second, nil) || len(b.Clients()) != 2 {
		t.Error("Detach does not know who is the last one")
	}
	if err := b.Attach(other); err != nil {
		t.Errorf("after the owner has gone: %v", err)
	}
}
