package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/netx"
	"mwm/server/telemetry"
)

// outgoingText is a text as requests have it.
type outgoingText struct {
	Body    string `json:"body"`
	Expires *int64 `json:"expires"` // ms since 1970; null or 0: never
}

// check answers what is wrong with a text.
func (s *Server) check(w http.ResponseWriter, t outgoingText) (expires time.Time, ok bool) {
	if t.Expires != nil && *t.Expires != 0 {
		expires = time.UnixMilli(*t.Expires)
	}
	switch {
	case t.Body == "":
		problem(w, http.StatusUnprocessableEntity, "body is empty")
	case len(t.Body) > s.opts.MaxText:
		problem(w, http.StatusUnprocessableEntity, fmt.Sprintf("body has %d bytes; at most %d are allowed", len(t.Body), s.opts.MaxText))
	case !expires.IsZero() && !expires.After(time.Now()):
		problem(w, http.StatusUnprocessableEntity, "expires is in the past; it is in milliseconds since 1970")
	default:
		return expires, true
	}
	return expires, false
}

// postText takes texts also for devices that were never heard from: they wait
// for them.
func (s *Server) postText(w http.ResponseWriter, r *http.Request) {
	id, ok := deviceID(w, r)
	if !ok {
		return
	}
	var req outgoingText
	if !s.decode(w, r, &req) {
		return
	}
	if expires, ok := s.check(w, req); ok {
		s.sendText(w, r, id, req.Body, expires)
	}
}

func (s *Server) sendText(w http.ResponseWriter, r *http.Request, device, body string, expires time.Time) {
	text, err := s.opts.Headquarters.SendText(r.Context(), device, body, expires)
	if err != nil {
		s.unavailable(w, r, "text", err)
		return
	}
	s.note(r, "an operator sent a text", "device", device, "id", text.ID, "bytes", len(body))
	replyJSON(w, http.StatusAccepted, text)
}

const (
	// maxBulk is to how many devices one request may send a text.
	maxBulk = 1000
	// textRoom is what a text takes beside its body, in bytes, roughly.
	textRoom = 512
)

// refusedText says why a device's text was not accepted: by a code that stays the
// same, for who says it in another language, and in plain English.
type refusedText struct {
	Device string `json:"device"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// refusalCode is the code of a reason. What becomes known later may get one of its
// own, so that clients have to take codes that they do not know.
func refusalCode(err error) string {
	switch {
	case errors.Is(err, &telemetry.Refusal{Reason: telemetry.BadID}):
		return string(telemetry.BadID)
	case errors.Is(err, netx.ErrMemory): // also says that the queue is full
		return "short-of-memory"
	case errors.Is(err, broker.ErrQueueFull):
		return "queue-full"
	case errors.Is(err, broker.ErrQueues):
		return "too-many-queues"
	case errors.Is(err, broker.ErrDisk):
		return "disk"
	}
	return "other"
}

// postTexts sends a text to many devices. Those that cannot get it are named;
// the others get it all the same.
func (s *Server) postTexts(w http.ResponseWriter, r *http.Request) {
	var req struct {
		outgoingText
		Devices []string `json:"devices"`
	}
	if !s.decodeUpTo(w, r, &req, s.bodyLimit()+maxBulk*(6*telemetry.MaxIDLength+3)) {
		return
	}
	expires, ok := s.check(w, req.outgoingText)
	if !ok {
		return
	}
	if len(req.Devices) < 1 || len(req.Devices) > maxBulk {
		problem(w, http.StatusUnprocessableEntity, fmt.Sprintf("devices must be a list of 1 to %d IDs", maxBulk))
		return
	}
	if !s.hold(w, len(req.Devices)*(2*len(req.Body)+textRoom)) { // each is answered with its text
		return
	}
	texts, errs := s.opts.Headquarters.SendTexts(r.Context(), req.Devices, req.Body, expires)
	if r.Context().Err() != nil {
		return
	}
	answer := struct {
		Texts   []fleet.Text  `json:"texts"`
		Refused []refusedText `json:"refused"`
	}{[]fleet.Text{}, []refusedText{}}
	for i, err := range errs {
		if err != nil {
			answer.Refused = append(answer.Refused, refusedText{req.Devices[i], refusalCode(err), err.Error()})
		} else {
			answer.Texts = append(answer.Texts, texts[i])
		}
	}
	s.note(r, "an operator sent texts", "sent", len(answer.Texts), "refused", len(answer.Refused), "bytes", len(req.Body))
	replyJSON(w, http.StatusAccepted, answer)
}

// text returns the text in the path, or answers that there is none.
func (s *Server) text(w http.ResponseWriter, r *http.Request) (fleet.Text, bool) {
	text, ok := s.opts.Fleet.TextOf(chi.URLParam(r, "text"))
	if !ok {
		problem(w, http.StatusNotFound, "there is no such text, or it was sent too long ago")
	}
	return text, ok
}

func (s *Server) getText(w http.ResponseWriter, r *http.Request) {
	if text, ok := s.text(w, r); ok {
		replyJSON(w, http.StatusOK, text)
	}
}

// resendText sends a text again, as a new one: to its device or to another one.
// If its time is over it does not expire any more.
func (s *Server) resendText(w http.ResponseWriter, r *http.Request) {
	text, ok := s.text(w, r)
	if !ok {
		return
	}
	req := struct {
		Device string `json:"device"`
	}{text.Device}
	if !s.decode(w, r, &req) {
		return
	}
	if err := telemetry.CheckID(req.Device); err != nil {
		problem(w, http.StatusUnprocessableEntity, "device: "+err.Error())
		return
	}
	if text.Cut {
		problem(w, http.StatusConflict, "only the beginning of this text is remembered")
		return
	}
	var expires time.Time
	if text.Expires > time.Now().UnixMilli() {
		expires = time.UnixMilli(text.Expires)
	}
	s.sendText(w, r, req.Device, text.Body, expires)
}

func (s *Server) getTexts(w http.ResponseWriter, r *http.Request) {
	if id, ok := deviceID(w, r); ok {
		replyJSON(w, http.StatusOK, map[string][]fleet.Text{"texts": entries(s.opts.Fleet.TextsOf(id))})
	}
}

// getEvents returns the newest events, or those after one that is known.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	after := q.seq("after")
	limit := q.limit()
	device, kind := q.text("device"), fleet.EventKind(q.text("kind"))
	if q.bad(w) {
		return
	}
	all, _ := s.opts.Fleet.Events()
	events := []*fleet.Event{}
	for _, e := range all {
		if e.Seq > after && (device == "" || e.Device == device) && (kind == "" || e.Kind == kind) {
			events = append(events, e)
		}
	}
	answer := map[string]any{}
	switch {
	case len(events) <= limit:
	case after > 0: // whoever follows them wants the next ones
		events = events[:limit]
		answer["next"] = events[limit-1].Seq
	default:
		events = events[len(events)-limit:]
	}
	answer["events"] = events
	replyJSON(w, http.StatusOK, answer)
}
