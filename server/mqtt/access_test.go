package mqtt

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"mwm/server/auth"
	"mwm/server/broker"
	"mwm/server/netx"
)

// gate knows two operators, a viewer, and any other device whose name has three
// letters, all with one password.
type gate struct {
	revoked *sync.Map
	meter   *netx.Meter
}

func (g gate) Authenticate(ctx context.Context, c auth.Credentials) (*auth.Principal, error) {
	role, known := map[string]auth.Role{"AAA": auth.Operator, "olga": auth.Operator, "vera": auth.Viewer, "blocked": auth.Viewer}[c.Name]
	switch {
	case c.Name == "slow":
		<-ctx.Done()
		return nil, &auth.BusyError{Wait: time.Second}
	case c.Password != "secret":
		return nil, auth.ErrCredentials
	case c.Name == "blocked":
		return nil, auth.ErrForbidden
	case !known && len(c.Name) != 3:
		return nil, auth.ErrCredentials
	case !known:
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

// as is a CONNECT with the user's name as its identifier.
func as(level byte, user string) hello {
	return hello{level: level, id: user, user: user, password: "secret"}
}

// Return codes 3, 4 and 5 (MQTT 3.1.1 §3.2.2.3), reason codes 0x86, 0x87, 0x89.
func TestAuthentication(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	for _, c := range []greeting{
		{hello{level: v31, id: "x", user: "AAA", password: "secret"}, "CONNACK session=false code=0x00"},
		{hello{level: v31, id: "x", user: "AAA", password: "wrong"}, "CONNACK session=false code=0x04"},
		{hello{id: "x"}, "CONNACK session=false code=0x04"},
		{hello{id: "x", user: "blocked", password: "secret"}, "CONNACK session=false code=0x05"},
		{hello{id: "AAA", user: "BBB", password: "secret"}, "CONNACK session=false code=0x05"},
		{hello{level: v5, id: "x", user: "AAA", password: "wrong"}, `CONNACK session=false code=0x86 reason="bad user name or password"`},
		{hello{level: v5, id: "x", user: "blocked", password: "secret"}, `CONNACK session=false code=0x87 reason="not permitted"`},
		{hello{level: v5, id: "AAA", user: "BBB", password: "secret"},
			`CONNACK session=false code=0x87 reason="not permitted: the client-id of a device is its name, or none"`},
	} {
		p := f.dial()
		p.say(c.h)
		p.expect(c.want)
	}
	for _, user := range []string{"BBB", "vera", "olga"} { // an identifier that the server makes up is anybody's
		f.connect(hello{user: user, password: "secret"})
	}
}

// greeting is a CONNECT and its answer.
type greeting struct {
	h    hello
	want string
}

// Who asks for too long who it is, is told so before the time for CONNECT is over.
func TestSlowAuthentication(t *testing.T) {
	for _, c := range []greeting{
		{hello{id: "x", user: "slow", password: "secret"}, "CONNACK session=false code=0x03"},
		{hello{level: v5, id: "x", user: "slow", password: "secret"}, `CONNACK session=false code=0x89 reason="too many attempts; try again in 1s"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newFixture(t, Options{Authenticator: gate{}}, false).pipe()
			p.shake2(c.h, c.want)
		})
	}
}

// A session belongs to the principal that began it; but that of a device's name
// to the device.
func TestForeignSession(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	h := hello{id: "A", user: "olga", password: "secret", keep: true}
	f.connect(h).goodbye()
	p := f.dial()
	p.say(hello{id: "A", user: "vera", password: "secret"})
	p.expect("CONNACK session=false code=0x05")
	olga := f.dial()
	olga.say(h)
	olga.expect("CONNACK session=true code=0x00")

	squatter := f.connect(hello{level: v5, id: "BBB", user: "vera", password: "secret", keep: true,
		props: packets.Properties{SessionExpiryInterval: 1000, SessionExpiryIntervalFlag: true}})
	squatter.subscribe(1, "#", 1)
	squatter.expect("SUBACK 1 [01]")
	device := f.dial()
	device.say(hello{id: "BBB", user: "BBB", password: "secret", keep: true})
	device.expect("CONNACK session=false code=0x00")
	squatter.expect(`DISCONNECT code=0x8e reason="another connection took over the client identifier"`)
	for _, user := range []string{"vera", "olga"} {
		p := f.dial()
		p.say(hello{id: "BBB", user: user, password: "secret"})
		p.expect("CONNACK session=false code=0x05")
	}
	olga.publish(pub{topic: "x", body: "1", qos: 1, id: 1})
	olga.expect("PUBACK 1")
	device.expectNothing()
}

// So it is after a restart.
func TestForeignSessionAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		opt := Options{Authenticator: gate{}}
		l := live(t, d, opt, false)
		h := hello{id: "A", user: "olga", password: "secret", keep: true}
		p := l.meet(h)
		p.goodbye()
		for _, crashed := range []bool{false, true} {
			l.stop()
			d.boot(-1)
			l = live(t, d, opt, crashed)
			for _, keep := range []bool{true, false} {
				thief := l.peer()
				thief.say(hello{id: "A", user: "vera", password: "secret", keep: keep})
				thief.expect("CONNACK session=false code=0x05")
				thief.expectClosed()
			}
			p = l.peer()
			p.shake2(h, "CONNACK session=true code=0x00")
			p.goodbye()
		}
		l.stop()
	})
}

// The table of who may do what where, over the wire, in all versions.
func TestAccess(t *testing.T) {
	const everybody = "BBB CCC olga vera"
	for _, c := range []struct{ what, topic, allowed string }{
		{"publish", "device/BBB/location", "BBB olga"},
		{"publish", "device/CCC/location", "CCC olga"},
		{"publish", "device/BBB/text", "olga"},
		{"publish", "/mwm/BBB/motion", "BBB olga"},
		{"publish", "/mwm/CCC/motion", "CCC olga"},
		{"publish", "/mwm/BBB/alert", "olga"},
		{"publish", "/mwm/lastWill", "BBB olga"}, // about BBB, as the body says
		{"publish", "/mwm/lastWill/web", "BBB olga"},
		{"publish", "$temp/x/y", "olga"},
		{"publish", "$SYS/x", ""},
		{"subscribe", "device/BBB/location", "olga vera"},
		{"subscribe", "device/+/location", "olga vera"},
		{"subscribe", "#", "olga vera"},
		{"subscribe", "/mwm/BBB/alert", "BBB olga vera"},
		{"subscribe", "/mwm/+/alert", "olga vera"},
		{"subscribe", "/mwm/BBB/#", "olga vera"},
		{"subscribe", "/mwm/CCC/alert", "CCC olga vera"},
		{"subscribe", "/mwm/lastWill/#", "olga vera"},
		{"subscribe", "$share/g//mwm/BBB/alert", "BBB olga vera"},
		{"subscribe", "$share/g//mwm/CCC/alert", "CCC olga vera"},
		{"subscribe", "$share/BBB/#", "olga vera"},
		{"subscribe", "$SYS/#", "olga vera"},
		{"subscribe", "$temp/#", ""},
		{"subscribe", "$temp/+/x", ""},
		{"subscribe", "$share/g/$temp/#", ""},
	} {
		for _, level := range []byte{v31, v311, v5} {
			for qos := range byte(3) {
				for who := range strings.FieldsSeq(everybody) {
					t.Run(fmt.Sprintf("%s %s %s %d %d", who, c.what, c.topic, level, qos), func(t *testing.T) {
						allowed := slices.Contains(strings.Fields(c.allowed), who)
						f := newFixture(t, Options{Authenticator: gate{}}, true)
						spy := &tally{}
						if err := f.b.Subscribe(&broker.Subscription{Filter: ">", Receiver: spy}); err != nil {
							t.Fatal(err)
						}
						p := f.connect(as(level, who))
						if c.what == "publish" {
							f.tryPublish(p, c.topic, qos, allowed)
						} else {
							trySubscribe(p, c.topic, qos, allowed)
						}
						if n := spy.count(); c.topic[0] != '$' && n != 0 != (allowed && c.what == "publish") {
							t.Errorf("%d messages arrived", n)
						}
						if n := f.b.RetainedCount(); n != 0 && !allowed {
							t.Errorf("%d are retained", n)
						}
					})
				}
			}
		}
	}
}

func (f *fixture) tryPublish(p *peer, topic string, qos byte, allowed bool) {
	f.t.Helper()
	m := pub{topic: topic, body: `{"deviceID":"BBB"}`, qos: qos, retain: true}
	if qos > 0 {
		m.id = 7
	}
	p.publish(m)
	if qos == 0 {
		p.expectNothing()
		return
	}
	got := p.read()
	answer := []string{"", "PUBACK 7", "PUBREC 7"}[qos]
	switch {
	case allowed:
		if !strings.HasPrefix(got, answer) || strings.Contains(got, "0x87") {
			f.t.Errorf("answered with %s", got)
		}
	case topic == "$SYS/x":
		// Acknowledged, as before there were permissions.
	case p.level == v5:
		if !strings.HasPrefix(got, answer+" code=0x87") || !strings.Contains(got, topic) {
			f.t.Errorf("answered with %s", got)
		}
		p.expectNothing() // and the connection goes on
	default:
		if !strings.HasPrefix(got, "error: ") {
			f.t.Errorf("answered with %s: 3.x can only close", got)
		}
	}
	if !allowed && f.Stats().Denied.Load() != 1 {
		f.t.Errorf("%d are counted", f.Stats().Denied.Load())
	}
}

func trySubscribe(p *peer, filter string, qos byte, allowed bool) {
	p.t.Helper()
	p.subscribe(7, filter, qos)
	got := p.read()
	want := fmt.Sprintf("SUBACK 7 [%02x]", qos)
	switch {
	case allowed:
	case p.level == v5:
		want = "SUBACK 7 [87] reason="
	case p.level == v311:
		want = "SUBACK 7 [80]"
	default:
		want = "error: " // 3.1 has no code for it
	}
	if !strings.HasPrefix(got, want) {
		p.t.Errorf("answered with %s, want %s", got, want)
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

// Some filters of one SUBSCRIBE may be granted and others not.
func TestSomeFiltersRefused(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	p := f.connect(as(v311, "BBB"))
	body := []byte{0, 9}
	for _, filter := range []string{"/mwm/BBB/alert", "#", "/mwm/CCC/alert"} {
		body = append(appendString(body, filter), 1)
	}
	p.write(frame(packets.Subscribe<<4|2, body))
	p.expect("SUBACK 9 [01 80 80]")
	olga := f.connect(as(v311, "olga"))
	olga.publish(pub{topic: "/mwm/CCC/alert", body: "red"})
	olga.publish(pub{topic: "/mwm/BBB/alert", body: "blue"})
	p.expect(`PUBLISH /mwm/BBB/alert "blue"`)
}

// A topic alias is no way around.
func TestAliasAccess(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	p := f.connect(as(v5, "BBB"))
	alias := packets.Properties{TopicAlias: 1, TopicAliasFlag: true}
	p.publish(pub{topic: "/mwm/BBB/motion", qos: 1, id: 1, props: alias})
	p.expect("PUBACK 1 code=0x10")
	p.publish(pub{topic: "/mwm/CCC/motion", qos: 1, id: 2, props: alias})
	if got := p.read(); !strings.HasPrefix(got, "PUBACK 2 code=0x87") {
		t.Errorf("answered with %s", got)
	}
	p.publish(pub{qos: 1, id: 3, props: alias})
	if got := p.read(); !strings.HasPrefix(got, "PUBACK 3 code=0x87") {
		t.Errorf("answered with %s", got)
	}
	if got := f.Stats().Denied.Load(); got != 2 {
		t.Errorf("%d denied", got)
	}
}

// A device may leave a will about itself alone, and at the address of wills.
func TestWillAccess(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	for _, c := range []struct {
		who, topic, body string
		ok               bool
	}{
		{"BBB", "/mwm/lastWill", `{"deviceID":"BBB"}`, true},
		{"BBB", "/mwm/lastWill", `{"deviceID":"CCC"}`, false},
		{"BBB", "/mwm/lastWill/web", `Web client BBB has unexpectedly died`, true},
		{"BBB", "/mwm/lastWill/web", `Web client CCC has unexpectedly died`, false},
		{"BBB", "/mwm/BBB/motion", "x", true},
		{"BBB", "/mwm/CCC/alert", "red", false},
		{"vera", "/mwm/lastWill/web", `Web client vera has unexpectedly died`, false},
		{"olga", "/mwm/CCC/alert", "red", true},
	} {
		for _, level := range []byte{v31, v311, v5} {
			h := as(level, c.who)
			h.will = &packets.Packet{TopicName: c.topic, Payload: []byte(c.body), FixedHeader: packets.FixedHeader{Qos: 1}}
			p := f.dial()
			p.say(h)
			got := p.read()
			switch {
			case c.ok && strings.Contains(got, "code=0x00"):
			case !c.ok && level == v5 && strings.Contains(got, "code=0x87"):
			case !c.ok && level < v5 && strings.Contains(got, "code=0x05"):
			default:
				t.Errorf("%s leaves %s at %s: %s", c.who, c.body, c.topic, got)
			}
		}
	}
}

// What was subscribed to when more was permitted is not resumed.
func TestResumeWithLess(t *testing.T) {
	g := &promotion{role: auth.Viewer}
	f := newFixture(t, Options{Authenticator: g}, true)
	h := hello{id: "BBB", user: "BBB", password: "x", keep: true}
	p := f.connect(h)
	p.subscribe(1, "device/+/location", 1)
	p.expect("SUBACK 1 [01]")
	p.goodbye()
	src := f.connect(hello{id: "src", user: "src", password: "x"})
	src.publish(pub{topic: "device/CCC/location", body: "secret", qos: 1, id: 1})
	g.set(auth.Device)
	p = f.dial()
	p.say(h)
	p.expect("CONNACK session=false code=0x00")
	p.expectNothing()
}

// promotion gives everybody one role, and one identity.
type promotion struct {
	mu   sync.Mutex
	role auth.Role
}

func (g *promotion) set(r auth.Role) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.role = r
}

func (g *promotion) Authenticate(_ context.Context, c auth.Credentials) (*auth.Principal, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	role := g.role
	if c.Name == "src" {
		role = auth.Operator
	}
	return auth.DefaultPolicy.Principal(auth.Account{Role: role, Name: c.Name}), nil
}

func (g *promotion) Valid(*auth.Principal) error { return nil }

// One who only looks takes nothing away from those who share a subscription.
func TestShareOfViewer(t *testing.T) {
	f := newFixture(t, Options{Authenticator: gate{}}, true)
	worker, viewer := f.connect(as(v5, "olga")), f.connect(as(v5, "vera"))
	for _, p := range []*peer{worker, viewer} {
		p.subscribe(1, "$share/g/jobs", 0)
		p.expect("SUBACK 1 [00]")
	}
	src := f.connect(hello{level: v5, id: "src", user: "olga", password: "secret"})
	for i := range 10 {
		src.publish(pub{topic: "jobs", body: fmt.Sprint(i)})
	}
	for i := range 10 {
		want := fmt.Sprintf("PUBLISH jobs %q", fmt.Sprint(i))
		worker.expect(want)
		viewer.expect(want)
	}
}

// An account that is taken away while its client connects does not stay, nor
// one that is connected.
func TestRevoked(t *testing.T) {
	g := gate{revoked: &sync.Map{}}
	f := newFixture(t, Options{Authenticator: g}, true)
	olga := f.connect(as(v5, "olga"))
	g.revoked.Store("BBB", true)
	p := f.dial()
	p.say(as(v5, "BBB"))
	p.expect("CONNACK session=false code=0x00", `DISCONNECT code=0x87 reason="the credentials are no longer valid"`)
	for _, c := range f.b.Clients() {
		c.Close(broker.ErrRevoked)
	}
	olga.expect(`DISCONNECT code=0x87 reason="the credentials are no longer valid"`)
}

// Beyond its rate a sender is read more slowly, and loses nothing; the time that
// it is not read does not count as silence.
func TestRate(t *testing.T) {
	for name, opt := range map[string]func() Options{
		"of a connection": func() Options { return Options{Rate: netx.Rate{Messages: 10}} },
		"of all":          func() Options { return Options{Total: netx.NewMeter(netx.Rate{Messages: 10})} },
		"of an account":   func() Options { return Options{Authenticator: gate{meter: netx.NewMeter(netx.Rate{Messages: 10})}} },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, opt(), false)
			p := f.pipe()
			h := as(v311, "olga")
			h.keepAlive = 1
			p.shake(h)
			began := time.Now()
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for i := range 250 { // 50 of them were saved up
					p.nc.SetWriteDeadline(time.Now().Add(patience))
					if _, err := p.nc.Write(pub{topic: "a", qos: 1, id: uint16(i + 1)}.packet(v311)); err != nil {
						return
					}
				}
			}()
			for i := range 250 {
				first, body, err := p.next()
				if err != nil || describe(v311, first, body) != fmt.Sprintf("PUBACK %d", i+1) {
					t.Fatalf("the rate %s: %v after %d", name, err, i)
				}
			}
			<-sent
			if took := time.Since(began); took < 19*time.Second || took > 21*time.Second {
				t.Errorf("the rate %s: 250 messages took %v, want 20s", name, took)
			}
		})
	}
}
