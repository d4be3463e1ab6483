package httpd

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"mwm/server/broker"
)

// connectionView is a connection in a list.
type connectionView struct {
	ID       string `json:"id"`
	Client   string `json:"client"` // its identifier; "" if it named none
	Protocol string `json:"protocol"`
	Version  string `json:"version"`
	User     string `json:"user"` // "" for an anonymous one
	Address  string `json:"address"`
	Since    int64  `json:"since"`
	Pending  int    `json:"pendingBytes"` // that wait to be written

	MessagesIn  uint64    `json:"messagesIn"`
	MessagesOut uint64    `json:"messagesOut"`
	BytesIn     uint64    `json:"bytesIn"`
	BytesOut    uint64    `json:"bytesOut"`
	Dropped     uint64    `json:"dropped"`
	Rates       rateView  `json:"rates"`
	Subs        []subView `json:"subscriptions,omitempty"` // of a single connection
	Will        *Will     `json:"will,omitempty"`          // of a single connection that has one
}

// rateView is what crosses a connection in a second.
type rateView struct {
	MessagesIn  float64 `json:"messagesIn"`
	MessagesOut float64 `json:"messagesOut"`
	BytesIn     float64 `json:"bytesIn"`
	BytesOut    float64 `json:"bytesOut"`
}

type subView struct {
	ID          string `json:"id"`
	Destination string `json:"destination"`
	Mode        string `json:"mode"`
	Selector    string `json:"selector"`
	Durable     string `json:"durable"`
}

func connectionID(c *broker.Client) string { return strconv.FormatUint(c.Num(), 10) }

func viewConnection(c *broker.Client) connectionView {
	t, r := c.Traffic(), c.Rates()
	v := connectionView{
		ID: connectionID(c), Client: c.ID, Protocol: string(c.Protocol), Version: c.Version, User: c.Principal, Address: c.Remote,
		Since: c.Since.UnixMilli(), MessagesIn: t.MessagesIn, MessagesOut: t.MessagesOut, BytesIn: t.BytesIn, BytesOut: t.BytesOut,
		Dropped: t.Dropped, Rates: rateView(r),
	}
	if c.Out != nil {
		v.Pending = c.Out.Pending()
	}
	return v
}

// getConnections lists connections in the order in which they came.
func (s *Server) getConnections(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	limit, match := q.limit(), strings.ToLower(q.text("q"))
	after := q.seq("after")
	o := orderOf(q, connectionColumns)
	if q.bad(w) {
		return
	}
	s.replyList(w, r, true, func() map[string]any {
		all := s.opts.Broker.Clients()
		total := len(all)
		all = slices.DeleteFunc(all, func(c *broker.Client) bool {
			return c.Num() <= after || match != "" && !strings.Contains(strings.ToLower(c.ID+" "+c.Remote+" "+c.Principal+" "+string(c.Protocol)), match)
		})
		slices.SortFunc(all, func(a, b *broker.Client) int { return cmp.Compare(a.Num(), b.Num()) })
		matching := len(all)
		more := o == nil && matching > limit
		if more {
			all = all[:limit]
		}
		answer := list("connections", o.part(viewed(all, viewConnection)), more, func(v connectionView) string { return v.ID })
		answer["total"] = total
		return o.counted(answer, matching)
	})
}

// connectionColumns are what connections are sorted by; "id" is the order in which
// they came.
var connectionColumns = columns[connectionView]{
	"id":     nil,
	"client": func(a, b *connectionView) int { return cmp.Compare(a.Client, b.Client) },
	"protocol": func(a, b *connectionView) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Version, b.Version))
	},
	"user":         func(a, b *connectionView) int { return cmp.Compare(a.User, b.User) },
	"address":      func(a, b *connectionView) int { return cmp.Compare(a.Address, b.Address) },
	"messagesIn":   func(a, b *connectionView) int { return cmp.Compare(a.MessagesIn, b.MessagesIn) },
	"messagesOut":  func(a, b *connectionView) int { return cmp.Compare(a.MessagesOut, b.MessagesOut) },
	"pendingBytes": func(a, b *connectionView) int { return cmp.Compare(a.Pending, b.Pending) },
	"dropped":      func(a, b *connectionView) int { return cmp.Compare(a.Dropped, b.Dropped) },
}

