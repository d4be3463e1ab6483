package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"mwm/server"
)

// answer is what somebody who speaks the right protocol has said.
type answer struct {
	text    string
	version string // of the server; "" if it did not say
	trouble string // of its own
	advice  string
}

// probe speaks the protocol of a listener with whoever listens there.
func probe(ctx context.Context, l server.Listener, target string) (answer, error) {
	switch l.Flag {
	case "http", "https":
		return probeHTTP(ctx, l, target)
	case "pprof":
		return probeProfiles(ctx, target)
	case "stomp-ws":
		return probeWebSocket(ctx, target, "v12.stomp", websocket.MessageText, askSTOMP)
	case "mqtt-ws":
		return probeWebSocket(ctx, target, "mqtt", websocket.MessageBinary, askMQTT)
	}
	c, err := dial(ctx, l, target)
	if err != nil {
		return answer{}, err
	}
	defer c.Close()
	if l.Flag == "mqtt" || l.Flag == "mqtts" {
		return askMQTT(c)
	}
	return askSTOMP(c)
}

// dial connects, with TLS if the listener has it. Whether the certificate is good is
// another question.
func dial(ctx context.Context, l server.Listener, target string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	if !l.TLS {
		return c, nil
	}
	g := &guarded{}
	g.Conn = tls.Client(c, &tls.Config{
		InsecureSkipVerify: true, // #nosec G402 -- see above; nothing is said that matters
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			g.asked = true
			return &tls.Certificate{}, nil
		},
	})
	if err := g.HandshakeContext(ctx); err != nil {
		_ = c.Close()
		return nil, fmt.Errorf("TLS: %w", g.explain(err))
	}
	return g, nil
}

// errAskedFor says that a connection failed to which the other side wanted a
// certificate of the client.
var errAskedFor = errors.New("it asks for the certificate of a client")

// guarded is a TLS connection that the other side may end because it was shown no
// certificate. With TLS 1.3 it does so after the handshake, which is over for the
// client by then (RFC 8446 §4.4.2.4); what it says about it may be lost to what the
// client has sent meanwhile.
type guarded struct {
	*tls.Conn
	asked bool // for a certificate
}

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	return n, g.explain(err)
}

func (g *guarded) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	return n, g.explain(err)
}

func (g *guarded) explain(err error) error {
	if err == nil || !g.asked {
		return err
	}
	return fmt.Errorf("%w: %w", errAskedFor, err)
}

// askSTOMP introduces itself, without credentials.
func askSTOMP(c net.Conn) (a answer, err error) {
	if _, err := io.WriteString(c, "CONNECT\naccept-version:1.2\nhost:localhost\n\n\x00"); err != nil {
		return a, err
	}
	text, err := bufio.NewReader(io.LimitReader(c, 4096)).ReadString(0)
	command, headers, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	switch strings.TrimSpace(command) {
	case "CONNECTED":
		a.text = "answers with STOMP"
		for line := range strings.Lines(headers) {
			name, found := strings.CutPrefix(strings.TrimSpace(line), "server:")
			if !found {
				continue
			}
			version, ours := strings.CutPrefix(printable(name), "mwm/")
			if !ours {
				return a, fmt.Errorf("it is %s", printable(name))
			}
			a.version = "mwm " + version
			a.text += ", as " + a.version
		}
		return a, nil
	case "ERROR":
		a.text = "answers with STOMP, and asks for credentials"
		return a, nil
	}
	if err != nil && text == "" {
		return a, fmt.Errorf("no answer to a CONNECT of STOMP: %w", err)
	}
	return a, errors.New("what it answers to a CONNECT of STOMP is not STOMP")
}

// askMQTT introduces itself with MQTT 3.1.1 and a clean session, without
// credentials.
func askMQTT(c net.Conn) (a answer, err error) {
	const connect = "\x10\x16\x00\x04MQTT\x04\x02\x00\x3c\x00\x0amwm-doctor"
	if _, err := io.WriteString(c, connect); err != nil {
		return a, err
	}
	var ack [4]byte
	if _, err := io.ReadFull(c, ack[:]); err != nil {
		return a, fmt.Errorf("no answer to a CONNECT of MQTT: %w", err)
	}
	if ack[0] != 0x20 || ack[1] != 2 {
		return a, errors.New("what it answers to a CONNECT of MQTT is not MQTT")
	}
	switch ack[3] {
	case 0:
		a.text = "answers with MQTT"
		_, _ = c.Write([]byte{0xE0, 0}) // DISCONNECT
	case 4, 5: // 3.1.1 §3.2.2.3
		a.text = "answers with MQTT, and asks for credentials"
	default:
		a.text = "answers with MQTT"
		a.trouble = fmt.Sprintf("it refuses connections, with return code %d", ack[3])
		a.advice = "its log says why"
	}
	return a, nil
}

// probeWebSocket opens a WebSocket and speaks a protocol in it.
func probeWebSocket(ctx context.Context, target, protocol string, kind websocket.MessageType, ask func(net.Conn) (answer, error)) (a answer, err error) {
	ws, _, err := websocket.Dial(ctx, "ws://"+target+"/", &websocket.DialOptions{Subprotocols: []string{protocol}})
	if err != nil {
		return a, fmt.Errorf("no WebSocket: %w", err)
	}
	defer func() { _ = ws.CloseNow() }()
	if ws.Subprotocol() != protocol {
		return a, fmt.Errorf("its WebSocket does not speak %s", protocol)
	}
	a, err = ask(websocket.NetConn(ctx, ws, kind))
	a.text += " over WebSocket"
	return a, err
}

// probeHTTP asks for the state of the server.
func probeHTTP(ctx context.Context, l server.Listener, target string) (a answer, err error) {
	transport := &http.Transport{
		DialContext:    func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, server.Listener{}, target) },
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, l, target) },
	}
	defer transport.CloseIdleConnections()
	get := func(path string) (status int, body []byte, err error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Flag+"://"+target+path, nil)
		if err != nil {
			return 0, nil, err
		}
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			return 0, nil, err
		}
		defer res.Body.Close()
		body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
		return res.StatusCode, body, err
	}
	code, body, err := get("/healthz")
	if err != nil {
		return a, fmt.Errorf("no answer over HTTP: %w", err)
	}
	if code != http.StatusOK && code != http.StatusServiceUnavailable || len(body) > 100 {
		return a, fmt.Errorf("/healthz answers %d", code)
	}
	a.text = "answers over HTTP"
	code, body, err = get("/api/v1/status")
	var status struct{ Version string }
	switch {
	case err != nil:
		return a, err
	case code == http.StatusOK && json.Unmarshal(body, &status) == nil && status.Version != "":
		a.version = "mwm " + printable(status.Version)
		a.text += ", as " + a.version
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		a.text += ", and asks for credentials"
	default:
		return a, fmt.Errorf("/api/v1/status answers %d: it is not mwm", code)
	}
	if code, body, err = get("/readyz"); err == nil && code != http.StatusOK {
		a.trouble = "it is not ready: " + printable(strings.TrimSpace(string(body)))
		a.advice = "its log says more"
	}
	return a, err
}

func probeProfiles(ctx context.Context, target string) (a answer, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+target+"/debug/pprof/", nil)
	if err != nil {
		return a, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	_ = res.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if res.StatusCode != http.StatusOK {
		return a, fmt.Errorf("/debug/pprof/ answers %s", res.Status)
	}
	return answer{text: "serves profiles"}, nil
}

// printable keeps what a stranger says from writing over the terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}
