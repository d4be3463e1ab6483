package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	pahov3 "github.com/eclipse/paho.mqtt.golang"

	"mwm/server"
	"mwm/server/telemetry"
)

// pagesAt are the places where a page of the book may be opened from: a file, and
// a server of another port of this machine.
func pagesAt(t *testing.T) map[string]string {
	t.Helper()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.FileServer(http.Dir(here)))
	t.Cleanup(web.Close)
	return map[string]string{
		"file":         "file://" + here,
		"another port": web.URL,
		"localhost":    strings.Replace(web.URL, "127.0.0.1", "localhost", 1),
	}
}

// openBook opens a page of testdata/book.
func openBook(t *testing.T, from, name string, query url.Values) *page {
	t.Helper()
	p := newPage(t)
	p.provoke("favicon.ico") // the little server has none
	p.navigate(from + "/testdata/book/" + name + "?" + query.Encode())
	return p
}

// The book's first example: stomp.js 2.3 in a page, trucks and texts.
func TestBookLocations(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	for name, from := range pagesAt(t) {
		for _, at := range []struct{ name, address string }{
			{"own port", s.at.STOMPWS}, {"a path of it", s.at.STOMPWS + "/stomp"}, {"port of MQTT", s.at.MQTTWS}, {"HTTP port", s.at.HTTP + "/stomp"},
		} {
			t.Run("from "+name+" to "+at.name, func(t *testing.T) { bookLocations(t, s, from, "ws://"+at.address) })
		}
	}
}

func bookLocations(t *testing.T, s *testServer, from, at string) {
	p := openBook(t, from, "locations.html", url.Values{"url": {at}})
	p.waitText("#state", "connected with 1.1")
	bbb := newTruck(t, s, "BBB")
	bbb.listen()
	eventually(t, "the page shows the truck", func() bool {
		bbb.report(48.8581, 2.2946)
		return eval[bool](p, find("li")+"?.textContent === 'BBB φ:48.8581, λ:2.2946'")
	})
	p.write("#text", "Where are you heading to?")
	p.click("#send")
	m := bbb.text()
	if string(m.Body) != "Where are you heading to?" {
		t.Errorf("the truck got %q", m.Body)
	}
	bbb.show(m)
	bbb.leave()
}

// The book's second example: the Paho client in a page speaks MQTT 3.1.
func TestBookMotions(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	for name, from := range pagesAt(t) {
		for _, at := range []struct{ name, address, path string }{
			{"own port", s.at.MQTTWS, "/mqtt"}, {"port of STOMP", s.at.STOMPWS, "/anything"}, {"HTTP port", s.at.HTTP, "/mqtt"},
		} {
			t.Run("from "+name+" to "+at.name, func(t *testing.T) { bookMotions(t, s, from, at.address, at.path) })
		}
	}
}

func bookMotions(t *testing.T, s *testServer, from, address, path string) {
	hostPort := splitPort(address)
	// A retained motion is there at once.
	xyz := newPhone(t, s, "XYZ")
	xyz.move(telemetry.Motion{Pitch: 0.5, Roll: -1.25, Yaw: 3})
	query := url.Values{"host": hostPort[:1], "port": hostPort[1:], "path": {path}, "id": {"page " + t.Name()}}
	p := openBook(t, from, "motions.html", query)
	p.waitText("#state", "connected")
	p.waitText("#motions td:nth-child(2)", "pitch: 0.50 roll: -1.25 yaw: 3.00")
	xyz.move(telemetry.Motion{Pitch: -0.5})
	p.waitText("#motions td:nth-child(2)", "pitch: -0.50 roll: 0.00 yaw: 0.00")
	p.click("#motions button")
	if color := receive(t, "alert", xyz.alerts); color != "red" {
		t.Errorf("the phone got %q", color)
	}

	// The page is closed without a word: its will is told.
	wills := make(chan string, 10)
	xyz.wait(xyz.client.Subscribe("/mwm/lastWill/#", 2, func(_ pahov3.Client, m pahov3.Message) { wills <- m.Topic() + " " + string(m.Payload()) }))
	p.close()
	if will := receive(t, "last will", wills); will != "/mwm/lastWill/web Web client page "+t.Name()+" has unexpectedly died" {
		t.Errorf("the will is %q", will)
	}
	xyz.client.Disconnect(100)
}

