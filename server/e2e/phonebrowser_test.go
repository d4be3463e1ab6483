package e2e

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"mwm/server"
	"mwm/server/telemetry"
)

// iOS asks for motion after a tap alone. At a visit at which the page starts by
// itself it offers one; who said no may change their mind.
func TestPhoneMotionWantsTap(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := handsetOf(t, s, sensors...)
	h.beforePage(`for (const kind of [DeviceOrientationEvent, DeviceMotionEvent]) {
		kind.requestPermission = async () => {
			if (!navigator.userActivation.isActive) throw new DOMException('needs a tap', 'NotAllowedError');
			(window.asked ??= []).push(kind.name);
			return localStorage.answer ?? 'granted';
		};
	}`)
	h.open("")
	const bothAsked = `window.asked?.join() === 'DeviceOrientationEvent,DeviceMotionEvent'`
	h.click(tagged("start"))
	h.wait(bothAsked)

	h.reload()
	h.connected()
	h.wait(find(having("motion", "data-state", "tap")))
	h.waitText(tagged("motion-trouble")+" p", "Your browser wants a tap from you before it lets this page feel motion.")
	h.wait("!window.asked && localStorage.setItem('answer', 'denied') === undefined")
	h.click(tagged("allow-motion"))
	h.wait(find(having("motion", "data-state", "refused")) + " && " + bothAsked)
	h.wait("localStorage.setItem('answer', 'granted') === undefined")
	h.click(tagged("motion-trouble") + " .button") // try again
	h.wait("asked.length === 4 && " + find(tagged("motion")) + ".dataset.state !== 'asking'")
	h.tilt(0, 45, 0)
	h.wait(find(having("motion", "data-state", "live")) + " && " + find(tagged("motion-trouble")) + ".hidden")
	h.waitText(tagged("own-pitch"), "pitch: 45°")
	eventually(t, "the fleet knows how it is held", func() bool { d := s.device(h.id); return d != nil && d.Motion != nil })
}

// A phone that reports keeps its screen on, unless the browser does not let it; it
// says which. Hidden, the page is silent, and goes on by itself when it is back.
func TestPhoneHiddenAndBack(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := handsetOf(t, s, sensors...)
	h.beforePage(hideable)
	h.open("")
	motions := listenTo(t, s, telemetry.MotionTopic(h.id))
	h.moveTo(42.5, 1.5)
	h.tilt(0, 45, 0)
	h.click(tagged("start"))
	receive(t, "motion", motions)
	h.waitText(tagged("doing"), "Reports both · screen stays on")

	eval[bool](h.page, "hide()")
	h.waitText(tagged("doing"), "Reports both") // the browser takes the lock back
	h.moveTo(42.6, 1.5)                         // what it is told all the same, it reports
	eventually(t, "the position arrives", func() bool { d := s.device(h.id); return d.Location != nil && d.Location.Lat == 42.6 })
	eval[bool](h.page, "comeBack(20_000)")
	h.wait(find(".notice") + "?.textContent.match(/^The page was hidden for [2-9][0-9] s\\. Browsers stop sensors then\\.$/)")
	h.waitText(tagged("doing"), "Reports both · screen stays on")
	h.connected()
	h.tilt(0, 30, 0)
	for {
		m, err := telemetry.DecodeMotion(receive(t, "motion after the break", motions).Payload())
		if err != nil {
			t.Fatal(err)
		}
		if m.Pitch < 0.6 {
			break
		}
	}

	h.click(tagged("motion-switch"))
	h.waitText(tagged("doing"), "Reports position · screen stays on")
	h.click(tagged("location-switch"))
	h.waitText(tagged("doing"), "Not reporting")
	h.wait("locks.every((lock) => lock.released)")
	eval[bool](h.page, "window.refuseLock = true")
	h.click(tagged("location-switch"))
	h.wait("window.lockRefused")
	h.waitText(tagged("doing"), "Reports position")
}

// hideable is a browser that a script hides, for a time of its own. As a browser
// does, it takes its locks back from a page that is hidden.
const hideable = `{
	let hidden = false;
	Object.defineProperty(document, 'hidden', { get: () => hidden });
	Object.defineProperty(document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') });
	window.locks = [];
	const request = navigator.wakeLock.request.bind(navigator.wakeLock);
	navigator.wakeLock.request = async (kind) => {
		if (window.refuseLock) {
			window.lockRefused = true;
			throw new DOMException('battery saver', 'NotAllowedError');
		}
		locks.push(await request(kind));
		return locks.at(-1);
	};
	const turn = (now) => {
		hidden = now;
		document.dispatchEvent(new Event('visibilitychange'));
		return true;
	};
	window.hide = () => {
		for (const lock of locks) lock.release();
		return turn(true);
	};
	window.comeBack = (after) => {
		const { now } = Date;
		Date.now = () => now.call(Date) + after;
		turn(false);
		Date.now = now;
		return true;
	};
}`

