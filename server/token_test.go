package server_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mwm/server"
)

// issuer signs tokens with EdDSA (RFC 8037).
type issuer struct {
	t   *testing.T
	key ed25519.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{t, key}
}

// publish writes the public key.
func (i *issuer) publish(file string) {
	i.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(i.key.Public())
	if err != nil {
		i.t.Fatal(err)
	}
	writePEM(i.t, file, "PUBLIC KEY", der)
}

// token is one of an account that is good for a time; changes replace claims.
func (i *issuer) token(sub, role string, good time.Duration, changes map[string]any) string {
	i.t.Helper()
	claims := map[string]any{"iss": "https://id.example", "aud": "mwm", "sub": sub, "role": role, "exp": time.Now().Add(good).Unix()}
	for name, value := range changes {
		claims[name] = value
	}
	body, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	said := b64([]byte(`{"alg":"EdDSA","typ":"JWT"}`)) + "." + b64(body)
	return said + "." + b64(ed25519.Sign(i.key, []byte(said)))
}

// A signed token is as good as a password, over every way and for the API, for
// what it says and for as long as it says; when its time is over, or its key is
// taken away, so is the connection.
func TestTokensOverTheWire(t *testing.T) {
	i, other := newIssuer(t), newIssuer(t)
	keys := filepath.Join(t.TempDir(), "keys.pem")
	i.publish(keys)
	s, _ := start(t, server.Config{JWTKeys: keys, JWTIssuer: "https://id.example", JWTAudience: "mwm"})
	good := i.token("BBB", "device", time.Minute, nil)
	for name, w := range ways {
		p, err := w.connect(t, s, "BBB", good, "BBB", nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !p.do("publish", "/topic/device.BBB.location", "{}") || p.do("publish", "/topic/device.AAA.location", "{}") {
			t.Errorf("%s: the token's device is not BBB", name)
		}
		p.drop()
	}
	for what, token := range map[string]string{
		"of another's key":        other.token("BBB", "device", time.Minute, nil),
		"that is over":            i.token("BBB", "device", -time.Minute, nil),
		"of another issuer":       i.token("BBB", "device", time.Minute, map[string]any{"iss": "https://other.example"}),
		"for something else":      i.token("BBB", "device", time.Minute, map[string]any{"aud": "other"}),
		"of no known role":        i.token("BBB", "root", time.Minute, nil),
		"without a time":          i.token("BBB", "device", time.Minute, map[string]any{"exp": nil}),
		"of a name as an address": i.token("*", "device", time.Minute, nil),
		"without its signature":   good[:len(good)-86],
	} {
		for _, way := range []string{"STOMP", "MQTT 5"} {
			if p, err := ways[way].connect(t, s, "BBB", token, "BBB", nil); err == nil {
				p.drop()
				t.Errorf("%s: a token %s is good", way, what)
			}
		}
	}
	api := func(token string) int {
		return ask(t, s, "GET", "/api/v1/status", "Authorization: Bearer "+token)
	}
	viewer := i.token("vera", "viewer", time.Minute, nil)
	if api(viewer) != http.StatusOK || api(good) != http.StatusForbidden || api(other.token("vera", "viewer", time.Minute, nil)) != http.StatusUnauthorized {
		t.Error("the API takes tokens otherwise")
	}

	// 30 s are for clocks that differ. One that is good for a moment more may be over
	// before it comes to the server.
	var brief party
	eventually(t, "a token is good in its last seconds", func() (in bool) {
		var err error
		brief, err = ways["MQTT"].connect(t, s, "CCC", i.token("CCC", "device", -27*time.Second, nil), "CCC", nil)
		return err == nil
	})
	defer brief.drop()
	if _, _, err := brief.(*mqttPeer).hear(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("when its time is over: %v", err)
	}
	stays, err := ways["STOMP"].connect(t, s, "BBB", good, "BBB", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stays.drop()
	other.publish(keys)
	if f, err := stays.(*stompPeer).hear(); err != nil || f[:5] != "ERROR" {
		t.Errorf("after its key was taken away: %q, %v", f, err)
	}
	if api(viewer) != http.StatusUnauthorized {
		t.Error("a token of a key that was taken away is good")
	}
}
