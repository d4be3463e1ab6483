package server_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"mwm/server"
	"mwm/server/httpd"
)

// patience is how long an answer may take on a busy machine.
const patience = 30 * time.Second

// addresses are where the server listens.
type addresses = httpd.Addresses

// party is one connection of somebody, over whatever protocol. Addresses are in
// STOMP's form.
type party interface {
	// do tries something at an address, and reports whether it was permitted. A
	// refusal may have ended the connection.
	do(action, address, body string) bool
	// drop ends the connection as a broken one ends.
	drop()
}

// will is what a party leaves; nil: nothing.
type will struct{ address, body string }

// way is one way to the brokers.
type way struct {
	actions string // that there are
	connect func(t testing.TB, s *server.Server, user, pass, clientID string, w *will) (party, error)
}

const (
	stompActions = "publish retain transaction subscribe durable retroactive consume browse"
	mqttActions  = "publish publish0 publish2 retain will subscribe share kept"
)

// ways are all ways to the brokers, but for TLS.
var ways = map[string]way{
	"STOMP":                  stompWay(func(a addresses) string { return "tcp://" + a.STOMP }),
	"STOMP over WebSocket":   stompWay(func(a addresses) string { return "ws://" + a.STOMPWS + "/any" }),
	"STOMP at /stomp":        stompWay(func(a addresses) string { return "ws://" + a.HTTP + "/stomp" }),
	"STOMP at the MQTT port": stompWay(func(a addresses) string { return "ws://" + a.MQTTWS }),
	"MQTT":                   mqttWay(4, func(a addresses) string { return "tcp://" + a.MQTT }),
	"MQTT 5":                 mqttWay(5, func(a addresses) string { return "tcp://" + a.MQTT }),
	"MQTT over WebSocket":    mqttWay(5, func(a addresses) string { return "ws://" + a.MQTTWS + "/mqtt" }),
	"MQTT at /mqtt":          mqttWay(4, func(a addresses) string { return "ws://" + a.HTTP + "/mqtt" }),
	"MQTT at the STOMP port": mqttWay(5, func(a addresses) string { return "ws://" + a.STOMPWS }),
}

// secureWays are those with TLS.
var secureWays = map[string]way{
	"STOMP with TLS":           stompWay(func(a addresses) string { return "tls://" + a.STOMPS }),
	"MQTT with TLS":            mqttWay(5, func(a addresses) string { return "tls://" + a.MQTTS }),
	"STOMP at /stomp with TLS": stompWay(func(a addresses) string { return "wss://" + a.HTTPS + "/stomp" }),
	"MQTT at /mqtt with TLS":   mqttWay(5, func(a addresses) string { return "wss://" + a.HTTPS + "/mqtt" }),
}

// dial opens a connection to tcp://, tls://, ws:// or wss://. Whose certificate
// it is, other tests look at.
func dial(t testing.TB, url, subprotocol string, kind websocket.MessageType) (net.Conn, error) {
	t.Helper()
	anybody := &tls.Config{InsecureSkipVerify: true}
	scheme, addr, _ := strings.Cut(url, "://")
	switch scheme {
	case "tcp":
		return net.DialTimeout("tcp", addr, patience)
	case "tls":
		return tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, anybody)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{subprotocol}, HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: anybody}}})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(-1)
	return websocket.NetConn(context.Background(), ws, kind), nil
}

// stompPeer speaks STOMP 1.2.
type stompPeer struct {
	nc net.Conn
	r  *bufio.Reader
	n  int
}

func stompWay(at func(addresses) string) way {
	return way{stompActions, func(t testing.TB, s *server.Server, user, pass, clientID string, w *will) (party, error) {
		if w != nil {
			return nil, errors.New("STOMP has no last wills")
		}
		nc, err := dial(t, at(s.Addresses()), "v12.stomp", websocket.MessageText)
		if err != nil {
			return nil, err
		}
		p := &stompPeer{nc: nc, r: bufio.NewReader(nc)}
		headers := []string{"accept-version:1.2", "client-id:" + clientID}
		if user != "" || pass != "" {
			headers = append(headers, "login:"+user, "passcode:"+pass)
		}
		if err := p.say("CONNECT", "", headers...); err != nil {
			nc.Close()
			return nil, err
		}
		f, err := p.hear()
		if err == nil && !strings.HasPrefix(f, "CONNECTED\n") {
			err = fmt.Errorf("answered with %q", f)
		}
		if err != nil {
			nc.Close()
			return nil, err
		}
		return p, nil
	}}
}

