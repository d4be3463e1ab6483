package httpd

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"mwm/server/internal/openapitest"
)

func document(t *testing.T) *openapitest.Document {
	t.Helper()
	d, err := openapitest.Parse(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Every route of the API is documented, and every documented one is routed.
func TestOpenAPIRoutes(t *testing.T) {
	opts, _ := options(t)
	var routed []string
	err := chi.Walk(newServer(t, opts).handler.(chi.Router), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if path, ok := strings.CutPrefix(route, "/api/v1"); ok && path != "/*" {
			routed = append(routed, method+" "+path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(routed)
	documented := document(t).Operations()
	for _, op := range routed {
		if !slices.Contains(documented, op) {
			t.Errorf("%s is not documented", op)
		}
	}
	for _, op := range documented {
		if !slices.Contains(routed, op) {
			t.Errorf("%s is documented, but there is no such route", op)
		}
	}
	if len(routed) < 30 {
		t.Errorf("only %d routes were found", len(routed))
	}
}

func TestOpenAPIExamples(t *testing.T) {
	for _, fault := range document(t).CheckExamples() {
		t.Error(fault)
	}
}
