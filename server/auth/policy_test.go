package auth

import (
	"fmt"
	"strings"
	"testing"
)

func principalOf(role Role, name string, more ...string) *Principal {
	a := &Authority{opt: Options{Policy: DefaultPolicy}}
	a.accounts.Store(&map[string]*entry{"BBB": {Account: Account{Role: Device, Name: "BBB"}}})
	acc := Account{Role: role, Name: name}
	for _, m := range more {
		r, err := ParseGrant(m)
		if err != nil {
			panic(err)
		}
		acc.More = append(acc.More, r)
	}
	return a.newPrincipal(acc)
}

// may says in one word what a principal may do with an address.
func may(p *Principal, action, address string) bool {
	name, queue, ok := splitAddress(address)
	if !ok {
		panic(address)
	}
	switch action {
	case "publish":
		return p.MayPublish(queue, name, []byte(`{"deviceID":"BBB"}`))
	case "subscribe":
		return p.MaySubscribe(queue, name)
	case "browse":
		return p.MayBrowse(name)
	}
	panic(action)
}

// The table of who may do what where. Columns: the device BBB, a viewer, an
// operator; of publish, subscribe, browse those that are permitted.
func TestDefaultPolicy(t *testing.T) {
	for _, c := range []struct{ address, device, viewer, operator string }{
		{"/topic/device.BBB.location", "p..", ".s.", "ps."},
		{"/topic/device.AAA.location", "...", ".s.", "ps."},
		{"/topic/device.*.location", "...", ".s.", "ps."},
		{"/topic/device.BBB.*", "...", ".s.", "ps."},
		{"/topic/device.BBB.>", "...", ".s.", "ps."},
		{"/topic/device.>", "...", ".s.", "ps."},
		{"/topic/>", "...", ".s.", "ps."},
		{"/topic/*.*.*", "...", ".s.", "ps."},
		{"/topic/device.BBB.location.x", "...", ".s.", "ps."},
		{"/topic/device.BBB", "...", ".s.", "ps."},
		{"/topic/device.BBB.text", "...", ".s.", "ps."},
		{"/queue/device.BBB.text", ".sb", "..b", "psb"},
		{"/queue/device.AAA.text", "...", "..b", "psb"},
		{"/queue/device.*.text", "...", "..b", "psb"},
		{"/queue/>", "...", "..b", "psb"},
		{"/queue/device.BBB.location", "...", "..b", "psb"},
		{"/queue/DLQ.device.BBB.text", "...", "..b", "psb"},
		{"/topic/.mwm.BBB.motion", "p..", ".s.", "ps."},
		{"/topic/.mwm.AAA.motion", "...", ".s.", "ps."},
		{"/topic/.mwm.BBB.alert", ".s.", ".s.", "ps."},
		{"/topic/.mwm.AAA.alert", "...", ".s.", "ps."},
		{"/topic/.mwm.*.alert", "...", ".s.", "ps."},
		{"/topic/mwm.BBB.alert", "...", ".s.", "ps."},
		{"/topic/.mwm.lastWill", "p..", ".s.", "ps."},
		{"/topic/.mwm.lastWill.web", "p..", ".s.", "ps."},
		{"/topic/.mwm.lastWill.>", "p..", ".s.", "ps."},
		{"/topic/.mwm.lastwill", "...", ".s.", "ps."},
		{"/topic/$SYS.broker.uptime", "...", ".s.", "ps."},
		{"/topic/$SYS.>", "...", ".s.", "ps."},
		{"/topic/$temp.abc.reply", "...", "...", "ps."},
		{"/queue/$temp.abc.reply", "...", "...", "psb"},
	} {
		for who, want := range map[*Principal]string{
			principalOf(Device, "BBB"): c.device, principalOf(Viewer, "vera"): c.viewer, principalOf(Operator, "olga"): c.operator,
		} {
			got := ""
			for i, action := range []string{"publish", "subscribe", "browse"} {
				letter := "."
				// Topics are not browsed, and nobody publishes to a wildcard.
				if action == "browse" && strings.HasPrefix(c.address, topicPrefix) {
					got += letter
					continue
				}
				if may(who, action, c.address) {
					letter = action[:1]
				}
				if action == "publish" && strings.ContainsAny(c.address, "*>") {
					letter = want[i : i+1]
				}
				got += letter
			}
			if got != want {
				t.Errorf("%s at %s: %s, want %s", who, c.address, got, want)
			}
		}
	}
}

// A last will may tell about its sender alone.
func TestAbout(t *testing.T) {
	p := principalOf(Device, "BBB")
	for body, want := range map[string]bool{
		`{"deviceID":"BBB"}`:                  true,
		`{"deviceID":"AAA"}`:                  false,
		`{"deviceID":"AAA","deviceID":"BBB"}`: false,
		`{"deviceID":"BBB","deviceID":"AAA"}`: false,
		`{"deviceid":"AAA","deviceID":"BBB"}`: false,
		`{"a":{"deviceID":"AAA"},"b":["deviceID"],"c":"deviceID","deviceID":"BBB"}`: true,
		"":                                      false,
		"BBB":                                   false,
		"Web client BBB has unexpectedly died":  true,
		"Web client AAA has unexpectedly died":  false,
		"Web client BBB has unexpectedly died.": false,
	} {
		for _, name := range []string{".mwm.lastWill", ".mwm.lastWill.web"} {
			if p.MayPublish(false, name, []byte(body)) != want {
				t.Errorf("%s to %s: not %t", body, name, want)
			}
			if !p.Judges(false, name) {
				t.Errorf("%s is not judged by the body", name)
			}
		}
	}
	if p.Judges(false, "device.BBB.location") || principalOf(Operator, "olga").Judges(false, ".mwm.lastWill") {
		t.Error("the body of other messages matters")
	}
	if p := principalOf(Device, "BBB", "publish:/topic/.mwm.lastWill"); p.Judges(false, ".mwm.lastWill") || !p.MayPublish(false, ".mwm.lastWill", nil) {
		t.Error("a further permission is limited by the role's")
	}
}