func (p *stompPeer) say(command, body string, headers ...string) error {
	_ = p.nc.SetDeadline(time.Now().Add(patience))
	_, err := fmt.Fprintf(p.nc, "%s\n%s\n\n%s\x00", command, strings.Join(headers, "\n"), body)
	return err
}

// hear returns the next frame.
func (p *stompPeer) hear() (string, error) {
	_ = p.nc.SetDeadline(time.Now().Add(patience))
	f, err := p.r.ReadString(0)
	return strings.TrimLeft(strings.TrimSuffix(f, "\x00"), "\n"), err
}

func (p *stompPeer) do(action, address, body string) bool {
	p.n++
	to := "destination:" + address
	switch action {
	case "publish":
		_ = p.say("SEND", body, to, "receipt:r")
	case "retain":
		_ = p.say("SEND", body, to, "retain:true", "receipt:r")
	case "transaction":
		_ = p.say("BEGIN", "", "transaction:t")
		_ = p.say("SEND", body, to, "transaction:t")
		_ = p.say("COMMIT", "", "transaction:t", "receipt:r")
	default:
		more := map[string]string{"durable": "activemq.subscriptionName:paper", "retroactive": "activemq.retroactive:true", "browse": "browser:true"}[action]
		if more == "" {
			more = "ack:auto"
		}
		_ = p.say("SUBSCRIBE", "", fmt.Sprint("id:", p.n), to, more, "receipt:r")
	}
	for {
		f, err := p.hear()
		switch {
		case err != nil || strings.HasPrefix(f, "ERROR"):
			return false
		case strings.HasPrefix(f, "RECEIPT"):
			if action == "durable" {
				_ = p.say("UNSUBSCRIBE", "", fmt.Sprint("id:", p.n), "activemq.subscriptionName:paper", "receipt:u")
				_, _ = p.hear()
			}
			return true
		}
	}
}

func (p *stompPeer) drop() { p.nc.Close() }

// mqttPeer speaks MQTT 3.1.1 (level 4) or 5.
type mqttPeer struct {
	nc    net.Conn
	r     *bufio.Reader
	level byte
	again func() (*mqttPeer, error) // with a session that is kept
}

func mqttWay(level byte, at func(addresses) string) way {
	return way{mqttActions, func(t testing.TB, s *server.Server, user, pass, clientID string, w *will) (party, error) {
		connect := func(keep bool) (*mqttPeer, error) {
			nc, err := dial(t, at(s.Addresses()), "mqtt", websocket.MessageBinary)
			if err != nil {
				return nil, err
			}
			p := &mqttPeer{nc: nc, r: bufio.NewReader(nc), level: level}
			if err := p.introduce(user, pass, clientID, w, keep); err != nil {
				nc.Close()
				return nil, err
			}
			return p, nil
		}
		p, err := connect(false)
		if err != nil {
			return nil, err
		}
		p.again = func() (*mqttPeer, error) { return connect(true) }
		return p, nil
	}}
}

func mqttText(p []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(p, uint16(len(text))), text...)
}

// properties begins those of MQTT 5; other versions have none.
func (p *mqttPeer) properties(b []byte, props ...byte) []byte {
	if p.level < 5 {
		return b
	}
	return append(append(b, byte(len(props))), props...)
}

func (p *mqttPeer) introduce(user, pass, clientID string, w *will, keep bool) error {
	flags := byte(0)
	if !keep {
		flags |= 1 << 1
	}
	if user != "" || pass != "" {
		flags |= 3 << 6
	}
	if w != nil {
		flags |= 1<<2 | 1<<3
	}
	b := append(mqttText(nil, "MQTT"), p.level, flags, 0, 0)
	b = p.properties(b, 17, 0, 0, 0, map[bool]byte{true: 60}[keep]) // Session Expiry Interval
	b = mqttText(b, clientID)
	if w != nil {
		topic, _ := mqttTopic(w.address)
		b = mqttText(mqttText(p.properties(b), topic), w.body)
	}
	if flags>>6 != 0 {
		b = mqttText(mqttText(b, user), pass)
	}
	p.say(1<<4, b)
	first, body, err := p.hear()
	if err == nil && (first>>4 != 2 || len(body) < 2 || body[1] != 0) {
		err = fmt.Errorf("answered with %x %x", first, body)
	}
	return err
}

func (p *mqttPeer) say(first byte, body []byte) {
	_ = p.nc.SetDeadline(time.Now().Add(patience))
	packet := binary.AppendUvarint([]byte{first}, uint64(len(body)))
	_, _ = p.nc.Write(append(packet, body...)) // the answer tells
}

