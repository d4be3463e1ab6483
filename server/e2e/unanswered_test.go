package e2e

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"mwm/server"
)

// answerInstead gives the page an answer without content, as if from the server, to
// requests whose address has a part.
func (p *page) answerInstead(part string, status int) {
	p.t.Helper()
	eval[bool](p, `(() => {
		const ask = window.fetch;
		window.fetch = (url, options) => (String(url).includes(`+js(part)+`) ? Promise.resolve(new Response('', { status: `+js(status)+` })) : ask(url, options));
		return true;
	})()`)
}

// holdRequests lets requests whose address has a part go only when window.answer is
// called.
func (p *page) holdRequests(part string) {
	p.t.Helper()
	eval[bool](p, `(() => {
		const ask = window.fetch;
		window.fetch = (url, options) => (
			String(url).includes(`+js(part)+`) ? new Promise((go) => { window.answer = () => go(ask(url, options)); }) : ask(url, options)
		);
		return true;
	})()`)
}

// The card says that a device has got no text once the server has said so, and not
// when it has failed to.
func TestTextsThatAreNotTold(t *testing.T) {
	_, p := withTruck(t)
	p.choose("BBB")
	p.waitText(tagged("texts-none")+":not([hidden])", "No texts to this device yet.")
	p.press(kb.Escape)
	p.wait("mwm.selected === null")
	p.provoke("^console warning: .*device BBB")
	p.answerInstead("/devices/BBB", http.StatusInternalServerError)
	p.choose("BBB")
	p.waitText(tagged("texts-none")+":not([hidden])", "The texts could not be fetched: the server has failed; its log says why")
}

// What stands on the card stays where it is when the server says that there is no text:
// one of its buttons may be about to be pressed.
func TestCardStandsStill(t *testing.T) {
	_, p := withTruck(t)
	p.holdRequests("/devices/BBB")
	p.choose("BBB")
	p.wait("!!window.answer && document.getAnimations().every(({ playState }) => playState === 'finished')")
	top := find(tagged("alert-purple")) + ".getBoundingClientRect().top"
	before := eval[float64](p, top)
	eval[bool](p, "(window.answer(), true)")
	p.waitText(tagged("texts-none")+":not([hidden])", "No texts to this device yet.")
	if after := eval[float64](p, top); after != before {
		t.Errorf("what was at %v is at %v", before, after)
	}
}

// What stands beside a list of the console instead of a message that has just gone
// covers the list on a phone, and can be closed like the message.
func TestMessageThatHasGone(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	s.send("/queue/orders", "soon gone")
	p := console(t, s, "queue/orders")
	p.answerInstead("/queues/message?", http.StatusNotFound)
	p.openRow("messages", "soon gone")
	p.waitText(tagged("console-side")+" .console-quiet", "It is not there any more.")
	p.click(tagged("side-close"))
	p.wait(find(tagged("console-side")) + ".hidden")
}

// What is opened in the console when its answer comes does not take the keyboard from
// who has begun to type meanwhile.
func TestConsoleAnswersWhileSomebodyTypes(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	s.send("/queue/orders", "opened")
	p := console(t, s, "queue/orders")
	p.holdRequests("/queues/message?")
	p.openRow("messages", "opened")
	p.wait("!!window.answer")
	p.press("/ab")
	eval[bool](p, "(window.answer(), true)")
	p.wait(find(tagged("side-title")))
	p.press("c") // else a command: away from the console
	p.wait(find(tagged("find-message")) + ".value === 'abc'")
}

// The dialog that says how to connect says that it does not know, and nothing that
// might be wrong.
func TestHowToConnectIsNotTold(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p := open(t, s.page())
	p.wait("mwm.located === 1")
	p.provoke("^console warning: .*status: ")
	p.answerInstead("/status", http.StatusInternalServerError)
	p.click(tagged("connect-open"))
	p.waitText("#connect .way-note", "How to connect could not be fetched: the server has failed; its log says why")
	if eval[bool](p, "!!"+find("#connect .way-phone")) {
		t.Error("how phones reach the server is told")
	}
}
