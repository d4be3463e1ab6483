package e2e

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"mwm/server"
)

// Over plain HTTP from elsewhere a page has no clipboard; it copies all the same, out
// of a dialog, too, and leaves the keyboard where it was.
func TestCopyWithoutClipboard(t *testing.T) {
	s := serve(t, server.Config{AllowAnonymous: true}, server.Options{})
	_, port, err := net.SplitHostPort(s.at.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, "http://"+net.JoinHostPort(elsewhere, port)+"/")
	p.wait("!navigator.clipboard && " + find("#connect") + ".open")
	p.click(tagged("copy-netcat"))
	p.wait(find(".notice") + "?.textContent === 'Copied.' && document.activeElement === " + find(tagged("copy-netcat")))
	command := strings.ReplaceAll(p.text(".command:has("+tagged("copy-netcat")+") code"), "\n", " ") // as a field takes it
	p.press(kb.Escape)
	p.click(tagged("search"))
	p.paste()
	p.wait(find(tagged("search")) + ".value === " + js(command[:128])) // no more fits there
	newTruck(t, s, "BBB").report(42.5, 1.5)
	p.click("#filter-clear")
	p.choose("BBB")
	p.click(tagged("fact-position") + " button")
	p.click(tagged("search"))
	p.paste()
	p.wait(find(tagged("search")) + ".value === '42.50000, 1.50000'")
}

// paste does what Ctrl-V does.
func (p *page) paste() {
	p.t.Helper()
	p.call("paste", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "v", Code: "KeyV", Commands: []string{"paste"}})
		return err
	})
}
