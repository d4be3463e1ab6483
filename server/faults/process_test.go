package faults

import (
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"mwm/server/internal/proctest"
)

// process is a server of its own, with the addresses that it got.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   proctest.Output
	ended <-chan struct{}
	addresses
}

// addresses are where a server is reached, as host:port.
type addresses struct{ http, stomp, stompWS, mqtt, mqttWS, pprof string }

// freePorts makes every listener take a port of its own.
var freePorts = []string{"--http=127.0.0.1:0", "--stomp=127.0.0.1:0", "--stomp-ws=127.0.0.1:0", "--mqtt=127.0.0.1:0", "--mqtt-ws=127.0.0.1:0"}

// serve runs mwm serve until the test ends, and returns when it is ready.
func serve(t *testing.T, args ...string) *process {
	t.Helper()
	return serveUnder(t, nil, args...)
}

// serveUnder runs it under another program, such as prlimit with its arguments.
func serveUnder(t *testing.T, under []string, args ...string) *process {
	t.Helper()
	p := launch(t, under, args...)
	p.awaitReady()
	return p
}

// launch starts it, ready or not.
func launch(t *testing.T, under []string, args ...string) *process {
	t.Helper()
	line := append(append(append([]string{}, under...), program, "serve"), append(freePorts, args...)...)
	p := &process{t: t, cmd: exec.Command(line[0], line[1:]...)}
	p.cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	var err error
	if p.ended, err = proctest.Start(p.cmd, &p.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the server wrote:\n%s", p.log.Tail())
		}
	})
	return p
}

var listening = regexp.MustCompile(`msg=listening for=(\S+) addr=(\S+)`)

func (p *process) awaitReady() {
	p.t.Helper()
	eventually(p.t, "the server is ready", func() bool {
		over := p.over()
		text := p.log.String()
		if !strings.Contains(text, "msg=ready") {
			if over {
				p.t.Fatalf("the server ended before it was ready:\n%s", p.log.Tail())
			}
			return false
		}
		for _, m := range listening.FindAllStringSubmatch(text, -1) {
			switch m[1] {
			case "http":
				p.http = m[2]
			case "stomp":
				p.stomp = m[2]
			case "stomp-ws":
				p.stompWS = m[2]
			case "mqtt":
				p.mqtt = m[2]
			case "mqtt-ws":
				p.mqttWS = m[2]
			case "pprof":
				p.pprof = m[2]
			}
		}
		return true
	})
}

// over reports whether the process has ended.
func (p *process) over() bool { return proctest.Over(p.ended) }

// kill does kill -9, and waits for the end.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // the group; it may be gone
	<-p.ended
}

// stop asks the server to stop, which it is to do in order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatal("the server does not stop")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("the server stopped with %v:\n%s", p.cmd.ProcessState, p.log.Tail())
	}
}
