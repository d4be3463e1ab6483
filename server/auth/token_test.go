package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const issuer, audience = "https://id.example", "mwm"

var (
	edKey    = must(func() (ed25519.PrivateKey, error) { _, k, err := ed25519.GenerateKey(rand.Reader); return k, err })
	ecKey    = must(func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })
	rsaKey   = must(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	otherKey = must(func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })
	shared   = []byte("0123456789abcdef0123456789abcdef")
)

func must[T any](f func() (T, error)) T {
	v, err := f()
	if err != nil {
		panic(err)
	}
	return v
}

func public(k crypto.Signer) any { return k.Public() }

// keySet writes the JSON of public keys.
func keySet(keys ...jose.JSONWebKey) []byte {
	return must(func() ([]byte, error) { return json.Marshal(jose.JSONWebKeySet{Keys: keys}) })
}

var allKeys = []jose.JSONWebKey{
	{Key: public(edKey), KeyID: "ed", Use: "sig"}, {Key: public(ecKey), KeyID: "ec"}, {Key: public(rsaKey), KeyID: "rsa", Algorithm: "PS256"},
	{Key: public(otherKey), KeyID: "enc", Use: "enc"}, {Key: shared, KeyID: "shared"},
}

// sign makes a token of claims, which are JSON.
func sign(alg jose.SignatureAlgorithm, key any, kid, claims string, header ...any) string {
	opt := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		opt.WithHeader("kid", kid)
	}
	for i := 0; i+1 < len(header); i += 2 {
		opt.WithHeader(jose.HeaderKey(header[i].(string)), header[i+1])
	}
	s := must(func() (jose.Signer, error) { return jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opt) })
	signed := must(func() (*jose.JSONWebSignature, error) { return s.Sign([]byte(claims)) })
	return must(signed.CompactSerialize)
}

// says are good claims of a device BBB; changes are JSON members that replace or
// add to them, null takes one away.
func says(changes string) string {
	now := time.Now().Unix()
	m := map[string]any{"iss": issuer, "aud": audience, "sub": "BBB", "exp": now + 60, "nbf": now - 60}
	if err := json.Unmarshal([]byte("{"+strings.NewReplacer("NOW+100", itoa(now+100), "NOW-100", itoa(now-100), "NOW-20", itoa(now-20)).Replace(changes)+"}"), &m); err != nil {
		panic(err)
	}
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	return string(must(func() ([]byte, error) { return json.Marshal(m) }))
}

func itoa(n int64) string { return string(must(func() ([]byte, error) { return json.Marshal(n) })) }

