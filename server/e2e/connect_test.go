package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"mwm/server"
)

// With accounts the commands connect as who has signed in, with the password in a
// variable, and a viewer, who could do nothing with them, gets none.
func TestEmptyFleetWithAccounts(t *testing.T) {
	s := serve(t, server.Config{Accounts: peopleAndTruck(t)}, server.Options{})
	p := open(t, s.page(), withoutSession)
	p.wait(atSignIn)
	p.signIn("olga", accountsPassword)
	p.signedIn("operator")
	p.wait(find("#connect") + ".open")
	commands := map[string]string{}
	for _, name := range []string{"password", "sim", "mosquitto", "netcat"} {
		commands[name] = p.text(".command:has(" + tagged("copy-"+name) + ") code")
	}
	try := func(command string) *process {
		c := run(t, "bash", "-c", commands["password"]+"\n"+command)
		c.say(accountsPassword + "\n")
		return c
	}
	try(commands["mosquitto"]).wait(0)
	p.wait("mwm.position('BBB')")
	try(strings.Replace(commands["netcat"], "sleep 60", "sleep 0.1", 1)).wait(0)
	p.wait("mwm.position('CCC')?.status === 'offline'") // it says when it goes, and does go
	try(commands["sim"])
	p.wait("mwm.devices === 25 && mwm.counts.moving > 10")

	p.click("#sign-out")
	p.wait(atSignIn)
	p.signIn("vera", accountsPassword)
	p.signedIn("viewer")
	p.click(tagged("connect-open"))
	p.wait(find("#connect") + ".open && " + find(tagged("copy-phone")) + " && !" + find(tagged("copy-sim")) + " && !" + find(tagged("copy-netcat")))
}

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

// What the demo says of its certificate is what is shown to a browser.
func TestDemoSaysItsFingerprint(t *testing.T) {
	demo := run(t, mwm, slices.Concat([]string{"demo", "--trucks=0", "--phones=0", "--tls-self-signed", "--https=127.0.0.1:0"}, freePorts, []string{"--http="})...)
	at := demo.expect(`Open https://(127\.0\.0\.1:\d+) in`)[1]
	said := demo.expect(`fingerprint\n  ([0-9A-F:]+)\n`)[1]
	conn, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
	if shown := strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"); said != shown {
		t.Errorf("the demo says %s, and shows %s", said, shown)
	}
	demo.interrupt()
	demo.wait(0)
}
