package httpd

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"mwm/server/fleet"
	"mwm/server/telemetry"
)

func (s *Server) api(r chi.Router) {
	r.Use(s.holding, only(s.opts.Origins.AllowPage))
	r.NotFound(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusNotFound, "the API has no such resource")
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		problem(w, http.StatusMethodNotAllowed, "the resource has no method "+r.Method)
	})
	s.sessionAPI(r)
	r.Get("/phone", s.getPhone)
	r.Group(func(r chi.Router) {
		r.Use(s.recognised)
		s.userAPI(r)
	})
}

// userAPI is for those who are recognised: viewers read, operators do the rest.
func (s *Server) userAPI(r chi.Router) {
	r.Method(http.MethodGet, "/feed", s.opts.Feed)
	r.Get("/openapi.json", s.getOpenAPI)
	r.Get("/status", s.getStatus)
	r.Get("/settings", s.getSettings)
	s.fleetAPI(r)
	s.consoleAPI(r)
	if s.opts.Demo {
		r.Post("/demo/devices", s.postDemo)
	}
}

// fleetAPI is about devices.
func (s *Server) fleetAPI(r chi.Router) {
	r.Get("/devices", s.getDevices)
	r.Get("/devices/{id}", s.getDevice)
	r.Get("/devices/{id}/track", s.getTrack)
	r.Delete("/devices/{id}/track", s.deleteTrack)
	r.Get("/devices/{id}/days", s.getDays)
	r.Get("/devices/{id}/wire", s.getDeviceWire)
	r.Get("/devices/{id}/texts", s.getTexts)
	r.Post("/devices/{id}/texts", s.postText)
	r.Post("/devices/{id}/alerts", s.postAlert)
	r.Post("/texts", s.postTexts)
	r.Get("/texts/{text}", s.getText)
	r.Post("/texts/{text}/resend", s.resendText)
	r.Get("/events", s.getEvents)
	r.Get("/history", s.getHistory)
}

// consoleAPI looks into the broker. Names of destinations are parameters, not
// parts of paths: ".." is a legal name, but no browser sends a path with it.
func (s *Server) consoleAPI(r chi.Router) {
	r.Get("/topics", s.getTopics)
	r.Get("/retained", s.getRetained)
	r.Get("/retained/message", s.getRetainedMessage)
	r.Get("/retained/message/body", s.getRetainedBody)
	r.Post("/retained/clear", s.clearRetained)
	r.Get("/queues", s.getQueues)
	r.Get("/queues/queue", s.getQueue)
	r.Post("/queues/delete", s.deleteQueue)
	r.Get("/queues/messages", s.getMessages)
	r.Post("/queues/messages/delete", s.deleteMessages)
	r.Post("/queues/messages/move", s.moveMessages)
	r.Get("/queues/message", s.getMessage)
	r.Get("/queues/message/body", s.getBody)
	r.Get("/durables", s.getDurables)
	r.Post("/durables/delete", s.deleteDurable)
	r.Get("/sessions", s.getSessions)
	r.Post("/sessions/delete", s.deleteSession)
	r.Get("/subscriptions", s.getSubscriptions)
	r.Get("/connections", s.getConnections)
	r.Get("/connections/{connection}", s.getConnection)
	r.Get("/connections/{connection}/wire", s.getConnectionWire)
	r.Post("/connections/{connection}/close", s.closeConnection)
	r.Post("/messages", s.postMessage)
}

func (s *Server) getStatus(w http.ResponseWriter, _ *http.Request) {
	replyJSON(w, http.StatusOK, s.opts.Status())
}

// getPhone says where the phone's page is to be had over HTTPS. Anybody may ask,
// as anybody may have the page: the answer says no more than the certificate does,
// which is shown to all.
func (s *Server) getPhone(w http.ResponseWriter, r *http.Request) {
	replyJSON(w, http.StatusOK, s.opts.SecurePhone(r.Host))
}

const (
	maxPage     = 1000 // devices in one answer
	defaultPage = 100
)

type devicePage struct {
	Devices []fleet.Device `json:"devices"`
	Next    string         `json:"next,omitempty"` // the "after" of the next page
}

func (s *Server) getDevices(w http.ResponseWriter, r *http.Request) {
	q := queryOf(r)
	limit, first := q.limit(), 0
	if v := q.text("after"); v != "" {
		index, ok := s.opts.Fleet.Index(v)
		if !ok {
			q.fail("after", "the ID of a known device")
		}
		first = index + 1
	}
	if q.bad(w) {
		return
	}
	devices, more := s.opts.Fleet.List(first, limit, q.text("q"))
	page := devicePage{Devices: entries(devices)}
	if more {
		page.Next = devices[len(devices)-1].ID
	}
	replyJSON(w, http.StatusOK, page)
}

