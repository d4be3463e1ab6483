package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mwm/server"
	"mwm/server/netx"
)

// figure reads a metric.
func figure(t *testing.T, s *server.Server, name string) float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addresses().HTTP+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("olga", password) // nobody asks for it where there are no accounts
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n"+name+" ")
	value, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseFloat(value, 64)
	if !ok || err != nil {
		t.Fatalf("%s: %s, %v", name, res.Status, err)
	}
	return v
}

// grew fails unless a metric has grown by so much.
func grew(t *testing.T, s *server.Server, name string, before, by float64) {
	t.Helper()
	if got := figure(t, s, name); got != before+by {
		t.Errorf("%s is %v, want %v", name, got, before+by)
	}
}

// anonymous connects somebody where there are no accounts.
func anonymous(t *testing.T, s *server.Server, way, id string) party {
	t.Helper()
	p, err := ways[way].connect(t, s, "", "", id, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.drop)
	return p
}

// knock opens a connection that says nothing, until the test ends.
func knock(t *testing.T, addr string) net.Conn {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// isClosed reports whether the server ends a connection within a time.
func isClosed(nc net.Conn, within time.Duration) bool {
	_ = nc.SetReadDeadline(time.Now().Add(within))
	_, err := nc.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// --max-connections, on every listener.
func TestMaxConnections(t *testing.T) {
	s, _ := start(t, server.Config{
		MaxConns: 3, HTTPS: "127.0.0.1:0", STOMPS: "127.0.0.1:0", MQTTS: "127.0.0.1:0", TLSSelfSigned: true, ConnectTimeout: time.Minute,
	})
	a := s.Addresses()
	for name, addr := range map[string]string{
		"http": a.HTTP, "stomp": a.STOMP, "stomp-ws": a.STOMPWS, "mqtt": a.MQTT, "mqtt-ws": a.MQTTWS, "https": a.HTTPS, "stomps": a.STOMPS, "mqtts": a.MQTTS,
	} {
		if name == "http" {
			continue // the figures come from there
		}
		before := figure(t, s, "mwm_connections_refused_total")
		var conns []net.Conn
		for range 5 {
			conns = append(conns, knock(t, addr))
		}
		if !isClosed(conns[3], patience) || !isClosed(conns[4], patience) {
			t.Errorf("%s: more than three stay", name)
		}
		for _, nc := range conns[:3] {
			if isClosed(nc, 50*time.Millisecond) {
				t.Errorf("%s: one of the first three is closed", name)
			}
		}
		grew(t, s, "mwm_connections_refused_total", before, 2)
	}
}

// ownAddress is an address of this machine that is not loopback, whose limits
// there are none of.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String() + ":0"
		}
	}
	t.Skip("this machine has no address but loopback")
	return ""
}

// --max-connections-per-address counts over all listeners; --max-connect-rate
// lets a tenfold come at once.
func TestConnectionsOfAnAddress(t *testing.T) {
	own := ownAddress(t)
	for name, cfg := range map[string]server.Config{
		"at a time": {MaxPerAddress: 10}, "in a second": {MaxConnectRate: 1},
	} {
		cfg.STOMP, cfg.MQTT, cfg.AllowAnonymous, cfg.ConnectTimeout = own, own, true, time.Minute
		s, stop := start(t, cfg)
		var conns []net.Conn
		for i := range 30 {
			conns = append(conns, knock(t, []string{s.Addresses().STOMP, s.Addresses().MQTT}[i%2]))
		}
		most, least := 20., 20.
		if name == "in a second" {
			least = 1 // each second that it takes permits one more
		}
		var refused float64
		eventually(t, name+": some are refused, and just those are closed", func() bool {
			refused = figure(t, s, "mwm_connections_refused_total")
			conns = slices.DeleteFunc(conns, func(nc net.Conn) bool { return isClosed(nc, 10*time.Millisecond) })
			return refused >= least && len(conns) == 30-int(refused)
		})
		if refused > most {
			t.Errorf("%s: %v of 30 are refused", name, refused)
		}
		stop()
	}
}

