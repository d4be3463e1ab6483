package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/deviceorientation"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	pahov3 "github.com/eclipse/paho.mqtt.golang"

	"mwm/server/fleet"
)

// handset is the phone's page, /phone, in a browser that says it is a phone.
type handset struct {
	*page
	s  *testServer
	id string
}

// The sensors, as the browser's permissions call them.
var sensors = []string{"geolocation", "accelerometer", "gyroscope", "magnetometer", "screen-wake-lock"}

// pickUp opens the phone's page with what the user allows it. The link's hash may
// name the device.
func pickUp(t *testing.T, s *testServer, hash string, allowed ...string) *handset {
	t.Helper()
	h := handsetOf(t, s, allowed...)
	h.open(hash)
	return h
}

func (h *handset) open(hash string) {
	h.t.Helper()
	h.navigate(h.s.page() + "phone" + hash)
	h.connected()
	h.id = h.text(tagged("device-id"))
}

// handsetOf is a browser for the phone's page that has not opened it yet.
func handsetOf(t *testing.T, s *testServer, allowed ...string) *handset {
	t.Helper()
	h := &handset{page: newPage(t), s: s}
	h.hosts = map[string]bool{s.at.HTTP: true}
	h.resize(390, 844, "light")
	for _, name := range sensors {
		h.permit(name, slices.Contains(allowed, name))
	}
	return h
}

// connected waits until both protocols are.
func (h *handset) connected() {
	h.t.Helper()
	h.wait(find(having("link-stomp", "data-state", "live")) + "&&" + find(having("link-mqtt", "data-state", "live")))
}

// settled waits until the page has fetched all that it is going to: a server that
// goes while its service worker is on the way is an error on the browser's console.
func (h *handset) settled() {
	h.t.Helper()
	eval[bool](h.page, "navigator.serviceWorker.ready.then(() => true)")
}

// withoutServer says what the page's does, and that its libraries speak of it, too.
func (h *handset) withoutServer() {
	h.t.Helper()
	h.page.withoutServer()
	h.provoke(`^console warning: "(STOMP|MQTT): `)
}

// beforePage runs a script in each document of the page, before those of the page.
func (p *page) beforePage(script string) {
	p.t.Helper()
	p.call("script", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
}

// alertsStay lets alerts stand at their height until alertsGoOn is called: who is slow
// would miss what is to be seen for two seconds.
const alertsStay = `{
	const standing = [];
	const animate = Element.prototype.animate;
	Element.prototype.animate = function (...args) {
		const animation = animate.apply(this, args);
		animation.pause();
		animation.currentTime = 1000;
		standing.push(animation);
		return animation;
	};
	window.alertsGoOn = () => standing.splice(0).forEach((animation) => { if (animation.playState === 'paused') animation.play(); });
}`

// moveTo puts the browser's phone somewhere.
func (h *handset) moveTo(lat, lng float64) {
	h.t.Helper()
	accuracy := 8.0
	h.call("geolocation", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetGeolocationOverride, emulation.SetGeolocationOverrideParams{Latitude: &lat, Longitude: &lng, Accuracy: &accuracy})
		return err
	})
}

// tilt turns the browser's phone, in degrees.
func (h *handset) tilt(alpha, beta, gamma float64) {
	h.t.Helper()
	h.call("orientation", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, deviceorientation.SetDeviceOrientationOverride, deviceorientation.SetDeviceOrientationOverrideParams{Alpha: alpha, Beta: beta, Gamma: gamma})
		return err
	})
}

// post asks the API for something to be sent to the phone.
func (h *handset) post(what, body string) {
	h.t.Helper()
	res, err := http.Post(h.s.page()+"api/v1/devices/"+url.PathEscape(h.id)+"/"+what, "application/json", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		h.t.Fatalf("%s: %s", what, res.Status)
	}
}

func (h *handset) sendText(body string) { h.post("texts", `{"body":`+js(body)+`}`) }

// textState is what the server knows of a text to the phone.
func (h *handset) textState(body string) fleet.TextState {
	h.t.Helper()
	if d := h.s.device(h.id); d != nil {
		for _, text := range d.Texts {
			if text.Body == body {
				return text.State
			}
		}
	}
	return ""
}

// listenTo subscribes with MQTT.
func listenTo(t *testing.T, s *testServer, topic string) <-chan pahov3.Message {
	t.Helper()
	got := make(chan pahov3.Message, 1000)
	c := mqttClient(t, s, pahov3.NewClientOptions().SetClientID(fmt.Sprintf("onlooker %p", got)))
	if tok := c.Subscribe(topic, 2, func(_ pahov3.Client, m pahov3.Message) { got <- m }); !tok.WaitTimeout(patience) || tok.Error() != nil {
		t.Fatal("subscribe: ", tok.Error())
	}
	return got
}
