package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// page is one tab with storage of its own. What goes wrong in it (an exception,
// an error on the console, a dialog, a request to another host) fails the test.
type page struct {
	t     *testing.T
	ctx   context.Context
	close func() // the tab, as its user would

	mu     sync.Mutex
	faults []string         // guarded by mu
	calm   []*regexp.Regexp // faults that a test provokes; guarded by mu
	hosts  map[string]bool  // that it may speak to, or nil for any; guarded by mu
}

// open opens a page of a server, which may speak to that server alone, in a
// window of 1280 by 800. What it provokes at once is to be named.
func open(t *testing.T, address string, provoked ...string) *page {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p := newPage(t)
	for _, pattern := range provoked {
		p.provoke(pattern)
	}
	p.hosts = map[string]bool{u.Host: true}
	p.resize(1280, 800, "light")
	p.navigate(address)
	return p
}

// newPage opens an empty tab, until the test ends.
func newPage(t *testing.T) *page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	p := &page{t: t, ctx: ctx}
	p.close = cancel
	t.Cleanup(func() {
		if t.Failed() && ctx.Err() == nil {
			p.picture("failed-" + t.Name())
		}
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, fault := range p.faults {
			t.Errorf("the page: %s", fault)
		}
	})
	if err := chromedp.Listen(ctx, p.watch); err != nil {
		t.Fatal(err)
	}
	return p
}

// watch takes what the browser tells of the page.
func (p *page) watch(ev any) {
	switch ev := ev.(type) {
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if ev.ExceptionDetails.Exception != nil {
			text += " " + ev.ExceptionDetails.Exception.Description
		}
		p.fault("exception: " + text)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == "error" || ev.Type == "warning" || ev.Type == "assert" {
			var text []string
			for _, arg := range ev.Args {
				text = append(text, string(arg.Value)+arg.Description)
			}
			p.fault(fmt.Sprintf("console %s: %s", ev.Type, strings.Join(text, " ")))
		}
	case *log.EventEntryAdded:
		if e := ev.Entry; e.Level == "error" || e.Level == "warning" {
			p.fault(fmt.Sprintf("browser %s: %s %s", e.Level, e.Text, e.URL))
		}
	case *cdppage.EventJavascriptDialogOpening:
		p.fault("dialog: " + ev.Message)
	case *network.EventRequestWillBeSent:
		p.spoke(ev.Request.URL)
	case *network.EventWebSocketCreated:
		p.spoke(ev.URL)
	}
}

// spoke notes that the page made a request.
func (p *page) spoke(address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "data" || u.Scheme == "blob" || u.Scheme == "about" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts != nil && !p.hosts[u.Host] {
		p.faults = append(p.faults, "request to another host: "+address)
	}
}

func (p *page) fault(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(p.calm, func(r *regexp.Regexp) bool { return r.MatchString(text) }) {
		p.faults = append(p.faults, text)
	}
}

// provoke says that from now on such a fault is what the test wants.
func (p *page) provoke(pattern string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calm = append(p.calm, regexp.MustCompile(pattern))
}

// withoutServer says that from now on there may be none: while it goes it may break
// off what it has begun to answer, and then it does not answer at all.
func (p *page) withoutServer() {
	p.t.Helper()
	p.provoke(`^browser error: .*(WebSocket connection to|net::ERR_CONNECTION_|net::ERR_EMPTY_RESPONSE|net::ERR_SOCKET_NOT_CONNECTED)`)
}

// resize gives the page a size and a colour scheme. A narrow one is a phone.
func (p *page) resize(width, height int64, scheme string) {
	p.t.Helper()
	narrow := width < 600
	p.call("resize", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: height, DeviceScaleFactor: 1, Mobile: narrow,
		})
		_, err2 := chromedp.Call(ctx, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: narrow})
		_, err3 := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return errors.Join(err, err2, err3)
	})
}

// permit answers what the browser would ask its user.
func (p *page) permit(what string, granted bool) {
	p.t.Helper()
	setting := cdpbrowser.PermissionSettingDenied
	if granted {
		setting = cdpbrowser.PermissionSettingGranted
	}
	p.call("permit "+what, func(ctx context.Context) error {
		_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission: &cdpbrowser.PermissionDescriptor{Name: what}, Setting: setting, BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
		})
		return err
	})
}

