package httpd

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-chi/chi/v5"

	"mwm/server/auth"
	"mwm/server/live"
)

// people have the password "pass phrase": olga is an operator, vera a viewer, BBB
// a device. A token is "token-" and a name.
type people struct {
	mu      sync.Mutex
	remotes []string
	gone    map[string]bool
	busy    time.Duration
}

func (p *people) Authenticate(_ context.Context, c auth.Credentials) (*auth.Principal, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.remotes = append(p.remotes, c.Remote)
	if p.busy > 0 {
		return nil, &auth.BusyError{Wait: p.busy}
	}
	name, ok := strings.CutPrefix(c.Password.Reveal(), "token-")
	if !ok {
		name, ok = c.Name, c.Password == "pass phrase"
	}
	role, known := map[string]auth.Role{"olga": auth.Operator, "vera": auth.Viewer, "BBB": auth.Device}[name]
	if !ok || !known || p.gone[name] {
		return nil, auth.ErrCredentials
	}
	return auth.DefaultPolicy.Principal(auth.Account{Role: role, Name: name}), nil
}

func (p *people) Valid(q *auth.Principal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone[q.Name] {
		return auth.ErrRevoked
	}
	return nil
}

func (p *people) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = map[string]bool{name: true}
}

func withAccounts(t *testing.T) (*Server, *people, Options) {
	t.Helper()
	opts, _ := options(t)
	who := &people{}
	opts.Accounts, opts.Origins.Credentials = who, true
	opts.SignedIn = auth.NewSessions(auth.SessionOptions{Valid: who.Valid})
	return newServer(t, opts), who, opts
}

const secureHop = "X-Forwarded-Proto: https"

// signIn returns the cookie, as a header of a request.
func signIn(t *testing.T, s http.Handler, name string, headers ...string) string {
	t.Helper()
	w := ask(s, "POST", "/api/v1/session", `{"user":"`+name+`","password":"pass phrase"}`, append(headers, asJSON)...)
	if w.Code != 200 {
		t.Fatalf("%s signs in: %d %s", name, w.Code, w.Body)
	}
	cookie := w.Result().Cookies()
	if len(cookie) != 1 {
		t.Fatalf("%d cookies", len(cookie))
	}
	return "Cookie: " + cookie[0].Name + "=" + cookie[0].Value
}

