package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mwm/server/auth"
)

// typing is somebody who pipes a password in.
func typing(text string) prompt { return prompt{strings.NewReader(text), io.Discard, -1} }

func TestUsers(t *testing.T) {
	file := accountsFile{filepath.Join(t.TempDir(), "accounts")}
	add := func(name, role, password string) error {
		return (&UserAddCmd{file, role, name}).add(t.Context(), typing(password))
	}
	for _, c := range []struct{ name, role, password, want string }{
		{"olga", "operator", "correct horse\n", ""},
		{"vera@example.org", "viewer", "battery staple", ""},
		{"olga", "viewer", "correct horse\n", "already"},
		{"eve", "viewer", "short\n", "at least 10"},
		{"eve", "viewer", "", "at least 10"},
		{"eve", "root", "correct horse\n", "no role"},
		{"e:ve", "viewer", "correct horse\n", "none of"},
	} {
		if err := add(c.name, c.role, c.password); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if err := (&UserPasswdCmd{file, "olga"}).change(t.Context(), typing("another password\r\n")); err != nil {
		t.Error(err)
	}
	if err := (&UserPasswdCmd{file, "eve"}).change(t.Context(), typing("another password\n")); err == nil {
		t.Error("the password of nobody is changed")
	}
	a, err := auth.New(auth.Options{File: file.Accounts})
	if err != nil {
		t.Fatal(err)
	}
	for name, password := range map[string]auth.Secret{"olga": "another password", "vera@example.org": "battery staple"} {
		if _, err := a.Authenticate(t.Context(), auth.Credentials{Name: name, Password: password}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := a.Authenticate(t.Context(), auth.Credentials{Name: "olga", Password: "correct horse"}); err == nil {
		t.Error("the old password is still good")
	}
	var out bytes.Buffer
	if err := file.list(&out, func(auth.Role) bool { return true }); err != nil || out.String() != "operator  olga              password\nviewer    vera@example.org  password\n" {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := (&AccountRmCmd{file, []string{"olga", "eve"}}).Run(); err == nil {
		t.Error("nobody is removed")
	}
	if err := (&AccountRmCmd{file, []string{"olga", "vera@example.org"}}).Run(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file.Accounts + ".new"); err == nil {
		t.Error("a draft is left")
	}
	if err := (&AccountRmCmd{accountsFile{file.Accounts + "x"}, []string{"a"}}).Run(); err == nil {
		t.Error("a file that is not there is changed")
	}
}

// A device's password is made up, shown once, and kept as a hash.
func TestDevices(t *testing.T) {
	file := accountsFile{filepath.Join(t.TempDir(), "accounts")}
	var out, hints bytes.Buffer
	if err := (&DeviceAddCmd{accountsFile: file, IDs: []string{"AAA", "B <b", "CCC"}}).add(t.Context(), typing(""), &out, &hints); err != nil {
		t.Fatal(err)
	}
	printed := filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(printed, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	passwords, err := readPasswords(printed)
	if err != nil || len(passwords) != 3 || !strings.Contains(hints.String(), "not shown again") {
		t.Fatalf("%d passwords, %v: %s", len(passwords), err, hints.String())
	}
	text, _ := os.ReadFile(file.Accounts)
	a, err := auth.New(auth.Options{File: file.Accounts})
	if err != nil {
		t.Fatal(err)
	}
	for id, p := range passwords {
		if strings.Contains(string(text), string(p)) {
			t.Errorf("the password of %s is in the file", id)
		}
		if who, err := a.Authenticate(context.Background(), auth.Credentials{Name: id, Password: auth.Secret(p)}); err != nil || who.Role != auth.Device {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, c := range []struct {
		cmd  DeviceAddCmd
		want string
	}{
		{DeviceAddCmd{IDs: []string{"DDD", "AAA"}}, "already"},
		{DeviceAddCmd{IDs: []string{"DDD", "DDD"}}, "already"},
		{DeviceAddCmd{IDs: []string{"a.b"}}, "none of"},
		{DeviceAddCmd{IDs: []string{"DDD", "EEE"}, Stdin: true}, "--stdin"},
		{DeviceAddCmd{IDs: []string{"DDD"}, Stdin: true, NoPassword: true}, "--stdin"},
	} {
		c.cmd.accountsFile = file
		out.Reset()
		if err := c.cmd.add(t.Context(), typing("a long password\n"), &out, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%v: %v, printed %q", c.cmd.IDs, err, out.String())
		}
	}
	out.Reset()
	for _, c := range []DeviceAddCmd{{IDs: []string{"DDD"}, Stdin: true}, {IDs: []string{"EEE"}, NoPassword: true}} {
		c.accountsFile = file
		if err := c.add(t.Context(), typing("a long password\n"), &out, io.Discard); err != nil || out.Len() > 0 {
			t.Errorf("%v, printed %q", err, out.String())
		}
	}
	if err := (&UserPasswdCmd{file, "DDD"}).change(t.Context(), typing("another password\n")); err == nil || !strings.Contains(err.Error(), "is a device") {
		t.Errorf("%v", err)
	}
	if err := file.list(&out, func(r auth.Role) bool { return r == auth.Device }); err != nil ||
		out.String() != "device  AAA   made-up password\ndevice  B <b  made-up password\ndevice  CCC   made-up password\ndevice  DDD   password\ndevice  EEE   no password\n" {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestReadPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p")
	for text, ok := range map[string]bool{"AAA x\n\n B B  y \r\n": true, "AAA\n": false, "\xff x": false, "": true} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := readPasswords(file)
		if (err == nil) != ok || ok && text != "" && (p["AAA"] != "x" || p["B B"] != "y") {
			t.Errorf("%q: %d, %v", text, len(p), err)
		}
	}
}

func TestAccessFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "p")
	if err := os.WriteFile(file, []byte("from a file\r\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(passwordVariable, "from the variable")
	if a, err := (&AccessFlags{User: "olga", PasswordFile: file}).access(); err != nil || a.Password != "from a file" || a.TLS != nil {
		t.Errorf("%v", err)
	}
	if a, err := (&AccessFlags{User: "olga", TLS: true}).access(); err != nil || a.Password != "from the variable" || a.TLS == nil {
		t.Errorf("%v", err)
	}
	for want, f := range map[string]AccessFlags{
		"no --user":       {},
		"no use without":  {User: "olga", TLSFingerprint: "00"},
		"not 32 bytes":    {User: "olga", TLS: true, TLSFingerprint: "00"},
		"has two files":   {User: "olga", TLS: true, TLSCert: file},
		"no certificates": {User: "olga", TLS: true, TLSCA: file},
		"failed to find":  {User: "olga", TLS: true, TLSCert: file, TLSKey: file},
	} {
		if _, err := f.access(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "from the") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
