package stomp_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/stomp"
)

// gate knows an operator, a viewer and any device whose name has three letters,
// all with the same password, which is as awkward as may be.
type gate struct {
	revoked *sync.Map
	meter   *netx.Meter
}

func (g gate) Authenticate(ctx context.Context, c auth.Credentials) (*auth.Principal, error) {
	role := map[string]auth.Role{"olga": auth.Operator, "vera": auth.Viewer}[c.Name]
	switch {
	case c.Name == "slow":
		<-ctx.Done()
		return nil, &auth.BusyError{Wait: time.Second}
	case c.Password != "secret: 1 ":
		return nil, auth.ErrCredentials
	case c.Name == "blocked":
		return nil, auth.ErrForbidden
	case len(c.Name) == 3:
		role = auth.Device
	}
	p := auth.DefaultPolicy.Principal(auth.Account{Role: role, Name: c.Name})
	p.Meter = g.meter
	return p, nil
}

func (g gate) Valid(p *auth.Principal) error {
	if g.revoked != nil {
		if _, gone := g.revoked.Load(p.Name); gone {
			return auth.ErrRevoked
		}
	}
	return nil
}

func as(name string) []string { return []string{"login:" + name, "passcode:secret: 1 "} }

func TestAuthentication(t *testing.T) {
	w := serve(t, stomp.Options{Authenticator: gate{}})
	w.connect("1.2", as("olga")...)
	if c := w.broker.Clients(); len(c) != 1 || c[0].Principal != "operator olga" {
		t.Errorf("clients %+v", c)
	}
	for headers, want := range map[string]string{
		"login:olga\npasscode:secret: 1":     "login or passcode are wrong",
		"login:olga":                         "login or passcode are wrong",
		"":                                   "login or passcode are wrong",
		"login:blocked\npasscode:secret: 1 ": "not permitted",
		"login:BBB\npasscode:secret: 1 \nclient-id:AAA":    "the client-id of a device is its name",
		"login:BBB\npasscode:secret: 1 \nclient-id:\\cBBB": "the client-id of a device is its name",
	} {
		p := w.dial()
		p.send("CONNECT\naccept-version:1.2\n" + headers + "\n\n^@")
		p.wantError(want)
	}
}

// Who asks for too long who it is, is told so before the time for CONNECT is over.
func TestSlowAuthentication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipeWorld(t, broker.New(broker.Options{}), stomp.Options{Authenticator: gate{}}).dial()
		p.send("CONNECT\naccept-version:1.2\n" + lines(as("slow")) + "\n^@")
		p.wantError("too many attempts; try again")
	})
}