func TestSignIn(t *testing.T) {
	s, _, _ := withAccounts(t)
	w := ask(s, "POST", "/api/v1/session", `{"user":"vera","password":"pass phrase"}`, asJSON)
	if w.Code != 200 || w.Body.String() != `{"user":"vera","role":"viewer","accounts":true}` || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	set := w.Header().Get("Set-Cookie")
	for _, want := range []string{"mwm-session=", "Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=604800"} {
		if !strings.Contains(set, want) {
			t.Errorf("%s lacks %s", set, want)
		}
	}
	if strings.Contains(set, "Secure") || strings.Contains(set, "Domain") || strings.Contains(w.Body.String(), w.Result().Cookies()[0].Value) {
		t.Errorf("%s", set)
	}
	cookie := signIn(t, s, "olga")
	if w := ask(s, "GET", "/api/v1/session", "", cookie); w.Body.String() != `{"user":"olga","role":"operator","accounts":true}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for body, status := range map[string]int{
		`{"user":"olga","password":"wrong"}`: 401, `{"user":"eve","password":"pass phrase"}`: 401, `{}`: 401, `{"user":"BBB","password":"pass phrase"}`: 403,
		`{"user":["olga"],"password":"x"}`: 400, `x`: 400,
	} {
		w := ask(s, "POST", "/api/v1/session", body, asJSON)
		wantProblem(t, w, status)
		if w.Header().Get("Set-Cookie") != "" || strings.Contains(w.Body.String(), "pass phrase") {
			t.Errorf("%s: %v %s", body, w.Header(), w.Body)
		}
		if strings.Contains(w.Header().Get("WWW-Authenticate"), "Basic") {
			t.Error("browsers would ask for a password themselves")
		}
	}
	for _, headers := range [][]string{{}, {"Content-Type: text/plain"}, {"Content-Type: application/x-www-form-urlencoded"}} {
		if w := ask(s, "POST", "/api/v1/session", `{"user":"olga","password":"pass phrase"}`, headers...); w.Code != 415 {
			t.Errorf("%v: %d", headers, w.Code)
		}
	}
}

func TestTooManyAttempts(t *testing.T) {
	s, who, _ := withAccounts(t)
	who.busy = 90 * time.Second
	w := ask(s, "POST", "/api/v1/session", `{"user":"olga","password":"pass phrase"}`, asJSON)
	wantProblem(t, w, 429)
	if w.Header().Get("Retry-After") != "90" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
}

func TestSignOut(t *testing.T) {
	s, _, _ := withAccounts(t)
	cookie, other := signIn(t, s, "olga"), signIn(t, s, "olga")
	w := ask(s, "DELETE", "/api/v1/session", "", cookie)
	if w.Code != 204 || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := ask(s, "GET", "/api/v1/status", "", cookie); w.Code != 401 {
		t.Errorf("a stolen cookie outlives signing out: %d", w.Code)
	}
	if w := ask(s, "GET", "/api/v1/status", "", other); w.Code != 200 {
		t.Errorf("another browser is signed out: %d", w.Code)
	}
}

// A session is new with each sign-in: what somebody has planted before is
// neither taken over nor good for anything, and the old one ends.
func TestSessionFixation(t *testing.T) {
	s, _, opts := withAccounts(t)
	const planted = "Cookie: mwm-session=AAAAAAAAAAAAAAAAAAAAAAAAAA"
	if cookie := signIn(t, s, "olga", planted); cookie == planted {
		t.Error("the planted session is used")
	}
	if w := ask(s, "GET", "/api/v1/status", "", planted); w.Code != 401 {
		t.Errorf("the planted session is good: %d", w.Code)
	}
	mine := signIn(t, s, "vera")
	after := signIn(t, s, "olga", mine)
	if after == mine {
		t.Error("the session did not change")
	}
	if w := ask(s, "GET", "/api/v1/status", "", mine); w.Code != 401 {
		t.Errorf("the session before is still good: %d", w.Code)
	}
	if opts.SignedIn.Len() != 2 {
		t.Errorf("%d sessions", opts.SignedIn.Len())
	}
}

// Over TLS the cookie is one that only this host could set, over TLS; and
// sessions of the one kind are none of the other.
func TestSecureCookie(t *testing.T) {
	s, _, _ := withAccounts(t)
	plain := signIn(t, s, "olga")
	viaProxy := func(method, target, body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:5"
		for _, h := range append(headers, secureHop) {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	w := viaProxy("POST", "/api/v1/session", `{"user":"olga","password":"pass phrase"}`, asJSON)
	set := w.Header().Get("Set-Cookie")
	if !strings.HasPrefix(set, "__Host-mwm-session=") || !strings.Contains(set, "Secure") || !strings.Contains(set, "Path=/") || strings.Contains(set, "Domain") {
		t.Errorf("%s", set)
	}
	secure := "Cookie: " + strings.SplitN(set, ";", 2)[0]
	if w := viaProxy("GET", "/api/v1/status", "", secure); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
	if w := viaProxy("GET", "/api/v1/status", "", plain); w.Code != 401 {
		t.Errorf("over TLS a cookie that was set without: %d", w.Code)
	}
	if w := ask(s, "GET", "/api/v1/status", "", secure); w.Code != 401 {
		t.Errorf("without TLS a cookie that was set with it: %d", w.Code)
	}
	// Who is no proxy cannot claim to be one.
	if set := ask(s, "POST", "/api/v1/session", `{"user":"olga","password":"pass phrase"}`, asJSON, secureHop).Header().Get("Set-Cookie"); strings.Contains(set, "Secure") {
		t.Errorf("a stranger says that it is TLS: %s", set)
	}
}

// Every route of the API, and who may use it: without credentials nobody,
// viewers read, operators do the rest. A route that is added later is covered.
func TestEveryRouteIsGuarded(t *testing.T) {
	s, _, _ := withAccounts(t)
	olga, vera := signIn(t, s, "olga"), signIn(t, s, "vera")
	public := []string{"GET /api/v1/session", "POST /api/v1/session", "DELETE /api/v1/session", "GET /api/v1/phone", "GET /healthz", "GET /readyz",
		"GET /stomp", "GET /mqtt", "GET /*", "HEAD /*", "GET /phone/", "HEAD /healthz", "HEAD /readyz"}
	routes := 0
	err := chi.Walk(s.handler.(chi.Router), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if slices.Contains(public, method+" "+route) || route == "/api/v1/*" {
			return nil
		}
		routes++
		target := strings.NewReplacer("{id}", "BBB", "{text}", "1", "{connection}", "1").Replace(route)
		for who, want := range map[string]map[bool]int{
			"":                                {true: 401, false: 401},
			"Cookie: mwm-session=x":           {true: 401, false: 401},
			"Cookie: __Host-mwm-session=x":    {true: 401, false: 401},
			"Authorization: Basic x":          {true: 401, false: 401},
			"Authorization: Bearer token-x":   {true: 401, false: 401},
			"Authorization: Bearer token-BBB": {true: 403, false: 403},
			vera:                              {true: 0, false: 403},
			olga:                              {true: 0, false: 0},
		} {
			w := ask(s, method, target+"?token=token-olga&access_token=token-olga&user=olga&password=pass+phrase", `{}`, asJSON, who)
			read := method == "GET" || method == "HEAD"
			if code := want[read]; code != 0 && w.Code != code || code == 0 && (w.Code == 401 || w.Code == 403) {
				t.Errorf("%s %s with %q: %d %s", method, target, who, w.Code, w.Body)
			}
			// Nothing is done for another page, whoever's browser it is.
			for _, foreign := range []string{"Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"} {
				if w := ask(s, method, target, `{}`, asJSON, who, foreign); w.Code != 403 {
					t.Errorf("%s %s with %q and %s: %d", method, target, who, foreign, w.Code)
				}
			}
		}
		return nil
	})
	if err != nil || routes < 35 {
		t.Errorf("%d routes, %v", routes, err)
	}
}

// A form or script of another page cannot sign a browser in or out, either.
func TestSessionCSRF(t *testing.T) {
	s, _, opts := withAccounts(t)
	cookie := signIn(t, s, "olga")
	for _, method := range []string{"POST", "DELETE", "GET"} {
		for _, foreign := range []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"} {
			w := ask(s, method, "/api/v1/session", `{"user":"vera","password":"pass phrase"}`, asJSON, cookie, foreign)
			if w.Code != 403 || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("%s with %s: %d", method, foreign, w.Code)
			}
		}
	}
	if opts.SignedIn.Len() != 1 {
		t.Errorf("%d sessions", opts.SignedIn.Len())
	}
}

func TestCredentialsWithRequest(t *testing.T) {
	s, _, _ := withAccounts(t)
	basic := func(name, password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(name, password)
		return "Authorization: " + r.Header.Get("Authorization")
	}
	for header, status := range map[string]int{
		basic("olga", "pass phrase"): 200, basic("vera", "pass phrase"): 200, basic("olga", "wrong"): 401, basic("BBB", "pass phrase"): 403,
		"Authorization: Bearer token-olga": 200, "Authorization: bearer token-vera": 200, "Authorization: Bearer": 401, "Authorization: Digest x": 401,
	} {
		if w := ask(s, "GET", "/api/v1/status", "", header); w.Code != status {
			t.Errorf("%s: %d", header, w.Code)
		}
	}
	// What comes with the request counts, not what the browser has.
	if w := ask(s, "GET", "/api/v1/status", "", basic("olga", "wrong"), signIn(t, s, "olga")); w.Code != 401 {
		t.Errorf("wrong credentials beside a session: %d", w.Code)
	}
}

// The page itself is for those who have signed in, others are sent to where they
// can. Its parts anybody may have.
func TestPageNeedsSession(t *testing.T) {
	s, _, _ := withAccounts(t)
	for _, path := range []string{"/", "/index.html", "/index"} {
		w := ask(s, "GET", path, "")
		if w.Code != 303 || w.Header().Get("Location") != "/signin" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if w := ask(s, "GET", path, "", signIn(t, s, "vera")); w.Code != 200 || w.Header().Get("Vary") == "" {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/js/main.js", "/phone", "/healthz"} {
		if w := ask(s, "GET", path, ""); w.Code != 200 && w.Code != 503 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestNoAccounts(t *testing.T) {
	opts, _ := options(t)
	s := newServer(t, opts)
	if w := ask(s, "GET", "/api/v1/session", ""); w.Body.String() != `{"user":"","role":"operator","accounts":false}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	wantProblem(t, ask(s, "POST", "/api/v1/session", `{"user":"a","password":"b"}`, asJSON), 404)
	if w := ask(s, "DELETE", "/api/v1/session", ""); w.Code != 204 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("%d", w.Code)
	}
}

