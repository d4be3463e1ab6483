package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Bounds of passwords in bytes. The least is for those that people choose.
const (
	MinPassword = 10
	maxPassword = 1024
)

// cost is what a guess costs. The upper bounds keep a file from asking for more
// memory than a small server has.
type cost struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

var (
	// chosenCost is for passwords that people choose: the first of OWASP's
	// recommendations for argon2id, in the form with the least memory.
	chosenCost = cost{19 << 10, 2, 1}
	// madeUpCost is for passwords of 160 random bits, which need no stretching.
	madeUpCost = cost{64, 1, 1}
	maxCost    = cost{64 << 10, 10, 8}
)

// slow is from how much work on a hash is one that has to be rationed.
const slow = 1024 // KiB passed over

// hash is an argon2id hash of a password (RFC 9106), in the usual text form
// $argon2id$v=19$m=KiB,t=N,p=N$salt$key.
type hash struct {
	cost
	salt, key []byte
	text      string
}

func (h *hash) isSlow() bool { return h.memory*h.time > slow }

// HashPassword returns the hash of a password that somebody chose.
func HashPassword(password Secret) (string, error) {
	switch n := len(password); {
	case n < MinPassword:
		return "", fmt.Errorf("the password has %d bytes; it needs at least %d", n, MinPassword)
	case n > maxPassword:
		return "", fmt.Errorf("the password has %d bytes; at most %d are allowed", n, maxPassword)
	}
	return newHash(password, chosenCost).text, nil
}

// MakePassword makes up a password and returns it with its hash.
func MakePassword() (Secret, string) {
	random := make([]byte, 20)
	_, _ = rand.Read(random) // never fails
	p := Secret(strings.ToLower(base32.StdEncoding.EncodeToString(random)))
	return p, newHash(p, madeUpCost).text
}

func newHash(password Secret, c cost) *hash {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	h := &hash{cost: c, salt: salt}
	h.key = h.derive(password, 32)
	b64 := base64.RawStdEncoding.EncodeToString
	h.text = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.time, c.threads, b64(h.salt), b64(h.key))
	return h
}

func (h *hash) derive(password Secret, n int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(n))
}

// matches reports whether the password is the right one. It takes as long for
// any.
func (h *hash) matches(password Secret) bool {
	return subtle.ConstantTimeCompare(h.derive(password, len(h.key)), h.key) == 1
}

var errHash = errors.New("a password hash has the form $argon2id$v=19$m=19456,t=2,p=1$salt$key; mwm user and mwm device make them")

func parseHash(text string) (*hash, error) {
	f := strings.Split(text, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, errHash
	}
	h := &hash{text: text}
	if _, err := fmt.Sscanf(f[3]+"\n", "m=%d,t=%d,p=%d\n", &h.memory, &h.time, &h.threads); err != nil {
		return nil, errHash
	}
	if h.memory < 8*uint32(h.threads) || h.memory > maxCost.memory || h.time < 1 || h.time > maxCost.time || h.threads < 1 || h.threads > maxCost.threads {
		return nil, fmt.Errorf("a password hash with m=%d,t=%d,p=%d: at most m=%d,t=%d,p=%d, and at least m=8p,t=1,p=1",
			h.memory, h.time, h.threads, maxCost.memory, maxCost.time, maxCost.threads)
	}
	var err1, err2 error
	h.salt, err1 = base64.RawStdEncoding.Strict().DecodeString(f[4])
	h.key, err2 = base64.RawStdEncoding.Strict().DecodeString(f[5])
	if err1 != nil || err2 != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return nil, errHash
	}
	return h, nil
}
