package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// unit reads the settings of the service, the last value of each.
func unit(t *testing.T) (text string, settings map[string]string) {
	t.Helper()
	b, err := os.ReadFile(root + "deploy/mwm.service")
	if err != nil {
		t.Fatal(err)
	}
	settings = map[string]string{}
	for line := range strings.SplitSeq(string(b), "\n") {
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			settings[name] = value
		}
	}
	return string(b), settings
}

// The service starts what there is, with a configuration that says what the unit
// permits, and lets it stop in order.
func TestService(t *testing.T) {
	_, set := unit(t)
	line := strings.ReplaceAll(set["ExecStart"], "/etc/mwm/mwm.conf", root+"deploy/mwm.example.conf")
	args := strings.Fields(line)
	if args[0] != "/usr/local/bin/mwm" {
		t.Errorf("it starts %s", args[0])
	}
	c, err := parse(t, args[1:]...)
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if c.Serve.Settings.Data != "/var/lib/"+set["StateDirectory"] {
		t.Errorf("the data is in %s, and the service may write /var/lib/%s", c.Serve.Settings.Data, set["StateDirectory"])
	}
	if d, err := time.ParseDuration(set["TimeoutStopSec"]); err != nil || d <= c.Serve.Settings.ShutdownTimeout {
		t.Errorf("it is killed after %v (%v); an orderly stop may take %v", d, err, c.Serve.Settings.ShutdownTimeout)
	}
}

// The service says itself when it has started, over the socket that systemd gives it,
// and systemd waits for that however long loading takes.
func TestServiceSaysWhenItIsReady(t *testing.T) {
	_, set := unit(t)
	if set["Type"] != "notify" || !slices.Contains(strings.Fields(set["RestrictAddressFamilies"]), "AF_UNIX") || set["TimeoutStartSec"] != "infinity" {
		t.Errorf("Type=%s, may use %s, has %s to start", set["Type"], set["RestrictAddressFamilies"], set["TimeoutStartSec"])
	}
}

// The service waits for the time where the machine is told to, as DEPLOY.md says of
// one without a clock, and is never given up, whatever ended it.
func TestServiceGoesOn(t *testing.T) {
	_, set := unit(t)
	if !slices.Contains(strings.Fields(set["After"]), "time-sync.target") {
		t.Errorf("it starts after %s", set["After"])
	}
	if set["Restart"] != "always" || set["StartLimitIntervalSec"] != "0" {
		t.Errorf("it is started again %s, within limits of %q", set["Restart"], set["StartLimitIntervalSec"])
	}
}

// Systemd understands the unit, and finds little that the service could do to the
// machine.
func TestServiceIsHardened(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("there is no systemd-analyze here")
	}
	text, _ := unit(t)
	file := filepath.Join(t.TempDir(), "mwm.service")
	text = strings.ReplaceAll(text, "/usr/local/bin/mwm", "/bin/true") // verify wants it to be there
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", "--man=no"}, {"security", "--offline=yes", "--no-pager", "--threshold=20"}} {
		if out, err := exec.Command("systemd-analyze", append(args, file)...).CombinedOutput(); err != nil {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}
