package stomp_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"mwm/server/broker"
	"mwm/server/stomp"
	"mwm/server/stomp/frame"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// world is a broker with a STOMP server on a free port.
type world struct {
	t      testing.TB
	broker *broker.Broker
	server *stomp.Server
	addr   string
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// serve starts a server, and stops it when the test ends.
func serve(t testing.TB, opt stomp.Options) *world {
	return serveBroker(t, broker.New(broker.Options{}), opt)
}

func serveBroker(t testing.TB, b *broker.Broker, opt stomp.Options) *world {
	t.Helper()
	if opt.Logger == nil {
		opt.Logger = quiet()
	}
	srv, err := stomp.New(b, opt)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			accepting.Go(func() { srv.ServeConn(nc) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		srv.Shutdown(ctx)
		accepting.Wait()
	})
	return &world{t, b, srv, ln.Addr().String()}
}

// peer is a client that says what the test types.
type peer struct {
	t      testing.TB
	nc     net.Conn
	buf    []byte
	parser frame.Parser

	patience time.Duration
}

// dial opens a connection.
func (w *world) dial() *peer {
	w.t.Helper()
	nc, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { nc.Close() })
	return newPeer(w.t, nc)
}

func newPeer(t testing.TB, nc net.Conn) *peer {
	limits := frame.Limits{Body: 64 << 20}.WithDefaults()
	return &peer{t: t, nc: nc, patience: patience, parser: frame.Parser{Dialect: frame.V12, Limits: limits}}
}

// connect opens a connection and does the CONNECT exchange of a version.
func (w *world) connect(version string, headers ...string) *peer {
	w.t.Helper()
	p := w.dial()
	p.parser.Dialect = map[string]*frame.Dialect{"1.0": frame.V10, "1.1": frame.V11, "1.2": frame.V12}[version]
	p.send("CONNECT\naccept-version:" + version + "\nhost:test\n" + lines(headers) + "\n^@")
	p.want("CONNECTED", "version:"+version)
	return p
}

func lines(headers []string) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(h + "\n")
	}
	return b.String()
}

// send types text, with ^@ for NUL.
func (p *peer) send(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.nc, strings.ReplaceAll(text, "^@", "\x00")); err != nil {
		p.t.Fatalf("sending %.60q: %v", text, err)
	}
}

// message is a frame that came in.
type message struct {
	command string
	head    string         // the header block as it came
	headers []frame.Header // without escapes
	body    string
}

func (m message) get(name string) string {
	for _, h := range m.headers {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// read returns the next frame; io.EOF when the server has closed.
func (p *peer) read() (message, error) {
	p.nc.SetReadDeadline(time.Now().Add(p.patience))
	for {
		p.buf = p.buf[frame.EOLs(p.buf):]
		var f frame.Frame
		if len(p.buf) > 0 {
			n, _, err := p.parser.Parse(p.buf, &f)
			if err != nil {
				p.t.Fatalf("the server sent %q: %v", p.buf, err)
			}
			if n > 0 {
				m := message{command: f.Command.String(), head: string(f.Head), body: string(f.Body)}
				for line := range strings.Lines(string(f.Head)) {
					name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
					m.headers = append(m.headers, frame.Header{Name: f.Value([]byte(name)), Value: f.Value([]byte(value))})
				}
				p.buf = p.buf[n:]
				return m, nil
			}
		}
		chunk := make([]byte, 64<<10)
		n, err := p.nc.Read(chunk)
		p.buf = append(p.buf, chunk[:n]...)
		if err != nil {
			return message{}, err
		}
	}
}

// want reads a frame and checks what is given of it: "name:value", "name"
// (any value), "!name" (absent), "=body".
func (p *peer) want(command string, want ...string) message {
	p.t.Helper()
	m, err := p.read()
	if err != nil {
		p.t.Fatalf("waiting for %s %q: %v", command, want, err)
	}
	if m.command != command {
		p.t.Fatalf("got %s %q %q, want %s %q", m.command, m.headers, m.body, command, want)
	}
	for _, x := range want {
		if body, ok := strings.CutPrefix(x, "="); ok {
			if m.body != body {
				p.t.Errorf("%s has the body %q, want %q", command, m.body, body)
			}
			continue
		}
		if name, ok := strings.CutPrefix(x, "!"); ok {
			if v := m.get(name); v != "" {
				p.t.Errorf("%s has %s:%s, want none", command, name, v)
			}
			continue
		}
		name, value, ok := strings.Cut(x, ":")
		if got := m.get(name); ok && got != value || !ok && got == "" {
			p.t.Errorf("%s has %s:%q, want %q; all: %q", command, name, got, value, m.headers)
		}
	}
	return m
}

// wantError reads an ERROR with the words in its message header or body, and
// then the end of the connection.
func (p *peer) wantError(words ...string) message {
	p.t.Helper()
	m := p.want("ERROR", "message")
	for _, w := range words {
		if !strings.Contains(m.get("message")+" "+m.body, w) {
			p.t.Errorf("the ERROR says %q, %q; want %q", m.get("message"), m.body, w)
		}
	}
	p.wantEnd()
	return m
}

// wantEnd waits for the server to close its side; frames that still come fail.
func (p *peer) wantEnd() {
	p.t.Helper()
	if m, err := p.read(); err != io.EOF {
		p.t.Fatalf("got %s %q %v, want the end of the connection", m.command, m.headers, err)
	}
	p.nc.Close()
}

// sync waits until the server has handled all that was sent.
func (p *peer) sync() {
	p.t.Helper()
	p.send("BEGIN\ntransaction:sync\nreceipt:sync\n\n^@ABORT\ntransaction:sync\n\n^@")
	p.want("RECEIPT", "receipt-id:sync")
}

// eventually waits until ok holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(2 * time.Millisecond); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// runs writes a broker's journal until the test ends.
func runs(t testing.TB, b *broker.Broker) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}
