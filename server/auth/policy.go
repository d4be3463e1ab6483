package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"mwm/server/telemetry"
	"mwm/server/topic"
)

// Action is something that is done with an address. Several may be combined.
type Action uint8

const (
	Publish   Action = 1 << iota // send to a topic or queue, by a last will too, retained or not
	Subscribe                    // to a topic, durably and shared too; consume from a queue
	Browse                       // look at what is on a queue
)

var actionNames = []struct {
	name   string
	action Action
}{{"publish", Publish}, {"subscribe", Subscribe}, {"browse", Browse}}

// Prefixes of addresses in rules.
const (
	topicPrefix = "/topic/"
	queuePrefix = "/queue/"
	identity    = "{id}"
)

// Rule permits a role something.
type Rule struct {
	Role    Role
	Actions Action
	// Address is a pattern of topics or queues as STOMP writes them:
	// "/topic/device.{id}.location", "/queue/>". {id} stands for the name of who
	// asks. "" means every address.
	Address string
	// About permits only messages that tell about the one who sends them: last
	// wills, in the two forms that there are.
	About bool
}

// Policy is what the roles are permitted. What it does not permit is refused.
type Policy []Rule

// DefaultPolicy is that of the server: operators do everything, viewers look,
// and a device speaks and listens at its own addresses alone.
var DefaultPolicy = Policy{
	{Role: Operator, Actions: Publish | Subscribe | Browse},

	{Role: Viewer, Actions: Subscribe, Address: "/topic/>"},
	{Role: Viewer, Actions: Subscribe, Address: "/topic/$SYS.>"},
	{Role: Viewer, Actions: Browse, Address: "/queue/>"},

	{Role: Device, Actions: Publish, Address: "/topic/device.{id}.location"},
	{Role: Device, Actions: Subscribe | Browse, Address: "/queue/device.{id}.text"},
	{Role: Device, Actions: Publish, Address: "/topic/.mwm.{id}.motion"},
	{Role: Device, Actions: Subscribe, Address: "/topic/.mwm.{id}.alert"},
	{Role: Device, Actions: Publish, Address: "/topic/.mwm.lastWill.>", About: true},
}

// ParseGrant reads a permission of a single account, "publish:/topic/a.{id}.b",
// with publish, subscribe or browse.
func ParseGrant(s string) (Rule, error) {
	verb, address, _ := strings.Cut(s, ":")
	for _, a := range actionNames {
		if a.name == verb {
			r := Rule{Actions: a.action, Address: address}
			return r, r.check()
		}
	}
	return Rule{}, fmt.Errorf("%.60q must begin with publish:, subscribe: or browse: to say what it permits", s)
}

// Grant writes what ParseGrant reads; of several actions the first.
func (r Rule) Grant() string {
	for _, a := range actionNames {
		if r.Actions&a.action != 0 {
			return a.name + ":" + r.Address
		}
	}
	return ""
}

func (r Rule) check() error {
	if r.Address == "" && r.Role == Nobody {
		return errors.New("a permission names an address: one that begins with /topic/ or /queue/")
	}
	if r.Address == "" {
		return nil
	}
	pattern, _, ok := splitAddress(r.Address)
	if !ok {
		return fmt.Errorf("the address %.60q does not begin with %s or %s", r.Address, topicPrefix, queuePrefix)
	}
	return topic.CheckFilter(strings.ReplaceAll(pattern, identity, "x"))
}

func splitAddress(a string) (pattern string, queue, ok bool) {
	if p, is := strings.CutPrefix(a, topicPrefix); is {
		return p, false, true
	}
	p, is := strings.CutPrefix(a, queuePrefix)
	return p, true, is
}

// rights are a policy as it is for one name. They are immutable, and checking
// them allocates nothing.
type rights struct {
	id     string
	all    Action // at every address
	topics []grant
	queues []grant
}

type grant struct {
	actions Action
	about   bool
	pattern string
}

// rights returns what the policy permits a name, and extra beyond it.
func (p Policy) rights(role Role, name string, extra []Rule) rights {
	r := rights{id: name}
	for _, rule := range p {
		if rule.Role == role {
			r.add(rule)
		}
	}
	for _, rule := range extra {
		r.add(rule)
	}
	return r
}

func (r *rights) add(rule Rule) {
	if rule.Address == "" {
		r.all |= rule.Actions
		return
	}
	pattern, queue, _ := splitAddress(rule.Address)
	if strings.Contains(pattern, identity) {
		if telemetry.CheckID(r.id) != nil {
			return // it would be more, or another, level of the address
		}
		pattern = strings.ReplaceAll(pattern, identity, r.id)
	}
	g := grant{rule.Actions, rule.About, pattern}
	if queue {
		r.queues = append(r.queues, g)
	} else {
		r.topics = append(r.topics, g)
	}
}

func (r *rights) of(queue bool) []grant {
	if queue {
		return r.queues
	}
	return r.topics
}

// mayPublish reports whether a message may be sent to a name.
func (r *rights) mayPublish(queue bool, name string, body []byte) bool {
	if r.all&Publish != 0 {
		return true
	}
	for _, g := range r.of(queue) {
		if g.actions&Publish != 0 && topic.Match(g.pattern, name) && (!g.about || about(r.id, body)) {
			return true
		}
	}
	return false
}

// judges reports whether mayPublish depends on the body.
func (r *rights) judges(queue bool, name string) bool {
	if r.all&Publish != 0 {
		return false
	}
	judged := false
	for _, g := range r.of(queue) {
		if g.actions&Publish != 0 && topic.Match(g.pattern, name) {
			if !g.about {
				return false
			}
			judged = true
		}
	}
	return judged
}

// may reports whether something other than sending may be done with all that a
// filter matches.
func (r *rights) may(a Action, queue bool, filter string) bool {
	if r.all&a != 0 {
		return true
	}
	for _, g := range r.of(queue) {
		if g.actions&a != 0 && topic.Covers(g.pattern, filter) {
			return true
		}
	}
	return false
}

// about reports whether a last will tells about the device itself: as a phone
// leaves it, {"deviceID":"XXX"}, or as a web page does.
func about(id string, body []byte) bool {
	const before, after = "Web client ", " has unexpectedly died"
	if len(body) == len(before)+len(id)+len(after) && string(body) == before+id+after {
		return true
	}
	of, err := telemetry.DecodeWill(body)
	return err == nil && of == id && namesOne(body)
}

// namesOne reports whether an object has its deviceID once, however it is spelt:
// of two, others might believe the other one.
func namesOne(object []byte) bool {
	d := json.NewDecoder(bytes.NewReader(object))
	depth, n, key := 0, 0, false
	for {
		token, err := d.Token()
		if err != nil {
			return n == 1
		}
		switch x := token.(type) {
		case json.Delim:
			if x == '{' || x == '[' {
				depth++
			} else {
				depth--
			}
			key = depth == 1
			continue
		case string:
			if depth == 1 && key && strings.EqualFold(x, "deviceID") {
				n++
			}
		}
		if depth == 1 {
			key = !key
		}
	}
}
