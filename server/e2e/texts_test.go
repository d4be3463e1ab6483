package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

// count waits until so many texts of the dialog are in a state.
func (p *page) count(state string, n int) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`%s?.querySelector('[data-state=%s] b').textContent === '%d'`, find(tagged("compose-counts")), state, n))
}

// mark marks a device in the list, with the mouse.
func (p *page) mark(id string) {
	p.t.Helper()
	p.click(having("device-row", "data-device", id) + ":not([hidden]) .row-mark")
	p.wait(find(having("device-row", "data-device", id)+":not([hidden])") + ".getAttribute('aria-selected') === 'true'")
}

// One text to those that are marked, and to all that the filter shows. Nothing goes
// out before it is confirmed, and the page follows what becomes of each.
func TestTextToMany(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	trucks := map[string]*truck{}
	for i, id := range []string{"bus 1", "bus 2", "van 3", "bus 4"} {
		tr := newTruck(t, s, id)
		tr.listen()
		tr.report(42.5+float64(i)/100, 1.5)
		trucks[id] = tr
	}
	trucks["bus 4"].leave()
	p.wait("mwm.devices === 4 && mwm.counts.offline === 1")

	p.mark("bus 1")
	p.mark("van 3")
	p.waitText(tagged("list-summary"), "2 selected")
	p.click(tagged("marks-write"))
	p.waitText("#compose-title", "Text to 2 devices")
	p.write(tagged("compose-body"), "Where are you?")
	p.click(tagged("compose-next"))
	p.waitText("#compose-title", "Send this text to 2 devices?")
	if texts := s.device("bus 1").Texts; len(texts) != 0 {
		t.Fatalf("sent before it was confirmed: %v", texts)
	}
	p.click(tagged("compose-send"))
	p.count("delivered", 2)
	for _, id := range []string{"bus 1", "van 3"} {
		m := trucks[id].text()
		if string(m.Body) != "Where are you?" {
			t.Errorf("%s got %q", id, m.Body)
		}
		trucks[id].show(m)
	}
	p.count("consumed", 2)
	p.click(tagged("compose-close"))
	p.click(tagged("marks-clear"))

	p.click(tagged("search"))
	p.press("bus")
	p.wait("mwm.shown === 3")
	p.click(tagged("mark-all"))
	p.waitText(tagged("list-summary"), "3 selected")
	p.click(tagged("marks-write"))
	p.waitText("#compose-title", "Text to 3 devices")
	p.write(tagged("compose-body"), "Snow on the pass: drive slowly, all of you.")
	p.click(tagged("compose-next"))
	p.waitText(".compose-away", "1 of them is offline: its text waits on the server until it comes back.")
	p.click(tagged("compose-back"))
	p.wait(find(tagged("compose-body")) + "?.value.startsWith('Snow')")
	p.click(tagged("compose-next"))
	p.click(tagged("compose-send"))
	p.count("delivered", 2)
	p.count("waiting", 1)
	if texts := s.device("van 3").Texts; len(texts) != 1 {
		t.Errorf("the van, which the filter does not show, has %d texts", len(texts))
	}
	back := newTruck(t, s, "bus 4")
	back.listen()
	back.show(back.text())
	p.count("consumed", 1)
	p.count("waiting", 0)
}

