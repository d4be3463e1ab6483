package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mwm/server"
	"mwm/server/auth"
	"mwm/server/store"
)

func TestMain(m *testing.M) {
	patience = 20 * time.Second // on a busy machine
	goleak.VerifyTestMain(m)
}

// start runs a server on free ports until the test ends, and returns the settings
// with the ports that it got.
func start(t *testing.T, cfg server.Config) server.Config {
	t.Helper()
	for _, addr := range []*string{&cfg.HTTP, &cfg.STOMP, &cfg.STOMPWS, &cfg.MQTT, &cfg.MQTTWS} {
		*addr = "127.0.0.1:0"
	}
	s, err := server.New(cfg, server.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	at := s.Addresses()
	cfg.HTTP, cfg.STOMP, cfg.STOMPWS, cfg.MQTT, cfg.MQTTWS = at.HTTP, at.STOMP, at.STOMPWS, at.MQTT, at.MQTTWS
	cfg.STOMPS, cfg.MQTTS = at.STOMPS, at.MQTTS
	// Ready is what the page says; the listeners accept before.
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		res, err := http.Get("http://" + at.HTTP + "/healthz")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				tick.Stop()
				http.DefaultClient.CloseIdleConnections()
				return cfg
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the server is not ready")
		}
	}
}

// find returns what was found about something.
func find(t *testing.T, findings []Finding, about string) Finding {
	t.Helper()
	for _, f := range findings {
		if strings.HasPrefix(f.About, about) {
			return f
		}
	}
	t.Fatalf("nothing about %q in %+v", about, findings)
	return Finding{}
}

func want(t *testing.T, findings []Finding, about string, level Level, part string) {
	t.Helper()
	f := find(t, findings, about)
	if f.Level != level || !strings.Contains(f.Found+" → "+f.Advice, part) {
		t.Errorf("%s: %v %q → %q, want %v with %q", f.About, f.Level, f.Found, f.Advice, level, part)
	}
	if level == Fail && f.Advice == "" {
		t.Errorf("%s: %q, and no advice", f.About, f.Found)
	}
}

// A server that runs: each listener answers in its protocol, and everything about
// it is found.
func TestRunningServer(t *testing.T) {
	cfg := start(t, server.Config{Data: t.TempDir(), STOMPS: "127.0.0.1:0", MQTTS: "127.0.0.1:0", TLSSelfSigned: true})
	found := Examine(t.Context(), cfg)
	version := "mwm " + server.Version
	want(t, found, "settings", OK, "")
	want(t, found, "--http ", OK, version)
	want(t, found, "--stomp ", OK, version)
	want(t, found, "--stomp-ws ", OK, version)
	want(t, found, "--mqtt ", OK, "answers with MQTT")
	want(t, found, "--mqtt-ws ", OK, "answers with MQTT over WebSocket")
	want(t, found, "--stomps ", OK, version)
	want(t, found, "--mqtts ", OK, "answers with MQTT")
	want(t, found, "database", OK, fmt.Sprintf("version %d, whole", store.Version))
	want(t, found, "certificate", OK, "localhost")
	want(t, found, "disk", find(t, found, "disk").Level, "a sync takes") // how long, is the disk's business
	if Worst(found) == Fail {
		t.Errorf("%+v", found)
	}
	if _, err := os.Stat("/proc/self/net/tcp"); err == nil {
		want(t, found, "--mqtt ", OK, fmt.Sprintf("process %d", os.Getpid()))
		want(t, found, "open files", find(t, found, "open files").Level, "the server may have")
	}
	var out strings.Builder
	if err := Write(&out, found); err != nil || strings.Count(out.String(), "\n") < len(found) {
		t.Errorf("%v\n%s", err, out.String())
	}

	cfg.STOMP = "127.0.0.1:" + freePort(t)
	want(t, Examine(t.Context(), cfg), "--stomp ", Warn, "the server that runs does not listen here")
}

// The limits are those of the server, also where the system does not tell who
// listens: one that systemd keeps apart has its data locked all the same.
func TestLimitsOfAServiceKeptApart(t *testing.T) {
	if _, err := os.Stat("/proc/locks"); err != nil {
		t.Skip("the system does not list locks here")
	}
	cfg := start(t, server.Config{Data: t.TempDir()})
	d := &Doctor{cfg: cfg, proc: "/proc", running: "mwm " + server.Version}
	d.files()
	want(t, d.findings, "open files", d.findings[0].Level, "the server may have")
	if pid := d.holder(filepath.Join(cfg.Data, store.LockFile)); pid != os.Getpid() {
		t.Errorf("process %d holds the lock; it is %d", pid, os.Getpid())
	}
	if pid := d.holder(filepath.Join(cfg.Data, "none")); pid != 0 {
		t.Errorf("process %d holds the lock of no file", pid)
	}
}

