package httpd

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"mwm/server/broker"
	"mwm/server/topic"
)

// topicView is a topic in a list.
type topicView struct {
	Name        string `json:"name"`
	Destination string `json:"destination"`
	MQTT        string `json:"mqtt"`
	Subscribers int    `json:"subscribers"`
	Online      int    `json:"online"`
	In          uint64 `json:"in"`
	Out         uint64 `json:"out"`
	Retained    bool   `json:"retained"`
}

func viewTopic(i broker.TopicInfo) topicView {
	return topicView{i.Name, "/topic/" + i.Name, mqttName(i.Name), i.Subscribers, i.Online, i.In, i.Out, i.Retained}
}

func (s *Server) getTopics(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	page, o := q.topicPage(), orderOf(q, topicColumns)
	if q.bad(w) {
		return
	}
	s.replyList(w, r, o != nil, func() map[string]any {
		infos, more := s.opts.Broker.Topics(o.all(page))
		answer := list("topics", o.part(viewed(infos, viewTopic)), more, func(v topicView) string { return v.Name })
		return o.counted(answer, len(infos))
	})
}

// topicPage is page for topics: q may also be a destination as STOMP writes it, or
// a filter as MQTT does.
func (q *query) topicPage() broker.Page {
	page := q.page()
	if name, ok := strings.CutPrefix(page.Match, "/topic/"); ok {
		page.Match = name
	} else if strings.ContainsAny(page.Match, "+#") || strings.Contains(page.Match, "/") && !strings.Contains(page.Match, ".") {
		page.Match = topic.Swap(page.Match)
	}
	return page
}

var topicColumns = columns[topicView]{
	"name":        nil,
	"subscribers": func(a, b *topicView) int { return cmp.Compare(a.Subscribers, b.Subscribers) },
	"online":      func(a, b *topicView) int { return cmp.Compare(a.Online, b.Online) },
	"in":          func(a, b *topicView) int { return cmp.Compare(a.In, b.In) },
	"out":         func(a, b *topicView) int { return cmp.Compare(a.Out, b.Out) },
	"retained":    func(a, b *topicView) int { return order(a.Retained, b.Retained) },
}

// retainedView is the last value of a topic in a list.
type retainedView struct {
	Name        string `json:"name"`
	Destination string `json:"destination"`
	MQTT        string `json:"mqtt"`
	messageView
}

func (s *Server) getRetained(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	page, o := q.topicPage(), orderOf(q, retainedColumns)
	if q.bad(w) {
		return
	}
	s.replyList(w, r, o != nil, func() map[string]any {
		messages, more := s.opts.Broker.RetainedPage(o.all(page))
		matching := len(messages)
		views := viewed(o.part(messages), func(m *broker.Message) retainedView {
			return retainedView{m.Name, "/topic/" + m.Name, mqttName(m.Name), viewMessage(m)}
		})
		answer := list("retained", views, more, func(v retainedView) string { return v.Name })
		answer["total"] = s.opts.Broker.RetainedCount()
		return o.counted(answer, matching)
	})
}

var retainedColumns = columns[*broker.Message]{
	"name":   nil,
	"size":   func(a, b **broker.Message) int { return cmp.Compare(len((*a).Body), len((*b).Body)) },
	"at":     func(a, b **broker.Message) int { return cmp.Compare((*a).Timestamp, (*b).Timestamp) },
	"sender": func(a, b **broker.Message) int { return cmp.Compare((*a).Sender, (*b).Sender) },
}

const topicForm = "the canonical name of a topic, such as device.BBB.location"

// retained finds the last value that a request asks for.
func (s *Server) retained(w http.ResponseWriter, q *query) *broker.Message {
	name := q.required("topic", topicForm)
	if q.bad(w) {
		return nil
	}
	m := s.opts.Broker.RetainedMessage(name)
	if m == nil {
		problem(w, http.StatusNotFound, "the topic has no retained message")
	}
	return m
}

func (s *Server) getRetainedMessage(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	form := q.bodyForm()
	if m := s.retained(w, q); m != nil && s.hold(w, form.room(m)) {
		replyJSON(w, http.StatusOK, viewDetails(m, "/topic/"+m.Name, form))
	}
}

func (s *Server) getRetainedBody(w http.ResponseWriter, r *http.Request) {
	if m := s.retained(w, queryOf(r)); m != nil {
		s.sendBody(w, m)
	}
}