// Who may do what where, over the wire: every refusal is an ERROR that names the
// destination, and no effect.
func TestAccess(t *testing.T) {
	const (
		send      = "SEND\ndestination:%s\nreceipt:r\n\n{\"deviceID\":\"BBB\"}^@"
		retain    = "SEND\ndestination:%s\nretain:true\nreceipt:r\n\nx^@"
		staged    = "BEGIN\ntransaction:t\n\n^@SEND\ndestination:%s\ntransaction:t\n\nx^@COMMIT\ntransaction:t\nreceipt:r\n\n^@"
		escaped   = "SEND\ndestination:%s\nx:a\\nb\nreceipt:r\n\nx^@"
		subscribe = "SUBSCRIBE\nid:0\ndestination:%s\nreceipt:r\n\n^@"
		durable   = "SUBSCRIBE\nid:0\ndestination:%s\nactivemq.subscriptionName:d\nreceipt:r\n\n^@"
		retro     = "SUBSCRIBE\nid:0\ndestination:%s\nactivemq.retroactive:true\nreceipt:r\n\n^@"
		individ   = "SUBSCRIBE\nid:0\ndestination:%s\nack:client-individual\nselector:x = 1\nreceipt:r\n\n^@"
	)
	sends, subscribes := []string{send, retain, staged, escaped}, []string{subscribe, durable, retro, individ}
	for _, c := range []struct {
		frames  []string
		dest    string
		allowed string // who may
	}{
		{sends, "/topic/device.BBB.location", "BBB olga"},
		{sends, "/topic/device.AAA.location", "AAA olga"},
		{sends, "/topic/device.BBB.text", "olga"},
		{sends, "/queue/device.BBB.text", "olga"},
		{sends, "/queue/DLQ.device.BBB.text", "olga"},
		{sends, "/topic/.mwm.BBB.motion", "BBB olga"},
		{sends, "/topic/.mwm.AAA.motion", "AAA olga"},
		{sends, "/topic/.mwm.BBB.alert", "olga"},
		{[]string{send}, "/topic/.mwm.lastWill", "BBB olga"}, // of BBB, as its body says
		{[]string{retain, staged, escaped}, "/topic/.mwm.lastWill", "olga"},
		{sends, "/temp-queue/$temp.ABCDEFGHIJKLMNOPQRSTUVWXYZ.x", "olga"},
		{sends, "/temp-queue/own", "BBB AAA olga vera"},
		{sends, "/temp-topic/own", "BBB AAA olga vera"},
		{subscribes, "/topic/device.BBB.location", "olga vera"},
		{subscribes, "/topic/device.*.location", "olga vera"},
		{subscribes, "/topic/>", "olga vera"},
		{subscribes, "/topic/.mwm.BBB.alert", "BBB olga vera"},
		{subscribes, "/topic/.mwm.*.alert", "olga vera"},
		{subscribes, "/topic/.mwm.AAA.alert", "AAA olga vera"},
		{[]string{subscribe, individ}, "/queue/device.BBB.text", "BBB olga"},
		{[]string{subscribe, individ}, "/queue/device.AAA.text", "AAA olga"},
		{[]string{subscribe, individ}, "/queue/device.*.text", "olga"},
		{[]string{subscribe, individ}, "/queue/>", "olga"},
		{[]string{subscribe, individ}, "/temp-queue/own", "BBB AAA olga vera"},
		{[]string{subscribe, individ}, "/temp-topic/own", "BBB AAA olga vera"},
		{[]string{subscribe, individ}, "/temp-queue/$temp.ABCDEFGHIJKLMNOPQRSTUVWXYZ.x", ""},
		{[]string{subscribe, individ}, "/topic/$temp.>", ""},
		{[]string{subscribe, individ}, "/queue/$temp.>", ""},
	} {
		for i, frame := range c.frames {
			for _, who := range []string{"BBB", "AAA", "olga", "vera"} {
				t.Run(fmt.Sprintf("%s %.5s%d %s", who, frame, i, c.dest), func(t *testing.T) {
					w := serve(t, stomp.Options{Authenticator: gate{}})
					spy := &tally{}
					if err := w.broker.Subscribe(&broker.Subscription{Filter: ">", Receiver: spy}); err != nil {
						t.Fatal(err)
					}
					p := w.connect("1.2", append(as(who), "client-id:"+who)...)
					p.send(fmt.Sprintf(frame, c.dest))
					if slices.Contains(strings.Fields(c.allowed), who) {
						p.want("RECEIPT", "receipt-id:r")
						return
					}
					want := c.dest[strings.LastIndexByte(c.dest, '/')+1:]
					if strings.HasPrefix(want, "$temp") {
						want = "temp"
					}
					p.wantError(want)
					if n := spy.count(); n != 0 || len(w.broker.Queues(">")) != 0 || w.broker.RetainedCount() != 0 || len(w.broker.Durables()) != 0 {
						t.Errorf("it had an effect: %d messages, queues %v", n, w.broker.Queues(">"))
					}
				})
			}
		}
	}
}

// tally counts messages.
type tally struct {
	mu sync.Mutex
	n  int
}

func (t *tally) Deliver(_ *broker.Subscription, b *broker.Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n += len(b.Messages)
}

func (t *tally) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n
}

// What one may send goes before what one may not, and nothing after it.
func TestRefusalInTheMiddle(t *testing.T) {
	w := serve(t, stomp.Options{Authenticator: gate{}})
	hq := w.connect("1.2", as("vera")...)
	hq.send("SUBSCRIBE\nid:0\ndestination:/topic/>\n\n^@")
	hq.sync()
	p := w.connect("1.2", as("BBB")...)
	p.send("SEND\ndestination:/topic/device.BBB.location\n\n1^@SEND\ndestination:/topic/device.AAA.location\n\n2^@SEND\ndestination:/topic/device.BBB.location\n\n3^@")
	p.wantError("/topic/device.AAA.location")
	hq.want("MESSAGE", "=1")
	hq.sync()
}