// call runs something with the page, within the usual time.
func (p *page) call(what string, f func(ctx context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := f(ctx); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

func (p *page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	p.call(what, func(ctx context.Context) error { return chromedp.Do(ctx, steps...) })
}

// Whether a document is still the one that is to be left, and whether another one is
// there. chromedp would also take for the end what the old one does meanwhile.
const (
	leaving = "window.leaving = true"
	arrived = "!window.leaving && document.readyState === 'complete'"
)

// navigate opens an address and waits until it is there.
func (p *page) navigate(address string) {
	p.t.Helper()
	eval[bool](p, leaving)
	var opened cdppage.NavigateResult
	p.call("open "+address, func(ctx context.Context) (err error) {
		opened, err = chromedp.Call(ctx, cdppage.Navigate, cdppage.NavigateParams{URL: address})
		if err == nil && opened.ErrorText != "" {
			err = errors.New(opened.ErrorText)
		}
		return err
	})
	if opened.LoaderID != "" { // else it is another place in the same document
		p.wait(arrived)
	}
}

// reload does what F5 does, and waits until the page is there again.
func (p *page) reload() {
	p.t.Helper()
	eval[bool](p, leaving)
	p.call("reload", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, cdppage.Reload, cdppage.ReloadParams{})
		return err
	})
	p.wait(arrived)
}

// eval evaluates an expression in the page; it may be a promise.
func eval[T any](p *page, expression string) (v T) {
	p.t.Helper()
	v, err := try[T](p, expression)
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// try does the same for a page that may be on its way to another document, and then
// has no answer.
func try[T any](p *page, expression string) (v T, away *cdproto.Error) {
	p.t.Helper()
	p.call(expression, func(ctx context.Context) (err error) {
		v, err = chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
		if errors.As(err, &away) {
			return nil
		}
		return err
	})
	return v, away
}

// holds reports whether an expression is true in the page, which is there.
func (p *page) holds(expression string) bool {
	p.t.Helper()
	yes, away := try[bool](p, "!!("+expression+")")
	return yes && away == nil
}

// wait waits until an expression is true in the page.
func (p *page) wait(expression string) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !p.holds(expression) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the page never got to: %s\n%s", expression, eval[string](p, "JSON.stringify(window.mwm ?? document.body.innerText)"))
		}
		<-tick.C
	}
}

// find is the expression for the first element that a selector names.
func find(selector string) string { return "document.querySelector(" + js(selector) + ")" }

// all is the expression for an array of all elements that a selector names.
func all(selector string) string { return "[...document.querySelectorAll(" + js(selector) + ")]" }

// tagged is the selector of an element by the name that it has for tests.
func tagged(testid string) string { return "[data-testid=" + testid + "]" }

// having is the selector of the same with another attribute.
func having(testid, attribute, value string) string {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	return tagged(testid) + "[" + attribute + `="` + quoted + `"]`
}

