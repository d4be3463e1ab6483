package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
)

// hold lets requests that change something wait in window.held until the test
// calls them.
const hold = `(() => {
	window.held = [];
	const ask = window.fetch;
	window.fetch = (url, options) => (options?.method === 'POST' ? new Promise((go) => held.push(() => go(ask(url, options)))) : ask(url, options));
	return true;
})()`

// withTruck opens the page of a server with one truck.
func withTruck(t *testing.T) (*testServer, *page) {
	t.Helper()
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p.wait("mwm.located === 1") // its name may come before where it is, and the card shows that
	return s, p
}

// However often Enter is pressed, a text goes out once; and what is typed while it
// is on its way, or in which language, is not lost.
func TestTypingGoesOn(t *testing.T) {
	s, p := withTruck(t)
	p.choose("BBB")
	eval[bool](p, hold)
	area := find(tagged("text-body"))
	p.write(tagged("text-body"), "Where are you?")
	enter := area + ".dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', repeat: true, bubbles: true })), held.length"
	if n := eval[int](p, enter); n != 0 {
		t.Errorf("a key that is held down has sent %d texts", n)
	}
	p.press(kb.Enter + kb.Enter + " And when")
	p.wait("held.length === 1 && " + area + ".value === 'Where are you? And when'")
	eval[bool](p, "held.forEach((go) => go()), true")
	p.waitState("Where are you?", "waiting")
	p.wait("!" + find(tagged("text-send")) + ".disabled")
	if n := len(s.device("BBB").Texts); n != 1 {
		t.Errorf("%d texts were sent", n)
	}
	p.click(tagged("lang-toggle"))
	p.waitText(tagged("text-send"), "보내기")
	p.wait(area + ".value === 'Where are you? And when'")
}

// A text that is on its way while the language is switched goes out once, and does
// not stand in the form again.
func TestLanguageIsSwitchedWhileSending(t *testing.T) {
	_, p := withTruck(t)
	p.choose("BBB")
	eval[bool](p, hold)
	p.write(tagged("text-body"), "Where are you?")
	p.press(kb.Enter)
	p.wait("held.length === 1")
	p.click(tagged("lang-toggle"))
	p.wait(find(tagged("text-send")) + ".textContent === '보내기' && " + find(tagged("text-send")) + ".disabled")
	p.click(tagged("text-body"))
	p.press(kb.Enter)
	p.wait("held.length === 1 && " + find(tagged("text-body")) + ".value === 'Where are you?'")
	eval[bool](p, "held.forEach((go) => go()), true")
	p.waitState("Where are you?", "waiting")
	p.wait(find(tagged("text-body")) + ".value === '' && !" + find(tagged("text-send")) + ".disabled")
}

// A text may be for a device that was never heard from: its name is typed, and the
// events lead to it.
func TestTextToSomebodyNew(t *testing.T) {
	_, p := withTruck(t)
	p.mark("BBB")
	p.click(tagged("marks-write"))
	p.click(tagged("picker"))
	p.press("van/")
	p.wait("!" + find(".picker-option"))
	p.press(kb.Backspace + " 7")
	p.waitText(".picker-option", "van 7has not reported yet")
	p.press(kb.Enter)
	p.waitText("#compose-title", "Text to 2 devices")
	p.write(tagged("compose-body"), "Come")
	p.click(tagged("compose-next"))
	p.waitText(".compose-away", "1 of them is offline: its text waits on the server until it comes back.")
	p.click(tagged("compose-send"))
	p.count("waiting", 2)
	p.click(tagged("compose-close"))
	p.click(having("event", "data-device", "van 7"))
	p.waitText(tagged("card-id"), "van 7")
	p.waitText(tagged("card-state"), "This device has not reported yet.")
}

// After a restart of the server, the keyboard is not on another device.
func TestKeyboardAfterRestart(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	p := open(t, s.page())
	come := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			tr := newTruck(t, s, id)
			tr.report(42.5, 1.5)
			tr.leave()
		}
	}
	come("AAA", "BBB")
	p.wait("mwm.located === 2 && mwm.shown === 2")
	p.press("l" + kb.ArrowDown)
	p.wait(find(".row.active") + "?.dataset.device === 'BBB'")
	p.withoutServer()
	s.stop()
	p.wait("mwm.connection === 'waiting'")
	s.start()
	p.wait("mwm.connection === 'live' && mwm.devices === 0 && " + find("#connect") + ".open") // it would come at any time
	p.press(kb.Escape)
	p.wait("!" + find("#connect") + ".open && document.activeElement.id === 'list'")
	come("CCC", "AAA", "BBB")
	p.wait("mwm.shown === 3 && document.activeElement.id === 'list'")
	p.press(kb.ArrowDown + kb.Enter)
	p.wait("mwm.selected === 'AAA'") // the first, not the one after the second that came
}