// --device-connections counts over both protocols; who goes makes room, and a
// connection that is taken over is not counted twice. Nor can a device leave
// sessions behind that it could never come back to.
func TestDeviceConnections(t *testing.T) {
	file, passwords := accountsFile(t, "AAA", "BBB")
	s, _ := start(t, server.Config{Accounts: file, DeviceConns: 3})
	connect := func(way, user, id string) (party, error) {
		return ways[way].connect(t, s, user, passwords[user], id, nil)
	}
	stay := func(way, user, id string) party {
		t.Helper()
		p, err := connect(way, user, id)
		if err != nil {
			t.Fatalf("%s, %s: %v", way, user, err)
		}
		t.Cleanup(p.drop)
		return p
	}
	stay("STOMP", "BBB", "BBB")
	leaves := stay("MQTT 5", "BBB", "")
	stay("MQTT over WebSocket", "BBB", "BBB")
	for way, want := range map[string]string{"STOMP": "too many connections", "MQTT": "20 0003", "MQTT 5": "20 0097"} {
		if p, err := connect(way, "BBB", ""); err == nil || !strings.Contains(err.Error(), want) {
			if err == nil {
				p.drop()
			}
			t.Errorf("%s: a fourth connection: %v, want %q", way, err, want)
		}
	}
	stay("STOMP", "BBB", "BBB") // takes over
	stay("STOMP", "AAA", "AAA")
	for range 5 {
		stay("STOMP", "olga", "")
	}
	if !leaves.do("subscribe", "/topic/.mwm.BBB.alert", "") {
		t.Error("the connection is of no use")
	}
	leaves.drop()
	eventually(t, "there is room again", func() bool {
		p, err := connect("MQTT", "BBB", "")
		if err == nil {
			p.drop()
		}
		return err == nil
	})
	p, err := connect("MQTT 5", "AAA", "")
	if err != nil {
		t.Fatal(err)
	}
	if !p.do("kept", "/topic/.mwm.AAA.alert", "") {
		t.Error("a session of no name is refused")
	}
	p.drop()
	eventually(t, "the session is gone with its connection", func() bool {
		return len(getAs[struct{ Sessions []struct{ Client string } }](t, s, "olga", "/api/v1/sessions").Sessions) == 1
	})
}

// After 20 wrong passwords no more are looked at, from that address and for that
// account, and every protocol says so in its way. Who has a password that cannot
// be guessed is not held up by it.
func TestGuessingOverTheWire(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	var guesses sync.WaitGroup
	for i := range 20 {
		guesses.Go(func() {
			if p, err := ways["STOMP"].connect(t, s, "vera", fmt.Sprint("wrong", i), "x", nil); err == nil {
				p.drop()
				t.Error("a wrong password is right")
			}
		})
	}
	guesses.Wait()
	status := func() int { return (apiParty{t, s, "vera", password}).ask("GET", "/status", "") }
	if got := status(); got != http.StatusTooManyRequests {
		t.Errorf("HTTP answers %d", got)
	}
	for way, want := range map[string]string{"STOMP": "try again later", "STOMP at /stomp": "too many attempts", "MQTT": "20 0003", "MQTT 5": "20 0089", "MQTT over WebSocket": "20 0089"} {
		if p, err := ways[way].connect(t, s, "vera", password, "x", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", way, err, want)
			if err == nil {
				p.drop()
			}
		}
	}
	if p, err := ways["MQTT"].connect(t, s, "BBB", passwords["BBB"], "BBB", nil); err != nil {
		t.Errorf("a device: %v", err)
	} else {
		p.drop()
	}
}

// The counters of refused logins are those of what was refused.
func TestLoginMetrics(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file})
	p, err := ways["STOMP"].connect(t, s, "BBB", passwords["BBB"], "BBB", nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.do("publish", "/topic/device.AAA.location", "{}") {
		t.Error("BBB speaks for AAA")
	}
	p.drop()
	for _, way := range []string{"STOMP", "MQTT"} {
		if p, err := ways[way].connect(t, s, "BBB", "wrong", "BBB", nil); err == nil {
			p.drop()
		}
	}
	grew(t, s, "mwm_logins_refused_total", 0, 2)
	grew(t, s, "mwm_logins_delayed_total", 0, 0)
	grew(t, s, "mwm_stomp_denied_total", 0, 2)
}

// Beyond a rate a sender is read more slowly, whichever rate it is, and loses
// nothing.
func TestRatesOverTheWire(t *testing.T) {
	file, passwords := accountsFile(t, "BBB")
	rate := netx.Rate{Messages: 10} // so few that a busy machine sends more
	for name, cfg := range map[string]server.Config{
		"--device-rate": {DeviceRate: rate}, "--account-rate": {AccountRate: rate}, "--connection-rate": {ConnectionRate: rate}, "--total-rate": {TotalRate: rate},
		"bytes": {DeviceRate: netx.Rate{Bytes: 2000}},
	} {
		cfg.Accounts = file
		for _, way := range []string{"STOMP", "MQTT"} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel() // it waits most of the time
				checkRate(t, cfg, way, passwords["BBB"])
			})
		}
	}
}

func checkRate(t *testing.T, cfg server.Config, way, password string) {
	s, stop := start(t, cfg)
	defer stop()
	before := figure(t, s, "mwm_senders_slowed_total")
	p, err := ways[way].connect(t, s, "BBB", password, "BBB", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.drop()
	send := func(n int) {
		for range n {
			if !p.do("publish", "/topic/device.BBB.location", strings.Repeat("x", 200)) {
				t.Fatal("refused")
			}
		}
	}
	began, sent := time.Now(), 60
	send(sent) // 50 are saved up
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("took %v", took)
	}
	eventually(t, "it is counted", func() bool { // who was held up has saved up more
		if figure(t, s, "mwm_senders_slowed_total") > before {
			return true
		}
		send(20)
		sent += 20
		return false
	})
	if got := figure(t, s, "mwm_topic_messages_total"); got < float64(sent) {
		t.Errorf("%v of %d messages came", got, sent)
	}
}

