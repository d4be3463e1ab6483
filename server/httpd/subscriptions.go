package httpd

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"mwm/server/broker"
	"mwm/server/topic"
)

// subscriptionView is something that somebody is subscribed to, connected or away.
type subscriptionView struct {
	Destination string  `json:"destination"` // as STOMP writes it
	Client      string  `json:"client"`
	User        string  `json:"user"`
	Protocol    string  `json:"protocol"`
	Connection  *string `json:"connection"` // null while away
	Address     string  `json:"address"`
	ID          string  `json:"id"`
	Mode        string  `json:"mode"`
	Selector    string  `json:"selector"`
	Durable     string  `json:"durable"` // the name of a durable subscription
}

// getSubscriptions lists what all connections are subscribed to, and the kept
// subscriptions of those that are away.
func (s *Server) getSubscriptions(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	limit, match, o := q.limit(), strings.ToLower(q.text("q")), orderOf(q, subscriptionColumns)
	to := q.text("destination")
	kind, name, ok := parseDestination(to)
	if to != "" && !ok {
		q.fail("destination", "the destination of a topic or queue, such as /topic/device.BBB.location")
	}
	if q.bad(w) {
		return
	}
	s.replyList(w, r, true, func() map[string]any {
		all := slices.DeleteFunc(s.subscriptions(), func(v subscriptionView) bool {
			return to != "" && !v.covers(kind, name) ||
				match != "" && !strings.Contains(strings.ToLower(v.Destination+" "+v.Client+" "+v.User+" "+v.Address+" "+v.Durable), match)
		})
		slices.SortFunc(all, func(a, b subscriptionView) int {
			return cmp.Or(cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Client, b.Client), cmp.Compare(a.ID, b.ID))
		})
		page := o.part(all)
		page = slices.Clone(page[:min(limit, len(page))])
		return o.counted(list("subscriptions", page, false, func(subscriptionView) string { return "" }), len(all))
	})
}

var subscriptionColumns = columns[subscriptionView]{
	"destination": nil,
	"client":      func(a, b *subscriptionView) int { return cmp.Compare(a.Client, b.Client) },
	"protocol":    func(a, b *subscriptionView) int { return cmp.Compare(a.Protocol, b.Protocol) },
	"mode":        func(a, b *subscriptionView) int { return cmp.Compare(a.Mode, b.Mode) },
	"online":      func(a, b *subscriptionView) int { return order(a.Connection != nil, b.Connection != nil) },
}

// covers reports whether the subscription gets what is sent to a destination.
func (v *subscriptionView) covers(kind broker.Kind, name string) bool {
	k, filter, ok := parseDestination(v.Destination)
	return ok && k == kind && topic.CheckFilter(filter) == nil && topic.Match(filter, name)
}

// subscriptions are those of all connections, and those that are kept for clients
// which are away.
func (s *Server) subscriptions() (all []subscriptionView) {
	for _, c := range s.opts.Broker.Clients() {
		if c.Subscriptions == nil {
			continue
		}
		id := connectionID(c)
		for _, sub := range c.Subscriptions(maxSubscriptions) {
			v := subscriptionView{sub.Destination, c.ID, c.Principal, string(c.Protocol), &id, c.Remote, sub.ID, sub.Mode, sub.Selector, sub.Durable}
			if c.Protocol == broker.MQTT {
				v.Destination = mqttDestination(sub.Destination)
			}
			all = append(all, v)
		}
	}
	for _, d := range s.opts.Broker.Durables() {
		if d.Consumers == 0 {
			all = append(all, subscriptionView{Destination: "/topic/" + d.Filter, Client: d.Client, Protocol: string(broker.STOMP), Selector: d.Selector, Durable: d.Name})
		}
	}
	for _, x := range s.opts.Sessions() {
		if x.Connection != nil {
			continue
		}
		for _, sub := range x.Subscriptions {
			all = append(all, subscriptionView{
				Destination: mqttDestination(sub.Filter), Client: x.Client, User: x.User, Protocol: string(broker.MQTT), Mode: qosMode(sub.QoS),
			})
		}
	}
	return all
}

// mqttDestination is what STOMP calls an MQTT filter; that of a shared
// subscription without its group (MQTT 5.0 §4.8.2).
func mqttDestination(filter string) string {
	if rest, shared := strings.CutPrefix(filter, "$share/"); shared {
		if _, inner, ok := strings.Cut(rest, "/"); ok {
			filter = inner
		}
	}
	return "/topic/" + topic.Swap(filter)
}

func qosMode(qos int) string { return "QoS " + string(rune('0'+qos)) }
