package httpd

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"mwm/server/broker"
	"mwm/server/fleet"
	"mwm/server/live"
	"mwm/server/telemetry"
	"mwm/server/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

var script = strings.Repeat("export const x = 1;\n", 100)

// desk is a headquarters that notes what it is asked.
type desk struct {
	asked string
	err   error
}

func (d *desk) SendText(_ context.Context, device, body string, expires time.Time) (fleet.Text, error) {
	d.asked = fmt.Sprintf("text %s %q %t", device, body, expires.IsZero())
	return fleet.Text{ID: "1", Device: device, Body: body, State: fleet.TextAccepted}, d.err
}

func (d *desk) SendTexts(_ context.Context, devices []string, body string, expires time.Time) ([]fleet.Text, []error) {
	d.asked = fmt.Sprintf("texts %q %q %t", devices, body, expires.IsZero())
	texts, errs := make([]fleet.Text, len(devices)), make([]error, len(devices))
	for i, id := range devices {
		texts[i], errs[i] = fleet.Text{ID: fmt.Sprint(i), Device: id, Body: body, State: fleet.TextAccepted}, telemetry.CheckID(id)
	}
	return texts, errs
}

func (d *desk) Publish(_ context.Context, m Outgoing) (string, int, error) {
	d.asked = fmt.Sprintf("message %d %s %q %q %d %t %t", m.Kind, m.Name, m.Headers, m.Body, m.Priority, m.Persistent, m.Retain)
	return "000001-000000000001", 3, d.err
}

func (d *desk) SendAlert(_ context.Context, device, color string) (int, error) {
	d.asked = "alert " + device + " " + color
	return 2, d.err
}

func (d *desk) StartDemo(_ context.Context, n int) error {
	d.asked = fmt.Sprint("demo ", n)
	return d.err
}

// echo is a protocol front end that says its name.
type echo string

func (e echo) ServeWS(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	_ = c.Write(r.Context(), websocket.MessageText, []byte(e))
	_ = c.Close(websocket.StatusNormalClosure, "")
}

func options(t *testing.T) (Options, *desk) {
	t.Helper()
	f, err := fleet.New(fleet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{}
	b := broker.New(broker.Options{})
	return Options{
		Assets: fstest.MapFS{
			"index.html": {Data: []byte("<!doctype html>")}, "phone.html": {Data: []byte("<!doctype html>phone")}, "js/main.js": {Data: []byte(script)}, "map/world.bin": {Data: []byte{1, 2, 3}},
		},
		Fleet: f, Broker: b, Wire: wire.New(b.Clients), Feed: http.NotFoundHandler(), Headquarters: d, STOMP: echo("STOMP"), MQTT: echo("MQTT"), Metrics: http.NotFoundHandler(), Demo: true,
		Status: func() Status { return Status{Version: "1.2", Devices: 3} },
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, d
}

func newServer(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request whose headers are given as "Name: value".
func ask(s http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const asJSON = "Content-Type: application/json; charset=utf-8"

func TestAssets(t *testing.T) {
	opts, _ := options(t)
	s := newServer(t, opts)
	index := ask(s, "GET", "/", "")
	if index.Code != 200 || index.Body.String() != "<!doctype html>" || index.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %s %v", index.Code, index.Body, index.Header())
	}
	phone := ask(s, "GET", "/phone", "")
	if phone.Code != 200 || phone.Body.String() != "<!doctype html>phone" || phone.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %s %v", phone.Code, phone.Body, phone.Header())
	}
	if slash := ask(s, "GET", "/phone/", ""); slash.Code != http.StatusPermanentRedirect || slash.Header().Get("Location") != "/phone" {
		t.Errorf("%d %v", slash.Code, slash.Header())
	}
	plain := ask(s, "GET", "/js/main.js", "")
	if plain.Body.String() != script || plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" ||
		plain.Header().Get("Content-Type") != "text/javascript; charset=utf-8" || plain.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("%v", plain.Header())
	}
	zipped := ask(s, "GET", "/js/main.js", "", "Accept-Encoding: br, gzip;q=0.8")
	if z, err := gzip.NewReader(zipped.Body); err != nil || zipped.Header().Get("Content-Encoding") != "gzip" {
		t.Errorf("%v %v", err, zipped.Header())
	} else if got, _ := io.ReadAll(z); string(got) != script {
		t.Errorf("unzipped to %q", got)
	}
	etag := zipped.Header().Get("ETag")
	if etag == "" || etag == plain.Header().Get("ETag") {
		t.Errorf("ETags %q and %q", etag, plain.Header().Get("ETag"))
	}
	same := ask(s, "GET", "/js/main.js", "", "Accept-Encoding: gzip", `If-None-Match: "other", W/`+etag)
	if same.Code != 304 || same.Body.Len() != 0 || same.Header().Get("ETag") != etag {
		t.Errorf("%d, %d bytes", same.Code, same.Body.Len())
	}
	version := strings.Trim(plain.Header().Get("ETag"), `"`)
	if got := ask(s, "GET", "/js/main.js?v="+version, "").Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("with its version: %q", got)
	}
	if got := ask(s, "GET", "/js/main.js?v=old", "").Header().Get("Cache-Control"); strings.Contains(got, "immutable") {
		t.Errorf("with another version: %q", got)
	}
	if w := ask(s, "HEAD", "/map/world.bin", ""); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") != "3" {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/nothing", "/js", "/js/", "/../httpd.go", "/js/..%2findex.html", "/%00"} {
		if w := ask(s, "GET", path, ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := ask(s, "POST", "/", ""); w.Code != 405 {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br": false, "gzip;q=0": false, "*": true, "*;q=0": false, "*, gzip;q=0": false, "gzip; q=0.001": true,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("%q: %t", header, got)
		}
	}
}

