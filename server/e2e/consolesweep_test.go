package e2e

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// What is done to all messages of a queue goes on until it is done, whatever the
// question before it still has to say.
func TestConsolePurgesInSteps(t *testing.T) {
	s := busy(t)
	p := console(t, s, "queue/orders")
	p.waitText(tagged("count-waiting"), "41")
	eval[bool](p, `(() => {
		window.held = [];
		const ask = window.fetch;
		window.fetch = (url, options) => (url.endsWith('/delete') ? new Promise((go) => held.push((more) => go(Response.json({ count: 10, more })))) : ask(url, options));
		return true;
	})()`)
	p.click(tagged("queue-purge"))
	p.write(tagged("ask-count"), "41")
	p.press(kb.Enter)
	p.wait("held.length === 1")
	eval[bool](p, find(tagged("sweep"))+".dispatchEvent(new Event('close')), held[0](true), true")
	p.wait("held.length === 2")
	p.waitText(tagged("sweep-words"), "10 messages deleted so far")
	eval[bool](p, "held[1](false), true")
	p.waitText(tagged("sweep-words"), "20 messages deleted.")
}
