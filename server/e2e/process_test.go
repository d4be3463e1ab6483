package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"mwm/server/internal/proctest"
)

// python is Debian's own, which has Debian's python3-stomp.
const python = "/usr/bin/python3"

// process is a program that a test runs. What it starts itself ends with it.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   proctest.Output
	ended <-chan struct{}
}

// run starts a program. If it still runs when the test ends, it is killed.
func run(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(name), cmd: exec.Command(name, args...)}
	p.cmd.Dir = "../.." // where a reader of the README is
	p.cmd.WaitDelay = patience
	p.cmd.Env = []string{"PATH=" + filepath.Dir(mwm) + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "PYTHONUNBUFFERED=1", "GORACE=" + os.Getenv("GORACE")}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		p.ended, err = proctest.Start(p.cmd, &p.out)
	}
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	t.Cleanup(func() {
		_ = p.stdin.Close()
		// The group has the process's own number, and lives while one of it does.
		if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s: %v", p.name, err)
		}
		<-p.ended
		if t.Failed() {
			out := p.out.String()
			t.Logf("%s %s wrote, at last:\n%s", p.name, strings.Join(args, " "), out[max(0, len(out)-2000):])
		}
	})
	return p
}

// expect waits until the program has written what a pattern matches, and returns
// the match with its groups.
func (p *process) expect(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	var match []string
	eventually(p.t, p.name+" writes "+pattern, func() bool {
		ended := p.over()
		match = re.FindStringSubmatch(p.out.String())
		if match == nil && ended {
			p.t.Fatalf("%s ended without writing %s:\n%s", p.name, pattern, p.out.String())
		}
		return match != nil
	})
	return match
}

// over reports whether the program has ended.
func (p *process) over() bool { return proctest.Over(p.ended) }

// say writes to the program's standard input.
func (p *process) say(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, text); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// closeInput ends the program's standard input, unless it has ended itself.
func (p *process) closeInput() {
	p.t.Helper()
	if err := p.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// interrupt does what Ctrl-C does.
func (p *process) interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// wait waits for the program's end, which is to have this exit status, and
// returns what it has written.
func (p *process) wait(status int) string {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.name)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Errorf("%s ended with %v, not %d:\n%s", p.name, p.cmd.ProcessState, status, p.out.String())
	}
	return p.out.String()
}