// hear returns the next packet that is none of PUBLISH.
func (p *mqttPeer) hear() (first byte, body []byte, err error) {
	for {
		_ = p.nc.SetDeadline(time.Now().Add(patience))
		if first, err = p.r.ReadByte(); err != nil {
			return 0, nil, err
		}
		n, err := binary.ReadUvarint(p.r)
		if err != nil {
			return 0, nil, err
		}
		body = make([]byte, n)
		if _, err := io.ReadFull(p.r, body); err != nil || first>>4 != 3 {
			return first, body, err
		}
	}
}

func mqttTopic(address string) (topic string, ok bool) {
	name, ok := strings.CutPrefix(address, "/topic/")
	return strings.NewReplacer(".", "/", "*", "+", ">", "#").Replace(name), ok
}

func (p *mqttPeer) do(action, address, body string) bool {
	topic, ok := mqttTopic(address)
	if !ok {
		return false
	}
	switch action {
	case "publish0":
		p.say(3<<4, append(p.properties(mqttText(nil, topic)), body...))
		p.say(12<<4, nil) // a refusal is silent: PINGRESP comes after it
		_, _, err := p.hear()
		return err == nil
	case "publish", "publish2", "retain":
		return p.publish(topic, body, map[string]byte{"publish": 2, "publish2": 4, "retain": 3}[action])
	case "share":
		topic = "$share/g/" + topic
	case "kept":
		q, err := p.again()
		if err != nil {
			return false
		}
		defer q.drop()
		p = q
	}
	p.say(8<<4|2, append(mqttText(p.properties([]byte{0, 7}), topic), 1))
	first, answer, err := p.hear()
	return err == nil && first>>4 == 9 && answer[len(answer)-1] < 0x80
}

// publish sends with the flags of the fixed header, and reports whether the
// answer takes it.
func (p *mqttPeer) publish(topic, body string, flags byte) bool {
	p.say(3<<4|flags, append(p.properties(append(mqttText(nil, topic), 0, 9)), body...))
	_, answer, err := p.hear()
	if err != nil || len(answer) > 2 && answer[2] >= 0x80 {
		return false
	}
	if flags == 4 { // PUBREL, whose answer is PUBCOMP
		p.say(6<<4|2, []byte{0, 9})
		_, _, err = p.hear()
	}
	return err == nil
}

func (p *mqttPeer) drop() { p.nc.Close() }

// apiWay is the API: for people alone, with the credentials in each request.
var apiWay = way{"publish retain browse", func(t testing.TB, s *server.Server, user, pass, _ string, _ *will) (party, error) {
	return apiParty{t, s, user, pass}, nil
}}

type apiParty struct {
	t          testing.TB
	s          *server.Server
	user, pass string
}

func (p apiParty) do(action, address, body string) bool {
	if action == "browse" {
		status := p.ask("GET", "/queues/messages?queue="+strings.TrimPrefix(address, "/queue/"), "")
		return status == http.StatusOK || status == http.StatusNotFound // which one may know
	}
	body = fmt.Sprintf(`{"destination":%q,"body":%q,"retain":%t}`, address, body, action == "retain")
	return p.ask("POST", "/messages", body) == http.StatusAccepted
}

func (p apiParty) ask(method, path, body string) int {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.s.Addresses().HTTP+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.SetBasicAuth(p.user, p.pass)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func (p apiParty) drop() {}

// watcher is an operator who gets everything.
type watcher struct {
	t    testing.TB
	peer *stompPeer
	seen map[string]bool // bodies
}

func watch(t testing.TB, s *server.Server) *watcher {
	t.Helper()
	p, err := ways["STOMP"].connect(t, s, "olga", password, "watcher", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.drop)
	for _, address := range []string{"/topic/>", "/queue/>"} {
		if !p.do("subscribe", address, "") {
			t.Fatalf("the operator may not listen at %s", address)
		}
	}
	return &watcher{t, p.(*stompPeer), map[string]bool{}}
}

// await reads until the bodies have come.
func (w *watcher) await(bodies ...string) {
	w.t.Helper()
	for slices.ContainsFunc(bodies, func(b string) bool { return !w.seen[b] }) {
		f, err := w.peer.hear()
		if err != nil {
			missing := slices.DeleteFunc(bodies, func(b string) bool { return w.seen[b] })
			w.t.Fatalf("%v while waiting for %d messages: %q", err, len(missing), missing[0])
		}
		_, body, _ := bytes.Cut([]byte(f), []byte("\n\n"))
		w.seen[string(body)] = true
	}
}