// A port below 1024 that this user may not have is one that a server may hold which
// has more rights, and one that nobody listens at.
func TestPortsOfThePrivileged(t *testing.T) {
	refused := func(string, string) (net.Listener, error) { return nil, os.NewSyscallError("bind", syscall.EACCES) }
	cfg := start(t, server.Config{})
	d := &Doctor{cfg: cfg, listen: refused}
	d.listeners(t.Context())
	want(t, d.findings, "--http ", OK, "mwm "+server.Version)

	d = &Doctor{cfg: server.Config{HTTP: "127.0.0.1:" + freePort(t)}, listen: refused}
	d.listeners(t.Context())
	want(t, d.findings, "--http ", Fail, "CAP_NET_BIND_SERVICE")
}

// A server with accounts lets the doctor in nowhere; that is how it should be.
func TestServerWithAccounts(t *testing.T) {
	accounts := filepath.Join(t.TempDir(), "accounts")
	err := auth.EditAccounts(accounts, func(a *auth.Accounts) error {
		_, hash := auth.MakePassword()
		return a.Set(auth.Account{Role: auth.Device, Name: "AAA", Hash: hash})
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := start(t, server.Config{Accounts: accounts})
	found := Examine(t.Context(), cfg)
	for _, about := range []string{"--http ", "--stomp ", "--stomp-ws ", "--mqtt ", "--mqtt-ws "} {
		want(t, found, about, OK, "asks for credentials")
	}
	want(t, found, "--accounts", OK, "1 accounts")
	want(t, found, "--data", Warn, "nothing outlives a restart")
}

// A server that asks clients for certificates lets the doctor in nowhere either; it
// is not taken for somebody else's, unless it was not to ask.
func TestServerThatAsksForCertificates(t *testing.T) {
	ca, _ := certify(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), []string{"devices"})
	cfg := start(t, server.Config{STOMPS: "127.0.0.1:0", MQTTS: "127.0.0.1:0", TLSSelfSigned: true, TLSClientCA: ca, TLSClientRequired: true})
	found := Examine(t.Context(), cfg)
	want(t, found, "--stomps ", OK, "asks for the certificate of a client")
	want(t, found, "--mqtts ", OK, "asks for the certificate of a client")
	cfg.TLSClientRequired = false
	found = Examine(t.Context(), cfg)
	want(t, found, "--stomps ", Fail, "does not answer as mwm does")
	want(t, found, "--mqtts ", Fail, "asks for the certificate of a client")
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// Ports that others have, or that cannot be.
func TestPorts(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	web := &http.Server{Handler: http.NotFoundHandler()}
	page, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- web.Serve(page) }()
	defer func() { web.Close(); <-served }()
	foreign, stop := answering(t, "CONNECTED\nserver:ActiveMQ/5.9\nversion:1.2\n\n\x00")
	defer stop()

	found := Examine(t.Context(), server.Config{
		HTTP: page.Addr().String(), MQTT: page.Addr().String(), STOMP: foreign, STOMPWS: "203.0.113.1:61614", MQTTWS: "127.0.0.1:0", AllowAnonymous: true,
	})
	want(t, found, "--http ", Fail, "choose another port: --http 127.0.0.1:")
	want(t, found, "--mqtt ", Fail, "does not answer as mwm does: what it answers to a CONNECT of MQTT is not MQTT")
	want(t, found, "--stomp ", Fail, "it is ActiveMQ/5.9")
	want(t, found, "--stomp-ws ", Fail, "this machine has no such address")
	want(t, found, "--mqtt-ws ", Warn, "takes a free port")
	if _, err := os.Stat("/proc/self/net/tcp"); err == nil {
		want(t, found, "--http ", Fail, fmt.Sprintf("process %d", os.Getpid()))
	}

	free := Examine(t.Context(), server.Config{STOMP: "127.0.0.1:" + freePort(t)})
	want(t, free, "--stomp ", OK, "free")
	want(t, free, "server", OK, "none runs")
}

// answering listens until stop, and says the same to everybody.
func answering(t *testing.T, text string) (addr string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, text)
			_, _ = io.Copy(io.Discard, c)
			c.Close()
		}
	}()
	return l.Addr().String(), func() { l.Close(); <-done }
}

