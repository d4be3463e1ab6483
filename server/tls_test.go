package server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	pahov3 "github.com/eclipse/paho.mqtt.golang"
	gostomp "github.com/go-stomp/stomp/v3"

	"mwm/server"
)

// authority signs certificates for a test.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

func (a *authority) make(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, _ = rand.Int(rand.Reader, big.NewInt(1<<62))
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// server returns the files of a server's certificate.
func (a *authority) server(dir, name string) (certFile, keyFile string) {
	a.t.Helper()
	cert, key := a.make(&x509.Certificate{Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(a.t, certFile, "CERTIFICATE", cert.Raw)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, keyFile, "PRIVATE KEY", der)
	return certFile, keyFile
}

// client returns a device's certificate.
func (a *authority) client(cn string, change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	c := &x509.Certificate{Subject: pkix.Name{CommonName: cn}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if change != nil {
		change(c)
	}
	cert, key := a.make(c)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// secure is a server with TLS on all ports.
func secure(t testing.TB, a *authority, cfg server.Config) *server.Server {
	t.Helper()
	cfg.HTTPS, cfg.STOMPS, cfg.MQTTS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	if cfg.TLSCert == "" {
		cfg.TLSCert, cfg.TLSKey = a.server(t.TempDir(), "server")
	}
	s, _ := start(t, cfg)
	return s
}

func shake(addr string, cfg *tls.Config) (tls.ConnectionState, error) {
	nc, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, cfg)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer nc.Close()
	return nc.ConnectionState(), nil
}

// TLS is as it should be today, on every port: no old versions, no weak ciphers,
// nobody else's protocol.
func TestTLSSettings(t *testing.T) {
	a := newAuthority(t, "root")
	s := secure(t, a, server.Config{})
	at := s.Addresses()
	ports := map[string]string{"https": at.HTTPS, "stomps": at.STOMPS, "mqtts": at.MQTTS}
	for port, addr := range ports {
		for _, c := range []struct {
			what string
			cfg  *tls.Config
			ok   bool
		}{
			{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
			{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
			{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
			{"CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, false},
			{"its own protocol", &tls.Config{NextProtos: []string{map[string]string{"https": "h2", "stomps": "stomp", "mqtts": "mqtt"}[port]}}, true},
			{"another protocol", &tls.Config{NextProtos: []string{map[string]string{"https": "mqtt", "stomps": "h2", "mqtts": "http/1.1"}[port]}}, false},
		} {
			c.cfg.RootCAs = a.pool()
			if _, err := shake(addr, c.cfg); (err == nil) != c.ok {
				t.Errorf("%s, %s: %v", port, c.what, err)
			}
		}
	}
	if state, err := shake(at.HTTPS, &tls.Config{RootCAs: a.pool(), NextProtos: []string{"http/1.1"}}); err != nil || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("%v, %v", state.NegotiatedProtocol, err)
	}
}

// What is no TLS, or never becomes any, is closed in time on every port.
func TestTLSGarbage(t *testing.T) {
	a := newAuthority(t, "root")
	s := secure(t, a, server.Config{ConnectTimeout: 300 * time.Millisecond})
	at := s.Addresses()
	for _, addr := range []string{at.STOMPS, at.MQTTS} {
		for _, say := range []string{"", "CONNECT\n\n\x00", "\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00", "\x16\x03\x01\x00\xff", "GET / HTTP/1.1\r\n\r\n"} {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(nc, say); err != nil {
				t.Fatal(err)
			}
			nc.SetReadDeadline(time.Now().Add(patience))
			answer, err := io.ReadAll(nc)
			nc.Close()
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("%q: %v", say, err)
			}
			if strings.Contains(string(answer), "CONNECTED") || strings.HasPrefix(string(answer), "\x20\x02") {
				t.Errorf("%q is answered with %q", say, answer)
			}
		}
	}
	res, err := http.Get("http://" + at.HTTPS + "/")
	if err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("HTTP at the HTTPS port: %s", res.Status)
		}
	}
}

// A certificate that is replaced while the server runs is shown from then on.
// Half of a replacement changes nothing, and open connections stay.
func TestTLSReload(t *testing.T) {
	a, b := newAuthority(t, "old"), newAuthority(t, "new")
	dir := t.TempDir()
	cert, key := a.server(dir, "server")
	s := secure(t, a, server.Config{TLSCert: cert, TLSKey: key})
	open, err := tls.Dial("tcp", s.Addresses().MQTTS, &tls.Config{RootCAs: a.pool()})
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	newCert, newKey := b.server(t.TempDir(), "server")
	replace := func(file, with string) {
		t.Helper()
		text, err := os.ReadFile(with)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	replace(cert, newCert)
	shows := func(x *authority) bool {
		_, err := shake(s.Addresses().STOMPS, &tls.Config{RootCAs: x.pool()})
		return err == nil
	}
	for range 30 { // the certificate is there, its key is not
		if !shows(a) {
			t.Fatal("a certificate without its key is shown")
		}
	}
	replace(key, newKey)
	eventually(t, "the new certificate is shown", func() bool { return shows(b) })
	if shows(a) {
		t.Error("the old one, too")
	}
	if _, err := io.WriteString(open, "\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01x"); err != nil {
		t.Error(err)
	}
	open.SetReadDeadline(time.Now().Add(patience))
	if answer, err := bufio.NewReader(open).Peek(4); err != nil || string(answer) != "\x20\x02\x00\x00" {
		t.Errorf("on the open connection: %q, %v", answer, err)
	}
}

// A client certificate is the device of its common name.
func TestClientCertificates(t *testing.T) {
	a, other := newAuthority(t, "root"), newAuthority(t, "other")
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	writePEM(t, ca, "CERTIFICATE", a.cert.Raw)
	file, _ := accountsFile(t, "DDD")
	optional := secure(t, a, server.Config{TLSClientCA: ca, Accounts: file})
	required := secure(t, a, server.Config{TLSClientCA: ca, TLSClientRequired: true, Accounts: file})
	expired := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }

	for _, c := range []struct {
		what       string
		s          *server.Server
		with       []tls.Certificate
		user, pass string
		device     string // "": refused
	}{
		{"a device", optional, []tls.Certificate{a.client("BBB", nil)}, "", "", "BBB"},
		{"a device with its name", optional, []tls.Certificate{a.client("BBB", nil)}, "BBB", "", "BBB"},
		{"a device, where it is required", required, []tls.Certificate{a.client("BBB", nil)}, "", "", "BBB"},
		{"nobody", optional, nil, "", "", ""},
		{"nobody, where it is required", required, nil, "olga", password, ""},
		{"a password, where it is not required", optional, nil, "olga", password, "olga"},
		{"of another authority", optional, []tls.Certificate{other.client("BBB", nil)}, "", "", ""},
		{"expired", optional, []tls.Certificate{a.client("BBB", expired)}, "", "", ""},
		{"for servers", optional, []tls.Certificate{a.client("BBB", forServers)}, "", "", ""},
		{"no device's name", optional, []tls.Certificate{a.client("a.b", nil)}, "", "", ""},
		{"a wildcard", optional, []tls.Certificate{a.client("+", nil)}, "", "", ""},
		{"an operator's name", optional, []tls.Certificate{a.client("olga", nil)}, "", "", ""},
	} {
		cfg := &tls.Config{RootCAs: a.pool(), Certificates: c.with}
		stomp := func() error {
			nc, err := tls.Dial("tcp", c.s.Addresses().STOMPS, cfg)
			if err != nil {
				return err
			}
			defer nc.Close()
			opts := []func(*gostomp.Conn) error{gostomp.ConnOpt.HeartBeat(0, 0), gostomp.ConnOpt.Logger(silent{}), gostomp.ConnOpt.RcvReceiptTimeout(patience)}
			if c.user != "" {
				opts = append(opts, gostomp.ConnOpt.Login(c.user, c.pass))
			}
			conn, err := gostomp.Connect(nc, opts...)
			if err != nil {
				return err
			}
			defer conn.MustDisconnect()
			return conn.Send("/topic/device."+c.device+".location", "", nil, gostomp.SendOpt.Receipt)
		}
		mqtt := func() error {
			opt := pahov3.NewClientOptions().AddBroker("ssl://" + c.s.Addresses().MQTTS).SetClientID("").SetTLSConfig(cfg).SetAutoReconnect(false).SetConnectRetry(false)
			if c.user != "" {
				opt.SetUsername(c.user).SetPassword(c.pass)
			}
			cl := pahov3.NewClient(opt)
			tok := cl.Connect()
			if !tok.WaitTimeout(patience) || tok.Error() != nil {
				return fmt.Errorf("connect: %w", tok.Error())
			}
			defer cl.Disconnect(0)
			tok = cl.Publish("device/"+c.device+"/location", 1, false, "x")
			tok.WaitTimeout(patience)
			return tok.Error()
		}
		for protocol, try := range map[string]func() error{"STOMP": stomp, "MQTT": mqtt} {
			if err := try(); (err == nil) != (c.device != "") {
				t.Errorf("%s over %s: %v", c.what, protocol, err)
			}
		}
	}
}

// A browser adds a client certificate by itself. It does not speak for a page of
// somebody else, which may connect, but has to know a password.
func TestCertificateOfForeignPage(t *testing.T) {
	a := newAuthority(t, "root")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, ca, "CERTIFICATE", a.cert.Raw)
	file, passwords := accountsFile(t, "DDD")
	s := secure(t, a, server.Config{TLSClientCA: ca, Accounts: file})
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool(), Certificates: []tls.Certificate{a.client("BBB", nil)}}}
	defer tr.CloseIdleConnections()
	for _, c := range []struct {
		origin, user, pass string
		ok                 bool
	}{
		{"", "", "", true},
		{"https://" + s.Addresses().HTTPS, "", "", true},
		{"https://evil.example", "", "", false},
		{"https://evil.example", "BBB", "", false},
		{"https://evil.example", "DDD", passwords["DDD"], true},
	} {
		for path, sub := range map[string]string{"/stomp": "v12.stomp", "/mqtt": "mqtt"} {
			ws, _, err := websocket.Dial(t.Context(), "wss://"+s.Addresses().HTTPS+path, &websocket.DialOptions{
				HTTPClient: &http.Client{Transport: tr}, Subprotocols: []string{sub}, HTTPHeader: http.Header{"Origin": {c.origin}},
			})
			if err != nil {
				t.Fatal(err)
			}
			kind, hello := websocket.MessageText, "CONNECT\naccept-version:1.2\n"
			if c.user != "" {
				hello += "login:" + c.user + "\npasscode:" + c.pass + "\n"
			}
			hello += "\n\x00"
			if sub == "mqtt" {
				kind, hello = websocket.MessageBinary, connectPacket(c.user, c.pass)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			if err := ws.Write(ctx, kind, []byte(hello)); err != nil {
				t.Fatal(err)
			}
			_, answer, err := ws.Read(ctx)
			cancel()
			ws.CloseNow()
			if ok := err == nil && (strings.HasPrefix(string(answer), "CONNECTED") || strings.HasPrefix(string(answer), "\x20\x02\x00\x00")); ok != c.ok {
				t.Errorf("%s from %q as %q: %q, %v", path, c.origin, c.user, answer, err)
			}
		}
	}
}

// connectPacket is a CONNECT of MQTT 3.1.1 without an identifier.
func connectPacket(user, pass string) string {
	str := func(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }
	flags, tail := byte(2), str("")
	if user != "" {
		flags |= 0x80
		tail += str(user)
		if pass != "" {
			flags |= 0x40
			tail += str(pass)
		}
	}
	body := str("MQTT") + string([]byte{4, flags, 0, 0}) + tail
	return "\x10" + string([]byte{byte(len(body))}) + body
}

// silent keeps go-stomp's remarks out of the test's output.
type silent struct{}

func (silent) Debugf(string, ...any)   {}
func (silent) Infof(string, ...any)    {}
func (silent) Warningf(string, ...any) {}
func (silent) Errorf(string, ...any)   {}
func (silent) Debug(string)            {}
func (silent) Info(string)             {}
func (silent) Warning(string)          {}
func (silent) Error(string)            {}
