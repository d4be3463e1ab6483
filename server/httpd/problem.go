package httpd

import (
	"encoding/json"
	"net/http"
)

// details are an error in the form of RFC 9457. Its type is about:blank: the
// status says what kind of error it is, and the detail what to do.
type details struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func problem(w http.ResponseWriter, status int, detail string) {
	reply(w, "application/problem+json", status, encode(details{http.StatusText(status), status, detail}))
}

// replyJSON answers a request, which holds the answer for as long as its client
// takes to read it. One that has done something is told so in any case.
func replyJSON(w http.ResponseWriter, status int, v any) {
	body := encode(v)
	if h, ok := w.(*holder); ok && !h.book(len(body), h.does) {
		full(w)
		return
	}
	reply(w, "application/json", status, body)
}

func encode(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil { // a fault of this package: what it sends always has a JSON form
		panic(err)
	}
	return body
}

func reply(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // #nosec G705 -- JSON, never HTML, and nosniff; an error: the client has left
}
