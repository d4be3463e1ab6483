package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mwm/server"
)

// record is a log that can be read while it is written.
type record struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// signIn returns the cookie of a new session.
func signIn(t *testing.T, s *server.Server, user string) *http.Cookie {
	t.Helper()
	res, err := http.Post("http://"+s.Addresses().HTTP+"/api/v1/session", "application/json", strings.NewReader(fmt.Sprintf(`{"user":%q,"password":%q}`, user, password)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK || len(res.Cookies()) != 1 {
		t.Fatalf("%s, %d cookies, %v", res.Status, len(res.Cookies()), err)
	}
	return res.Cookies()[0]
}

// ask makes a request of the API with headers, and returns the status.
func ask(t *testing.T, s *server.Server, method, path string, headers ...string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addresses().HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// No credential that anybody shows, right or wrong, at whatever door, is written
// to the log, not even to one that has everything.
func TestNoCredentialIsLogged(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	var log record
	h := slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
	s, stop := startLogged(t, server.Config{Accounts: file, HTTPS: "127.0.0.1:0", STOMPS: "127.0.0.1:0", MQTTS: "127.0.0.1:0", TLSSelfSigned: true}, h)
	const wrong = "wrong-password-0815"
	for _, list := range []map[string]way{ways, secureWays} {
		for name, w := range list {
			p, err := w.connect(t, s, "BBB", passwords["BBB"], "BBB", nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			p.do("publish", "/topic/device.BBB.location", "{}")
			p.do("publish", "/topic/device.AAA.location", "{}")
			p.drop()
			if p, err := w.connect(t, s, "BBB", wrong, "BBB", nil); err == nil {
				p.drop()
				t.Errorf("%s: a wrong password", name)
			}
		}
	}
	// A password in the field of the name is as secret.
	if _, err := ways["MQTT"].connect(t, s, wrong, "x", "BBB", nil); err == nil {
		t.Error("there is no such account")
	}
	cookie := signIn(t, s, "olga")
	basic := func(user, pass string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+pass))
	}
	ask(t, s, "GET", "/api/v1/status", "Cookie: "+cookie.String())
	ask(t, s, "GET", "/api/v1/status", basic("olga", password))
	ask(t, s, "GET", "/api/v1/status", basic("olga", wrong))
	ask(t, s, "GET", "/api/v1/status", "Authorization: Bearer "+wrong)
	ask(t, s, "GET", "/api/v1/status?password="+wrong)
	ask(t, s, "GET", "/"+wrong)
	stop()
	text := log.String()
	if !strings.Contains(text, "refused") || !strings.Contains(text, "signed in") {
		t.Errorf("the log has not what it should have:\n%.2000s", text)
	}
	for _, secret := range []string{password, passwords["BBB"], wrong, cookie.Value, base64.StdEncoding.EncodeToString([]byte("olga:" + password))} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%q is logged: %q", secret, text[max(0, i-200):i])
		}
	}
}

// Credentials in a URL end up in histories and in the logs of others: they open
// nothing, be they part of the address or of the query.
func TestCredentialsInURL(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	query := url.Values{
		"user": {"olga"}, "login": {"BBB"}, "passcode": {passwords["BBB"]}, "username": {"BBB"}, "password": {passwords["BBB"]},
		"token": {passwords["BBB"]}, "access_token": {passwords["BBB"]}, "mwm-session": {signIn(t, s, "olga").Value},
	}.Encode()
	for _, path := range []string{"/api/v1/status", "/api/v1/devices", "/api/v1/feed", "/metrics"} {
		if status := ask(t, s, "GET", path+"?"+query); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, at := range []string{s.Addresses().STOMPWS, s.Addresses().MQTTWS, s.Addresses().HTTP + "/stomp", s.Addresses().HTTP + "/mqtt"} {
		for _, userinfo := range []string{"", "BBB:" + passwords["BBB"] + "@"} {
			where := "ws://" + userinfo + at
			if userinfo == "" {
				where += map[bool]string{true: "/"}[!strings.Contains(at, "/")] + "?" + query
			}
			for name, w := range map[string]way{
				"STOMP": stompWay(func(addresses) string { return where }), "MQTT": mqttWay(5, func(addresses) string { return where }),
			} {
				if p, err := w.connect(t, s, "", "", "BBB", nil); err == nil {
					p.drop()
					t.Errorf("%s comes in at %s", name, at)
				}
			}
		}
	}
}

// The page's files are those that the program holds: no path leads to others, nor
// around the sign-in.
func TestPathTraversal(t *testing.T) {
	file, _ := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file, Data: t.TempDir()})
	for _, path := range []string{
		"/../../etc/passwd", "/../accounts", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/..%5c..%5cetc%5cpasswd",
		"/js/../../../../etc/passwd", "/js/..%2f..%2f..%2fetc%2fpasswd", "/%c0%ae%c0%ae/etc/passwd", "/....//....//etc/passwd", "/.%00./etc/passwd",
		"/etc/passwd%00.html", "/api/v1/../../etc/passwd", "/api/v1/devices/..%2f..%2fetc%2fpasswd", "/phone/../../../etc/passwd", "/.git/config",
		"/js", "/js/", "/embed.go", "/./embed.go", "/vendor.sh%20", "http://127.0.0.1/../etc/passwd", "/api/v1/session/../status", "//api/v1/status", "/api/v1//status",
	} {
		status, body := raw(t, s.Addresses().HTTP, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		if status/100 == 2 || strings.Contains(body, "root:") || strings.Contains(body, "argon2id") || strings.Contains(body, "package web") {
			t.Errorf("%s: %d %.200s", path, status, body)
		}
	}
}