// The feed of a browser ends when its user signs out, or loses the account; so
// does one that a script opened.
func TestFeedEndsWithSession(t *testing.T) {
	opts, _ := options(t)
	who := &people{}
	opts.Accounts, opts.Origins.Credentials = who, true
	opts.SignedIn = auth.NewSessions(auth.SessionOptions{Valid: who.Valid})
	hub, err := live.New(live.Options{Fleet: opts.Fleet, Logger: opts.Logger})
	if err != nil {
		t.Fatal(err)
	}
	opts.Feed = hub
	s := newServer(t, opts)
	srv := httptest.NewServer(s)
	defer srv.Close()
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error)
	go func() { ran <- hub.Run(ctx) }()
	defer func() { cancel(); <-ran }()

	open := func(header string) (*websocket.Conn, *http.Response, error) {
		h := http.Header{}
		if name, value, ok := strings.Cut(header, ": "); ok {
			h.Set(name, value)
		}
		return websocket.Dial(ctx, srv.URL+"/api/v1/feed", &websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{live.Subprotocol}})
	}
	if _, res, err := open(""); err == nil || res.StatusCode != 401 {
		t.Fatalf("without a session: %v", err)
	}
	olga, vera := signIn(t, s, "olga"), signIn(t, s, "vera")
	conns := map[string]*websocket.Conn{}
	for _, header := range []string{olga, vera, "Authorization: Bearer token-vera"} {
		c, _, err := open(header)
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		if _, _, err := c.Read(ctx); err != nil { // the hello
			t.Fatal(err)
		}
		conns[header] = c
	}
	wantClosed := func(header string) {
		t.Helper()
		deadline, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		for {
			if _, _, err := conns[header].Read(deadline); err != nil {
				if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
					t.Errorf("%s: %v", header, err)
				}
				return
			}
		}
	}
	ask(s, "DELETE", "/api/v1/session", "", olga)
	wantClosed(olga)
	who.remove("vera")
	opts.SignedIn.Sweep()
	wantClosed(vera)
	wantClosed("Authorization: Bearer token-vera")
}

