package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A comparison of what is always there shows that peers start, stop, freeze and
// thaw, and that runs find nothing lost.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	build := func(name, source, pkg string) string {
		path := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-C", source, "-trimpath", "-buildvcs=false", "-o", path, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return path
	}
	bench, mwm := build("bench", ".", "."), build("mwm", "../..", "./cmd/mwm")
	lines := filepath.Join(dir, "lines")
	out, err := exec.Command(bench, "-mode", "compare", "-quick", "-rounds", "1", "-mwm", mwm, "-out", lines,
		"-peers", "relay,mwm,mwm-accounts,mwm-tls,mwm-nohistory,mochi,gostomp",
		"-cases", "fanin,queue,accounts,history,queues,backlog").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, table, _ := strings.Cut(string(out), "\n### ")
	for _, want := range []string{"mqtt, fanin", "| relay | ", "| mochi | ", "| gostomp | ", "| mwm-accounts | ", "| mwm-nohistory | ", "stomp, backlog of 2000", "to sync a page"} {
		if !strings.Contains(table, want) {
			t.Errorf("the tables do not have %q", want)
		}
	}
	for _, l := range strings.Split(table, "\n") {
		if strings.HasPrefix(l, "| mwm") && strings.Contains(l, "broker sent") {
			t.Errorf("mwm: %s", l)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
	if left, _ := exec.Command("pgrep", "-f", bench).Output(); len(bytes.TrimSpace(left)) > 0 {
		t.Errorf("left behind: %s", left)
	}
}
