package auth

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"mwm/server/netx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// accountsFile writes a file of accounts whose passwords are "correct horse":
// those of devices have cheap hashes, those of people cost something.
func accountsFile(t *testing.T, lines ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "accounts")
	writeAccounts(t, name, lines...)
	return name
}

func writeAccounts(t *testing.T, name string, lines ...string) {
	t.Helper()
	text := strings.NewReplacer("CHEAP", cheap, "SLOW", guarded.text).Replace(strings.Join(lines, "\n") + "\n")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newAuthority(t *testing.T, opt Options) *Authority {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	a, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *Authority) try(name string, password Secret) (*Principal, error) {
	return a.Authenticate(context.Background(), Credentials{Name: name, Password: password, Remote: "10.0.0.1:1"})
}

func TestAuthenticate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, Options{File: accountsFile(t, "operator olga SLOW", "viewer vera SLOW", "device BBB CHEAP", "device CCC -", "device DDD !")})
		for _, c := range []struct {
			name, password, who string
		}{
			{"olga", "correct horse", "operator olga"},
			{"vera", "correct horse", "viewer vera"},
			{"BBB", "correct horse", "device BBB"},
			{"olga", "wrong", ""}, {"BBB", "wrong", ""}, {"BBB", "", ""}, {"", "", ""}, {"", "correct horse", ""},
			{"eve", "correct horse", ""}, {"CCC", "correct horse", ""}, {"CCC", "", ""}, {"CCC", "-", ""},
			{"DDD", "correct horse", ""}, {"DDD", "!", ""}, {"OLGA", "correct horse", ""}, {"eve", "no account has this", ""},
		} {
			began := time.Now()
			p, err := a.try(c.name, Secret(c.password))
			switch {
			case c.who != "" && (err != nil || p.String() != c.who):
				t.Errorf("%q with %q: %v, %v", c.name, c.password, p, err)
			case c.who == "" && !errors.Is(err, ErrCredentials):
				t.Errorf("%q with %q: %v, %v", c.name, c.password, p, err)
			}
			if took := time.Since(began); c.who == "" && took != failAfter || c.who != "" && took != 0 {
				t.Errorf("%q with %q took %v", c.name, c.password, took)
			}
		}
	})
}

// Who comes without credentials guesses nothing, and is not in the way of others: a
// client that was not given any tries again and again.
func TestNoCredentialsAreNoGuess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, Options{File: accountsFile(t, "operator olga SLOW")})
		for range 100 {
			if _, err := a.try("", ""); err != ErrCredentials {
				t.Fatal(err)
			}
		}
		if _, err := a.try("olga", "wrong"); err != ErrCredentials {
			t.Errorf("the first guess: %v", err)
		}
		if _, err := a.try("olga", "correct horse"); err != nil {
			t.Error(err)
		}
	})
}

// All connections of an account are one principal, with one meter.
func TestOnePrincipal(t *testing.T) {
	a := newAuthority(t, Options{
		File: accountsFile(t, "operator olga SLOW", "device BBB CHEAP", "device CCC CHEAP"), DeviceRate: netx.Rate{Messages: 10},
	})
	get := func(name string) *Principal {
		p, err := a.try(name, "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if once, again := get("BBB"), get("BBB"); once != again || get("BBB").Meter == nil || get("BBB").Meter == get("CCC").Meter {
		t.Error("principals or meters are not one for each device")
	}
	if get("olga").Meter != nil {
		t.Error("an operator is held to the rate of devices")
	}
}

// Credentials stay out of logs, whole or in part.
func TestNothingInLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		a := newAuthority(t, Options{File: accountsFile(t, "operator olga SLOW"), Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		_, _ = a.try("olga", "s3cret-guess")
		_, _ = a.try("my-password-in-the-wrong-field", "s3cret-guess")
		if text := log.String(); strings.Count(text, "refused") != 2 || !strings.Contains(text, "name=olga") || strings.Contains(text, "s3cret") || strings.Contains(text, "wrong-field") {
			t.Errorf("%s", text)
		}
	})
}

