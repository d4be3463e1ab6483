package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// only permits the names in the lists; a body "no" is refused where it counts.
type only struct{ publish, subscribe, judged []string }

func has(list []string, queue bool, name string) bool {
	if queue {
		name = "q:" + name
	}
	for _, x := range list {
		if x == name {
			return true
		}
	}
	return false
}

func (o *only) MayPublish(queue bool, name string, body []byte) bool {
	return has(o.publish, queue, name) && (!has(o.judged, queue, name) || string(body) != "no")
}
func (o *only) Judges(queue bool, name string) bool         { return has(o.judged, queue, name) }
func (o *only) MaySubscribe(queue bool, filter string) bool { return has(o.subscribe, queue, filter) }
func (o *only) MayBrowse(filter string) bool                { return has(o.subscribe, true, filter) }

// What a client may not send reaches nobody, on whatever way it goes, also in
// between what it may send.
func TestPublisherAccess(t *testing.T) {
	b := New(Options{})
	in := &reader{}
	if err := b.Subscribe(&Subscription{Filter: ">", Receiver: in}); err != nil {
		t.Fatal(err)
	}
	c := &Client{Temp: "$temp.me.", Access: &only{publish: []string{"mine", "will", "q:out"}, judged: []string{"will"}}}
	p := b.NewPublisher(c)
	send := func(name, body string) error {
		r, err := p.TopicFor([]byte(name), []byte(body))
		if err == nil {
			p.Add(r).Body = []byte(body)
			p.Flush()
		}
		return err
	}
	for _, x := range []struct {
		name, body string
		ok         bool
	}{
		{"mine", "a", true}, {"mine", "b", true}, {"other", "c", false}, {"mine", "d", true}, {"will", "e", true}, {"will", "no", false},
		{"will", "f", true}, {"mine", "no", true}, {"will", "no", false}, {"will", "no", false}, {"mine", "g", true}, {"other", "h", false},
	} {
		if err := send(x.name, x.body); (err == nil) != x.ok || err != nil && (!errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "/topic/"+x.name)) {
			t.Errorf("%s to %s: %v", x.body, x.name, err)
		}
	}
	want(t, "received", in.bodies, "a", "b", "d", "e", "f", "no", "g")
	if err := send("$temp.me.reply", "x"); err != nil {
		t.Errorf("to its own temporary topic: %v", err)
	}
	if err := send("$temp.you.reply", "x"); err == nil {
		t.Error("to another one's temporary topic")
	}

	enqueue := func(name string) (err error) {
		p.Enqueue(name, func(m *Message) { m.Body = []byte("x") }, func(e error) { err = e })
		p.Flush()
		return err
	}
	for name, ok := range map[string]bool{"out": true, "other": false, "mine": false, "$temp.me.q": true, "$temp.you.q": false} {
		if err := enqueue(name); (err == nil) != ok || err != nil && (!errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "/queue/"+name)) {
			t.Errorf("to the queue %s: %v", name, err)
		}
	}
	if n := len(b.Queues("other")); n != 0 {
		t.Error("a refused message made a queue")
	}
	names := [][]byte{[]byte("mine"), []byte("will"), []byte("mine")}
	if n := testing.AllocsPerRun(100, func() {
		for _, name := range names {
			if _, err := p.TopicFor(name, nil); err != nil {
				t.Error(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations for three checks", n)
	}
}

// What was allowed to one topic says nothing of another one, whatever its name is: one
// that is too long to be remembered, or one that cannot be.
func TestPublisherAccessBesideNamesThatAreNotRemembered(t *testing.T) {
	long, bad := strings.Repeat("n", longName+1), "no.*"
	for _, name := range []string{long, bad} {
		c := &Client{Access: &only{publish: []string{"will", long, bad}, judged: []string{"will"}}}
		p := New(Options{}).NewPublisher(c)
		if _, err := p.TopicFor([]byte("will"), []byte("mine")); err != nil {
			t.Fatal(err)
		}
		if _, err := p.TopicFor([]byte(name), nil); errors.Is(err, ErrForbidden) {
			t.Fatal(err)
		}
		if _, err := p.TopicFor([]byte("will"), []byte("no")); !errors.Is(err, ErrForbidden) {
			t.Errorf("after %.10q a message that may not be sent was let through: %v", name, err)
		}
	}
}

type reader struct{ bodies []string }

func (r *reader) Deliver(_ *Subscription, b *Batch) {
	for i := range b.Messages {
		r.bodies = append(r.bodies, string(b.Messages[i].Body))
	}
}

// Nobody listens at the temporary destinations of others, not even who may do
// everything.
func TestTemporaryNames(t *testing.T) {
	everything, viewer := &Client{Temp: "$temp.me."}, &Client{Access: &only{subscribe: []string{"$temp.you.x", "$temp.>", "a"}}}
	for filter, ok := range map[string]bool{
		"$temp.me.x": true, "$temp.me.>": true, "$temp.you.x": false, "$temp.*.x": false, "$temp.>": false, "$temp": false, "$temporary": true,
		">": true, "a": true, "$temp.me": false, "$temp.mean.x": false,
	} {
		for _, kind := range []Kind{TopicKind, QueueKind} {
			if err := everything.MaySubscribe(kind, filter); (err == nil) != ok {
				t.Errorf("%s: %v", filter, err)
			}
		}
		if err := everything.MayBrowse(filter); (err == nil) != ok {
			t.Errorf("browsing %s: %v", filter, err)
		}
		if err := viewer.MaySubscribe(TopicKind, filter); (err == nil) != (filter == "a") {
			t.Errorf("a viewer: %s: %v", filter, err)
		}
	}
}

// The client-id of a device is the device's, whoever took it first.
func TestOwnerTakesOver(t *testing.T) {
	b := New(Options{})
	var closed []string
	client := func(principal string, owner bool) *Client {
		return &Client{ID: "BBB", Protocol: STOMP, Principal: principal, Owner: owner, Close: func(err error) { closed = append(closed, principal) }}
	}
	if err := b.Attach(client("viewer eve", false)); err != nil {
		t.Fatal(err)
	}
	if err := b.Attach(client("device BBB", true)); err != nil {
		t.Errorf("the device: %v", err)
	}
	if err := b.Attach(client("viewer eve", false)); !errors.Is(err, ErrOtherPrincipal) {
		t.Errorf("somebody else: %v", err)
	}
	want(t, "closed", closed, "viewer eve")
}

// A durable subscription belongs to the principal that began it.
func TestDurableOwner(t *testing.T) {
	b := New(Options{})
	access := &only{}
	subscribe := func(principal string, owner bool, filter string) ([]string, error) {
		in := &inbox{}
		opt := in.options(t, "BBB")
		opt.Client.Principal, opt.Client.Owner, opt.Client.Access = principal, owner, access
		c, err := b.ConsumeDurable("paper", DurableOptions{Filter: filter}, nil, opt, nil)
		if err != nil {
			return nil, err
		}
		c.Leave()
		return in.bodies(), nil
	}
	publish := func(body string) {
		p := b.NewPublisher(nil)
		r, _ := p.Topic([]byte("news"))
		p.Add(r).Body = []byte(body)
		p.Flush()
	}
	if _, err := subscribe("", false, "news"); err != nil { // from before there were accounts
		t.Fatal(err)
	}
	publish("1")
	if got, err := subscribe("operator olga", false, "news"); err != nil || len(got) != 1 {
		t.Errorf("taking over what was nobody's: %q, %v", got, err)
	}
	if _, err := subscribe("viewer eve", false, "news"); !errors.Is(err, ErrOtherPrincipal) {
		t.Errorf("another principal: %v", err)
	}
	if err := b.ForgetOwn(&Client{ID: "BBB", Principal: "viewer eve", Access: access}, "paper", nil); !errors.Is(err, ErrOtherPrincipal) {
		t.Errorf("another principal forgets it: %v", err)
	}
	publish("2")
	if got, err := subscribe("device BBB", true, "news"); err != nil || len(got) != 0 {
		t.Errorf("the owner of the client-id begins with %q, %v", got, err)
	}
	if _, err := subscribe("operator olga", false, "news"); !errors.Is(err, ErrOtherPrincipal) {
		t.Errorf("after the owner came: %v", err)
	}
	if err := b.ForgetOwn(&Client{ID: "BBB", Principal: "device BBB", Access: access}, "paper", nil); err != nil {
		t.Error(err)
	}
}

// One client-id cannot have all the durable subscriptions that there may be; those
// that it ends make room.
func TestDurablesOfClient(t *testing.T) {
	b := New(Options{MaxDurablesOfClient: 2})
	subscribe := func(client, name string) error {
		in := &inbox{}
		c, err := b.ConsumeDurable(name, DurableOptions{Filter: "news"}, nil, in.options(t, client), nil)
		if err == nil {
			c.Leave()
		}
		return err
	}
	for i, c := range []struct {
		client, name string
		ok           bool
	}{{"A", "1", true}, {"A", "2", true}, {"A", "3", false}, {"A", "1", true}, {"B", "3", true}} {
		if err := subscribe(c.client, c.name); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrDurables) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if err := b.ForgetOwn(&Client{ID: "A"}, "1", nil); err != nil {
		t.Fatal(err)
	}
	if err := subscribe("A", "3"); err != nil {
		t.Errorf("after one has ended: %v", err)
	}
}

// The temporary queues of a connection end with it, and are not without number.
func TestTemporaryQueuesEnd(t *testing.T) {
	b := New(Options{})
	c := &Client{Protocol: STOMP, Temp: "$temp.me.", Access: &only{}}
	if err := b.Attach(c); err != nil {
		t.Fatal(err)
	}
	p := b.NewPublisher(c)
	enqueue := func(name string) (err error) {
		p.Enqueue(name, func(m *Message) { m.Body = []byte("x") }, func(e error) { err = e })
		p.Flush()
		return err
	}
	for i := range maxTemps + 1 {
		if err := enqueue(fmt.Sprint("$temp.me.", i)); errors.Is(err, ErrQueues) != (i == maxTemps) {
			t.Fatalf("queue %d: %v", i, err)
		}
	}
	if err := enqueue("$temp.me.0"); err != nil {
		t.Errorf("one that exists: %v", err)
	}
	other := b.NewPublisher(nil)
	other.Enqueue("$temp.mean.0", func(m *Message) { m.Body = []byte("x") }, func(error) {})
	other.Flush()
	b.Detach(c, nil)
	if left := b.Queues("$temp.me.>"); len(left) != 0 {
		t.Errorf("%d queues are left", len(left))
	}
	if left := b.Queues("$temp.mean.>"); len(left) != 1 {
		t.Errorf("%d queues of another one are left", len(left))
	}
	if len(b.temps) != 1 {
		t.Errorf("%d connections are remembered", len(b.temps))
	}
}
