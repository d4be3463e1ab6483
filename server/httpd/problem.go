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
	reply(w, "application/problem+json", status, details{http.StatusText(status), status, detail})
}

func replyJSON(w http.ResponseWriter, status int, v any) {
	reply(w, "application/json", status, v)
}

func reply(w http.ResponseWriter, contentType string, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // a fault of this package: what it sends always has a JSON form
		panic(err)
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client has left
}
