package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-stomp/stomp/v3"
	"go.uber.org/goleak"

	"mwm/devicesim/link"
	"mwm/devicesim/testbroker"
	"mwm/server/telemetry"
)

func TestMain(m *testing.M) {
	var ignore []goleak.Option
	for _, f := range testbroker.Leaks {
		ignore = append(ignore, goleak.IgnoreAnyFunction(f))
	}
	goleak.VerifyTestMain(m, ignore...)
}

func TestTextGoesToTheDevicesQueue(t *testing.T) {
	b := testbroker.STOMP(t)
	l, err := link.DialSTOMP(t.Context(), link.STOMPConfig{Addr: b.Addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	got := make(chan *stomp.Message, 1)
	if err := l.Subscribe("/queue/device.BBB.text", stomp.AckAuto, func(m *stomp.Message) { got <- m }); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := TextCmd{STOMP: b.Addr, ID: "BBB", Text: []string{"Where", "are you heading to?"}, Expires: time.Hour}
	if err := cmd.send(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "accepted: ") {
		t.Errorf("said %q", out.String())
	}
	select {
	case m := <-got:
		if string(m.Body) != "Where are you heading to?" || m.Header.Get("persistent") != "true" || len(m.Header.Get("expires")) != 13 {
			t.Errorf("got %q with %v", m.Body, m.Header)
		}
	case <-time.After(time.Minute):
		t.Fatal("no text")
	}
}

func TestTextRefuses(t *testing.T) {
	b := testbroker.STOMP(t)
	for name, cmd := range map[string]TextCmd{
		"expired":    {ID: "AAA", Text: []string{"x"}, STOMP: b.Addr, Expires: -time.Hour},
		"no text":    {ID: "AAA", Text: []string{" "}},
		"bad ID":     {ID: "A/A", Text: []string{"x"}},
		"no server":  {ID: "AAA", Text: []string{"x"}, STOMP: "127.0.0.1:1"},
		"no address": {ID: "AAA", Text: []string{"x"}},
	} {
		if err := cmd.send(t.Context(), &bytes.Buffer{}); err == nil {
			t.Errorf("%s: sent", name)
		}
	}
}

func TestTextTellsWhatBecameOfIt(t *testing.T) {
	b := testbroker.STOMP(t)
	texts := func(online bool, body, state string) string { // NOW is the time of the request
		return fmt.Sprintf(`{"online":{"stomp":%v},"texts":[{"body":"x","state":"consumed","at":5},{"body":%q,"state":%q,"at":NOW}]}`,
			online, body, state)
	}
	tests := map[string]struct {
		status int
		body   string
		want   string
	}{
		"consumed":             {200, texts(true, "x", "consumed"), "consumed"},
		"expired":              {200, texts(false, "x", "expired"), "expired"},
		"delivered":            {200, texts(true, "x", "delivered"), "A A has got it"},
		"offline":              {200, texts(false, "x", "waiting"), "no device was listening"},
		"busy":                 {200, texts(true, "x", "waiting"), "has not taken it yet"},
		"another text":         {200, texts(false, "y", "consumed"), "no device was listening"},
		"a device never heard": {404, "", "no device was listening"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v1/devices/A A" || r.URL.EscapedPath() != "/api/v1/devices/A%20A" {
					t.Errorf("asked for %s", r.URL.EscapedPath())
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, strings.ReplaceAll(tt.body, "NOW", strconv.FormatInt(time.Now().UnixMilli(), 10)))
			}))
			defer api.Close()
			var out bytes.Buffer
			cmd := TextCmd{STOMP: b.Addr, HTTP: strings.TrimPrefix(api.URL, "http://"), ID: "A A", Text: []string{"x"}}
			if err := cmd.send(t.Context(), &out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("said %q, without %q", out.String(), tt.want)
			}
		})
	}
}