// The same without a mouse.
func TestTextToManyByKeyboard(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	for _, id := range []string{"AAA", "BBB", "CCC", "DDD"} {
		newTruck(t, s, id).report(42.5, 1.5)
	}
	p.wait("mwm.located === 4 && mwm.shown === 4")
	chord := func(modifier chromedp.Modifier, key string) {
		t.Helper()
		p.call("keys", func(ctx context.Context) error {
			return chromedp.Do(ctx, chromedp.KeyEvent(key, chromedp.KeyModifiers(modifier)))
		})
	}
	p.press("l")
	p.press(kb.ArrowDown + " ")
	p.waitText(tagged("list-summary"), "1 selected")
	chord(chromedp.ModifierShift, kb.ArrowDown)
	p.waitText(tagged("list-summary"), "2 selected")
	p.press(kb.Escape)
	p.waitText(tagged("list-summary"), "4 devices")
	p.press("l")
	chord(chromedp.ModifierCtrl, "a")
	p.waitText(tagged("list-summary"), "4 selected")
	p.wait(find(tagged("mark-all")) + ".getAttribute('aria-checked') === 'true'")
	p.press("t")
	p.wait("document.activeElement === " + find(tagged("compose-body")))
	p.press("to all" + kb.Enter)
	p.wait("document.activeElement === " + find(tagged("compose-send")))
	p.press(kb.Enter)
	p.count("waiting", 4)
	p.press(kb.Escape)
	p.wait("!" + find(tagged("compose")) + ".open && " + find(tagged("list-summary")) + ".textContent === '4 selected'")
	for _, id := range []string{"AAA", "DDD"} {
		if texts := s.device(id).Texts; len(texts) != 1 || texts[0].Body != "to all" {
			t.Errorf("%s: %v", id, texts)
		}
	}
}

// Why a device's text was not accepted is said in the page's language.
func TestRefusalIsWorded(t *testing.T) {
	s := serve(t, server.Config{MaxQueueMessages: 1}, server.Options{})
	p := open(t, s.page())
	for _, id := range []string{"AAA", "BBB"} {
		newTruck(t, s, id).report(42.5, 1.5)
	}
	s.run(t, mwm, "text", "AAA", "the one that fits").wait(0)
	p.wait("mwm.located === 2 && mwm.shown === 2")
	for _, want := range []struct {
		failed int
		words  string
	}{{1, "too many texts wait for the device"}, {2, "기기를 기다리는 메시지가 너무 많습니다"}} {
		eval[bool](p, find(tagged("mark-all"))+".click(), true")
		p.click(tagged("marks-write"))
		p.write(tagged("compose-body"), "one more")
		p.click(tagged("compose-next"))
		p.click(tagged("compose-send"))
		p.count("failed", want.failed)
		p.wait(all(".reasons li") + ".map((e) => e.textContent).join() === " + js(want.words))
		p.click(tagged("compose-close"))
		p.click(tagged("marks-clear"))
		p.click(tagged("lang-toggle"))
	}
}

// A text that a device refuses says so, and can be sent to another one.
func TestRefusedTextGoesElsewhere(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	stubborn, willing := newTruck(t, s, "stubborn"), newTruck(t, s, "willing")
	for _, tr := range []*truck{stubborn, willing} {
		tr.listen()
		tr.report(42.5, 1.5)
	}
	p.wait("mwm.devices === 2")
	p.choose("stubborn")
	p.write(tagged("text-body"), "Can you take one more?")
	p.click(tagged("text-send"))
	m := stubborn.text()
	if err := stubborn.conn.Nack(m); err != nil {
		t.Fatal(err)
	}
	p.waitState("Can you take one more?", "refused")
	p.wait(all(having("event", "data-device", "stubborn")) + ".some((e) => e.textContent.includes('refused a text'))")

	p.click(tagged("text-forward"))
	p.waitText("#compose-title", "Text to…")
	p.wait("document.activeElement === " + find(tagged("picker")))
	p.press("will" + kb.Enter)
	p.waitText("#compose-title", "Text to willing")
	p.wait(find(tagged("compose-body")) + ".value === 'Can you take one more?'")
	p.click(tagged("compose-next"))
	willing.show(willing.text())
	p.count("consumed", 1)
	p.click(tagged("compose-close"))

	// The broker offers it to the first one again, which has thought it over.
	p.waitState("Can you take one more?", "refused")
	m = stubborn.text()
	if m.Header.Get("redelivered") != "true" {
		t.Errorf("it came again with %v", m.Header)
	}
	stubborn.show(m)
	p.waitState("Can you take one more?", "consumed")
	p.click(tagged("text-again"))
	stubborn.show(stubborn.text())
	p.wait(all(having("text", "data-state", "consumed")) + ".length === 2")
}