func (s *Server) getDevice(w http.ResponseWriter, r *http.Request) {
	id, ok := deviceID(w, r)
	if !ok {
		return
	}
	device, ok := s.opts.Fleet.Device(id)
	if !ok {
		problem(w, http.StatusNotFound, "nothing was ever heard from this device")
		return
	}
	replyJSON(w, http.StatusOK, device)
}

func (s *Server) postAlert(w http.ResponseWriter, r *http.Request) {
	id, ok := deviceID(w, r)
	if !ok {
		return
	}
	var req struct {
		Color string `json:"color"`
	}
	if !s.decode(w, r, &req) {
		return
	}
	color, known := telemetry.ColorNamed(req.Color)
	if !known {
		problem(w, http.StatusUnprocessableEntity, "color must be the name of one of the 14 colours, such as red")
		return
	}
	now := time.Now()
	wait := s.alerts.allow(id, now)
	if wait == 0 { // what is refused takes nothing from the others
		wait = s.allAlerts.allow("", now)
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		s.limited.Add(1)
		problem(w, http.StatusTooManyRequests, "too many alerts; try again later")
		return
	}
	listeners, err := s.opts.Headquarters.SendAlert(r.Context(), id, color.Name)
	if err != nil {
		s.unavailable(w, r, "alert", err)
		return
	}
	s.note(r, "an operator alerted a device", "device", id, "color", color.Name)
	replyJSON(w, http.StatusOK, map[string]int{"listeners": listeners})
}

func (s *Server) postDemo(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Count int `json:"count"`
	}
	if !s.decode(w, r, &req) {
		return
	}
	if req.Count < 1 || req.Count > s.opts.MaxDemo {
		problem(w, http.StatusUnprocessableEntity, fmt.Sprintf("count must be a number from 1 to %d", s.opts.MaxDemo))
		return
	}
	if err := s.opts.Headquarters.StartDemo(r.Context(), req.Count); err != nil {
		s.unavailable(w, r, "demo", err)
		return
	}
	s.note(r, "an operator started simulated devices", "devices", req.Count)
	w.WriteHeader(http.StatusAccepted)
}

// unavailable answers a request that was in order but could not be done.
func (s *Server) unavailable(w http.ResponseWriter, r *http.Request, what string, err error) {
	if r.Context().Err() != nil {
		return // nobody listens any more
	}
	s.opts.Logger.Warn("request failed", "what", what, "err", err)
	problem(w, http.StatusServiceUnavailable, err.Error())
}

// deviceID returns the device in the path, or answers why there is none. What
// chi gives is still escaped when the escaped path differs from the plain one.
func deviceID(w http.ResponseWriter, r *http.Request) (id string, ok bool) {
	id = chi.URLParam(r, "id")
	if r.URL.RawPath != "" {
		unescaped, err := url.PathUnescape(id)
		if err != nil {
			problem(w, http.StatusBadRequest, "the path is not escaped as it should be")
			return "", false
		}
		id = unescaped
	}
	if err := telemetry.CheckID(id); err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return "", false
	}
	return id, true
}

// decode reads the JSON body of a request, or answers what is wrong with it. The
// content type is insisted on because a foreign page cannot send it without
// asking first (CORS), whatever the origin check thinks of the request.
func (s *Server) decode(w http.ResponseWriter, r *http.Request, into any) bool {
	return s.decodeUpTo(w, r, into, s.bodyLimit())
}

// bodyLimit is enough for a text, of which each character may be escaped as six
// bytes.
func (s *Server) bodyLimit() int { return 6*s.opts.MaxText + 1024 }

// decodeUpTo is decode for a body of up to limit bytes.
func (s *Server) decodeUpTo(w http.ResponseWriter, r *http.Request, into any, limit int) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		problem(w, http.StatusUnsupportedMediaType, "the content type must be application/json")
		return false
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		problem(w, http.StatusUnsupportedMediaType, "the body must not be compressed: a small one could become very large")
		return false
	}
	body, err := readBody(w, r, limit)
	switch {
	case err == errFull:
		s.limited.Add(1)
		full(w)
		return false
	case err == errTooLarge:
		s.limited.Add(1)
		w.Header().Set("Connection", "close") // the rest is not read
		problem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", limit))
		return false
	case err != nil:
		problem(w, http.StatusBadRequest, "the body could not be read")
		return false
	}
	if !utf8.Valid(body) {
		problem(w, http.StatusBadRequest, "the body is not UTF-8")
		return false
	}
	return unmarshal(w, body, into)
}

func unmarshal(w http.ResponseWriter, body []byte, into any) bool {
	err := json.Unmarshal(body, into)
	if err == nil {
		return true
	}
	detail := "the body is not JSON"
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		detail = "the body must be a JSON object"
		if wrong.Field != "" {
			detail = fmt.Sprintf("%s must not be: %s", wrong.Field, wrong.Value)
		}
	}
	problem(w, http.StatusBadRequest, detail)
	return false
}