// Queues take no more than they may hold; what is refused is counted.
func TestQueueLimitsOverTheWire(t *testing.T) {
	for name, cfg := range map[string]server.Config{"messages": {MaxQueueMessages: 3}, "bytes": {MaxQueueBytes: 1800}} {
		s, stop := start(t, cfg)
		body := strings.Repeat("x", 500)
		for i := range 4 {
			if got := anonymous(t, s, "STOMP", "truck").do("publish", "/queue/q", body); got != (i < 3) {
				t.Errorf("%s: message %d is taken: %t", name, i, got)
			}
		}
		if (apiParty{t, s, "", ""}).do("publish", "/queue/q", body) {
			t.Errorf("%s: the API puts one more on it", name)
		}
		grew(t, s, "mwm_queue_refused_total", 0, 2)
		stop()
	}
	s, _ := start(t, server.Config{MaxQueues: 2})
	for i := range 3 {
		if got := anonymous(t, s, "STOMP", "truck").do("publish", fmt.Sprint("/queue/q", i), "x"); got != (i < 2) {
			t.Errorf("queue %d is made: %t", i, got)
		}
	}
}

// Temporary queues go with their connection: what waits there nobody else may have.
func TestTemporaryQueuesOverTheWire(t *testing.T) {
	s, _ := start(t, server.Config{})
	p := anonymous(t, s, "STOMP", "truck")
	for i := range 3 {
		if !p.do("publish", fmt.Sprint("/temp-queue/", i), "x") {
			t.Fatal("it may not send to itself")
		}
	}
	queues := func() int {
		list, _ := get[struct{ Queues []struct{ Name string } }](t, s, "/api/v1/queues")
		return len(list.Queues)
	}
	if n := queues(); n != 3 {
		t.Errorf("%d queues", n)
	}
	p.drop()
	eventually(t, "they are gone", func() bool { return queues() == 0 })
}

// Beyond --max-retained a message is delivered, and not retained.
func TestMaxRetained(t *testing.T) {
	s, _ := start(t, server.Config{MaxRetained: 2})
	listener := anonymous(t, s, "STOMP", "listener")
	if !listener.do("subscribe", "/topic/>", "") {
		t.Fatal("subscribing")
	}
	p := anonymous(t, s, "MQTT", "phone")
	for i := range 4 {
		if !p.do("retain", fmt.Sprint("/topic/x.", i), "x") {
			t.Errorf("message %d is refused", i)
		}
	}
	for i := range 4 {
		if f, err := listener.(*stompPeer).hear(); err != nil || !strings.Contains(f, fmt.Sprint("/topic/x.", i)) {
			t.Errorf("message %d: %q, %v", i, f, err)
		}
	}
	grew(t, s, "mwm_retained_topics", 0, 2)
	grew(t, s, "mwm_retained_refused_total", 0, 2)
}

// Strangers are not told what the server's disk and directories are like.
func TestStrangersAreNotToldWhatIsWrong(t *testing.T) {
	file, _ := accountsFile(t, "BBB")
	s, _ := start(t, server.Config{Accounts: file, Data: t.TempDir(), MinFree: 1 << 60})
	for _, path := range []string{"/readyz", "/healthz"} {
		if status, body := raw(t, s.Addresses().HTTP, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); strings.Contains(body, "/") || strings.Contains(body, "MB") || path == "/readyz" && status != 503 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// Of too many sessions of one account the one ends that was not used for longest.
func TestPageSessionsAreBounded(t *testing.T) {
	file, _ := accountsFile(t)
	s, _ := start(t, server.Config{Accounts: file})
	cookie := func() string {
		c := signIn(t, s, "vera")
		return "Cookie: " + c.Name + "=" + c.Value
	}
	first, second := cookie(), cookie()
	if got := ask(t, s, "GET", "/api/v1/status", first); got != http.StatusOK {
		t.Fatalf("signed in: %d", got)
	}
	for range 99 {
		cookie()
	}
	if got := ask(t, s, "GET", "/api/v1/status", second); got != http.StatusUnauthorized {
		t.Errorf("the session that was not used: %d", got)
	}
	if got := ask(t, s, "GET", "/api/v1/status", first); got != http.StatusOK {
		t.Errorf("the one that was: %d", got)
	}
	grew(t, s, "mwm_page_sessions", 0, 100)
	grew(t, s, "mwm_page_sessions_evicted_total", 0, 1)
}

// Requests of the API that are too large or too many are refused and counted.
func TestRequestLimitsOverTheWire(t *testing.T) {
	s, _ := start(t, server.Config{})
	a := apiParty{t, s, "", ""}
	if got := a.ask("POST", "/devices/BBB/texts", `{"body":"`+strings.Repeat("x", 1<<20)+`"}`); got != http.StatusRequestEntityTooLarge {
		t.Errorf("a long text: %d", got)
	}
	grew(t, s, "mwm_requests_limited_total", 0, 1)
	refused := 0
	for range 200 {
		if a.ask("POST", "/devices/BBB/alerts", `{"color":"red"}`) == http.StatusTooManyRequests {
			refused++
			break
		}
	}
	if refused == 0 {
		t.Error("200 alerts at once are taken")
	}
	grew(t, s, "mwm_requests_limited_total", 0, 2)
}
