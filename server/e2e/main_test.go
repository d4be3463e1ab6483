package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"go.uber.org/goleak"
)

// patience is how long a condition may take to come true. The machine may be
// slow and shared; what is not true by then never will be.
const patience = 30 * time.Second

// mwm is the program, built once.
var mwm string

// browser is one Chromium for all tests; each page gets a context of its own,
// with its own storage.
var browser context.Context

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "mwm-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := need(); err != nil {
		return 1, err
	}
	if mwm, err = build(dir); err != nil {
		return 1, err
	}
	if ownCertificate, err = makeCertificate(); err != nil {
		return 1, err
	}
	stop, err := startBrowser()
	if err != nil {
		return 1, fmt.Errorf("chromium: %w", err)
	}
	code = m.Run()
	if err := stop(); err != nil {
		return 1, fmt.Errorf("chromium does not stop: %w", err)
	}
	http.DefaultClient.CloseIdleConnections()
	return code, goleak.Find()
}

// need says at once what is missing, and where it comes from.
func need() error {
	var errs []error
	for _, program := range []string{"chromium", "mosquitto_pub", "mosquitto_sub", "nc", "curl", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			errs = append(errs, err)
		}
	}
	if _, err := os.Stat("node_modules/stompjs"); err != nil {
		errs = append(errs, errors.New("the JavaScript clients are missing: npm ci --prefix server/e2e"))
	}
	if err := exec.Command(python, "-c", "import stomp").Run(); err != nil {
		errs = append(errs, fmt.Errorf("stomp.py is missing (python3-stomp): %w", err))
	}
	if len(errs) > 0 {
		errs = append(errs, errors.New(".ci/test installs what is missing"))
	}
	return errors.Join(errs...)
}

// build makes the program, as the tests themselves are made: with the race
// detector if they have it.
func build(dir string) (string, error) {
	out := filepath.Join(dir, "mwm")
	args := []string{"build", "-C", "../..", "-buildvcs=false", "-o", out}
	if raceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/mwm")...)
	cmd.Stderr = os.Stderr
	return out, cmd.Run()
}

// Names of this machine, for the browser: stranger is a host on the internet,
// elsewhere one of the local network.
const (
	stranger  = "stranger.example"
	elsewhere = "elsewhere.test"
)

// startBrowser starts Chromium with nothing that could reach beyond this machine.
func startBrowser() (stop func() error, err error) {
	flags := []chromedp.ExecAllocatorOption{chromedp.ExecPath("chromium")}
	for name, value := range map[string]any{
		"headless": true, "disable-gpu": true, "disable-quic": true, "no-first-run": true, "no-default-browser-check": true,
		"disable-background-networking": true, "disable-component-update": true, "disable-sync": true,
		"no-sandbox": true, "disable-extensions": true, "disable-dev-shm-usage": true, "password-store": "basic",
		"force-color-profile": "srgb", "hide-scrollbars": true, "lang": "en-US",
		// There is nothing but this machine, which also has other names.
		"host-resolver-rules":                 "MAP " + stranger + " 127.0.0.1, MAP " + elsewhere + " 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
		"ignore-certificate-errors-spki-list": ownCertificate.pin,
		// A page that is not in front is still looked at.
		"disable-background-timer-throttling": true, "disable-backgrounding-occluded-windows": true, "disable-renderer-backgrounding": true,
	} {
		flags = append(flags, chromedp.Flag(name, value))
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), flags...)
	ctx, cancel := chromedp.NewContext(allocator)
	browser = ctx
	stop = func() error {
		limited, done := context.WithTimeout(ctx, patience)
		defer done()
		err := chromedp.Cancel(limited)
		cancel()
		stopAllocator()
		return err
	}
	if err := chromedp.Do(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

// receive waits for a value.
func receive[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		if !ok {
			t.Fatalf("%s: there are no more", what)
		}
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing came", what)
		panic("unreachable")
	}
}