func TestMorePermissions(t *testing.T) {
	p := principalOf(Device, "B <b", "publish:/topic/depot.{id}.door", "subscribe:/queue/orders.{id}.>", "browse:/queue/orders.*")
	for address, want := range map[string]string{
		"/topic/depot.B <b.door": "publish", "/queue/orders.B <b": "subscribe", "/queue/orders.B <b.x.*": "subscribe", "/queue/orders.*": "browse",
		"/topic/device.B <b.location": "publish",
	} {
		for _, action := range []string{"publish", "subscribe", "browse"} {
			if may(p, action, address) != (action == want) && !(want == "subscribe" && action == "browse") {
				t.Errorf("%s %s: %t", action, address, !(action == want))
			}
		}
	}
	// A person's name may have dots: it is no level of an address.
	if v := principalOf(Viewer, "a.b", "publish:/topic/x.{id}"); may(v, "publish", "/topic/x.a.b") {
		t.Error("a name with a dot stands for two levels")
	}
}

func TestParseGrant(t *testing.T) {
	for text, ok := range map[string]bool{
		"publish:/topic/a": true, "subscribe:/queue/a.{id}.>": true, "browse:/queue/>": true,
		"": false, "publish": false, "publish:": false, "publish:a": false, "publish:/topic/": false, "publish:/topic/a.>.b": false,
		"write:/topic/a": false, "publish:/temp-queue/a": false, "subscribe:/topic/a*": false,
	} {
		r, err := ParseGrant(text)
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
		if ok && r.Grant() != text {
			t.Errorf("%q is written as %q", text, r.Grant())
		}
	}
}

func TestClientIDs(t *testing.T) {
	for _, c := range []struct {
		p  *Principal
		id string
		ok bool
	}{
		{principalOf(Device, "BBB"), "BBB", true},
		{principalOf(Device, "BBB"), "", true},
		{principalOf(Device, "BBB"), "AAA", false},
		{principalOf(Device, "BBB"), "bbb", false},
		{principalOf(Viewer, "vera"), "BBB", false},
		{principalOf(Viewer, "vera"), "watch-1", true},
		{principalOf(Viewer, "vera"), "", true},
		{principalOf(Operator, "olga"), "BBB", true},
	} {
		if err := c.p.CheckClientID(c.id); (err == nil) != c.ok {
			t.Errorf("%s as %q: %v", c.p, c.id, err)
		}
	}
	if !principalOf(Device, "BBB").Owns("BBB") || principalOf(Operator, "BBB").Owns("BBB") || principalOf(Device, "BBB").Owns("") {
		t.Error("who owns a client-id")
	}
}

// Checks stand on the way of every message.
func TestChecksDoNotAllocate(t *testing.T) {
	p := principalOf(Device, "BBB", "publish:/topic/depot.*.{id}.>")
	body := []byte("x")
	n := testing.AllocsPerRun(100, func() {
		if !p.MayPublish(false, "device.BBB.location", body) || p.MayPublish(false, "device.AAA.location", body) ||
			!p.MayPublish(false, "depot.x.BBB.door", body) || !p.MaySubscribe(true, "device.BBB.text") ||
			p.MaySubscribe(false, "device.*.location") || p.Judges(false, "device.BBB.location") {
			t.Error("wrong answers")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a device asks for, what it is granted has its own name in it.
func FuzzDevicePolicy(f *testing.F) {
	f.Add("device.BBB.location", "BBB")
	f.Add(".mwm.lastWill.web", "x")
	f.Add("device.*.location", "*")
	f.Fuzz(func(t *testing.T, filter, id string) {
		if CheckName(Device, id) != nil {
			return
		}
		p := principalOf(Device, id)
		own := func(s string) bool { return strings.Contains("."+s+".", "."+id+".") }
		for _, queue := range []bool{false, true} {
			if p.MayPublish(queue, filter, fmt.Appendf(nil, `{"deviceID":%q}`, "other"+id)) && !own(filter) {
				t.Errorf("%q may publish to %q", id, filter)
			}
			if p.MaySubscribe(queue, filter) && (!own(filter) || strings.ContainsAny(filter, "*>")) {
				t.Errorf("%q may subscribe to %q", id, filter)
			}
		}
	})
}

func BenchmarkMayPublish(b *testing.B) {
	p := principalOf(Device, "BBB")
	b.ReportAllocs()
	for b.Loop() {
		p.MayPublish(false, "device.BBB.location", nil)
	}
}