// Databases and directories that a server could not use.
func TestData(t *testing.T) {
	dir := func(prepare func(dir string)) server.Config {
		d := t.TempDir()
		prepare(d)
		return server.Config{Data: d}
	}
	made := func(d string) *store.Store {
		s, err := store.Open(d)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var open *store.Store
	for name, c := range map[string]struct {
		cfg   server.Config
		about string
		level Level
		part  string
	}{
		"new":      {server.Config{Data: filepath.Join(t.TempDir(), "a", "b")}, "--data", OK, "will be made"},
		"no place": {server.Config{Data: filepath.Join(file, "data")}, "--data", Fail, "not a directory"},
		"a file":   {server.Config{Data: file}, "--data", Fail, "is a file"},
		"empty":    {dir(func(string) {}), "database", OK, "none yet"},
		"good":     {dir(func(d string) { made(d).Close() }), "database", OK, "whole"},
		"in use":   {dir(func(d string) { open = made(d) }), "database", Fail, "another process has it open"},
		"damaged":  {dir(func(d string) { write(t, filepath.Join(d, store.File), strings.Repeat("x", 9999)) }), "database", Fail, "it is damaged"},
		"newer":    {dir(func(d string) { made(d).Close(); exec(t, d, "PRAGMA user_version = 999") }), "database", Fail, "made by a newer mwm"},
		"low":      {func() server.Config { c := dir(func(string) {}); c.MinFree = 1 << 60; return c }(), "disk", Fail, "less than --min-free"},
		"future": {dir(func(d string) {
			made(d).Close()
			exec(t, d, "INSERT INTO devices (id, seen) VALUES ('AAA', 4102444800000)")
		}), "clock", Fail, "behind what the database has seen"},
		"accounts":  {server.Config{Accounts: filepath.Join(t.TempDir(), "none")}, "--accounts", Fail, "mwm user add"},
		"no limits": {server.Config{MaxConns: 10}, "open files", OK, "may have"},
	} {
		t.Run(name, func(t *testing.T) { want(t, Examine(t.Context(), c.cfg), c.about, c.level, c.part) })
	}
	open.Close()
}

// A database in a directory that cannot be written is not judged: nobody is to move a
// sound one away because the doctor was asked as the wrong user.
func TestCannotWrite(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	found := Examine(t.Context(), server.Config{Data: "/proc"})
	want(t, found, "disk", Fail, "cannot write to /proc")
	if slices.ContainsFunc(found, func(f Finding) bool { return f.About == "database" }) {
		t.Errorf("there is a word on the database: %v", found)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, store.File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

// Certificates that clients would not take.
func TestCertificate(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, until time.Time
		names       []string
		other       bool // the key of another one
		level       Level
		part        string
	}{
		"expired":       {now.Add(-48 * time.Hour), now.Add(-time.Hour), []string{"mwm.test"}, false, Fail, "it has expired"},
		"not yet":       {now.Add(time.Hour), now.Add(48 * time.Hour), []string{"mwm.test"}, false, Fail, "good only from"},
		"soon":          {now.Add(-time.Hour), now.Add(48 * time.Hour), []string{"mwm.test"}, false, Warn, "that is soon"},
		"no names":      {now.Add(-time.Hour), now.Add(5000 * time.Hour), nil, false, Fail, "subject alternative names"},
		"another key":   {now.Add(-time.Hour), now.Add(5000 * time.Hour), []string{"mwm.test"}, true, Fail, "private key does not match"},
		"own authority": {now.Add(-time.Hour), now.Add(5000 * time.Hour), []string{"mwm.test"}, false, Warn, "intermediate"},
	} {
		t.Run(name, func(t *testing.T) {
			cert, key := certify(t, c.from, c.until, c.names)
			if c.other {
				_, key = certify(t, c.from, c.until, c.names)
			}
			found := Examine(t.Context(), server.Config{STOMPS: "127.0.0.1:0", TLSCert: cert, TLSKey: key})
			want(t, found, "certificate", c.level, c.part)
		})
	}
	found := Examine(t.Context(), server.Config{STOMPS: "127.0.0.1:0", TLSSelfSigned: true, Data: t.TempDir()})
	want(t, found, "certificate", OK, "will be made")
}

// certify writes a certificate that signs itself.
func certify(t *testing.T, from, until time.Time, names []string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mwm"}, NotBefore: from, NotAfter: until, DNSNames: names}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return cert, key
}

// Settings that cannot be, and what is dangerous about those that can.
func TestSettings(t *testing.T) {
	want(t, Examine(t.Context(), server.Config{STOMP: "localhost"}), "settings", Fail, "--stomp")
	want(t, Examine(t.Context(), server.Config{AllowAnonymous: true}), "access", Warn, "mwm user add")
	want(t, Examine(t.Context(), server.Config{HTTP: "127.0.0.1:0"}), "phones", OK, "this machine only")
}

// What a stranger answers does not get at the terminal.
func TestStrangerIsHarmless(t *testing.T) {
	addr, stop := answering(t, "CONNECTED\nserver:\x1b[2Jevil\x07"+strings.Repeat("x", 3000)+"\n\n\x00")
	defer stop()
	f := find(t, Examine(t.Context(), server.Config{STOMP: addr}), "--stomp ")
	if f.Level != Fail || strings.ContainsAny(f.Found, "\x1b\x07") || len(f.Found) > 500 {
		t.Errorf("%+v", f)
	}
}
