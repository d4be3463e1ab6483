package auth

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestHash(t *testing.T) {
	text, err := HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHash(text)
	if err != nil || !h.isSlow() {
		t.Fatalf("%v, slow: %t", err, h.isSlow())
	}
	if !h.matches("correct horse") || h.matches("correct horsf") || h.matches("") {
		t.Error("the hash matches other passwords than its own")
	}
	again, _ := HashPassword("correct horse")
	if again == text {
		t.Error("two hashes have one salt")
	}
	for _, p := range []Secret{"too short", Secret(strings.Repeat("x", 1025))} {
		if _, err := HashPassword(p); err == nil || strings.Contains(err.Error(), p.Reveal()) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

// The reference's own test vector: others' hashes are read, too.
func TestHashVector(t *testing.T) {
	h, err := parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if err != nil || !h.matches("password") {
		t.Errorf("%v", err)
	}
}

func TestMakePassword(t *testing.T) {
	p, text := MakePassword()
	q, _ := MakePassword()
	h, err := parseHash(text)
	if err != nil || h.isSlow() || !h.matches(p) || len(p) != 32 || p == q {
		t.Errorf("%d characters, %v", len(p), err)
	}
}

func TestParseHashErrors(t *testing.T) {
	for _, text := range []string{
		"", "$argon2id$", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c", "$2b$12$abc",
		"$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1,p=1$c29$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFh",
		"$argon2id$v=19$m=7,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=65537,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=11,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=4294967296,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
		"$argon2id$v=19$m=64,t=1,p=1x$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8",
	} {
		if _, err := parseHash(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add(cheap)
	f.Add("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err == nil && h.memory*h.time <= 1024 {
			h.matches("x") // must not panic
		}
	})
}

// Nothing that prints or logs shows a secret.
func TestSecret(t *testing.T) {
	const hush = "hunter2hunter2"
	type box struct {
		P Secret
		Q *Secret
	}
	s := Secret(hush)
	var out strings.Builder
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%X", "%d", "%T", "%10.2s"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, box{s, &s})
		fmt.Fprintf(&out, verb, []Secret{s})
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "password", s, "box", box{s, &s}, "credentials", Credentials{Name: "a", Password: s}, "all", []Secret{s})
	}
	j, _ := json.Marshal(box{s, &s})
	out.Write(j)
	for _, bad := range []string{hush, fmt.Sprintf("%x", hush), fmt.Sprintf("%X", hush), "104 117 110"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("shown: %s", out.String())
		}
	}
	if s.Reveal() != hush {
		t.Error("the secret is lost")
	}
}