// A text whose time is over before its device comes is never delivered.
func TestTextExpires(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	away := newTruck(t, s, "away")
	away.report(42.5, 1.5)
	away.leave()
	p.wait("mwm.counts.offline === 1")
	p.choose("away")
	status := eval[int](p, `fetch('api/v1/devices/away/texts', { method: 'POST', headers: { 'content-type': 'application/json' },
		body: JSON.stringify({ body: 'Quick!', expires: Date.now() + 3000 }) }).then(({ status }) => status)`)
	if status != 202 {
		t.Fatalf("status %d", status)
	}
	p.waitState("Quick!", "expired")
	p.click(tagged("text-again"))
	p.waitState("Quick!", "waiting")
	back := newTruck(t, s, "away")
	back.listen()
	back.show(back.text())
	p.waitState("Quick!", "consumed")
	p.wait(all(tagged("text")) + ".length === 2")
	select {
	case m := <-back.texts.C:
		t.Errorf("the expired text came, too: %q", m.Body)
	case <-time.After(100 * time.Millisecond):
	}
}

// What a queue takes has a limit; the form says so before the server does.
func TestTextTooLong(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p.wait("mwm.devices === 1")
	p.choose("BBB")
	p.write(tagged("text-body"), strings.Repeat("길", server.MaxText/3+1))
	p.click(tagged("text-send"))
	p.waitText(tagged("text-result"), "Too long: 4,098 bytes, at most 4,096 fit.")
	if texts := s.device("BBB").Texts; len(texts) != 0 {
		t.Errorf("it was sent: %d texts", len(texts))
	}
}

// An alert shows where the page can show it: a phone that has told no position lights
// up at the edge of the map, in its row and on the motion page.
func TestAlertOfPhoneWithoutPosition(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	ph := newPhone(t, s, "XYZ")
	ph.move(telemetry.Motion{Pitch: 1})
	p.wait("mwm.devices === 1")
	eval[bool](p, `(() => {
		window.lit = [];
		new MutationObserver(() => {
			for (const e of document.querySelectorAll('.alert-chip, .row.flash')) lit.push([e.className.includes('row') ? 'row' : 'chip', e.dataset.device, e.style.getPropertyValue('--flash')].join(' '));
		}).observe(document.body, { subtree: true, childList: true, attributes: true });
		return true;
	})()`)
	s.run(t, mwm, "alert", "XYZ", "cyan").wait(0)
	p.wait("lit.includes('chip XYZ #00FFFF') && lit.includes('row XYZ #00FFFF')")
	p.wait("!document.querySelector('.alert-chip, .row.flash')") // and goes again
	p.wait(find(having("event", "data-kind", "alert")+" .event-detail") + "?.textContent === 'cyan · 1 listener'")
}

// In Korean, nothing of the page is English, whatever happens.
func TestEventsInKorean(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	p.wait("mwm.connection === 'live'")
	p.wait(find("#connect") + ".open")
	p.press(kb.Escape)
	p.click(tagged("lang-toggle"))
	tr := newTruck(t, s, "1")
	tr.report(42.5, 1.5)
	tr.send([]byte(`{"deviceID":"1","lat":91,"lng":0}`))
	tr.leave()
	ph := newPhone(t, s, "2")
	ph.move(telemetry.Motion{})
	s.run(t, mwm, "alert", "2", "red").wait(0)
	for _, kind := range []string{"online", "offline", "payload", "alert"} {
		p.wait(find(having("event", "data-kind", kind)))
	}
	words := eval[[]string](p, all(tagged("event")+" .event-text")+`.flatMap((e) => e.textContent.match(/[A-Za-z]+/g) ?? []).filter((w) => !['STOMP', 'MQTT', 'lat'].includes(w))`)
	if len(words) > 0 {
		t.Errorf("English among the events: %q", words)
	}
}
