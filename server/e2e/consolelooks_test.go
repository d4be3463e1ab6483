package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// What is shown of the console shuts nobody out, and says everything in the
// page's language.
func TestConsoleIsAccessible(t *testing.T) {
	s := busy(t)
	p := console(t, s, "queues")
	eachLook(p, s.page()+"#view=console", func(name string) { auditConsole(p, "console-"+name) })
}

func auditConsole(p *page, name string) {
	p.t.Helper()
	check := func(what string) {
		p.t.Helper()
		audit(p, name+what)
		if raw := eval[[]string](p, `document.body.innerText.match(/\b(console|text|wire|marks|compose)\.[a-zA-Z.]+/g) ?? []`); len(raw) > 0 {
			p.t.Errorf("%s%s: not translated: %q", name, what, raw)
		}
	}
	for _, section := range []string{"queues", "topics", "connections", "subscriptions", "durables", "sessions", "retained", "queue/orders", "durable/desk/all%20news"} {
		turn(p, "#view=console&console="+section, find(".grid-row[data-key]:not([data-key=''])"))
		check(section)
		if section == "queues" || section == "durables" {
			continue
		}
		eval[bool](p, find(".grid-space .grid-row:not([hidden])")+".click(), true")
		p.wait(find(tagged("side-title")))
		check(section + " open")
	}
	turn(p, "#view=console&console=queue/orders", find(tagged("messages-row")))
	eval[bool](p, find(tagged("show-consumers"))+".click(), true")
	check("consumers")
	for _, button := range []string{"queue-purge", "queue-move", "console-send"} {
		eval[bool](p, find(tagged(button))+".click(), true")
		p.wait(find("dialog[open]"))
		check(button)
		p.press(kb.Escape)
		p.wait("!" + find("dialog[open]"))
	}
}

// Pictures of the console, for people to look at.
func TestConsoleScreenshots(t *testing.T) {
	if os.Getenv("MWM_ARTIFACTS") == "" {
		t.Skip("MWM_ARTIFACTS is not set")
	}
	s := busy(t)
	p := console(t, s, "queues")
	for _, size := range sizes {
		for _, scheme := range schemes {
			for _, lang := range []string{"en", "ko"} {
				eval[bool](p, "localStorage.setItem('mwm.lang', '"+lang+"'), true")
				picturesOfConsole(p, s, fmt.Sprintf("%dx%d-%s-%s-", size[0], size[1], scheme, lang), size, scheme)
			}
		}
	}
}

func picturesOfConsole(p *page, s *testServer, name string, size [2]int64, scheme string) {
	p.t.Helper()
	look(p, s.page()+"#view=console", size, scheme)
	for _, section := range []string{"queues", "topics", "connections", "subscriptions", "durables", "sessions", "retained", "queue/orders", "queue/DLQ.orders"} {
		turn(p, "#view=console&console="+section, "mwm.view === 'console' && "+find(".grid-row[data-key]:not([data-key=''])"))
		fits(p, name+strings.ReplaceAll(section, "/", "-"))
		if section != "durables" && section != "queues" {
			eval[bool](p, find(".grid-space .grid-row:not([hidden])")+".click(), true")
			p.wait(find(tagged("side-title")))
			fits(p, name+strings.ReplaceAll(section, "/", "-")+"-open")
		}
	}
	eval[bool](p, find(tagged("queue-purge"))+".click(), true")
	p.wait(find("dialog[open]"))
	fits(p, name+"purge")
	p.press(kb.Escape)
	eval[bool](p, find(tagged("console-send"))+".click(), true")
	p.wait(find("dialog[open]"))
	fits(p, name+"send")
	p.press(kb.Escape)
}