func TestAlert(t *testing.T) {
	b := testbroker.MQTT(t)
	got := make(chan link.Message, 1)
	l, err := link.DialMQTT(t.Context(), link.MQTTConfig{Addr: b.Addr, ClientID: "XYZ", Handle: func(m link.Message) { got <- m }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if err := l.Subscribe(t.Context(), 1, "/mwm/XYZ/alert"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := AlertCmd{MQTT: b.Addr, ID: "XYZ", Color: "yellow"}
	if err := cmd.send(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-got:
		if string(m.Payload) != "yellow" || m.Retained {
			t.Errorf("got %+v", m)
		}
	case <-time.After(time.Minute):
		t.Fatal("no alert")
	}
	if out.String() != "sent: XYZ turns yellow\n" {
		t.Errorf("said %q", out.String())
	}
}

func TestAlertListsTheColours(t *testing.T) {
	err := (&AlertCmd{ID: "XYZ", Color: "pink"}).send(t.Context(), &bytes.Buffer{})
	if err == nil {
		t.Fatal("sent pink")
	}
	for _, c := range telemetry.Colors() {
		if !strings.Contains(err.Error(), c.Name) {
			t.Errorf("%q lacks %s", err, c.Name)
		}
	}
}

// lockedBuffer may be written and read at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// watching runs watch until the test ends and returns a function that waits for a line.
func watching(t *testing.T, cmd WatchCmd) (out *lockedBuffer, expect func(part string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out = new(lockedBuffer)
	log := new(lockedBuffer)
	done := make(chan error, 1)
	go func() { done <- cmd.follow(ctx, out, log) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("watch: %v", err)
		}
	})
	wait := func(b *lockedBuffer, part string) {
		t.Helper()
		deadline := time.After(time.Minute)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for !strings.Contains(b.String(), part) {
			select {
			case <-deadline:
				t.Fatalf("no %q in:\n%s%s", part, b.String(), log.String())
			case <-tick.C:
			}
		}
	}
	wait(log, "MQTT "+cmd.MQTT+": connected")
	return out, func(part string) { t.Helper(); wait(out, part) }
}

func TestWatchFollowsPhones(t *testing.T) {
	b := testbroker.MQTT(t)
	out, expect := watching(t, WatchCmd{MQTT: b.Addr})
	l, err := link.DialMQTT(t.Context(), link.MQTTConfig{Addr: b.Addr, ClientID: "phone"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	publish := func(topic string, payload []byte) {
		t.Helper()
		if err := l.Publish(topic, payload, false); err != nil {
			t.Fatal(err)
		}
	}
	publish("/mwm/XYZ/motion", telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 0.5, Yaw: -1}))
	expect("online   XYZ\n")
	expect("motion   XYZ  pitch: 29°  roll: 0°  yaw: -57°\n")
	publish("/mwm/XYZ/motion", []byte("short"))
	expect("not believed: a motion has 24 bytes, not 5\n")
	publish("/mwm/<b>\x1b[2J/alert", []byte("red\x1b[31m"))
	expect("alert    <b>\uFFFD[2J  red\uFFFD[31m\n")
	lost, err := link.DialMQTT(t.Context(), link.MQTTConfig{
		Addr: b.Addr, ClientID: "XYZ", Will: &link.Will{Topic: telemetry.LastWillMQTT, Payload: telemetry.AppendWill(nil, "XYZ"), QoS: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	lost.Abort()
	expect("lastwill XYZ\n")
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("an escape sequence came through: %q", out.String())
	}
}

func TestWatchFilters(t *testing.T) {
	b := testbroker.MQTT(t)
	out, expect := watching(t, WatchCmd{MQTT: b.Addr, IDs: []string{"XYZ"}, Only: []string{"alert"}, JSON: true})
	l, err := link.DialMQTT(t.Context(), link.MQTTConfig{Addr: b.Addr, ClientID: "page"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	for _, topic := range []string{"/mwm/ABC/alert", "/mwm/XYZ/motion", "/mwm/XYZ/alert"} {
		if err := l.Publish(topic, []byte("한\u009b"), false); err != nil {
			t.Fatal(err)
		}
	}
	expect("alert")
	text := strings.TrimSpace(out.String())
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if got["kind"] != "alert" || got["device"] != "XYZ" || got["text"] != "한\u009b" || len(got) != 4 {
		t.Errorf("got %v", got)
	}
	for _, r := range text {
		if r < ' ' || r > '~' {
			t.Errorf("%q is not plain ASCII", text)
		}
	}
}

func TestWatcherTellsComingAndGoing(t *testing.T) {
	w := &watcher{cmd: &WatchCmd{Only: []string{"online", "silent"}}, heard: map[string]time.Time{}}
	var out bytes.Buffer
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.Local)
	see := func(kind string, after time.Duration, retained bool) {
		t.Helper()
		if err := w.note(&out, sighting{Kind: kind, Device: "AAA", at: now.Add(after), Retained: retained}); err != nil {
			t.Fatal(err)
		}
	}
	see(kindMotion, 0, true) // a last value is not a sign of life
	see(kindLocation, time.Second, false)
	see(kindLocation, 2*time.Second, false)
	for s := range 40 {
		if err := w.silent(&out, now.Add(time.Duration(s)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	see(kindMotion, time.Minute, false)
	see(kindWill, 2*time.Minute, false)
	see(kindMotion, 3*time.Minute, false)
	want := []string{"12:00:01.000 online", "12:00:17.000 silent", "12:01:00.000 online", "12:03:00.000 online"}
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d is %q, not %q", i, got[i], want[i])
		}
	}
}

// A server that takes requests and answers none, as one does whose machine has lost its power, is not waited for.
func TestRequestsAreGivenUp(t *testing.T) {
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	defer server.Close()
	defer close(held)
	a := newAPI(server.Listener.Addr().String(), link.Access{})
	if a.http.Timeout == 0 || a.http.Timeout > time.Minute {
		t.Fatalf("an answer is waited for %v", a.http.Timeout)
	}
	a.http.Timeout = 50 * time.Millisecond // of this client alone
	if err := a.get(t.Context(), "/events", &struct{}{}); err == nil {
		t.Error("there was an answer")
	}
}

func TestSightLocation(t *testing.T) {
	s := sightLocation("AAA", []byte(`{"deviceID":"AAA","lat":42.5,"lng":1.5,"speed":10,"heading":90}`))
	if got := s.line(); !strings.HasSuffix(got, "location AAA  φ:42.5000, λ:1.5000  36 km/h  90°") {
		t.Errorf("%q", got)
	}
	s = sightLocation("AAA", []byte(`{"deviceID":"BBB","lat":42.5,"lng":1.5}`))
	if got := s.line(); !strings.Contains(got, "not believed") || s.alive() {
		t.Errorf("%q", got)
	}
}

func TestReadPaths(t *testing.T) {
	good := filepath.Join(t.TempDir(), "a.gpx")
	bad := filepath.Join(t.TempDir(), "b.gpx")
	for name, text := range map[string]string{good: `<gpx><wpt lat="1" lon="2"/></gpx>`, bad: `<gpx/>`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if p, err := readPaths([]string{good, good}); err != nil || len(p) != 2 {
		t.Errorf("%d paths, %v", len(p), err)
	}
	if _, err := readPaths([]string{good, bad}); err == nil || !strings.Contains(err.Error(), "b.gpx") {
		t.Errorf("error %v does not name the file", err)
	}
}