// clearRetained clears the last values of topics, as a client would: by
// publishing nothing, which subscribers see.
func (s *Server) clearRetained(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Topics []string `json:"topics"`
	}
	if !s.decodeUpTo(w, r, &req, maxBody) {
		return
	}
	if len(req.Topics) < 1 || len(req.Topics) > maxKeys {
		problem(w, http.StatusUnprocessableEntity, "topics must be a list of 1 to 1000 names")
		return
	}
	cleared, err := s.clear(r.Context(), req.Topics)
	if err != nil {
		s.failed(w, r, "retained", err)
		return
	}
	s.note(r, "an operator cleared retained messages", "topics", cleared)
	replyJSON(w, http.StatusOK, done{Count: cleared})
}

func (s *Server) clear(ctx context.Context, topics []string) (cleared int, err error) {
	for _, name := range topics {
		if s.opts.Broker.RetainedMessage(name) == nil {
			continue
		}
		if _, _, err := s.opts.Headquarters.Publish(ctx, Outgoing{Kind: broker.TopicKind, Name: name, Retain: true, Priority: broker.DefaultPriority}); err != nil {
			return cleared, err
		}
		cleared++
	}
	return cleared, nil
}

// durableView is a durable subscription in a list.
type durableView struct {
	Client   string `json:"client"`
	Durable  string `json:"durable"`
	Filter   string `json:"filter"`
	Selector string `json:"selector"`
	NoLocal  bool   `json:"noLocal"`
	Online   bool   `json:"online"`
	queueView
}

// durableKey orders durable subscriptions.
func durableKey(client, name string) string { return client + "\n" + name }

func (s *Server) getDurables(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	page, o := q.page(), orderOf(q, durableColumns)
	if q.bad(w) {
		return
	}
	s.replyList(w, r, true, func() map[string]any {
		all := map[string]broker.DurableInfo{}
		for _, d := range s.opts.Broker.Durables() {
			all[durableKey(d.Client, d.Name)] = d
		}
		picked, more := pick(all, o.all(page))
		views := make([]durableView, len(picked))
		for i, d := range picked {
			info := d.QueueInfo
			info.Name = d.Filter
			views[i] = durableView{
				d.Client, d.Name, "/topic/" + d.Filter, d.Selector, d.NoLocal, d.Consumers > 0, viewQueue(info),
			}
			views[i].Destination = "/topic/" + d.Filter
		}
		answer := list("durables", o.part(views), more, func(v durableView) string { return durableKey(v.Client, v.Durable) })
		return o.counted(answer, len(picked))
	})
}

var durableColumns = columns[durableView]{
	"client":   nil,
	"durable":  func(a, b *durableView) int { return cmp.Compare(a.Durable, b.Durable) },
	"filter":   func(a, b *durableView) int { return cmp.Compare(a.Filter, b.Filter) },
	"online":   func(a, b *durableView) int { return order(a.Online, b.Online) },
	"waiting":  func(a, b *durableView) int { return cmp.Compare(a.Waiting, b.Waiting) },
	"enqueued": func(a, b *durableView) int { return cmp.Compare(a.Enqueued, b.Enqueued) },
	"consumed": func(a, b *durableView) int { return cmp.Compare(a.Consumed, b.Consumed) },
}

// pick returns a page of what is in a map.
func pick[T any](all map[string]T, page broker.Page) (picked []T, more bool) {
	names := broker.NewPicker(page)
	for name := range all {
		names.Add(name)
	}
	chosen, more := names.Picked()
	for _, name := range chosen {
		picked = append(picked, all[name])
	}
	return picked, more
}

// deleteDurable ends a durable subscription that nobody is connected to, with all
// that it keeps.
func (s *Server) deleteDurable(w http.ResponseWriter, r *http.Request) {
	var req queueRef
	if !s.decode(w, r, &req) {
		return
	}
	req.Queue = ""
	info, err := s.opts.Broker.Queue(req.ref())
	if err == nil && info.Consumers > 0 {
		err = broker.ErrConsumed
	}
	if err == nil {
		onDisk := make(chan error, 1)
		if err = s.opts.Broker.Forget(req.Client, req.Durable, func(err error) { onDisk <- err }); err == nil {
			err = <-onDisk
		}
	}
	if err != nil {
		s.failed(w, r, "durable", err)
		return
	}
	s.note(r, "an operator ended a durable subscription", "client", req.Client, "durable", req.Durable)
	w.WriteHeader(http.StatusNoContent)
}

// parseDestination takes a destination as STOMP writes it apart.
func parseDestination(s string) (kind broker.Kind, name string, ok bool) {
	if name, ok = strings.CutPrefix(s, "/topic/"); ok {
		return broker.TopicKind, name, true
	}
	name, ok = strings.CutPrefix(s, "/queue/")
	return broker.QueueKind, name, ok
}