// Neither passwords nor tokens are written to the log.
func TestNothingSecretInLog(t *testing.T) {
	var log bytes.Buffer
	opts, _ := options(t)
	who := &people{}
	opts.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opts.Accounts, opts.SignedIn = who, auth.NewSessions(auth.SessionOptions{})
	s := newServer(t, opts)
	cookie := signIn(t, s, "olga")
	ask(s, "GET", "/api/v1/status", "", cookie)
	ask(s, "GET", "/api/v1/status", "", "Authorization: Bearer token-olga")
	ask(s, "DELETE", "/api/v1/session", "", cookie)
	_, token, _ := strings.Cut(cookie, "=")
	if text := log.String(); strings.Contains(text, "pass phrase") || strings.Contains(text, token) || strings.Contains(text, "token-olga") || !strings.Contains(text, "signed in") {
		t.Errorf("%s", text)
	}
}

// What an operator does to queues, connections and tracks is in the log, with the
// operator's name; without accounts, from where it was done.
func TestDeedsAreLogged(t *testing.T) {
	for _, accounts := range []bool{true, false} {
		var log bytes.Buffer
		opts, _ := options(t)
		opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
		opts.Sessions = func() []Session { return nil }
		opts.EndSession = func(client string) (found, away bool) { return client == "XYZ", true }
		cookie, who := "X: y", ""
		if accounts {
			opts.Accounts, opts.SignedIn = &people{}, auth.NewSessions(auth.SessionOptions{})
		}
		s := newServer(t, opts)
		if accounts {
			cookie, who = signIn(t, s, "olga"), "user=olga "
		}
		log.Reset()
		for _, deed := range []struct{ path, body, line string }{
			{"sessions/delete", `{"client":"XYZ"}`, `"an operator ended a session" client=XYZ `},
			{"messages", `{"destination":"/queue/q","body":"hush"}`, `"an operator sent a message" destination=/queue/q id=000001-000000000001 bytes=4 retain=false `},
			{"devices/BBB/texts", `{"body":"hush"}`, `"an operator sent a text" device=BBB id=1 bytes=4 `},
			{"texts", `{"body":"hush","devices":["AAA","BBB"]}`, `"an operator sent texts" sent=2 refused=0 bytes=4 `},
			{"devices/BBB/alerts", `{"color":"red"}`, `"an operator alerted a device" device=BBB color=red `},
			{"demo/devices", `{"count":3}`, `"an operator started simulated devices" devices=3 `},
		} {
			if w := ask(s, "POST", "/api/v1/"+deed.path, deed.body, cookie, asJSON); w.Code >= 300 {
				t.Fatalf("%s: %d %s", deed.path, w.Code, w.Body)
			}
			if want := "msg=" + deed.line + who + "from="; !strings.Contains(log.String(), want) {
				t.Errorf("the log does not have %q:\n%s", want, log.String())
			}
		}
		if strings.Contains(log.String(), "hush") {
			t.Errorf("payloads are in the log:\n%s", log.String())
		}
		if ask(s, "DELETE", "/api/v1/session", "", cookie); accounts && !strings.Contains(log.String(), `msg="signed out" user=olga `) {
			t.Errorf("the log does not say who signed out:\n%s", log.String())
		}
	}
}

// A compressed body could be a thousand times larger than it looks.
func TestCompressedBodies(t *testing.T) {
	opts, d := options(t)
	s := newServer(t, opts)
	for _, coding := range []string{"gzip", "deflate", "br", "gzip, identity"} {
		w := ask(s, "POST", "/api/v1/devices/BBB/texts", "\x1f\x8b", asJSON, "Content-Encoding: "+coding)
		wantProblem(t, w, 415)
	}
	if w := ask(s, "POST", "/api/v1/devices/BBB/texts", `{"body":"x"}`, asJSON, "Content-Encoding: identity"); w.Code != 202 || d.asked == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
