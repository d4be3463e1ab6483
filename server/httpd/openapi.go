package httpd

import (
	_ "embed"
	"net/http"
)

// openAPI describes the API (OpenAPI 3.1). A test compares it with the routes and
// with what they answer.
//
//go:embed openapi.json
var openAPI []byte

func (s *Server) getOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.oai.openapi+json;version=3.1")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(openAPI)
}