func tokenAuthority(t *testing.T, set []byte, algorithms ...string) *Authority {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	return newAuthority(t, Options{
		Tokens: &TokenOptions{Keys: file, Issuer: issuer, Audience: audience, Algorithms: algorithms},
		File:   accountsFile(t, "operator olga SLOW", "device DDD !", "device EEE - publish:/topic/e"),
	})
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := tokenAuthority(t, keySet(allKeys...))
		none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(says(""))) + "."
		good := sign(jose.ES256, ecKey, "ec", says(""))
		rsaPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(func() ([]byte, error) { return x509.MarshalPKIXPublicKey(public(rsaKey)) })})
		for _, c := range []struct {
			what, name, token, who string
			err                    error
		}{
			{"Ed25519", "", sign(jose.EdDSA, edKey, "ed", says("")), "device BBB", nil},
			{"ECDSA", "BBB", good, "device BBB", nil},
			{"RSA", "", sign(jose.PS256, rsaKey, "rsa", says("")), "device BBB", nil},
			{"no key named", "", sign(jose.ES256, ecKey, "", says("")), "device BBB", nil},
			{"an operator", "", sign(jose.ES256, ecKey, "ec", says(`"sub":"otto","role":"operator"`)), "operator otto", nil},
			{"one of several audiences", "", sign(jose.ES256, ecKey, "ec", says(`"aud":["x","mwm"]`)), "device BBB", nil},
			{"just expired", "", sign(jose.ES256, ecKey, "ec", says(`"exp":NOW-20`)), "device BBB", nil},

			{"expired", "", sign(jose.ES256, ecKey, "ec", says(`"exp":NOW-100`)), "", ErrCredentials},
			{"no end", "", sign(jose.ES256, ecKey, "ec", says(`"exp":null`)), "", ErrCredentials},
			{"not yet", "", sign(jose.ES256, ecKey, "ec", says(`"nbf":NOW+100`)), "", ErrCredentials},
			{"issued tomorrow", "", sign(jose.ES256, ecKey, "ec", says(`"iat":NOW+100`)), "", ErrCredentials},
			{"for others", "", sign(jose.ES256, ecKey, "ec", says(`"aud":"shop"`)), "", ErrCredentials},
			{"for nobody", "", sign(jose.ES256, ecKey, "ec", says(`"aud":null`)), "", ErrCredentials},
			{"by others", "", sign(jose.ES256, ecKey, "ec", says(`"iss":"https://evil.example"`)), "", ErrCredentials},
			{"by nobody", "", sign(jose.ES256, ecKey, "ec", says(`"iss":null`)), "", ErrCredentials},
			{"another's key", "", sign(jose.ES256, otherKey, "ec", says("")), "", ErrCredentials},
			{"a key for encryption", "", sign(jose.ES256, otherKey, "enc", says("")), "", ErrCredentials},
			{"a key that there is not", "", sign(jose.ES256, ecKey, "x", says("")), "", ErrCredentials},
			{"a key with another algorithm", "", sign(jose.RS256, rsaKey, "rsa", says("")), "", ErrCredentials},
			{"a key that it brings along", "", sign(jose.ES256, otherKey, "", says(""), "jwk", jose.JSONWebKey{Key: public(otherKey)}), "", ErrCredentials},
			{"a shared key", "", sign(jose.HS256, shared, "shared", says("")), "", ErrCredentials},
			{"a public key as a shared one", "", sign(jose.HS256, rsaPEM, "rsa", says("")), "", ErrCredentials},
			{"no signature", "", none, "", ErrCredentials},
			{"a signature cut off", "", good[:strings.LastIndexByte(good, '.')+1], "", ErrCredentials},
			{"changed claims", "", swapClaims(good, says(`"sub":"AAA"`)), "", ErrCredentials},
			{"a critical header", "", sign(jose.ES256, ecKey, "ec", says(""), "crit", []string{"x"}, "x", 1), "", ErrCredentials},

			{"another's name", "AAA", good, "", ErrForbidden},
			{"no subject", "", sign(jose.ES256, ecKey, "ec", says(`"sub":null`)), "", ErrForbidden},
			{"a subject that is a wildcard", "", sign(jose.ES256, ecKey, "ec", says(`"sub":"*"`)), "", ErrForbidden},
			{"an unknown role", "", sign(jose.ES256, ecKey, "ec", says(`"role":"root"`)), "", ErrForbidden},
			{"a bad permission", "", sign(jose.ES256, ecKey, "ec", says(`"allow":["x"]`)), "", ErrForbidden},
			{"a blocked device", "", sign(jose.ES256, ecKey, "ec", says(`"sub":"DDD"`)), "", ErrForbidden},
			{"a device with an operator's name", "", sign(jose.ES256, ecKey, "ec", says(`"sub":"olga"`)), "", ErrForbidden},
			{"a viewer with an operator's name", "", sign(jose.ES256, ecKey, "ec", says(`"sub":"olga","role":"viewer"`)), "", ErrForbidden},
		} {
			p, err := a.Authenticate(context.Background(), Credentials{Name: c.name, Password: Secret(c.token), Remote: "10.0.0.1"})
			if !errors.Is(err, c.err) || c.who != "" && (err != nil || p.String() != c.who) {
				t.Errorf("%s: %v, %v", c.what, p, err)
			}
			if err != nil && strings.Contains(err.Error(), c.token[:20]) {
				t.Errorf("%s: the error shows the token", c.what)
			}
		}
	})
}

// swapClaims keeps header and signature of a token.
func swapClaims(token, claims string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + parts[2]
}

func TestTokenPermissions(t *testing.T) {
	a := tokenAuthority(t, keySet(allKeys...))
	p, err := a.try("", Secret(sign(jose.ES256, ecKey, "ec", says(`"allow":["publish:/topic/depot.{id}"]`))))
	if err != nil || !p.MayPublish(false, "depot.BBB", nil) || p.MayPublish(false, "depot.AAA", nil) || p.Expires.IsZero() {
		t.Errorf("%v, %v", p, err)
	}
	p, err = a.try("", Secret(sign(jose.ES256, ecKey, "ec", says(`"sub":"EEE"`))))
	if err != nil || !p.MayPublish(false, "e", nil) {
		t.Errorf("%v, %v", p, err)
	}
}

func TestSharedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := tokenAuthority(t, keySet(allKeys...), "HS256")
		if p, err := a.try("", Secret(sign(jose.HS256, shared, "shared", says("")))); err != nil {
			t.Errorf("%v, %v", p, err)
		}
		if _, err := a.try("", Secret(sign(jose.ES256, ecKey, "ec", says("")))); err == nil {
			t.Error("an algorithm that was not named is taken")
		}
		if _, err := a.try("", Secret(sign(jose.HS256, shared, "ec", says("")))); err == nil {
			t.Error("a public key serves as a shared one")
		}
	})
}

