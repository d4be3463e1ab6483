package server

import (
	"strings"
	"testing"
)

// A setting that cannot be is refused by its name, before anything is opened.
func TestConfigCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		want string // "" for none
	}{
		{"nothing at all", Config{}, ""},
		{"this machine", Config{HTTP: "127.0.0.1:0", STOMP: "localhost:1", MQTT: "[::1]:0"}, ""},
		{"all addresses", Config{HTTP: ":8080"}, "--allow-anonymous"},
		{"another address", Config{MQTTWS: "10.0.0.1:1884"}, "--mqtt-ws"},
		{"all addresses, on purpose", Config{HTTP: ":8080", AllowAnonymous: true}, ""},
		{"no port", Config{STOMP: "localhost"}, "--stomp: \"localhost\" is not host:port"},
		{"TLS without a certificate", Config{HTTPS: "127.0.0.1:0"}, "--https needs --tls-cert"},
		{"a certificate without TLS", Config{TLSCert: "c", TLSKey: "k"}, "no use"},
		{"our own certificate without TLS", Config{TLSSelfSigned: true}, "--tls-self-signed has no use without --https"},
		{"two certificates", Config{HTTPS: "127.0.0.1:0", TLSSelfSigned: true, TLSCert: "c", TLSKey: "k"}, "exclude each other"},
		{"a certificate without its key", Config{HTTPS: "127.0.0.1:0", TLSCert: "c"}, "--tls-cert and --tls-key come together"},
		{"our own certificate", Config{HTTPS: "127.0.0.1:0", TLSSelfSigned: true}, ""},
		{"client certificates without TLS", Config{TLSClientCA: "ca"}, "--tls-client-ca has no use without"},
		{"client certificates of nobody", Config{MQTTS: "127.0.0.1:0", TLSSelfSigned: true, TLSClientRequired: true}, "--tls-client-required needs --tls-client-ca"},
		{"client certificates", Config{MQTTS: ":0", TLSSelfSigned: true, TLSClientRequired: true, TLSClientCA: "ca"}, ""},
		{"all addresses, with accounts", Config{HTTP: ":8080", Accounts: "a"}, ""},
		{"all addresses, with tokens", Config{HTTP: ":8080", JWTKeys: "k", JWTIssuer: "i", JWTAudience: "a"}, ""},
		{"accounts, and anybody", Config{Accounts: "a", AllowAnonymous: true}, "--accounts and --allow-anonymous exclude each other"},
		{"tokens, and anybody", Config{JWTKeys: "k", AllowAnonymous: true}, "--jwt-keys and --allow-anonymous exclude each other"},
		{"tokens of anybody", Config{JWTKeys: "k", JWTAudience: "a"}, "--jwt-keys needs --jwt-issuer and --jwt-audience"},
		{"tokens without keys", Config{JWTIssuer: "i"}, "no use without --jwt-keys"},
		{"a proxy by name", Config{TrustedProxy: []string{"proxy"}}, "--trusted-proxy"},
		{"a negative limit", Config{MaxPerAddress: -1}, "--max-connections-per-address"},
		{"a negative memory", Config{MaxMemory: -1}, "--max-memory"},
		{"a negative session", Config{SessionIdle: -1}, "--session-idle"},
		{"an origin without a scheme", Config{WSOrigin: []string{"example.com"}}, "--ws-origin"},
		{"an origin with a path", Config{WSOrigin: []string{"https://example.com/x"}}, "--ws-origin"},
		{"an origin", Config{WSOrigin: []string{"https://example.com:8443"}}, ""},
		{"tiles without a template", Config{Tiles: "https://example.com/", TilesAttribution: "x"}, "--tiles"},
		{"tiles of nobody", Config{Tiles: "https://example.com/{z}/{x}/{y}.png"}, "--tiles-attribution"},
		{"a negative number", Config{MaxDevices: -1}, "--max-devices is -1"},
		{"a history of another kind", Config{History: "some"}, "--history is \"some\""},
		{"a history of no size", Config{HistorySize: -1}, "--history-size"},
		{"profiles for everybody", Config{PProf: ":6060", AllowAnonymous: true}, "--pprof"},
		{"a negative time", Config{StaleAfter: -1}, "--stale-after"},
	} {
		err := c.cfg.check()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
