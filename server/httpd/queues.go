package httpd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"mwm/server/broker"
	"mwm/server/topic"
)

// queueView is a queue in a list.
type queueView struct {
	Name           string `json:"name"`
	Destination    string `json:"destination"`
	Waiting        int    `json:"waiting"`
	Unacknowledged int    `json:"unacknowledged"`
	Bytes          int    `json:"bytes"`
	Consumers      int    `json:"consumers"`
	Enqueued       uint64 `json:"enqueued"`
	Delivered      uint64 `json:"delivered"`
	Consumed       uint64 `json:"consumed"`
	Expired        uint64 `json:"expired"`
	Dead           uint64 `json:"dead"`
	Removed        uint64 `json:"removed"`
}

func viewQueue(i broker.QueueInfo) queueView {
	return queueView{
		i.Name, "/queue/" + i.Name, i.Waiting, i.Unacknowledged, i.Bytes, i.Consumers,
		i.Counts.Enqueued, i.Counts.Delivered, i.Counts.Consumed, i.Counts.Expired, i.Counts.Dead, i.Counts.Removed,
	}
}

// page reads which part of a list in the order of names is asked for.
func (q *query) page() broker.Page {
	return broker.Page{After: q.text("after"), Limit: q.limit(), Match: q.text("q")}
}

// list is the answer with a list: its entries under a name, the time at which
// counters were read, and "next" for the "after" of the page behind it.
func list[T any](name string, entriesOf []T, more bool, next func(T) string) map[string]any {
	answer := map[string]any{name: entries(entriesOf), "at": time.Now().UnixMilli()}
	if more && len(entriesOf) > 0 {
		answer["next"] = next(entriesOf[len(entriesOf)-1])
	}
	return answer
}

func (s *Server) getQueues(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	page, o := q.page(), orderOf(q, queueColumns)
	if q.bad(w) {
		return
	}
	page.Match = strings.TrimPrefix(page.Match, "/queue/")
	s.replyList(w, r, o != nil, func() map[string]any {
		infos, more := s.opts.Broker.QueuePage(o.all(page))
		answer := list("queues", o.part(viewed(infos, viewQueue)), more, func(v queueView) string { return v.Name })
		return o.counted(answer, len(infos))
	})
}

var queueColumns = columns[queueView]{
	"name":           nil,
	"waiting":        func(a, b *queueView) int { return cmp.Compare(a.Waiting, b.Waiting) },
	"unacknowledged": func(a, b *queueView) int { return cmp.Compare(a.Unacknowledged, b.Unacknowledged) },
	"bytes":          func(a, b *queueView) int { return cmp.Compare(a.Bytes, b.Bytes) },
	"consumers":      func(a, b *queueView) int { return cmp.Compare(a.Consumers, b.Consumers) },
	"enqueued":       func(a, b *queueView) int { return cmp.Compare(a.Enqueued, b.Enqueued) },
	"delivered":      func(a, b *queueView) int { return cmp.Compare(a.Delivered, b.Delivered) },
	"consumed":       func(a, b *queueView) int { return cmp.Compare(a.Consumed, b.Consumed) },
	"expired":        func(a, b *queueView) int { return cmp.Compare(a.Expired, b.Expired) },
	"dead":           func(a, b *queueView) int { return cmp.Compare(a.Dead, b.Dead) },
	"removed":        func(a, b *queueView) int { return cmp.Compare(a.Removed, b.Removed) },
}

// queueRef is how requests name a queue, or what a durable subscription keeps.
type queueRef struct {
	Queue   string `json:"queue"`
	Client  string `json:"client"`
	Durable string `json:"durable"`
}

func (f queueRef) ref() broker.Ref {
	return broker.Ref{Queue: f.Queue, Client: f.Client, Durable: f.Durable}
}

func (f queueRef) named() bool { return f.Queue != "" != (f.Durable != "") }

const refForm = "the name of a queue; or client and durable those of a durable subscription"

func (q *query) ref() broker.Ref {
	f := queueRef{q.text("queue"), q.text("client"), q.text("durable")}
	if !f.named() {
		q.fail("queue", refForm)
	}
	return f.ref()
}

