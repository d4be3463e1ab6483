// Package testbroker runs foreign brokers for tests of clients: go-stomp's STOMP server and mochi's MQTT server. What the clients of this
// project do must work with any server.
package testbroker

import (
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	stompserver "github.com/go-stomp/stomp/v3/server"
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
)

// STOMP starts a STOMP server for the test and returns it.
func STOMP(t testing.TB) *Broker { return start(t, serveSTOMP) }

// MQTT starts an MQTT server for the test and returns it.
func MQTT(t testing.TB) *Broker { return start(t, serveMQTT) }

// Broker is a running server that can be taken down and brought up again at the same address.
type Broker struct {
	Addr string

	t     testing.TB
	serve func(*tracked) (stop func())

	mu       sync.Mutex
	listener *tracked
	stop     func()
}

func start(t testing.TB, serve func(*tracked) func()) *Broker {
	b := &Broker{Addr: "127.0.0.1:0", t: t, serve: serve}
	b.Up()
	t.Cleanup(b.Down)
	return b
}

// Up brings the server up, with nothing in it. While it was down somebody else may
// have been given its port, and is waited for.
func (b *Broker) Up() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	l, err := net.Listen("tcp", b.Addr)
	for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); l, err = net.Listen("tcp", b.Addr) {
		<-time.After(10 * time.Millisecond)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.Addr = l.Addr().String()
	b.listener = &tracked{Listener: l, open: map[net.Conn]bool{}}
	b.stop = b.serve(b.listener)
}

// Down closes the listener and every connection.
func (b *Broker) Down() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listener != nil {
		b.listener.cut()
		b.stop()
		b.listener = nil
	}
}

// Connections returns how many clients are connected.
func (b *Broker) Connections() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listener == nil {
		return 0
	}
	return b.listener.count()
}

func serveSTOMP(l *tracked) func() {
	s := &stompserver.Server{Log: quiet{}}
	go func() { _ = s.Serve(l) }() // never returns; see Leaks
	return func() {}
}

func serveMQTT(l *tracked) func() {
	s := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := s.AddHook(new(allow), nil); err != nil {
		panic(err)
	}
	if err := s.AddListener(listeners.NewNet("test", l)); err != nil {
		panic(err)
	}
	if err := s.Serve(); err != nil {
		panic(err)
	}
	return func() { _ = s.Close() }
}

// tracked is a listener that knows its connections.
type tracked struct {
	net.Listener
	mu   sync.Mutex
	open map[net.Conn]bool
	down bool
}

func (l *tracked) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down { // since it came
		_ = c.Close()
		return nil, net.ErrClosed
	}
	l.open[c] = true
	return &trackedConn{c, l}, nil
}

func (l *tracked) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

func (l *tracked) cut() {
	_ = l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for c := range l.open {
		_ = c.Close()
	}
}

type trackedConn struct {
	net.Conn
	l *tracked
}

func (c *trackedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil {
		c.forget()
	}
	return n, err
}

func (c *trackedConn) Close() error {
	c.forget()
	return c.Conn.Close()
}

func (c *trackedConn) forget() {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	delete(c.l.open, c.Conn)
}

// allow lets everybody do everything. mochi's own hook for that brings a YAML library along.
type allow struct{ mqtt.HookBase }

func (*allow) ID() string { return "allow" }
func (*allow) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}
func (*allow) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }
func (*allow) OnACLCheck(*mqtt.Client, string, bool) bool              { return true }

type quiet struct{}

func (quiet) Debugf(string, ...any)   {}
func (quiet) Infof(string, ...any)    {}
func (quiet) Warningf(string, ...any) {}
func (quiet) Errorf(string, ...any)   {}
func (quiet) Debug(string)            {}
func (quiet) Info(string)             {}
func (quiet) Warning(string)          {}
func (quiet) Error(string)            {}

// Leaks are the functions whose goroutines go-stomp's server never ends.
var Leaks = []string{
	"github.com/go-stomp/stomp/v3/server.(*requestProcessor).Serve",
	"github.com/go-stomp/stomp/v3/server/client.(*Conn).processLoop",
	"github.com/go-stomp/stomp/v3/server/client.(*Conn).readLoop",
	"github.com/go-stomp/stomp/v3/server/client.(*Conn).cleanupConn",
}
