package e2e

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"mwm/server/httpd"
)

// block is a part of the guide in which commands stand behind "$ ", and under each
// what it answers.
type block struct {
	line     int
	window   bool // what goes on until Ctrl-C
	commands []command
}

type command struct{ line, want string }

// guide reads the blocks of a document by its chapters.
func guide(t *testing.T, file string) (chapters [][]block) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var open *block
	for n, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			chapters = append(chapters, nil)
		case open == nil && strings.HasPrefix(line, "```console"):
			open = &block{line: n + 1, window: strings.HasSuffix(line, " window")}
		case open == nil:
		case line == "```":
			last := len(chapters) - 1
			chapters[last], open = append(chapters[last], *open), nil
		case strings.HasPrefix(line, "$ "):
			open.commands = append(open.commands, command{line: line[2:]})
		default:
			c := &open.commands[len(open.commands)-1]
			c.want += line + "\n"
		}
	}
	return chapters
}

// pattern makes an expression of an answer in which "…" stands for anything, and
// for any lines when it has one of its own.
func (c command) pattern() *regexp.Regexp {
	quoted := regexp.QuoteMeta(c.want)
	quoted = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(quoted, "(?:.*\n)?")
	return regexp.MustCompile("(?s)" + strings.ReplaceAll(strings.TrimSuffix(quoted, "\n"), "…", ".*"))
}

// answers waits until a program has answered what the guide says.
func (c command) answers(t *testing.T, p *process) {
	t.Helper()
	eventually(t, "answer to "+c.line, func() bool {
		over := p.over()
		matched := c.pattern().MatchString(p.text())
		if over && !matched {
			t.Fatalf("%s\nanswers %s\nwant    %s", c.line, p.text(), c.want)
		}
		return matched
	})
}

// text is what a program has written, as a terminal shows it.
func (p *process) text() string { return strings.ReplaceAll(p.out.String(), "\x00", "") }

// reader does what the guide says, in a directory of its own.
type reader struct {
	t      *testing.T
	dir    string
	server *process
	at     *testServer
	stomp  string  // the function that the guide defines; its user decides when it has seen enough
	idle   float64 // how many subscriptions there are of nobody
}

// Every command of the guide does what the guide says.
func TestGuide(t *testing.T) {
	r := &reader{t: t, dir: t.TempDir()}
	for _, chapter := range guide(t, "../../deploy/docs/BOOK.md") {
		expected := map[*process]command{}
		for _, b := range chapter {
			for _, c := range b.commands {
				t.Logf("line %d: %s", b.line, c.line)
				switch {
				case strings.HasPrefix(c.line, "stomp() "):
					r.stomp = strings.Replace(c.line, "sleep 1", "sleep 60", 1)
				case strings.HasPrefix(c.line, "mwm serve"):
					r.serve(c)
				case b.window:
					expected[r.open(c)] = c
				default:
					r.do(c)
				}
			}
		}
		for p, c := range expected {
			for line := range strings.Lines(c.want) { // in any order
				command{c.line, line}.answers(t, p)
			}
			p.end()
		}
		if len(expected) > 0 {
			r.await("nobody listens any more", r.idle)
		}
	}
}

// serve replaces the server by another one, on free ports.
func (r *reader) serve(c command) {
	r.t.Helper()
	if r.server != nil {
		r.server.interrupt()
		r.server.wait(0)
	}
	r.server = r.run(c.line + " " + strings.Join(freePorts, " "))
	c.answers(r.t, r.server)
	r.at = listeningAt(r.t, r.server)
	if !strings.Contains(c.line, "--accounts") { // which show figures to those who sign in
		r.idle = r.listening()
	}
}

// open starts a command in a window of its own, and waits until it listens.
func (r *reader) open(c command) *process {
	r.t.Helper()
	before := r.listening()
	p := r.run(r.here(c.line))
	eventually(r.t, c.line+" listens", func() bool { return p.over() || r.listening() > before })
	return p
}

// listening is how many subscriptions there are.
func (r *reader) listening() float64 {
	return r.at.metric("mwm_subscriptions") + r.at.metric("mwm_queue_consumers")
}

func (r *reader) await(what string, listening float64) {
	r.t.Helper()
	eventually(r.t, what, func() bool { return r.listening() == listening })
}

// do runs a command to its end, or to its answer if it would go on.
func (r *reader) do(c command) {
	r.t.Helper()
	if strings.Contains(c.line, "SUBSCRIBE") {
		defer r.await("it does not listen any more", r.listening())
	}
	p := r.run(r.here(c.line))
	if strings.HasPrefix(c.line, "stomp ") {
		c.answers(r.t, p)
		p.end()
		return
	}
	p.closeInput()
	p.wait(0)
	if all := regexp.MustCompile("^(?:" + c.pattern().String() + ")\n?$"); !all.MatchString(p.text()) {
		r.t.Errorf("%s\nanswers %s\nwant    %s", c.line, p.text(), c.want)
	}
}

// end ends a program and all that it has started.
func (p *process) end() {
	p.t.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Error(err)
	}
	<-p.ended
}

func (r *reader) run(line string) *process {
	r.t.Helper()
	return run(r.t, "env", "--chdir="+r.dir, "bash", "-c", line)
}

// here is a command line with the ports of the test's server.
func (r *reader) here(line string) string {
	mqttPort := splitPort(r.at.at.MQTT)[1]
	line = strings.NewReplacer(
		"localhost 61613", "localhost "+splitPort(r.at.at.STOMP)[1], "localhost:8080", r.at.at.HTTP,
		"mosquitto_pub ", "mosquitto_pub -p "+mqttPort+" ", "mosquitto_sub ", "mosquitto_sub -p "+mqttPort+" ",
	).Replace(r.stomp + "\n" + line)
	return fmt.Sprintf("export MWM_CLIENT_STOMP=%s MWM_CLIENT_MQTT=%s\n%s", r.at.at.STOMP, r.at.at.MQTT, line)
}

// listeningAt reads from its log where a server listens.
func listeningAt(t *testing.T, p *process) *testServer {
	t.Helper()
	address := func(what string) string {
		return p.expect(`msg=listening for=` + what + ` addr=(127\.0\.0\.1:\d+)\n`)[1]
	}
	return &testServer{t: t, at: httpd.Addresses{
		HTTP: address("http"), STOMP: address("stomp"), STOMPWS: address("stomp-ws"), MQTT: address("mqtt"), MQTTWS: address("mqtt-ws"),
	}}
}