// A file that changes is taken while the server runs; who is still in it notices
// nothing, who is not any more is revoked. A file that is wrong changes nothing.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := accountsFile(t, "operator olga SLOW", "device AAA CHEAP", "device BBB CHEAP", "device CCC CHEAP")
		var changed atomic.Int32
		a := newAuthority(t, Options{File: file, Changed: func() { changed.Add(1) }})
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error)
		go func() { ran <- a.Run(ctx) }()
		before := map[string]*Principal{}
		for _, n := range []string{"olga", "AAA", "BBB", "CCC"} {
			p, err := a.try(n, "correct horse")
			if err != nil {
				t.Fatal(err)
			}
			before[n] = p
		}
		settle := func() {
			time.Sleep(3 * time.Second)
			synctest.Wait()
		}
		settle()
		if changed.Load() != 0 {
			t.Error("an unchanged file has changed")
		}
		other := newHash("battery staple", madeUpCost).text
		writeAccounts(t, file, "# another order", "device BBB "+other, "device AAA CHEAP", "operator olga SLOW", "device DDD CHEAP")
		settle()
		if changed.Load() == 0 {
			t.Fatal("the change was not noticed")
		}
		for n, valid := range map[string]bool{"olga": true, "AAA": true, "BBB": false, "CCC": false} {
			if err := a.Valid(before[n]); (err == nil) != valid {
				t.Errorf("%s is valid: %v", n, err)
			}
			if p, err := a.try(n, "correct horse"); (err == nil) != valid || valid && p != before[n] {
				t.Errorf("%s: %v, %v", n, p, err)
			}
		}
		if _, err := a.try("BBB", "battery staple"); err != nil {
			t.Error(err)
		}
		if _, err := a.try("DDD", "correct horse"); err != nil {
			t.Error(err)
		}
		for _, wrong := range []string{"device AAA", "", "# nobody left"} {
			writeAccounts(t, file, wrong)
			settle()
			if _, err := a.try("AAA", "correct horse"); err != nil || a.Valid(before["AAA"]) != nil {
				t.Errorf("after a file with %q: %v", wrong, err)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		settle()
		if _, err := a.try("AAA", "correct horse"); err != nil {
			t.Errorf("without the file: %v", err)
		}
		writeAccounts(t, file, "device AAA !")
		settle()
		if a.Valid(before["AAA"]) == nil || a.Valid(before["olga"]) == nil {
			t.Error("who was blocked or removed stays")
		}
		cancel()
		<-ran
	})
}

// What changes while the server starts, after the accounts were read, is not missed.
func TestChangeDuringStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := accountsFile(t, "device AAA CHEAP", "device BBB CHEAP")
		a := newAuthority(t, Options{File: file})
		p, err := a.try("BBB", "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		writeAccounts(t, file, "device AAA CHEAP")
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error)
		go func() { ran <- a.Run(ctx) }()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if a.Valid(p) == nil {
			t.Error("who was removed during the start stays")
		}
		cancel()
		<-ran
	})
}

func TestNewErrors(t *testing.T) {
	for want, opt := range map[string]Options{
		"no such file":           {File: filepath.Join(t.TempDir(), "none")},
		"there is no account":    {File: accountsFile(t, "# nobody")},
		"line 2: ":               {File: accountsFile(t, "device AAA -", "device AAA -")},
		"is reserved":            {File: accountsFile(t, "device AAA -"), Extra: []Account{{Role: Operator, Name: "AAA", Hash: cheap}}},
		"does not begin with":    {File: accountsFile(t, "device AAA -"), Policy: Policy{{Role: Device, Actions: Publish, Address: "x"}}},
		"issuer and an audience": {File: accountsFile(t, "device AAA -"), Tokens: &TokenOptions{Keys: "x"}},
	} {
		if _, err := New(opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func certificate(cn string) *x509.Certificate {
	return &x509.Certificate{Subject: pkix.Name{CommonName: cn}, NotAfter: time.Now().Add(time.Hour)}
}

func TestCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, Options{Certificates: true, File: accountsFile(t, "operator olga SLOW", "device BBB CHEAP publish:/topic/x", "device DDD !")})
		for _, c := range []struct {
			cn, name, password, who string
			err                     error
		}{
			{"AAA", "", "", "device AAA", nil},
			{"AAA", "AAA", "", "device AAA", nil},
			{"AAA", "AAA", "anything", "device AAA", nil},
			{"BBB", "", "", "device BBB", nil},
			{"AAA", "BBB", "correct horse", "device BBB", nil},
			{"AAA", "BBB", "wrong", "", ErrCredentials},
			{"AAA", "BBB", "", "", ErrCredentials},
			{"AAA", "olga", "correct horse", "operator olga", nil},
			{"olga", "", "", "", ErrForbidden},
			{"olga", "olga", "", "", ErrForbidden},
			{"olga", "olga", "wrong", "", ErrCredentials},
			{"olga", "olga", "correct horse", "operator olga", nil},
			{"DDD", "", "", "", ErrForbidden},
			{"DDD", "DDD", "x", "", ErrForbidden},
			{"", "", "", "", ErrForbidden},
			{"a.b", "", "", "", ErrForbidden},
			{"*", "", "", "", ErrForbidden},
			{"AAA", "", "correct horse", "", ErrCredentials},
		} {
			p, err := a.Authenticate(context.Background(), Credentials{Name: c.name, Password: Secret(c.password), Certificate: certificate(c.cn)})
			if !errors.Is(err, c.err) || err == nil && p.String() != c.who {
				t.Errorf("certificate %q, name %q, password %q: %v, %v", c.cn, c.name, c.password, p, err)
			}
			if err == nil && c.cn == p.Name && c.name != "olga" && (p.Expires.IsZero() || p.MayPublish(false, "x", nil) != (c.cn == "BBB")) {
				t.Errorf("%s expires %v", p, p.Expires)
			}
		}
		if b := newAuthority(t, Options{File: accountsFile(t, "device AAA CHEAP")}); b != nil {
			if _, err := b.Authenticate(context.Background(), Credentials{Certificate: certificate("AAA")}); !errors.Is(err, ErrCredentials) {
				t.Errorf("certificates are not taken, but this one is: %v", err)
			}
		}
	})
}