// Today's libraries, and every WebSocket address speaks both protocols.
func TestBothProtocolsAtEachAddress(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	const connectSTOMP = "434f4e4e4543540a0a0000"             // CONNECT, two line ends, NUL
	const connectMQTT = "100d00044d51545404020000" + "000161" // MQTT 3.1.1, clean session, client "a"
	tests := map[string]struct{ address, hello, answer string }{
		"STOMP's port":     {"ws://" + s.at.STOMPWS + "/any/path", connectSTOMP, "434f4e4e45435445440a"}, // CONNECTED
		"MQTT's port":      {"ws://" + s.at.MQTTWS + "/any/path", connectMQTT, "20020000"},               // CONNACK
		"HTTP port /stomp": {"ws://" + s.at.HTTP + "/stomp", connectSTOMP, "434f4e4e45435445440a"},
		"HTTP port /mqtt":  {"ws://" + s.at.HTTP + "/mqtt", connectMQTT, "20020000"},
	}
	p := openBook(t, pagesAt(t)["another port"], "modern.html", nil)
	for name, tt := range tests {
		for _, version := range []string{"3", "4", "5"} {
			got := eval[struct {
				Subprotocol string
				Got         []string
			}](p, "exchange("+js(tt.address)+", "+version+")")
			if want := "/topic/from.mqtt grüße, to/mqtt 안녕"; strings.Join(got.Got, ", ") != want || got.Subprotocol != "v12.stomp" {
				t.Errorf("%s, MQTT %s: %q, want %q", name, version, got, want)
			}
		}
		if got := eval[string](p, "bare("+js(tt.address)+", "+js(tt.hello)+")"); !strings.HasPrefix(got, tt.answer) {
			t.Errorf("%s without a subprotocol answers %s, want %s…", name, got, tt.answer)
		}
	}
}

// A page of a stranger's server cannot use the visitor's own: neither its
// brokers, nor its API, nor by making its own name point here.
func TestStrangersPages(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	address, err := url.Parse(pagesAt(t)["another port"])
	if err != nil {
		t.Fatal(err)
	}
	p := openBook(t, "http://"+stranger+":"+address.Port(), "modern.html", nil)
	p.provoke("^browser error: .*(WebSocket connection to|Failed to load resource|Access to fetch)")
	for _, at := range []string{s.at.STOMPWS, s.at.MQTTWS, s.at.HTTP + "/stomp", s.at.HTTP + "/mqtt", s.at.HTTP + "/api/v1/feed"} {
		for _, subprotocol := range []string{"v12.stomp", "mqtt", "mwm.feed.v1"} {
			if !eval[bool](p, "refused("+js("ws://"+at)+", "+js(subprotocol)+")") {
				t.Errorf("a stranger's page may use %s with %s", at, subprotocol)
			}
		}
	}
	text := `{ method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: '{"body":"hello"}' }`
	eval[bool](p, "fetch("+js(s.page()+"api/v1/devices/BBB/texts")+", "+text+").then(() => true, () => true)")
	p.navigate("http://" + stranger + ":" + splitPort(s.at.HTTP)[1] + "/")
	if body := eval[string](p, "document.body.innerText"); !strings.Contains(body, "not allowed") || eval[bool](p, "'mwm' in window") {
		t.Errorf("under a stranger's name the server answers %q", body)
	}
	bbb := newTruck(t, s, "BBB")
	bbb.report(1, 1)
	if texts := s.device("BBB").Texts; len(texts) > 0 {
		t.Errorf("a stranger's page has sent %v", texts)
	}
}