// js writes a value as JavaScript does.
func js(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// text returns an element's text, as it is in the document.
func (p *page) text(selector string) string {
	p.t.Helper()
	p.wait(find(selector))
	return eval[string](p, find(selector)+".textContent")
}

// waitText waits until an element has exactly this text.
func (p *page) waitText(selector, text string) {
	p.t.Helper()
	p.wait(find(selector) + "?.textContent === " + js(text))
}

type point struct{ X, Y float64 }

// click clicks an element with the mouse, once it stands still, can be used and
// nothing lies above it. When the page moves it away between that look and the press,
// the page hears nothing of the press, and the element is looked for anew.
func (p *page) click(selector string) {
	p.t.Helper()
	p.clickOn(selector, find(selector))
}

// clickOn does that with the element that an expression finds.
func (p *page) clickOn(what, element string) {
	p.t.Helper()
	eventually(p.t, "can be clicked: "+what, func() bool {
		at, _ := try[*point](p, aim(element))
		if at == nil {
			return false
		}
		p.clickAt(*at)
		missed, _ := try[bool](p, "window.clickMissed?.() ?? false") // no: it has led to another document
		return !missed
	})
}

// aim is the expression for the point where an element is clicked, or null as long as
// it cannot be. It stands still when the page has drawn itself twice meanwhile: what
// is on its way does not move until then either. From then until clickMissed is
// called, the page hears no press on anything else. When the page puts another element
// in its place between the press and the release, that was no click either.
func aim(element string) string {
	return `(async () => {
		const find = () => ` + element + `;
		const place = () => {
			const e = find();
			if (!e || e.disabled) return null;
			e.scrollIntoView({ block: 'nearest', behavior: 'instant' });
			const { left, top, width, height } = e.getBoundingClientRect();
			const at = { X: left + width / 2, Y: top + height / 2 };
			const hit = document.elementFromPoint(at.X, at.Y);
			return hit && (e === hit || e.contains(hit)) ? at : null;
		};
		const before = place();
		if (!before) return null;
		await new Promise(requestAnimationFrame);
		await new Promise(requestAnimationFrame);
		const at = place();
		if (!at || at.X !== before.X || at.Y !== before.Y) return null;
		const kinds = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
		let pressed = false;
		let missed = true;
		const guard = (event) => {
			if (!missed) return; // it is done: what it leads to may be clicks elsewhere
			const there = Boolean(find()?.contains(event.target));
			if (event.type === 'pointerdown') pressed = there;
			if (event.type === 'click') missed = !pressed || !there;
			if (!pressed || (event.type === 'click' && missed)) {
				event.stopImmediatePropagation();
				event.preventDefault();
			}
		};
		for (const kind of kinds) window.addEventListener(kind, guard, true);
		window.clickMissed = () => {
			for (const kind of kinds) window.removeEventListener(kind, guard, true);
			return missed;
		};
		return at;
	})()`
}

func (p *page) clickAt(at point) {
	p.t.Helper()
	p.do("click", chromedp.MouseEvent(chromedp.MouseMoved, at.X, at.Y), chromedp.MouseClickXY(at.X, at.Y))
}

// press presses keys, one after the other.
func (p *page) press(keys string) {
	p.t.Helper()
	p.call("keys", func(ctx context.Context) error {
		for _, key := range keys {
			for _, stroke := range strokes(key) {
				if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, stroke); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// strokes are a key's way down and up. The character comes with the way down, so
// that a page which takes the key for a command can keep it out of its fields.
func strokes(key rune) []input.DispatchKeyEventParams {
	events := kb.Encode(key)
	down, up := *events[0], *events[len(events)-1]
	if len(events) == 3 {
		down.Text, down.UnmodifiedText = events[1].Text, events[1].UnmodifiedText
	}
	return []input.DispatchKeyEventParams{down, up}
}

// enter types what is short and has keys; the rest comes at once, as if pasted.
func (p *page) enter(text string) {
	p.t.Helper()
	if len(text) < 40 && strings.IndexFunc(text, func(r rune) bool { return r > '~' }) < 0 {
		p.press(text)
		return
	}
	p.call("insert text", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// write clicks into a field and types.
func (p *page) write(selector, text string) {
	p.t.Helper()
	p.click(selector)
	p.wait("document.activeElement === " + find(selector))
	p.enter(text)
	p.wait(find(selector) + ".value.endsWith(" + js(text) + ")")
}

// picture saves what the page looks like, if somebody wants artifacts.
func (p *page) picture(name string) {
	dir := os.Getenv("MWM_ARTIFACTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".png"), image, 0o644)
	}
	if err != nil {
		p.t.Errorf("picture %s: %v", name, err)
	}
}

// place is where a device is drawn.
type place struct {
	point
	Visible bool
	Status  string
}

// at returns where a device is drawn; nil if it has no position.
func (p *page) at(id string) *place {
	p.t.Helper()
	return eval[*place](p, "mwm.position("+js(id)+")")
}

// choose selects a device as its user would: it is searched for by name, and
// clicked in the list.
func (p *page) choose(id string) {
	p.t.Helper()
	p.click(tagged("search"))
	p.enter(id)
	p.click(having("device-row", "data-device", id) + ":not([hidden])")
	p.waitText(tagged("card-id"), id)
	p.click("#filter-clear")
}

// waitState waits until the text with this wording, on the device's card, is in a
// state.
func (p *page) waitState(body, state string) {
	p.t.Helper()
	p.wait(all(having("text", "data-state", state)+" .text-body") + `.some((e) => e.textContent === ` + js(body) + `)`)
}