func TestPEMKeys(t *testing.T) {
	var file []byte
	for _, k := range []crypto.Signer{edKey, ecKey, rsaKey} {
		der := must(func() ([]byte, error) { return x509.MarshalPKIXPublicKey(k.Public()) })
		file = append(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	}
	a := tokenAuthority(t, file)
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.EdDSA: edKey, jose.ES256: ecKey, jose.RS256: rsaKey} {
		if _, err := a.try("", Secret(sign(alg, key, "", says("")))); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestBadKeyFiles(t *testing.T) {
	small := must(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 1024) })
	private := must(func() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(ecKey) })
	for text, want := range map[string]string{
		"":               "not a key set",
		`{"keys":[]}`:    "no key",
		`{"keys":[{}]}`:  "no key",
		`{"keys":"all"}`: "not a key set",
		string(keySet(jose.JSONWebKey{Key: &small.PublicKey})):                                   "no key",
		string(keySet(jose.JSONWebKey{Key: []byte("short")})):                                    "no key",
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})):              "PUBLIC KEY and CERTIFICATE",
		`{"keys":[` + strings.Repeat(`{"kty":"oct"},`, 200) + `{}]}`:                             "at most 100",
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("no such key")})): "",
	} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := New(Options{Tokens: &TokenOptions{Keys: file, Issuer: issuer, Audience: audience}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
	for opt, want := range map[*TokenOptions]string{
		{Keys: "http://id.example/keys", Issuer: issuer, Audience: audience}:                                 "not https",
		{Keys: "https://user:pw@id.example/keys", Issuer: issuer, Audience: audience}:                        "no credentials",
		{Keys: "https://", Issuer: issuer, Audience: audience}:                                               "not a URL",
		{Keys: "https://id.example/keys", Issuer: issuer, Audience: audience, Algorithms: []string{"HS256"}}: "do not come from a URL",
		{Keys: "https://id.example/keys", Issuer: issuer, Audience: audience, Algorithms: []string{"none"}}:  "algorithm",
		{Keys: "https://id.example/keys", Issuer: issuer}:                                                    "audience",
	} {
		if _, err := New(Options{Tokens: opt}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", opt, err, want)
		}
	}
}

// Keys come from a URL, and again when a token names one that is not known: a
// key that is replaced needs no restart. A server that fails, or answers with
// nonsense, takes no key away.
func TestKeysFromURL(t *testing.T) {
	var answer atomic.Pointer[[]byte]
	var asked atomic.Int32
	set := func(b []byte) { answer.Store(&b) }
	set(keySet(allKeys[1], jose.JSONWebKey{Key: shared, KeyID: "shared"}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write(*answer.Load())
	}))
	defer srv.Close()
	defer fetcher.CloseIdleConnections()
	a := newAuthority(t, Options{Tokens: &TokenOptions{Keys: srv.URL, Issuer: issuer, Audience: audience}})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error)
	go func() { ran <- a.Run(ctx) }()
	defer func() { cancel(); <-ran }()
	old, next := Secret(sign(jose.ES256, ecKey, "ec", says(""))), Secret(sign(jose.EdDSA, edKey, "ed", says("")))
	eventually(t, "the keys have come", func() bool { _, err := a.try("", old); return err == nil })
	if _, err := a.try("", next); err == nil || asked.Load() != 1 {
		t.Errorf("%v; asked %d times within a moment", err, asked.Load())
	}
	set(keySet(allKeys[0]))
	a.tokens.keys.mu.Lock()
	a.tokens.keys.tried = time.Now().Add(-fetchAgain)
	a.tokens.keys.mu.Unlock()
	if _, err := a.try("", next); err != nil || asked.Load() != 2 {
		t.Errorf("the new key: %v; asked %d times", err, asked.Load())
	}
	if _, err := a.try("", old); err == nil {
		t.Error("the old key is still taken")
	}
	set([]byte("<html>"))
	if err := a.tokens.keys.fetch(ctx); err == nil {
		t.Error("nonsense is taken")
	}
	if _, err := a.try("", next); err != nil {
		t.Errorf("after nonsense: %v", err)
	}
	set(append(keySet(allKeys[0]), make([]byte, maxKeySet)...))
	if err := a.tokens.keys.fetch(ctx); err == nil {
		t.Error("an endless answer is taken")
	}
}

func TestKeysRedirect(t *testing.T) {
	srv := httptest.NewServer(http.RedirectHandler("http://id.example/keys", http.StatusFound))
	defer srv.Close()
	defer fetcher.CloseIdleConnections()
	if _, err := fetchKeySet(context.Background(), srv.URL); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("%v", err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
		if ok() {
			tick.Stop()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add(sign(jose.ES256, ecKey, "ec", says("")))
	f.Add("eyJ.eyJ.x")
	f.Add("eyJhbGciOiJub25lIn0..")
	keys, _ := parseKeySet(keySet(allKeys...), true)
	tk := &tokens{opt: TokenOptions{Issuer: issuer, Audience: audience}, keys: &keySource{}, algs: []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256}}
	tk.keys.set(keys)
	mine := map[string]bool{}
	f.Fuzz(func(t *testing.T, token string) {
		if !looksLikeToken(Secret(token)) || mine[token] {
			return
		}
		if c, _, err := tk.verify(context.Background(), Secret(token)); err == nil && c.Subject != "BBB" {
			t.Errorf("%q is believed: %+v", token, c)
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add(keySet(allKeys...))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeySet(data, false)
		if err == nil && len(keys) == 0 {
			t.Error("no keys and no error")
		}
		for _, k := range keys {
			if _, secret := k.Key.([]byte); secret || !k.IsPublic() {
				t.Error("a secret key from a URL")
			}
		}
	})
}