// On an origin that a browser does not trust the header would only make it
// complain on the console.
func TestOpenerPolicy(t *testing.T) {
	opts, _ := options(t)
	opts.Proxies = Proxies{netip.MustParsePrefix("192.0.2.1/32")} // where the requests come from
	s := newServer(t, opts)
	for host, want := range map[string]string{
		"127.0.0.1:8080": "same-origin", "[::1]:8080": "same-origin", "localhost": "same-origin", "192.168.1.5:8080": "", "fleet.test": "", "": "",
	} {
		if got := ask(s, "GET", "/", "", "Host: "+host).Header().Get("Cross-Origin-Opener-Policy"); got != want {
			t.Errorf("%q: %q", host, got)
		}
	}
	if got := ask(s, "GET", "/", "", "Host: fleet.test", "X-Forwarded-Proto: https").Header().Get("Cross-Origin-Opener-Policy"); got != "same-origin" {
		t.Errorf("behind a proxy with TLS: %q", got)
	}
}

func TestHeaders(t *testing.T) {
	opts, _ := options(t)
	h := ask(newServer(t, opts), "GET", "/", "").Header()
	csp := h.Get("Content-Security-Policy")
	if strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "img-src 'self' data: blob:;") {
		t.Errorf("CSP %s", csp)
	}
	if h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", h)
	}
	opts.TilesURL = "https://{s}.tile.example.org/{z}/{x}/{y}.png"
	h = ask(newServer(t, opts), "GET", "/", "").Header()
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "img-src 'self' data: blob: https://*.tile.example.org;") || h.Get("Referrer-Policy") == "no-referrer" {
		t.Errorf("with tiles: %s", csp)
	}
	for _, bad := range []string{"/tiles/{z}", "ftp://a/{z}", "https://a;script-src *;/{z}", "https://{z}.example.org/", "https://a.*.b/{z}"} {
		opts.TilesURL = bad
		if _, err := New(opts); err == nil || !strings.Contains(err.Error(), "TilesURL") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Probes ask with GET or HEAD (RFC 9110 §9.1), under any name.
func TestHealth(t *testing.T) {
	opts, _ := options(t)
	var trouble error
	opts.Ready = func() error { return trouble }
	s := newServer(t, opts)
	for _, c := range []struct {
		ready           bool
		trouble         error
		healthz, readyz int
	}{{false, nil, 503, 503}, {true, nil, 200, 200}, {true, errors.New("the disk is full"), 200, 503}, {false, nil, 503, 503}} {
		s.SetReady(c.ready)
		trouble = c.trouble
		for path, want := range map[string]int{"/healthz": c.healthz, "/readyz": c.readyz} {
			for _, method := range []string{"GET", "HEAD"} {
				if w := ask(s, method, path, "", "Host: anything.example"); w.Code != want {
					t.Errorf("%s %s with %+v: %d, want %d", method, path, c, w.Code, want)
				}
			}
		}
	}
}

func TestReadingDevices(t *testing.T) {
	opts, _ := options(t)
	s := newServer(t, opts)
	if w := ask(s, "GET", "/api/v1/devices", ""); w.Body.String() != `{"devices":[]}` {
		t.Errorf("%s", w.Body)
	}
	at := time.UnixMilli(1_700_000_000_000)
	for _, id := range []string{"AAA", "B B", "<b", "Å"} {
		opts.Fleet.Location(id, fmt.Appendf(nil, `{"deviceID":%q,"lat":42.5,"lng":1.5,"speed":9}`, id), at, false)
	}
	opts.Fleet.Text(fleet.TextUpdate{ID: "7", Device: "<b", Body: "</script>", State: fleet.TextWaiting, At: at})

	var page devicePage
	if err := json.Unmarshal(ask(s, "GET", "/api/v1/devices?limit=2&after=AAA", "").Body.Bytes(), &page); err != nil || len(page.Devices) != 2 || page.Next != "<b" {
		t.Errorf("%+v, %v", page, err)
	}
	page = devicePage{}
	if err := json.Unmarshal(ask(s, "GET", "/api/v1/devices?q=b", "").Body.Bytes(), &page); err != nil || len(page.Devices) != 2 || page.Next != "" {
		t.Errorf("%+v, %v", page, err)
	}
	const want = `{"id":"AAA","index":0,"status":"moving","online":{"stomp":false,"mqtt":false},"lastSeen":1700000000000,` +
		`"location":{"lat":42.5,"lng":1.5,"ts":1700000000000,"speed":9,"heading":null,"accuracy":null},"motion":null,` +
		`"trail":[[42.5,1.5,1700000000000]],"texts":[]}`
	if w := ask(s, "GET", "/api/v1/devices/AAA", ""); w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s\nwant %s", w.Code, w.Body, want)
	}
	for _, path := range []string{"%3Cb", "%3cb"} {
		w := ask(s, "GET", "/api/v1/devices/"+path, "")
		if w.Code != 200 || bytes.ContainsAny(w.Body.Bytes(), "<>") || !strings.Contains(w.Body.String(), `"state":"waiting"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	for path, status := range map[string]int{
		"devices/B%20B": 200, "devices/%C3%85": 200, "devices/ZZZ": 404, "devices/a.b": 400, "devices/a%2Fb": 400, "devices/%0A": 400,
		"devices?limit=0": 400, "devices?limit=1001": 400, "devices?limit=x": 400, "devices?after=ZZZ": 400, "status": 200, "nothing": 404,
	} {
		w := ask(s, "GET", "/api/v1/"+path, "")
		if w.Code != status {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if status >= 400 {
			wantProblem(t, w, status)
		}
	}
}

func wantProblem(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	var p details
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Status != status || p.Title == "" || p.Detail == "" ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s, %v", w.Code, w.Body, err)
	}
}

func TestCommands(t *testing.T) {
	opts, d := options(t)
	s := newServer(t, opts)
	for _, c := range []struct {
		path, body string
		status     int
		asked      string
		answer     string
	}{
		{"devices/BBB/texts", `{"body":"hi"}`, 202, `text BBB "hi" true`, `"state":"accepted"`},
		{"devices/%3Cb/texts", `{"body":"트럭","expires":0}`, 202, `text <b "트럭" true`, `"device":"\u003cb"`},
		{"devices/BBB/texts", fmt.Sprintf(`{"body":"hi","expires":%d}`, time.Now().Add(time.Hour).UnixMilli()), 202, `text BBB "hi" false`, ``},
		{"devices/BBB/texts", `{"body":"hi","expires":1}`, 422, ``, `expires`},
		{"devices/BBB/texts", `{"body":""}`, 422, ``, `empty`},
		{"devices/BBB/texts", `{"body":"` + strings.Repeat("x", 4097) + `"}`, 422, ``, `4096`},
		{"devices/BBB/texts", `{"body":"` + strings.Repeat("x", 40960) + `"}`, 413, ``, `bytes`},
		{"devices/BBB/texts", `hi`, 400, ``, `JSON`},
		{"devices/BBB/texts", "{\"body\":\"\xff\"}", 400, ``, `UTF-8`},
		{"devices/a.b/texts", `{"body":"hi"}`, 400, ``, `ID`},
		{"devices/AAA/alerts", `{"color":"lightGray"}`, 200, `alert AAA lightGray`, `{"listeners":2}`},
		{"devices/AAA/alerts", `{"color":"pink"}`, 422, ``, `14`},
		{"devices/AAA/alerts", `{}`, 422, ``, `14`},
		{"demo/devices", `{"count":20}`, 202, `demo 20`, ``},
		{"demo/devices", `{"count":0}`, 422, ``, `1000`},
		{"demo/devices", `{"count":1001}`, 422, ``, `1000`},
		{"demo/devices", `{"count":"20"}`, 400, ``, `count must not be: string`},
		{"demo/devices", `[20]`, 400, ``, `JSON object`},
	} {
		d.asked = ""
		w := ask(s, "POST", "/api/v1/"+c.path, c.body, asJSON, "Origin: http://127.0.0.1:8080")
		if w.Code != c.status || d.asked != c.asked || !strings.Contains(w.Body.String(), c.answer) {
			t.Errorf("%s %.60s: %d %s, asked %q", c.path, c.body, w.Code, w.Body, d.asked)
		}
		if c.status >= 400 {
			wantProblem(t, w, c.status)
		}
	}
	d.err = errors.New("the queue is full")
	for path, body := range map[string]string{"devices/A/texts": `{"body":"x"}`, "devices/A/alerts": `{"color":"red"}`, "demo/devices": `{"count":1}`} {
		w := ask(s, "POST", "/api/v1/"+path, body, asJSON)
		if wantProblem(t, w, 503); !strings.Contains(w.Body.String(), "queue is full") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	if w := ask(s, "PUT", "/api/v1/demo/devices", "", asJSON); w.Code != 405 {
		t.Errorf("PUT: %d", w.Code)
	}
	opts.Demo = false
	wantProblem(t, ask(newServer(t, opts), "POST", "/api/v1/demo/devices", `{"count":1}`, asJSON), 404)
}

// What a page elsewhere can make a browser send must not get through.
func TestForeignPages(t *testing.T) {
	opts, d := options(t)
	s := newServer(t, opts)
	for _, c := range []struct {
		name, method, path string
		headers            []string
		status             int
	}{
		{"a form", "POST", "/api/v1/devices/A/alerts", []string{"Content-Type: text/plain"}, 415},
		{"no content type", "POST", "/api/v1/devices/A/alerts", nil, 415},
		{"another origin", "POST", "/api/v1/devices/A/alerts", []string{asJSON, "Origin: https://evil.example"}, 403},
		{"another port", "POST", "/api/v1/devices/A/alerts", []string{asJSON, "Origin: http://127.0.0.1:8000"}, 403},
		{"a file", "POST", "/api/v1/devices/A/alerts", []string{asJSON, "Origin: null"}, 403},
		{"another site", "GET", "/api/v1/devices", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"the feed", "GET", "/api/v1/feed", []string{"Origin: https://evil.example"}, 403},
		{"a rebound name", "GET", "/api/v1/devices", []string{"Host: evil.example", "Origin: http://evil.example"}, 403},
		{"the page at a rebound name", "GET", "/", []string{"Host: evil.example"}, 403},
		{"STOMP", "GET", "/stomp", []string{"Origin: https://evil.example"}, 403},
		{"MQTT", "GET", "/mqtt", []string{"Origin: https://evil.example"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ask(s, c.method, c.path, `{"color":"red"}`, c.headers...)
			wantProblem(t, w, c.status)
			if d.asked != "" {
				t.Errorf("asked %q", d.asked)
			}
		})
	}
}

// serve runs the server on loopback and returns its address and how to stop it.
func serve(t *testing.T, s *Server) (addr string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, s, l)
}

// serveOn runs the server on a listener.
func serveOn(t *testing.T, s *Server, l net.Listener) (addr string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	stop = func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return l.Addr().String(), stop
}

func TestWebSocketEndpoints(t *testing.T) {
	opts, _ := options(t)
	hub, err := live.New(live.Options{Fleet: opts.Fleet, Logger: opts.Logger})
	if err != nil {
		t.Fatal(err)
	}
	opts.Feed = hub
	addr, stop := serve(t, newServer(t, opts))
	ctx, cancel := context.WithCancel(t.Context())
	hubDone := make(chan struct{})
	go func() { defer close(hubDone); _ = hub.Run(ctx) }()

	for path, want := range map[string]string{"/stomp": "STOMP", "/mqtt": "MQTT", "/api/v1/feed": `"type":"hello"`} {
		c, _, err := websocket.Dial(t.Context(), "ws://"+addr+path, &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"http://" + addr}}})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if _, got, err := c.Read(t.Context()); err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s: %s, %v", path, got, err)
		}
		_ = c.CloseNow()
	}
	cancel()
	<-hubDone
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + addr + "/healthz"); err == nil {
		t.Error("serves after its end")
	}
}

func TestSlowClientsAreCut(t *testing.T) {
	opts, _ := options(t)
	opts.Timeout = 200 * time.Millisecond
	addr, _ := serve(t, newServer(t, opts))
	for _, start := range []string{
		"", "GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "POST /api/v1/devices/A/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{",
	} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(c, start); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q: %v, want the end of the connection", start, err)
		}
		_ = c.Close()
	}
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	opts, _ := options(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := newServer(t, opts).Serve(t.Context(), l); err == nil || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"Assets": func(o *Options) { o.Assets = nil }, "index.html": func(o *Options) { o.Assets = fstest.MapFS{} },
		"Fleet": func(o *Options) { o.Fleet = nil }, "Broker": func(o *Options) { o.Broker = nil }, "Wire": func(o *Options) { o.Wire = nil }, "Feed": func(o *Options) { o.Feed = nil },
		"Headquarters": func(o *Options) { o.Headquarters = nil }, "Status": func(o *Options) { o.Status = nil },
		"MaxText": func(o *Options) { o.MaxText = -1 }, "origin": func(o *Options) { o.Origins.Patterns = []string{"["} },
	} {
		opts, _ := options(t)
		spoil(&opts)
		if _, err := New(opts); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