// failed answers why something cannot be done with a queue.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, what string, err error) {
	switch {
	case errors.Is(err, broker.ErrNoQueue), errors.Is(err, broker.ErrNoMessage), errors.Is(err, broker.ErrUnknownSubscriber):
		problem(w, http.StatusNotFound, err.Error())
	case errors.Is(err, broker.ErrConsumed), errors.Is(err, broker.ErrQueueFull):
		problem(w, http.StatusConflict, err.Error())
	case errors.Is(err, topic.ErrInvalid):
		problem(w, http.StatusUnprocessableEntity, err.Error())
	default:
		s.unavailable(w, r, what, err)
	}
}

func (s *Server) getQueue(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	ref := q.ref()
	if q.bad(w) {
		return
	}
	info, err := s.opts.Broker.Queue(ref)
	if err != nil {
		s.failed(w, r, "queue", err)
		return
	}
	replyJSON(w, http.StatusOK, viewQueue(info))
}

// queuedView is a message on a queue.
type queuedView struct {
	Key        string  `json:"key"`
	Position   *int    `json:"position"` // null: a consumer has it
	Deliveries int     `json:"deliveries"`
	OnDisk     bool    `json:"onDisk"`
	Connection *string `json:"connection"` // the consumer's; null: the message waits
}

func viewQueued(x broker.Browsed) queuedView {
	v := queuedView{Key: key(x.Place), Deliveries: x.Deliveries, OnDisk: x.OnDisk}
	if x.Position >= 0 {
		v.Position = &x.Position
	}
	if x.Holder != nil {
		id := connectionID(x.Holder)
		v.Connection = &id
	}
	return v
}

type browsedView struct {
	queuedView
	messageView
}

const maxBrowse = 200

// getMessages browses a queue: by position, or behind a message.
func (s *Server) getMessages(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	ref, state := q.ref(), q.choice("state", "waiting", "unacknowledged")
	offset := q.number("offset", 0, 0, 1<<30)
	limit, after := q.number("limit", 50, 1, maxBrowse), q.key("after")
	find := q.text("q")
	if find != "" && state != "waiting" {
		q.fail("q", "for messages that wait")
	}
	if q.bad(w) {
		return
	}
	var page []broker.Browsed
	var more bool
	var goOn *broker.Place
	var err error
	switch {
	case find != "":
		page, goOn, err = s.opts.Broker.Find(ref, after, saying(find), limit, clickTime)
	case state == "waiting":
		page, more, err = s.opts.Broker.Browse(ref, offset, after, limit)
	default:
		page, more, err = s.opts.Broker.Unacknowledged(ref, after, limit)
	}
	info, gone := s.opts.Broker.Queue(ref)
	switch {
	case gone != nil:
		s.failed(w, r, "messages", gone)
		return
	case err != nil && !errors.Is(err, broker.ErrNoQueue): // one that was has no messages
		s.failed(w, r, "messages", err)
		return
	}
	views := make([]browsedView, len(page))
	for i, x := range page {
		views[i] = browsedView{viewQueued(x), viewMessage(x.Message)}
	}
	answer := list("messages", views, more, func(v browsedView) string { return v.Key })
	answer["queue"] = viewQueue(info)
	if goOn != nil {
		answer["next"] = key(*goOn)
	}
	replyJSON(w, http.StatusOK, answer)
}

// maxSought is how much of a body is searched, in bytes.
const maxSought = 64 << 10

// saying selects messages with a text in their body or headers.
func saying(text string) func(*broker.Message) bool {
	want := []byte(text)
	return func(m *broker.Message) bool {
		if bytes.Contains(m.Body[:min(len(m.Body), maxSought)], want) {
			return true
		}
		if bytes.IndexByte(m.Head, '\\') < 0 && m.Head != nil { // as it stands there
			return bytes.Contains(m.Head, want)
		}
		return slices.ContainsFunc(m.Headers(), func(h broker.Property) bool { return strings.Contains(h.Name+":"+h.Value, text) })
	}
}

// message finds the message that a request asks for.
func (s *Server) message(w http.ResponseWriter, r *http.Request, q *query) (x broker.Browsed, ok bool) {
	ref, at := q.ref(), q.key("key")
	if at == nil {
		q.fail("key", keyForm)
	}
	if q.bad(w) {
		return x, false
	}
	x, err := s.opts.Broker.Look(ref, *at)
	if err != nil {
		s.failed(w, r, "message", err)
	}
	return x, err == nil
}

