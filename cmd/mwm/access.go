package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"mwm/devicesim/link"
)

// passwordVariable has the password of the client commands. It is no flag: what stands on a command line, others on the machine can read.
const passwordVariable = "MWM_PASSWORD"

// AccessFlags say who a client is, and by what it knows the server.
type AccessFlags struct {
	User         string `env:"MWM_USER" placeholder:"NAME" help:"Account to connect with; its password is in the variable MWM_PASSWORD or in --password-file." group:"Access"`
	PasswordFile string `env:"MWM_PASSWORD_FILE" type:"existingfile" placeholder:"FILE" help:"File with the password in its first line." group:"Access"`

	TLS            bool   `name:"tls" env:"MWM_CLIENT_TLS" help:"Connect with TLS (the usual ports are 61612, 8883 and 8443)." group:"Access"`
	TLSCA          string `name:"tls-ca" env:"MWM_CLIENT_TLS_CA" type:"existingfile" placeholder:"FILE" help:"Trust servers with certificates of these authorities too." group:"Access"`
	TLSFingerprint string `name:"tls-fingerprint" env:"MWM_CLIENT_TLS_FINGERPRINT" placeholder:"SHA256" help:"Trust the server with this certificate alone, as it logs it when it starts." group:"Access"`
	TLSCert        string `name:"tls-cert" env:"MWM_CLIENT_TLS_CERT" type:"existingfile" placeholder:"FILE" help:"Certificate of this client." group:"Access"`
	TLSKey         string `name:"tls-key" env:"MWM_CLIENT_TLS_KEY" type:"existingfile" placeholder:"FILE" help:"Its key." group:"Access"`
}

// access reads what the flags name.
func (f *AccessFlags) access() (a link.Access, err error) {
	a.User = f.User
	if a.Password, err = f.password(); err != nil {
		return a, err
	}
	if f.User == "" && a.Password != "" && strings.Count(string(a.Password), ".") != 2 { // a token names its account itself
		return a, fmt.Errorf("there is a password, but no --user that it belongs to")
	}
	files := link.TLSFiles{CA: f.TLSCA, Fingerprint: f.TLSFingerprint, Cert: f.TLSCert, Key: f.TLSKey}
	switch {
	case f.TLS:
		a.TLS, err = files.Config()
	case files != link.TLSFiles{}:
		err = errors.New("--tls-ca, --tls-fingerprint, --tls-cert and --tls-key have no use without --tls")
	}
	return a, err
}

func (f *AccessFlags) password() (link.Secret, error) {
	if f.PasswordFile == "" {
		return link.Secret(os.Getenv(passwordVariable)), nil
	}
	text, err := os.ReadFile(f.PasswordFile)
	line, _, _ := strings.Cut(string(text), "\n")
	return link.Secret(strings.TrimSuffix(line, "\r")), err
}

// client is for requests to the server's API. One whose machine has gone does not say so: what takes too long is given up.
func client(a link.Access) *http.Client {
	c := &http.Client{Timeout: link.HandshakeTimeout}
	if a.TLS != nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = a.TLS
		c.Transport = t
	}
	return c
}

// readPasswords reads a file with a device and its password in each line, as mwm device add prints it. What comes after the last blank is
// the password: an ID may have blanks.
func readPasswords(name string) (map[string]link.Secret, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	passwords := map[string]link.Secret{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		i := strings.LastIndexAny(line, " \t")
		if i < 0 || !utf8.ValidString(line) {
			return nil, fmt.Errorf("%s: line %d is not a device and its password", name, n)
		}
		passwords[strings.TrimSpace(line[:i])] = link.Secret(line[i+1:])
	}
	return passwords, lines.Err()
}
