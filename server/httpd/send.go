package httpd

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"mwm/server/broker"
	"mwm/server/topic"
)

// Outgoing is a message that an operator sends.
type Outgoing struct {
	Kind       broker.Kind
	Name       string // canonical
	Headers    []broker.Property
	Body       []byte
	Priority   uint8
	QoS        uint8
	Persistent bool
	Retain     bool
	Expires    time.Time // zero: never
}

// outgoing is the same as requests have it.
type outgoing struct {
	Destination string `json:"destination"`
	// An array, of which there is no more than there may be, and one: a list of empty
	// headers would need ten times the memory of the body that it comes in.
	Headers    [maxHeaders + 1]*[2]string `json:"headers"`
	Body       string                     `json:"body"`
	Base64     string                     `json:"base64"` // in place of body
	Priority   *uint8                     `json:"priority"`
	Persistent bool                       `json:"persistent"`
	Retain     bool                       `json:"retain"`
	Expires    int64                      `json:"expires"` // ms since 1970; 0: never
}

const (
	maxHeaders     = 64
	maxHeaderBytes = 4096 // of one, name and value
	// maxOutgoing is enough for the largest message with the largest headers, as text
	// of which a third is escaped, or in base64.
	maxOutgoing = 3*maxBody + maxHeaders*maxHeaderBytes
)

// postMessage sends a message to any topic or queue.
func (s *Server) postMessage(w http.ResponseWriter, r *http.Request) {
	var req outgoing
	if !s.decodeUpTo(w, r, &req, maxOutgoing) {
		return
	}
	out, err := req.message(time.Now())
	if err != nil {
		problem(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	id, listeners, err := s.opts.Headquarters.Publish(r.Context(), out)
	if err != nil {
		s.failed(w, r, "message", err)
		return
	}
	s.note(r, "an operator sent a message", "destination", req.Destination, "id", id, "bytes", len(out.Body), "retain", out.Retain)
	replyJSON(w, http.StatusAccepted, map[string]any{"id": id, "listeners": listeners})
}

// message checks a request and returns what it asks for.
func (o *outgoing) message(now time.Time) (out Outgoing, err error) {
	var ok bool
	if out.Kind, out.Name, ok = parseDestination(o.Destination); !ok {
		return out, fmt.Errorf("destination must begin with /topic/ or /queue/")
	}
	if err := topic.CheckName(out.Name); err != nil {
		return out, err
	}
	if strings.HasPrefix(out.Name, "$") {
		return out, fmt.Errorf("destination: names that begin with $ are the server's own")
	}
	out.Body = []byte(o.Body)
	if o.Base64 != "" {
		if o.Body != "" {
			return out, fmt.Errorf("body and base64 exclude each other")
		}
		if out.Body, err = base64.StdEncoding.DecodeString(o.Base64); err != nil {
			return out, fmt.Errorf("base64 is not Base64 with padding (RFC 4648 §4)")
		}
	}
	if len(out.Body) > maxBody {
		return out, fmt.Errorf("the body has %d bytes; at most %d are allowed", len(out.Body), maxBody)
	}
	out.Priority = broker.DefaultPriority
	if o.Priority != nil {
		if out.Priority = *o.Priority; out.Priority > 9 {
			return out, fmt.Errorf("priority must be from 0 to 9")
		}
	}
	if out.Retain = o.Retain; out.Retain && out.Kind == broker.QueueKind {
		return out, fmt.Errorf("retain is for topics")
	}
	if out.Persistent = o.Persistent; out.Persistent {
		out.QoS = 1
	}
	if o.Expires != 0 {
		if out.Expires = time.UnixMilli(o.Expires); !out.Expires.After(now) {
			return out, fmt.Errorf("expires is in the past; it is in milliseconds since 1970")
		}
	}
	return out, o.addHeaders(&out)
}

// fixedHeaders are set by fields of the request, or by the broker alone.
var fixedHeaders = map[string]bool{
	"destination": true, "content-length": true, "receipt": true, "transaction": true, "message-id": true, "subscription": true,
	"ack": true, "timestamp": true, "redelivered": true, "priority": true, "persistent": true, "expires": true, "retain": true, "id": true,
}

func (o *outgoing) addHeaders(out *Outgoing) error {
	if o.Headers[maxHeaders] != nil {
		return fmt.Errorf("headers has more than %d entries", maxHeaders)
	}
	for _, h := range o.Headers {
		if h == nil {
			continue
		}
		name, value := h[0], h[1]
		switch {
		case name == "" || len(name)+len(value) > maxHeaderBytes || strings.ContainsRune(name+value, 0):
			return fmt.Errorf("headers: a header has a name, at most %d bytes, and no NUL", maxHeaderBytes)
		case fixedHeaders[name]:
			return fmt.Errorf("headers: %s cannot be set here", name)
		}
		out.Headers = append(out.Headers, broker.Property{Name: name, Value: value})
	}
	return nil
}