func (s *Server) getMessage(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	form := q.bodyForm()
	x, ok := s.message(w, r, q)
	if !ok {
		return
	}
	if !s.hold(w, form.room(x.Message)) {
		return
	}
	destination := "/queue/" + x.Message.Name
	if q.text("durable") != "" {
		destination = "/topic/" + x.Message.Name
	}
	replyJSON(w, http.StatusOK, struct {
		queuedView
		messageDetails
	}{viewQueued(x), viewDetails(x.Message, destination, form)})
}

func (s *Server) getBody(w http.ResponseWriter, r *http.Request) {
	if x, ok := s.message(w, r, queryOf(r)); ok {
		s.sendBody(w, x.Message)
	}
}

// operation is what is to be done with messages of a queue: those with the keys,
// or all that wait.
type operation struct {
	queueRef
	Keys []string `json:"keys"`
	All  bool     `json:"all"`
	To   string   `json:"to"` // the queue that they are moved to
}

// maxKeys is how many messages one request names.
const maxKeys = 1000

// clickTime is how long an answer may take that works on a long queue: what is
// left then, the client asks for anew.
const clickTime = 100 * time.Millisecond

// operation reads one, or answers what is wrong with it.
func (s *Server) operation(w http.ResponseWriter, r *http.Request) (op operation, places []broker.Place, ok bool) {
	if !s.decodeUpTo(w, r, &op, s.bodyLimit()+maxKeys*32+6*topic.MaxLength) {
		return op, nil, false
	}
	wrong := ""
	switch {
	case !op.named():
		wrong = "queue must be " + refForm
	case op.All == (len(op.Keys) > 0):
		wrong = "either keys must name messages, or all be true"
	case len(op.Keys) > maxKeys:
		wrong = fmt.Sprintf("keys has %d entries; at most %d are allowed", len(op.Keys), maxKeys)
	}
	for _, k := range op.Keys {
		p, ok := parseKey(k)
		if !ok && wrong == "" {
			wrong = "keys must have keys of messages, as a list of messages has them"
		}
		places = append(places, p)
	}
	if wrong != "" {
		problem(w, http.StatusUnprocessableEntity, wrong)
	}
	return op, places, wrong == ""
}

// done is the answer to an operation: on how many messages, and whether some of
// those that were meant are left.
type done struct {
	Count int  `json:"count"`
	More  bool `json:"more"`
}

// deleteMessages deletes messages that wait. Those that were named are gone from
// the disk, too, when it answers.
func (s *Server) deleteMessages(w http.ResponseWriter, r *http.Request) {
	op, places, ok := s.operation(w, r)
	if !ok {
		return
	}
	var d done
	var err error
	if op.All {
		d.Count, d.More, err = s.opts.Broker.Purge(op.ref(), clickTime)
	} else {
		d.Count, err = s.opts.Broker.Discard(op.ref(), places)
	}
	s.finish(w, r, "delete", op, d, err)
}

// moveMessages moves messages that wait to another queue.
func (s *Server) moveMessages(w http.ResponseWriter, r *http.Request) {
	op, places, ok := s.operation(w, r)
	if !ok {
		return
	}
	var d done
	var err error
	if op.All {
		d.Count, d.More, err = s.opts.Broker.MoveAll(op.ref(), op.To, clickTime)
	} else {
		d.Count, err = s.opts.Broker.MoveTo(op.ref(), places, op.To)
	}
	s.finish(w, r, "move", op, d, err)
}

// finish answers an operation once it is on disk. One on very many messages is
// not waited for.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, what string, op operation, d done, err error) {
	if err == nil && !op.All {
		onDisk := make(chan error, 1)
		s.opts.Broker.Journal().Sync(func(err error) { onDisk <- err })
		select {
		case err = <-onDisk:
		case <-r.Context().Done():
			return
		}
	}
	if err != nil {
		s.failed(w, r, what, err)
		return
	}
	s.note(r, "an operator worked on a queue", "what", what, "queue", op.Queue, "client", op.Client, "durable", op.Durable, "to", op.To, "messages", d.Count)
	replyJSON(w, http.StatusOK, d)
}

// deleteQueue forgets a queue that is empty and that nobody consumes.
func (s *Server) deleteQueue(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Queue string `json:"queue"`
	}
	if !s.decode(w, r, &req) {
		return
	}
	if err := s.opts.Broker.ForgetQueue(req.Queue); err != nil {
		s.failed(w, r, "queue", err)
		return
	}
	s.note(r, "an operator forgot a queue", "queue", req.Queue)
	w.WriteHeader(http.StatusNoContent)
}