// A viewer who took a device's client-id gives way to the device; nobody else
// takes a live one over.
func TestClientIDOfDevice(t *testing.T) {
	w := serve(t, stomp.Options{Authenticator: gate{}})
	squatter := w.connect("1.2", append(as("vera"), "client-id:BBB")...)
	device := w.connect("1.2", append(as("BBB"), "client-id:BBB")...)
	squatter.wantError("taken over")
	for _, who := range []string{"vera", "olga"} {
		p := w.dial()
		p.send("CONNECT\naccept-version:1.2\nclient-id:BBB\n" + strings.Join(as(who), "\n") + "\n\n^@")
		p.wantError("client-id in use")
	}
	device.sync()
}

// A durable subscription of somebody else is neither used nor ended.
func TestDurableOfAnother(t *testing.T) {
	w := serve(t, stomp.Options{Authenticator: gate{}})
	olga := w.connect("1.2", append(as("olga"), "client-id:desk")...)
	olga.send("SUBSCRIBE\nid:0\ndestination:/topic/news\nactivemq.subscriptionName:d\nreceipt:r\n\n^@")
	olga.want("RECEIPT")
	olga.send("DISCONNECT\n\n^@")
	olga.wantEnd()
	for _, frame := range []string{
		"SUBSCRIBE\nid:0\ndestination:/topic/news\nactivemq.subscriptionName:d\n\n^@",
		"SUBSCRIBE\nid:0\ndestination:/topic/other\nactivemq.subscriptionName:d\n\n^@",
		"UNSUBSCRIBE\nid:0\nactivemq.subscriptionName:d\n\n^@",
	} {
		p := w.connect("1.2", append(as("vera"), "client-id:desk")...)
		p.send(frame)
		p.wantError("client-id in use")
	}
	if d := w.broker.Durables(); len(d) != 1 || d[0].Filter != "news" {
		t.Errorf("%+v", d)
	}
}

// An account that is taken away while its client connects does not stay.
func TestRevokedWhileConnecting(t *testing.T) {
	g := gate{revoked: &sync.Map{}}
	w := serve(t, stomp.Options{Authenticator: g})
	olga := w.connect("1.2", as("olga")...)
	g.revoked.Store("BBB", true)
	p := w.dial()
	p.send("CONNECT\naccept-version:1.2\n" + strings.Join(as("BBB"), "\n") + "\n\n^@")
	p.wantError("access revoked")
	for _, c := range w.broker.Clients() {
		c.Close(broker.ErrRevoked)
	}
	olga.wantError("access revoked", "no longer valid")
}

// Beyond its rate a sender is read more slowly, and loses nothing.
func TestRate(t *testing.T) {
	for name, opt := range map[string]func() stomp.Options{
		"of a connection": func() stomp.Options { return stomp.Options{Rate: netx.Rate{Messages: 10}} },
		"of all":          func() stomp.Options { return stomp.Options{Total: netx.NewMeter(netx.Rate{Messages: 10})} },
		"of an account": func() stomp.Options {
			return stomp.Options{Authenticator: gate{meter: netx.NewMeter(netx.Rate{Messages: 10})}}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := opt()
			o.Logger = quiet()
			srv, err := stomp.New(broker.New(broker.Options{}), o)
			if err != nil {
				t.Fatal(err)
			}
			near, far := net.Pipe()
			go srv.ServeConn(near)
			p := newPeer(t, far)
			p.patience = time.Minute
			p.send("CONNECT\naccept-version:1.2\n" + lines(as("olga")) + "\n^@")
			p.want("CONNECTED")
			began := time.Now()
			for range 250 { // 50 of them were saved up
				p.send("SEND\ndestination:/topic/a\n\nx^@")
			}
			p.sync()
			if took := time.Since(began); took < 19*time.Second || took > 21*time.Second {
				t.Errorf("the rate %s: 250 messages took %v, want 20s", name, took)
			}
			far.Close()
			synctest.Wait()
		})
	}
}