// raw sends a request as it is and returns the answer.
func raw(t *testing.T, addr, request string) (status int, body string) {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(nc, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, string(b)
}

// openFeed opens the feed with headers, and returns the status of a refusal.
func openFeed(t *testing.T, s *server.Server, headers ...string) (*websocket.Conn, int) {
	t.Helper()
	h := http.Header{}
	for _, x := range headers {
		name, value, _ := strings.Cut(x, ": ")
		h.Set(name, value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, res, err := websocket.Dial(ctx, "ws://"+s.Addresses().HTTP+"/api/v1/feed", &websocket.DialOptions{HTTPHeader: h})
	if err != nil && res == nil {
		t.Fatal(err)
	}
	if err != nil {
		return nil, res.StatusCode
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { c.CloseNow() })
	return c, http.StatusSwitchingProtocols
}

// The feed is for people, on the server's own page. A stolen cookie is worth
// nothing once its session has ended, and a feed that was opened with it ends.
func TestFeedAndStolenCookie(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	cookie := signIn(t, s, "vera")
	stolen := "Cookie: " + cookie.Name + "=" + cookie.Value
	own := "Origin: http://" + s.Addresses().HTTP
	device := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("BBB:"+passwords["BBB"]))
	for _, c := range []struct {
		status  int
		headers []string
	}{
		{401, nil},
		{401, []string{"Cookie: mwm-session=" + strings.Repeat("A", 26)}},
		{401, []string{"Cookie: __Host-" + cookie.Name + "=" + cookie.Value}},
		{403, []string{device}},
		{403, []string{stolen, "Origin: https://evil.example"}},
		{403, []string{stolen, "Origin: null"}},
		{403, []string{stolen, "Origin: http://127.0.0.1:1"}}, // another port is another page
		{403, []string{stolen, own, "Sec-Fetch-Site: cross-site"}},
	} {
		if _, status := openFeed(t, s, c.headers...); status != c.status {
			t.Errorf("%q: %d, want %d", c.headers, status, c.status)
		}
	}
	feed, status := openFeed(t, s, stolen, own)
	if feed == nil {
		t.Fatalf("the viewer's own page: %d", status)
	}
	if status := ask(t, s, "DELETE", "/api/v1/session", stolen, own); status != http.StatusNoContent {
		t.Fatalf("signing out: %d", status)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, _, err := feed.Read(ctx); err != nil {
			if ctx.Err() != nil {
				t.Error("the feed goes on after its session has ended")
			}
			break
		}
	}
	if status := ask(t, s, "GET", "/api/v1/status", stolen); status != http.StatusUnauthorized {
		t.Errorf("the cookie after signing out: %d", status)
	}
	if _, status := openFeed(t, s, stolen, own); status != http.StatusUnauthorized {
		t.Errorf("the feed after signing out: %d", status)
	}
}

// A device's credential is good for its own client-id alone: neither a live
// connection nor a kept session of another device can be taken over with it, nor
// by a person, on whatever way. What waits there stays there.
func TestTakeOverIsRefused(t *testing.T) {
	file, passwords := accountsFile(t, "AAA", "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	p, err := ways["MQTT 5"].connect(t, s, "BBB", passwords["BBB"], "BBB", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !p.do("kept", "/topic/.mwm.BBB.alert", "") { // its session is kept, and the client away
		t.Fatal("BBB may not listen for alerts")
	}
	p.drop()
	truck, err := ways["STOMP"].connect(t, s, "BBB", passwords["BBB"], "BBB", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer truck.drop()
	eventually(t, "the phone is away", func() bool { return len(sessionsAway(t, s)) == 1 })
	if status := (apiParty{t, s, "olga", password}).ask("POST", "/devices/BBB/alerts", `{"color":"red"}`); status != http.StatusOK {
		t.Fatalf("an alert: %d", status)
	}
	for name, w := range ways {
		for _, who := range []string{"AAA", "vera"} {
			if p, err := w.connect(t, s, who, passwords[who], "BBB", nil); err == nil {
				p.drop()
				t.Errorf("%s: %s comes in as BBB", name, who)
			}
		}
		p, err := w.connect(t, s, "olga", passwords["olga"], "BBB", nil)
		if err == nil { // who may do everything may use the name of a device, but not take it
			p.drop()
			t.Errorf("%s: an operator comes in as BBB", name)
		}
	}
	if !truck.do("publish", "/topic/device.BBB.location", "{}") {
		t.Error("the live connection was taken over")
	}
	if away := sessionsAway(t, s); len(away) != 1 || away[0] != "BBB 1" {
		t.Errorf("the kept session: %q", away)
	}
}

// sessionsAway lists the kept sessions whose clients are away, and how much waits
// for them.
func sessionsAway(t *testing.T, s *server.Server) (away []string) {
	t.Helper()
	for _, x := range getAs[struct {
		Sessions []struct {
			Client     string
			Connection *string
			Queued     int
		}
	}](t, s, "olga", "/api/v1/sessions").Sessions {
		if x.Connection == nil {
			away = append(away, fmt.Sprint(x.Client, " ", x.Queued))
		}
	}
	return away
}