// What the file permits those whom others vouch for beyond their role is taken
// away as soon as the file does, and they have to come again.
func TestPermissionsOfOutsidersAreTakenAway(t *testing.T) {
	for change, lines := range map[string][]string{
		"fewer":     {"device AAA -"},
		"more":      {"device AAA - publish:/topic/x publish:/topic/y"},
		"removed":   {"device BBB CHEAP"},
		"blocked":   {"device AAA !"},
		"promoted":  {"viewer AAA -"},
		"unchanged": {"device BBB CHEAP", "device   AAA   -   publish:/topic/x # the red one"},
	} {
		file := accountsFile(t, "device AAA - publish:/topic/x")
		a := newAuthority(t, Options{Certificates: true, File: file})
		come := func(cn string) *Principal {
			p, err := a.Authenticate(context.Background(), Credentials{Certificate: certificate(cn)})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		known, unknown := come("AAA"), come("CCC")
		if !known.MayPublish(false, "x", nil) {
			t.Fatal("the file's permission is not given")
		}
		writeAccounts(t, file, lines...)
		if err := a.load(); err != nil {
			t.Fatal(err)
		}
		if err := a.Valid(known); (err == nil) != (change == "unchanged") {
			t.Errorf("%s: %v", change, err)
		}
		if err := a.Valid(unknown); err != nil {
			t.Errorf("%s: one of whom the file says nothing: %v", change, err)
		}
	}
}

func TestExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t, Options{Certificates: true})
		p, err := a.Authenticate(context.Background(), Credentials{Certificate: certificate("AAA")})
		if err != nil || a.Valid(p) != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if a.Valid(p) != ErrRevoked {
			t.Error("a principal outlives its certificate")
		}
	})
}

func TestMetersAreBounded(t *testing.T) {
	a := newAuthority(t, Options{Certificates: true, DeviceRate: netx.Rate{Messages: 1}})
	for i := range maxMeters + 10 {
		a.newPrincipal(Account{Role: Device, Name: fmt.Sprint(i)})
	}
	if len(a.meters) > maxMeters {
		t.Errorf("%d meters", len(a.meters))
	}
}

func BenchmarkAuthenticateDevice(b *testing.B) {
	a := &Authority{verifier: newVerifier(), decoy: guarded, opt: Options{Policy: DefaultPolicy}, log: slog.New(slog.DiscardHandler)}
	h, _ := parseHash(cheap)
	a.accounts.Store(&map[string]*entry{"BBB": {Account: Account{Role: Device, Name: "BBB"}, hash: h}})
	for b.Loop() {
		if _, err := a.try("BBB", "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthenticateAgain(b *testing.B) {
	a := &Authority{verifier: newVerifier(), decoy: guarded, opt: Options{Policy: DefaultPolicy}, log: slog.New(slog.DiscardHandler)}
	h := newHash("correct horse", chosenCost)
	a.accounts.Store(&map[string]*entry{"olga": {Account: Account{Role: Operator, Name: "olga"}, hash: h}})
	for b.Loop() {
		if _, err := a.try("olga", "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSlowHash(b *testing.B) {
	h := newHash("correct horse", chosenCost)
	for b.Loop() {
		h.matches("correct horse")
	}
}