// connection returns the connection in the path, or answers that there is none.
func (s *Server) connection(w http.ResponseWriter, r *http.Request) *broker.Client {
	num, err := strconv.ParseUint(chi.URLParam(r, "connection"), 10, 64)
	c := s.opts.Broker.Client(num)
	if err != nil || c == nil {
		problem(w, http.StatusNotFound, "there is no such connection; it may have ended")
		return nil
	}
	return c
}

// maxSubscriptions is how many subscriptions of a connection are shown.
const maxSubscriptions = 1000

func (s *Server) getConnection(w http.ResponseWriter, r *http.Request) {
	c := s.connection(w, r)
	if c == nil {
		return
	}
	v := viewConnection(c)
	v.Subs = []subView{}
	if c.Subscriptions != nil {
		for _, sub := range c.Subscriptions(maxSubscriptions) {
			v.Subs = append(v.Subs, subView(sub))
		}
	}
	if c.Will != nil {
		v.Will = ViewWill(c.Will())
	}
	replyJSON(w, http.StatusOK, v)
}

// closeConnection tells a client to go. It may come back.
func (s *Server) closeConnection(w http.ResponseWriter, r *http.Request) {
	var req struct{}
	c := s.connection(w, r)
	if c == nil || !s.decode(w, r, &req) {
		return
	}
	s.note(r, "an operator closed a connection", "client", c.ID, "protocol", c.Protocol, "remote", c.Remote)
	c.Close(broker.ErrClosedByOperator)
	w.WriteHeader(http.StatusNoContent)
}

// Session is what the server remembers of an MQTT client, connected or not.
type Session struct {
	Client        string                `json:"client"`
	User          string                `json:"user"`
	Connection    *string               `json:"connection"` // null while away
	ExpirySeconds float64               `json:"expirySeconds"`
	Subscriptions []SessionSubscription `json:"subscriptions"`
	Queued        int                   `json:"queued"`
	QueuedBytes   int                   `json:"queuedBytes"`
	Inflight      int                   `json:"inflight"`
	Dropped       uint64                `json:"dropped"`
	Will          *Will                 `json:"will,omitempty"`
}

// SessionSubscription is one of its subscriptions.
type SessionSubscription struct {
	Filter string `json:"filter"`
	QoS    int    `json:"qos"`
}

func (s *Server) getSessions(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	page, o := q.page(), orderOf(q, sessionColumns)
	if q.bad(w) {
		return
	}
	s.replyList(w, r, true, func() map[string]any {
		all := map[string]Session{}
		for _, x := range s.opts.Sessions() {
			all[x.Client] = x
		}
		picked, more := pick(all, o.all(page))
		matching := len(picked)
		picked = o.part(picked)
		for i := range picked {
			subs := entries(picked[i].Subscriptions)
			slices.SortFunc(subs, func(a, b SessionSubscription) int { return strings.Compare(a.Filter, b.Filter) })
			picked[i].Subscriptions = subs[:min(len(subs), maxSubscriptions)]
		}
		return o.counted(list("sessions", picked, more, func(x Session) string { return x.Client }), matching)
	})
}

var sessionColumns = columns[Session]{
	"client":        nil,
	"user":          func(a, b *Session) int { return cmp.Compare(a.User, b.User) },
	"online":        func(a, b *Session) int { return order(a.Connection != nil, b.Connection != nil) },
	"subscriptions": func(a, b *Session) int { return cmp.Compare(len(a.Subscriptions), len(b.Subscriptions)) },
	"queued":        func(a, b *Session) int { return cmp.Compare(a.Queued, b.Queued) },
	"inflight":      func(a, b *Session) int { return cmp.Compare(a.Inflight, b.Inflight) },
	"dropped":       func(a, b *Session) int { return cmp.Compare(a.Dropped, b.Dropped) },
}

// deleteSession ends a session whose client is away.
func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Client string `json:"client"`
	}
	if !s.decode(w, r, &req) {
		return
	}
	switch found, away := s.opts.EndSession(req.Client); {
	case !found:
		problem(w, http.StatusNotFound, "there is no session of this client")
	case !away:
		problem(w, http.StatusConflict, "the client is connected; close its connection first")
	default:
		s.note(r, "an operator ended a session", "client", req.Client)
		w.WriteHeader(http.StatusNoContent)
	}
}
