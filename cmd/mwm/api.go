package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"mwm/devicesim/link"
)

// api is the HTTP API of a server.
type api struct {
	addr   string
	access link.Access
	http   *http.Client
}

func newAPI(addr string, access link.Access) *api { return &api{addr, access, client(access)} }

// statusError is an answer that is none.
type statusError struct {
	addr, status string
	code         int
}

func (e *statusError) Error() string { return e.addr + " answered " + e.status }

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// get asks for a resource; path is escaped and may have a query.
func (a *api) get(ctx context.Context, path string, v any) error {
	scheme := "http://"
	if a.access.TLS != nil {
		scheme = "https://"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+a.addr+"/api/v1"+path, nil)
	if err != nil {
		return err
	}
	if a.access.User != "" || a.access.Password != "" {
		req.SetBasicAuth(a.access.User, string(a.access.Password))
	}
	resp, err := a.http.Do(req)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return failed.Err // who asks says what for
	}
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return &statusError{a.addr, resp.Status, resp.StatusCode}
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", strings.SplitN(path, "?", 2)[0], err)
	}
	return nil
}
