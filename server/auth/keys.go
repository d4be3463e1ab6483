package auth

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxKeys    = 100
	maxKeySet  = 1 << 20          // bytes
	minShared  = 32               // bytes
	fetchEvery = 15 * time.Minute // also: without being asked to
	fetchAgain = 30 * time.Second // after an attempt, whatever anybody asks for
	fetchWait  = 5 * time.Second  // how long a token waits for the key it names
)

// keySource holds the keys that tokens are verified with. It is safe for
// concurrent use.
type keySource struct {
	from string

	mu      sync.Mutex
	keys    []*jose.JSONWebKey
	tried   time.Time     // when they were fetched last, or that was tried
	asked   chan struct{} // has room for one: fetch them now
	fetched chan struct{} // closed after the next attempt; nil: nobody waits
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// checkURL reports why keys cannot be fetched from there: whoever can change
// them on the way can be anybody.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("%q is not a URL", s)
	case u.User != nil:
		return errors.New("a URL of public keys has no credentials in it")
	case u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q is not https", s)
}

// find returns the keys that a token may be signed with: those of that ID, or
// all if it names none.
func (s *keySource) find(ctx context.Context, id string) []*jose.JSONWebKey {
	found, wait := s.look(id)
	if len(found) > 0 || wait == nil {
		return found
	}
	timeout := time.NewTimer(fetchWait)
	defer timeout.Stop()
	select {
	case <-wait:
	case <-timeout.C:
	case <-ctx.Done():
	}
	found, _ = s.look(id)
	return found
}

// look returns the keys that there are, and what to wait for if there are none
// and that may change.
func (s *keySource) look(id string) (found []*jose.JSONWebKey, wait chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		return s.keys, nil
	}
	for _, k := range s.keys {
		if k.KeyID == id {
			found = append(found, k)
		}
	}
	if len(found) > 0 || s.asked == nil || time.Since(s.tried) < fetchAgain {
		return found, nil
	}
	if s.fetched == nil {
		s.fetched = make(chan struct{})
	}
	select {
	case s.asked <- struct{}{}:
	default:
	}
	return nil, s.fetched
}

// set takes new keys. Those that were there before stay the same, for has.
// s.mu is held.
func (s *keySource) set(keys []jose.JSONWebKey) {
	was := s.keys
	s.keys = nil
	for i := range keys {
		k := &keys[i]
		if at := slices.IndexFunc(was, func(o *jose.JSONWebKey) bool { return reflect.DeepEqual(o, k) }); at >= 0 {
			k = was[at]
		}
		s.keys = append(s.keys, k)
	}
}

// has reports whether a key that was found is still one.
func (s *keySource) has(k *jose.JSONWebKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.keys, k)
}

// readFile takes the keys of the file.
func (s *keySource) readFile() error {
	data, err := readFile(s.from)
	if err != nil {
		return err
	}
	parse := parseKeySet
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		parse = parsePEM
	}
	keys, err := parse(data, true)
	if err != nil {
		return fmt.Errorf("%s: %w", s.from, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(keys)
	return nil
}

// run fetches the keys of a URL, now and again, until ctx ends.
func (s *keySource) run(ctx context.Context, report func(error)) {
	s.mu.Lock()
	s.asked = make(chan struct{}, 1)
	asked := s.asked
	s.mu.Unlock()
	retry := fetchAgain
	for {
		err := s.fetch(ctx)
		if ctx.Err() != nil {
			return
		}
		select { // who asked meanwhile has been served
		case <-asked:
		default:
		}
		report(err)
		wait := fetchEvery
		if err != nil {
			wait, retry = retry, min(2*retry, fetchEvery)
		} else {
			retry = fetchAgain
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-asked:
		}
		timer.Stop()
	}
}

// fetch takes the keys of the URL; if it fails the old ones stay.
func (s *keySource) fetch(ctx context.Context) error {
	keys, err := fetchKeySet(ctx, s.from)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.set(keys)
	}
	s.tried = time.Now()
	if s.fetched != nil {
		close(s.fetched)
		s.fetched = nil
	}
	return err
}

// fetcher follows no redirect to where keys may not come from.
var fetcher = &http.Client{
	Timeout: 10 * time.Second,
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 {
			return errors.New("too many redirects")
		}
		return checkURL(r.URL.String())
	},
}

func fetchKeySet(ctx context.Context, from string) ([]jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	res, err := fetcher.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", from, res.Status)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	keys, err := parseKeySet(data, false)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return keys, nil
}

// parseKeySet reads a key set. Keys of a kind that is not known are passed over,
// as RFC 7517 §5 has it. secrets permits symmetric ones.
func parseKeySet(data []byte, secrets bool) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(data) > maxKeySet {
		return nil, fmt.Errorf("a key set of more than %d bytes", maxKeySet)
	}
	if err := json.Unmarshal(data, &set); err != nil || set.Keys == nil {
		return nil, errors.New("not a key set: a JSON object with keys")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, at most %d are allowed", len(set.Keys), maxKeys)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if err := k.UnmarshalJSON(raw); err != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		if _, secret := k.Key.([]byte); !secret {
			k = k.Public()
		} else if !secrets {
			continue
		}
		if usable(k.Key) == nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key that signatures can be verified with")
	}
	return keys, nil
}

// parsePEM reads blocks of public keys and certificates.
func parsePEM(data []byte, _ bool) (keys []jose.JSONWebKey, err error) {
	for {
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			break
		}
		var key any
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "CERTIFICATE":
			var c *x509.Certificate
			if c, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = c.PublicKey
			}
		default:
			err = fmt.Errorf("a PEM block %q; PUBLIC KEY and CERTIFICATE are read", block.Type)
		}
		if err == nil {
			err = usable(key)
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, jose.JSONWebKey{Key: key})
	}
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fmt.Errorf("%d keys, must be 1 to %d", len(keys), maxKeys)
	}
	return keys, nil
}

// usable reports why a key is not.
func usable(key any) error {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA || n > maxRSA {
			return fmt.Errorf("an RSA key of %d bits, must have %d to %d", n, minRSA, maxRSA)
		}
	case []byte:
		if len(k) < minShared {
			return fmt.Errorf("a shared key of %d bytes, must have at least %d", len(k), minShared)
		}
	}
	return nil
}