// A browser finds all that it wants of a page that can be put on the home screen.
func TestPhoneIsInstallable(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "")
	h.settled()
	h.call("installability", func(ctx context.Context) error {
		found, err := chromedp.Call(ctx, cdppage.GetInstallabilityErrors, cdp.Empty{})
		for _, fault := range found.InstallabilityErrors {
			if fault.ErrorID != "in-incognito" { // a test's storage is its own
				t.Errorf("it cannot be installed: %s %v", fault.ErrorID, fault.ErrorArguments)
			}
		}
		return err
	})
	h.call("manifest", func(ctx context.Context) error {
		m, err := chromedp.Call(ctx, cdppage.GetAppManifest, cdppage.GetAppManifestParams{})
		if err != nil {
			return err
		}
		for _, fault := range m.Errors {
			t.Errorf("%s: %s", m.URL, fault.Message)
		}
		var said struct {
			Display  string
			StartURL string `json:"start_url"`
			Icons    []struct{ Src, Sizes string }
		}
		if err := json.Unmarshal([]byte(m.Data), &said); err != nil {
			return err
		}
		if said.Display != "standalone" || said.StartURL != "phone" {
			t.Errorf("%s says %+v", m.URL, said)
		}
		for _, icon := range said.Icons {
			size := eval[string](h.page, `fetch(`+js(icon.Src)+`).then((file) => file.blob()).then(createImageBitmap).then(({ width, height }) => width + 'x' + height)`)
			if size != icon.Sizes {
				t.Errorf("%s is %s, not %s", icon.Src, size, icon.Sizes)
			}
		}
		return nil
	})
	// The browser's offer becomes a button; it is made once.
	eval[bool](h.page, `(() => {
		const offer = new Event('beforeinstallprompt', { cancelable: true });
		offer.prompt = () => { window.prompted = true; };
		window.dispatchEvent(offer);
		return offer.defaultPrevented;
	})()`)
	h.click(tagged("device-open"))
	button := all("#sheet .button") + ".find((e) => e.textContent === 'Put it on the home screen')"
	h.wait(button)
	eval[bool](h.page, button+".click(), true")
	h.wait("window.prompted && !" + button)
}

// What is kept for when there is no network is what the server has now, although
// the page that runs is an older one and does not know all of it.
func TestPhoneKeepsWhole(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "")
	h.settled()
	// kept is the name of the set that is kept; empty while there is none, or another one is being made.
	kept := func() (name string) {
		return eval[string](h.page, "caches.keys().then(async (all) => (all.length === 1 && (await (await caches.open(all[0])).keys()).length > 30 ? all[0] : ''))")
	}
	eventually(t, "the page is kept", func() bool { return kept() != "" })
	first := kept()
	eval[bool](h.page, "navigator.serviceWorker.ready.then(({ active }) => active.postMessage({ type: 'runs', urls: [location.href] }) ?? true)")
	eventually(t, "it is kept anew", func() bool { return kept() != "" && kept() != first })
	for _, missing := range eval[[]string](h.page, `Promise.all(`+all("link[rel=modulepreload], link[rel=stylesheet]")+`.map(async ({ href }) => (await caches.match(href) ? [] : [href]))).then((lists) => lists.flat())`) {
		t.Errorf("%s is not kept", missing)
	}
}

// The phone's page is used without a finger.
func TestPhoneKeys(t *testing.T) {
	s := serve(t, server.Config{}, server.Options{})
	h := pickUp(t, s, "")
	h.wait(find(tagged("start-simulated")))
	focused := func(testid string) string { return "document.activeElement === " + find(tagged(testid)) }
	tab := func(testid string) {
		t.Helper()
		eventually(t, "the keyboard gets to "+testid, func() bool {
			if eval[bool](h.page, focused(testid)) {
				return true
			}
			h.press(kb.Tab)
			return eval[bool](h.page, focused(testid)+" && "+find(tagged(testid))+".matches(':focus-visible')")
		})
	}
	tab("start-simulated")
	h.press(kb.Enter)
	h.waitText(tagged("own-pitch"), "pitch: 29°")
	tab("slide-pitch")
	h.press(kb.ArrowRight)
	h.waitText(tagged("own-pitch"), "pitch: 30°")
	tab("location-switch")
	h.press(" ")
	h.wait(find(having("location", "data-mode", "off")))
	tab("device-open")
	h.press(kb.Enter)
	h.wait(find(tagged("sheet")) + ".open")
	tab("sheet-id")
	eval[bool](h.page, find(tagged("sheet-id"))+".select() ?? true")
	h.press("typed" + kb.Enter)
	h.waitText(tagged("device-id"), "typed")
	h.connected()
	h.id = "typed"
	h.sendText("hello")
	h.wait(find(tagged("confirm")) + "?.disabled === false")
	tab("confirm")
	h.press(kb.Enter)
	eventually(t, "the text is confirmed", func() bool { return h.textState("hello") == "consumed" })
	h.press(kb.Tab)
	tab("device-open")
	h.press(" ")
	h.wait(find(tagged("sheet")) + ".open")
	h.press(kb.Escape)
	h.wait("!" + find(tagged("sheet")) + ".open && " + focused("device-open"))
}
