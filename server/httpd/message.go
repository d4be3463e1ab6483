package httpd

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mwm/server/broker"
	"mwm/server/topic"
)

// messageView is a message in a list.
type messageView struct {
	ID         string `json:"id"`
	At         int64  `json:"at"`
	Expires    int64  `json:"expires"` // 0: never
	Priority   int    `json:"priority"`
	QoS        int    `json:"qos"`
	Persistent bool   `json:"persistent"`
	Sender     string `json:"sender"` // the client's identifier
	Size       int    `json:"size"`   // of the body, in bytes
	// Preview begins the body, if that is text; else it is null.
	Preview *string `json:"preview"`
}

const previewLength = 120

func viewMessage(m *broker.Message) messageView {
	return messageView{
		ID: m.ID.String(), At: m.Timestamp, Expires: m.Expires, Priority: int(m.Priority), QoS: int(m.QoS),
		Persistent: m.Persistent, Sender: m.Sender, Size: len(m.Body), Preview: preview(m.Body),
	}
}

// preview returns the beginning of a body in one line, nil if it is no text.
func preview(body []byte) *string {
	start := cutText(body, 4*previewLength)
	if !isText(start) {
		return nil
	}
	line := strings.Join(strings.Fields(string(start)), " ")
	if r := []rune(line); len(r) > previewLength || len(start) < len(body) {
		line = string(r[:min(len(r), previewLength-1)]) + "…"
	}
	return &line
}

// cutText returns at most limit bytes of a body, if it is text without a piece of
// a character at the end.
func cutText(body []byte, limit int) []byte {
	if len(body) <= limit {
		return body
	}
	for n := limit; n > max(0, limit-utf8.UTFMax); n-- {
		if utf8.RuneStart(body[n]) {
			return body[:n]
		}
	}
	return body[:limit]
}

// isText reports whether a body can be shown as text.
func isText(body []byte) bool {
	if !utf8.Valid(body) {
		return false
	}
	for _, r := range string(body) {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
	}
	return true
}

// bodyView is a body in a form that JSON can carry.
type bodyView struct {
	Encoding  string `json:"encoding"` // text, hex or base64
	Data      string `json:"data"`
	Size      int    `json:"size"`
	Truncated bool   `json:"truncated"`
}

const (
	defaultBody = 64 << 10
	maxBody     = 1 << 20
)

// viewBody encodes the beginning of a body as asked for; auto is as text if it is
// text.
func viewBody(body []byte, form bodyForm) bodyView {
	v := bodyView{Encoding: form.encoding, Size: len(body), Truncated: len(body) > form.limit}
	text := cutText(body, form.limit)
	body = body[:min(len(body), form.limit)]
	if form.encoding == "auto" {
		if v.Encoding = "text"; !isText(text) {
			v.Encoding = "base64"
		}
	}
	switch v.Encoding {
	case "text":
		v.Data = strings.ToValidUTF8(string(text), "\uFFFD")
	case "hex":
		v.Data = hex.EncodeToString(body)
	default:
		v.Data = base64.StdEncoding.EncodeToString(body)
	}
	return v
}

// messageDetails is a message with all that is known of it.
type messageDetails struct {
	messageView
	Destination string      `json:"destination"`
	Headers     [][2]string `json:"headers"`
	Body        bodyView    `json:"body"`
}

// bodyForm is how much of a body is to be shown, and how.
type bodyForm struct {
	encoding string
	limit    int
}

// room is what is held while a message is put into this form, in bytes: as text and
// as JSON.
func (f bodyForm) room(m *broker.Message) int { return 4 * min(f.limit, len(m.Body)) }

func (q *query) bodyForm() bodyForm {
	return bodyForm{q.choice("encoding", "auto", "text", "hex", "base64"), q.number("bytes", defaultBody, 0, maxBody)}
}

func viewDetails(m *broker.Message, destination string, form bodyForm) messageDetails {
	d := messageDetails{messageView: viewMessage(m), Destination: destination, Headers: [][2]string{}, Body: viewBody(m.Body, form)}
	for _, h := range m.Headers() {
		d.Headers = append(d.Headers, [2]string{strings.ToValidUTF8(h.Name, "\uFFFD"), strings.ToValidUTF8(h.Value, "\uFFFD")})
	}
	return d
}

// sendBody answers with a body as it is, for saving: nothing that a browser might
// run.
func (s *Server) sendBody(w http.ResponseWriter, m *broker.Message) {
	if !s.hold(w, len(m.Body)) {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="message-`+m.ID.String()+`.bin"`)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(m.Body)))
	_, _ = w.Write(m.Body) // #nosec G705 -- as a download of no type that a browser runs
}

// key is a place as the API writes it.
func key(p broker.Place) string { return fmt.Sprintf("%d-%d", p.Priority, p.Seq) }

func parseKey(s string) (p broker.Place, ok bool) {
	level, seq, _ := strings.Cut(s, "-")
	l, err1 := strconv.ParseUint(level, 10, 8)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	return broker.Place{Priority: uint8(l), Seq: n}, err1 == nil && err2 == nil && l <= 9
}

const keyForm = "the key of a message, as a list of messages has it"

// key reads a parameter with a key; nil if there is none.
func (q *query) key(name string) *broker.Place {
	v := q.text(name)
	if v == "" {
		return nil
	}
	p, ok := parseKey(v)
	if !ok {
		q.fail(name, keyForm)
	}
	return &p
}

// mqttName is the MQTT form of a topic.
func mqttName(name string) string { return topic.Swap(name) }
