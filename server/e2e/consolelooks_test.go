package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

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
