package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// TokenOptions say whose signed tokens (JWT, RFC 7519) are taken as passwords.
type TokenOptions struct {
	// Keys is where the public keys are: a file with a key set (JWKS, RFC 7517) or
	// PEM blocks, or the https URL of a key set, which is fetched again now and
	// then, and when a token names a key that is not known.
	Keys string
	// Issuer and Audience are what tokens must have been issued by, and for. Both
	// are needed: a signature alone says that a token is somebody's, for something.
	Issuer   string
	Audience string
	// Algorithms are those that signatures may have; nil: DefaultAlgorithms. The
	// symmetric ones (HS256, HS384, HS512) have to be named, and their keys, of type
	// oct, to be in a file.
	Algorithms []string
}

// DefaultAlgorithms are the asymmetric ones.
var DefaultAlgorithms = []string{"EdDSA", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}

var symmetric = []string{"HS256", "HS384", "HS512"}

const (
	// leeway is how far the clocks of issuer and server may differ.
	leeway = 30 * time.Second
	// maxToken is the longest token in bytes.
	maxToken = 16 << 10
	// minRSA and maxRSA bound keys in bits: below them a signature proves little,
	// beyond them verifying is work for an attacker's profit.
	minRSA, maxRSA = 2048, 8192
)

// tokens verifies tokens.
type tokens struct {
	opt  TokenOptions
	algs []jose.SignatureAlgorithm
	keys *keySource
}

func (o *TokenOptions) check() error {
	if o.Issuer == "" || o.Audience == "" {
		return errors.New("tokens need an issuer and an audience to be checked against")
	}
	for _, a := range o.Algorithms {
		if !slices.Contains(DefaultAlgorithms, a) && !slices.Contains(symmetric, a) {
			return fmt.Errorf("algorithm %.20q: one of %s, %s", a, strings.Join(DefaultAlgorithms, ", "), strings.Join(symmetric, ", "))
		}
		if slices.Contains(symmetric, a) && isURL(o.Keys) {
			return fmt.Errorf("algorithm %s: its keys are secret, and do not come from a URL", a)
		}
	}
	return nil
}

func newTokens(opt TokenOptions) (*tokens, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.Algorithms == nil {
		opt.Algorithms = DefaultAlgorithms
	}
	t := &tokens{opt: opt, keys: &keySource{from: opt.Keys}}
	for _, a := range opt.Algorithms {
		t.algs = append(t.algs, jose.SignatureAlgorithm(a))
	}
	if isURL(opt.Keys) {
		return t, checkURL(opt.Keys)
	}
	return t, t.keys.readFile()
}

// looksLikeToken reports whether a password is a signed token in its compact
// form: three parts, the first of which is a JSON object in base64.
func looksLikeToken(password Secret) bool {
	s := password.Reveal()
	return len(s) <= maxToken && strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2
}

// claims are what of a token is read.
type claims struct {
	jwt.Claims
	Role string   `json:"role"`  // none: device
	More []string `json:"allow"` // further permissions, see ParseGrant
}

// verify returns what a token says, if it may be believed, and by which key.
func (t *tokens) verify(ctx context.Context, raw Secret) (*claims, *jose.JSONWebKey, error) {
	token, err := jwt.ParseSigned(raw.Reveal(), t.algs)
	if err != nil || len(token.Headers) != 1 {
		return nil, nil, fmt.Errorf("%w: the token cannot be read, or its algorithm is not permitted", ErrCredentials)
	}
	head := token.Headers[0]
	c := &claims{}
	// Keys that the token brings along (jwk, jku, x5c) are not looked at.
	for _, k := range t.keys.find(ctx, head.KeyID) {
		if !suits(k, head.Algorithm) {
			continue
		}
		*c = claims{}
		if token.Claims(k.Key, c) == nil {
			return c, k, t.judge(c)
		}
	}
	return nil, nil, fmt.Errorf("%w: no key verifies the token", ErrCredentials)
}

// judge checks the claims of a token whose signature is right.
func (t *tokens) judge(c *claims) error {
	if c.Expiry == nil {
		return fmt.Errorf("%w: a token without exp", ErrCredentials)
	}
	err := c.ValidateWithLeeway(jwt.Expected{Issuer: t.opt.Issuer, AnyAudience: jwt.Audience{t.opt.Audience}, Time: time.Now()}, leeway)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	return nil
}

// account returns the account that a token stands for.
func (c *claims) account() (Account, error) {
	a := Account{Role: Device, Name: c.Subject, Hash: NoPassword}
	var err error
	if c.Role != "" {
		if a.Role, err = ParseRole(c.Role); err != nil {
			return a, err
		}
	}
	for _, text := range c.More {
		r, err := ParseGrant(text)
		if err != nil {
			return a, err
		}
		a.More = append(a.More, r)
	}
	return a, a.check()
}

// suits reports whether a key may verify signatures of an algorithm: a public
// key must never be taken for a shared secret.
func suits(k *jose.JSONWebKey, alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	switch k.Key.(type) {
	case ed25519.PublicKey:
		return alg == "EdDSA"
	case *ecdsa.PublicKey:
		return strings.HasPrefix(alg, "ES")
	case *rsa.PublicKey:
		return strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")
	case []byte:
		return strings.HasPrefix(alg, "HS")
	}
	return false
}
