// Package doctor looks at a set-up and says what is wrong with it, and what to do:
// settings, ports, the data directory, limits, the clock, certificates, and whether
// each listener answers in its protocol. It changes nothing.
package doctor

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"

	"mwm/server"
)

// Level is how bad a finding is.
type Level int

// The levels.
const (
	OK   Level = iota
	Warn       // it works, but perhaps not as one wants
	Fail       // it does not work
)

func (l Level) String() string { return [...]string{"ok", "warn", "FAIL"}[l] }

// Finding is what one look has found.
type Finding struct {
	Level  Level
	About  string
	Found  string
	Advice string // what to do; empty if there is nothing
}

// Doctor looks at the set-up of one server.
type Doctor struct {
	cfg      server.Config
	findings []Finding
	proc     string // where the system tells about processes; "" if it does not
	listen   func(network, addr string) (net.Listener, error)

	// What looks have found out for those after them.
	running string // the version of the server that runs with these settings; "" if none does
	pid     int    // its process; 0 if not known
}

// Examine looks at everything and returns what it found, in the order in which it
// matters.
func Examine(ctx context.Context, cfg server.Config) []Finding {
	d := &Doctor{cfg: cfg, proc: "/proc", listen: net.Listen}
	d.settings()
	d.listeners(ctx)
	d.data(ctx)
	d.files()
	d.clock()
	d.certificate()
	d.phones()
	return d.findings
}

// Worst is the highest level of the findings.
func Worst(findings []Finding) (worst Level) {
	for _, f := range findings {
		worst = max(worst, f.Level)
	}
	return worst
}

// Write writes findings for a person.
func Write(w io.Writer, findings []Finding) error {
	wide := 0
	for _, f := range findings {
		wide = max(wide, len(f.About))
	}
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%-4s  %-*s  %s\n", f.Level, wide, f.About, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(&b, "%*s→ %s\n", 4+2+wide+2, "", f.Advice)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (d *Doctor) note(level Level, about, advice, found string, args ...any) {
	d.findings = append(d.findings, Finding{level, about, fmt.Sprintf(found, args...), advice})
}

// settings checks what a start would refuse at once.
func (d *Doctor) settings() {
	if err := d.cfg.Check(); err != nil {
		d.note(Fail, "settings", "mwm serve would not start; mwm serve --help describes each setting", "%v", err)
		return
	}
	d.note(OK, "settings", "", "nothing is missing or contradicts itself")
	if d.cfg.AllowAnonymous {
		d.note(Warn, "access", "give the people and devices accounts (mwm user add, mwm device add) and the server --accounts",
			"anybody who reaches the server may do everything (--allow-anonymous)")
	}
}

// phones says which address to type into a phone.
func (d *Doctor) phones() {
	urls := d.cfg.PhoneURLs(d.leaf())
	if len(urls) == 0 {
		d.note(OK, "phones", "to let them, listen on all addresses: --http :8080 with --accounts, or with --allow-anonymous in a network that you trust",
			"none can reach the page: the server listens on this machine only")
		return
	}
	if !strings.HasPrefix(urls[0], "https:") {
		d.note(Warn, "phones", "add --https :8443 --tls-self-signed, and open that address",
			"open %s; without TLS a phone's browser gives the page neither position nor motion", urls[0])
		return
	}
	d.note(OK, "phones", "", "open %s", urls[0])
}
