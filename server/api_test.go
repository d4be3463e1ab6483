package server_test

import (
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
	"mwm/server/internal/openapitest"
	"mwm/server/telemetry"
)

// api calls a server's API and holds each answer against its document.
type api struct {
	t   *testing.T
	s   *server.Server
	doc *openapitest.Document
}

func newAPI(t *testing.T, s *server.Server) *api {
	t.Helper()
	a := &api{t: t, s: s}
	_, body := a.request("GET", "/openapi.json", "")
	var err error
	if a.doc, err = openapitest.Parse(body); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *api) request(method, path, body string) (*http.Response, []byte) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, "http://"+a.s.Addresses().HTTP+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.doc != nil {
		plain, _, _ := strings.Cut(path, "?")
		if err := a.doc.CheckResponse(method, plain, res.StatusCode, res.Header.Get("Content-Type"), answer); err != nil {
			a.t.Errorf("not as documented: %v\n%.300s", err, answer)
		}
	}
	return res, answer
}

// get returns what the API answers, with its numbers as float64.
func (a *api) get(path string, parameters ...string) map[string]any {
	a.t.Helper()
	return a.call("GET", path+query(parameters...), "", http.StatusOK)
}

// query makes a query of names and values in turn.
func query(parameters ...string) string {
	q := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

func (a *api) post(path, body string, status int) map[string]any {
	a.t.Helper()
	return a.call("POST", path, body, status)
}

func (a *api) call(method, path, body string, status int) (v map[string]any) {
	a.t.Helper()
	res, answer := a.request(method, path, body)
	if res.StatusCode != status {
		a.t.Fatalf("%s %s: %s %s, want %d", method, path, res.Status, answer, status)
	}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &v); err != nil {
			a.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
	return v
}

func list(v map[string]any, name string) (all []map[string]any) {
	for _, x := range v[name].([]any) {
		all = append(all, x.(map[string]any))
	}
	return all
}

// column returns a member of each entry of a list.
func column(v map[string]any, name, member string) (all []string) {
	for _, x := range list(v, name) {
		all = append(all, fmt.Sprint(x[member]))
	}
	return all
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

const hostileID = `=<b "x"&트럭`

// A truck's reports, late ones too, become its track: as JSON and as files, also
// after a restart.
func TestTrack(t *testing.T) {
	cfg := server.Config{Data: t.TempDir(), History: "all"}
	s, stop := start(t, cfg)
	a := newAPI(t, s)
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	conn := truck(t, s, "gateway")
	for _, second := range []int{0, 2, 1, 3} {
		report := fmt.Sprintf(`{"deviceID":%q,"lat":42.5,"lng":1.50%d,"ts":%q,"speed":12.34,"heading":90}`, hostileID, second, at.Add(time.Duration(second)*time.Second).Format(time.RFC3339))
		if err := conn.Send("/topic/device."+hostileID+".location", "application/json", []byte(report), gostomp.SendOpt.Receipt); err != nil {
			t.Fatal(err)
		}
	}
	device := "/devices/" + url.PathEscape(hostileID)
	check := func(a *api) {
		t.Helper()
		track := a.get(device+"/track", "from", fmt.Sprint(at.UnixMilli()), "to", at.Add(3*time.Second).Format(time.RFC3339))
		if fmt.Sprint(track["points"]) != fmt.Sprintf("[[42.5 1.5 %g 12.3 90 <nil>] [42.5 1.501 %g 12.3 90 <nil>] [42.5 1.502 %g 12.3 90 <nil>]]",
			float64(at.UnixMilli()), float64(at.UnixMilli()+1000), float64(at.UnixMilli()+2000)) || track["device"] != hostileID {
			t.Errorf("%v", track)
		}
		if track := a.get(device + "/track"); track["count"] != 4.0 {
			t.Errorf("of the last day: %v", track)
		}
		total := 0.0
		for _, d := range list(a.get(device+"/days", "zone", "Asia/Seoul"), "days") { // midnight may have passed
			total += d["points"].(float64)
			track := a.get(device+"/track", "day", d["day"].(string), "zone", "Asia/Seoul")
			if track["count"] != d["points"] || track["from"] != d["from"] || track["to"] != d["to"] {
				t.Errorf("%v, of the day %v", track, d)
			}
		}
		if total != 4 {
			t.Errorf("%v points in all days", total)
		}
	}
	check(a)
	if res, body := a.request("GET", device+"/track?format=compact", ""); res.Header.Get("Content-Type") != "application/vnd.mwm.track" || res.Header.Get("Content-Disposition") != "" || len(body) < 20 || len(body) > 50 {
		t.Errorf("compact: %v, %d bytes", res.Header, len(body))
	}
	for format, kind := range map[string]string{"gpx": "application/gpx+xml", "geojson": "application/geo+json", "csv": "text/csv; charset=utf-8; header=present"} {
		res, body := a.request("GET", device+"/track?format="+format, "")
		disposition := res.Header.Get("Content-Disposition")
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != kind || strings.Count(string(body), "1.50") != 3 {
			t.Errorf("%s: %s %v %s", format, res.Status, res.Header, body)
		}
		if !strings.HasPrefix(disposition, `attachment; filename="track-__b__x____-20`) || !strings.Contains(disposition, "filename*=UTF-8''track-__b__x__%ED%8A%B8%EB%9F%AD-20") || strings.ContainsAny(disposition, "<>&\r\n") {
			t.Errorf("%s: %q", format, disposition)
		}
		if format == "gpx" && xml.Unmarshal(body, new(struct{})) != nil {
			t.Errorf("no XML: %s", body)
		}
	}
	if track := a.get("/devices/nobody/track"); track["count"] != 0.0 {
		t.Errorf("of nobody: %v", track)
	}
	if track := a.get("/devices/B/track", "day", "2024-09-08", "zone", "America/Santiago"); track["from"] != 1725768000000.0 || track["to"] != 1725850800000.0 {
		t.Errorf("a day that begins at 1:00: %v", track)
	}
	for query, status := range map[string]int{
		"from=x": 400, "from=2&to=1": 400, "from=0&to=9999999999": 400, "day=2025-13-01": 400, "day=2025-01-01&from=1": 400, "zone=Nowhere&day=2025-01-01": 400,
		"zone=../../etc/passwd": 400, "format=exe": 400, "day=2025-01-01": 200,
	} {
		if res, body := a.request("GET", "/devices/B/track?"+query, ""); res.StatusCode != status {
			t.Errorf("%s: %s %s", query, res.Status, body)
		}
	}
	if h := a.get("/history"); h["mode"] != "all" || h["recorded"] != 4.0 || h["devices"] != 1.0 {
		t.Errorf("%v", h)
	}
	stop()

	s, stop = start(t, cfg)
	a = newAPI(t, s)
	check(a)
	if h := a.get("/history"); h["points"] != 4.0 || h["bytes"].(float64) <= 0 {
		t.Errorf("%v", h)
	}
	for range 2 { // deleting what is not there is no fault
		a.call("DELETE", device+"/track", "", http.StatusNoContent)
		if track := a.get(device + "/track"); track["count"] != 0.0 {
			t.Errorf("deleted: %v", track)
		}
	}
	stop()

	s, stop = start(t, cfg)
	a = newAPI(t, s)
	if h := a.get("/history"); h["points"] != 0.0 || h["devices"] != 0.0 {
		t.Errorf("deleted, and restarted: %v", h)
	}
	stop()
	cfg.History = "off"
	s, _ = start(t, cfg)
	a = newAPI(t, s)
	for _, path := range []string{"/track", "/days"} {
		a.call("GET", "/devices/BBB"+path, "", http.StatusNotFound)
	}
	a.call("DELETE", "/devices/BBB/track", "", http.StatusNotFound)
	if h := a.get("/settings")["history"].(map[string]any); h["mode"] != "off" {
		t.Errorf("%v", h)
	}
}

// Why a device's text is refused is told by a code, which the page says in its own
// language.
func TestRefusedTextsHaveCodes(t *testing.T) {
	for code, cfg := range map[string]server.Config{
		"bad-id": {}, "queue-full": {MaxQueueMessages: 1}, "too-many-queues": {MaxQueues: 1}, "disk": {Data: t.TempDir(), MinFree: 1 << 60},
	} {
		s, stop := start(t, cfg)
		devices := map[string]string{"bad-id": `"AAA","b/c"`, "queue-full": `"AAA","AAA"`, "too-many-queues": `"AAA","BBB"`, "disk": `"AAA"`}[code]
		answer := newAPI(t, s).post("/texts", `{"body":"x","devices":[`+devices+`]}`, http.StatusAccepted)
		equal(t, "codes", column(answer, "refused", "code"), code)
		stop()
	}
}

// A text goes to many devices; one that was refused goes to another.
func TestTexts(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := newAPI(t, s)
	answer := a.post("/texts", `{"devices":["BBB","`+strings.ReplaceAll(hostileID, `"`, `\"`)+`","a.b"],"body":"come home"}`, http.StatusAccepted)
	equal(t, "devices", column(answer, "texts", "device"), "BBB", hostileID)
	equal(t, "refused", column(answer, "refused", "device"), "a.b")
	text := list(answer, "texts")[0]
	id := text["id"].(string)
	sub, err := truck(t, s, "BBB").Subscribe("/queue/device.BBB.text", gostomp.AckAuto)
	if err != nil {
		t.Fatal(err)
	}
	read(t, sub)
	eventually(t, "the text is consumed or delivered", func() bool { return a.get("/texts/" + id)["state"] != "waiting" })
	again := a.post("/texts/"+id+"/resend", `{"device":"CCC"}`, http.StatusAccepted)
	if again["device"] != "CCC" || again["body"] != "come home" || again["id"] == id {
		t.Errorf("%v", again)
	}
	a.post("/texts/"+id+"/resend", `{}`, http.StatusAccepted)
	if m := read(t, sub); string(m.Body) != "come home" {
		t.Errorf("%q", m.Body)
	}
	equal(t, "texts of BBB", column(a.get("/devices/BBB/texts"), "texts", "body"), "come home", "come home")
	a.call("GET", "/texts/none", "", http.StatusNotFound)
	a.post("/texts/none/resend", `{}`, http.StatusNotFound)
	a.post("/texts/"+id+"/resend", `{"device":"a.b"}`, http.StatusUnprocessableEntity)
	a.post("/texts", `{"devices":[],"body":"x"}`, http.StatusUnprocessableEntity)
	a.post("/texts", `{"devices":["A"],"body":""}`, http.StatusUnprocessableEntity)
	many := `{"body":"x","devices":["A"` + strings.Repeat(`,"A"`, 1000) + `]}`
	a.post("/texts", many, http.StatusUnprocessableEntity)

	events := a.get("/events", "device", "BBB", "kind", "text", "limit", "1")
	if n := len(list(events, "events")); n != 1 {
		t.Errorf("%d events", n)
	}
	first := list(a.get("/events", "limit", "1000"), "events")[0]["seq"].(float64)
	next := a.get("/events", "after", fmt.Sprint(first), "limit", "1")
	if list(next, "events")[0]["seq"] != first+1 || next["next"] != first+1 {
		t.Errorf("%v", next)
	}
}

// Alerts to one phone are limited: nobody's phone flickers all day.
func TestAlertsAreLimited(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := newAPI(t, s)
	began, taken, limited := time.Now(), 0, 0
	for limited < 10 && taken < 1000 {
		res, _ := a.request("POST", "/devices/AAA/alerts", `{"color":"red"}`)
		if res.StatusCode != http.StatusTooManyRequests {
			taken++
			continue
		}
		if limited++; res.Header.Get("Retry-After") == "" {
			t.Error("it is not said when to try again")
		}
	}
	// Each half second that this takes permits one more.
	if most := 20 + int(time.Since(began)/(500*time.Millisecond)); taken > most || limited < 10 {
		t.Errorf("%d were taken, want at most %d; %d were refused", taken, most, limited)
	}
	a.post("/devices/BBB/alerts", `{"color":"red"}`, http.StatusOK)
}

// Whoever watches a device sees its frames and packets as they crossed the wire,
// from the first one on.
func TestWire(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := newAPI(t, s)
	if w := a.get("/devices/AAA/wire"); w["connections"] != 0.0 || len(list(w, "frames")) != 0 {
		t.Errorf("%v", w)
	}
	waiting := make(chan map[string]any, 1)
	go func() { waiting <- a.get("/devices/AAA/wire", "wait", "20", "limit", "10") }()
	stomp, err := gostomp.Dial("tcp", s.Addresses().STOMP, gostomp.ConnOpt.Header("client-id", "AAA"), gostomp.ConnOpt.HeartBeat(0, 0), gostomp.ConnOpt.Login("me", "sesame"))
	if err != nil {
		t.Fatal(err)
	}
	if w := <-waiting; len(list(w, "frames")) == 0 || list(w, "frames")[0]["type"] != "CONNECT" {
		t.Errorf("%v", w)
	}
	if err := stomp.Send("/topic/device.AAA.location", "application/json", []byte(`{}`), gostomp.SendOpt.Receipt); err != nil {
		t.Fatal(err)
	}
	motion := telemetry.AppendMotion(nil, telemetry.Motion{Pitch: 1, Roll: -0.5})
	wait(t, phone(t, s, "AAA").Publish("/mwm/AAA/motion", 1, false, motion))
	if err := stomp.Disconnect(); err != nil {
		t.Fatal(err)
	}
	var w map[string]any
	seen := func() (all []string) {
		w = a.get("/devices/AAA/wire", "limit", "500")
		for _, f := range list(w, "frames") {
			all = append(all, fmt.Sprint(f["protocol"], " ", f["direction"], " ", f["type"]))
		}
		return all
	}
	eventually(t, "the last frame", func() bool { return len(seen()) >= 10 })
	// What two connections write at the same time is in no order.
	all := seen()
	slices.SortStableFunc(all, func(a, b string) int { return strings.Compare(a[:4], b[:4]) })
	equal(t, "frames", all, "mqtt in CONNECT", "mqtt out CONNACK", "mqtt in PUBLISH", "mqtt out PUBACK",
		"stomp in CONNECT", "stomp out CONNECTED", "stomp in SEND", "stomp out RECEIPT", "stomp in DISCONNECT", "stomp out RECEIPT")
	frames := list(w, "frames")
	if raw := fmt.Sprint(w["frames"]); strings.Contains(raw, "sesame") || strings.Contains(raw, hex.EncodeToString([]byte("sesame"))) {
		t.Errorf("a secret is shown: %s", raw)
	}
	send, publish := frames[2], frames[6]
	if send["text"] != "{}" || send["version"] != "1.2" || send["address"] == "" || !strings.Contains(fmt.Sprint(send["fields"]), "[destination /topic/device.AAA.location]") {
		t.Errorf("%v", send)
	}
	if publish["meaning"] != "pitch: 57°, roll: -29°, yaw: 0°" || publish["text"] != nil || publish["bodySize"] != 24.0 ||
		!strings.HasSuffix(publish["raw"].(string), hex.EncodeToString(motion)) || !strings.Contains(fmt.Sprint(publish["fields"]), "[topic /mwm/AAA/motion]") {
		t.Errorf("%v", publish)
	}
	connections := list(a.get("/connections"), "connections")
	a.get("/connections/" + connections[0]["id"].(string) + "/wire")
	a.call("GET", "/connections/0/wire", "", http.StatusNotFound)
	a.call("GET", "/devices/AAA/wire?wait=21", "", http.StatusBadRequest)
}

// What became of texts, and the newest events, survive a restart; a text that only
// memory had is not said to wait any more.
func TestNewsSurviveARestart(t *testing.T) {
	cfg := server.Config{Data: t.TempDir()}
	s, stop := start(t, cfg)
	a := newAPI(t, s)
	answer := a.post("/texts", `{"devices":["AAA","BBB"],"body":"come home"}`, http.StatusAccepted)
	if err := truck(t, s, "book").Send("/queue/device.CCC.text", "text/plain", []byte("not persistent"), gostomp.SendOpt.Receipt); err != nil {
		t.Fatal(err)
	}
	sub, err := truck(t, s, "BBB").Subscribe("/queue/device.BBB.text", gostomp.AckClientIndividual)
	if err != nil {
		t.Fatal(err)
	}
	m := read(t, sub)
	if err := m.Conn.Ack(m); err != nil {
		t.Fatal(err)
	}
	bbb := list(answer, "texts")[1]["id"].(string)
	eventually(t, "the text is consumed", func() bool { return a.get("/texts/" + bbb)["state"] == "consumed" })
	before := column(a.get("/events", "kind", "text"), "events", "detail")
	stop()

	s, _ = start(t, cfg)
	a = newAPI(t, s)
	for device, state := range map[string]string{"AAA": "waiting", "BBB": "consumed", "CCC": "expired"} {
		equal(t, device, column(a.get("/devices/"+device+"/texts"), "texts", "state"), state)
	}
	if text := a.get("/texts/" + bbb); text["body"] != "come home" || text["at"] != list(answer, "texts")[1]["at"] {
		t.Errorf("%v", text)
	}
	equal(t, "events", column(a.get("/events", "kind", "text"), "events", "detail"), before...)
	sub, err = truck(t, s, "AAA").Subscribe("/queue/device.AAA.text", gostomp.AckAuto)
	if err != nil {
		t.Fatal(err)
	}
	read(t, sub)
	eventually(t, "the text is delivered", func() bool { return column(a.get("/devices/AAA/texts"), "texts", "state")[0] == "delivered" })
}
