package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// peer is a broker that takes part.
type peer struct {
	name    string
	protos  []string
	needs   string   // a file without which it is skipped
	flags   []string // of runs, for how it is reached and what it cannot do
	fixed   bool     // it has no wildcards
	variant bool     // of mwm: takes part only where it is named
	tls     bool
	config  func(p *peer, dir string) (*exec.Cmd, error)

	program string            // mwm's, or this one
	at      map[string]string // addresses by protocol, once it has started
	mapper  string            // a variable in the environment of a daemon that it leaves behind
	cmd     *exec.Cmd
	ended   chan struct{}
	log     string
}

// allPeers are those that there may be, the limit first.
func allPeers() []*peer {
	both := []string{"mqtt", "stomp"}
	return []*peer{
		{name: "relay", protos: both, flags: []string{"-relay"}, config: self("relay", "mqtt")},
		{name: "mwm", protos: both, config: mwmServer()},
		{name: "mosquitto", protos: both[:1], needs: "/usr/sbin/mosquitto", config: mosquitto},
		{name: "mosquitto-p", protos: both[:1], needs: "/usr/sbin/mosquitto", variant: true, config: keepingMosquitto},
		{name: "mochi", protos: both[:1], config: self("mochi", "mqtt")},
		{name: "activemq", protos: both[1:], needs: activeMQInstance + "activemq.xml", config: activeMQ},
		{name: "rabbitmq", protos: both, needs: "/usr/lib/rabbitmq/bin/rabbitmq-server", config: rabbitMQ},
		{name: "gostomp", protos: both[1:], flags: []string{"-blind", "-v11"}, fixed: true, config: self("gostomp", "stomp")},
		{name: "mwm-accounts", protos: both, variant: true, flags: []string{"-devices", "-pass", password}, config: mwmWithAccounts},
		{name: "mwm-tls", protos: both, variant: true, tls: true, flags: []string{"-tls"}, config: mwmServer("--tls-self-signed")},
		{name: "mwm-nohistory", protos: both, variant: true, config: mwmServer("--history=off")},
	}
}

// self serves with this program. A relay takes both protocols at one address.
func self(mode, proto string) func(p *peer, dir string) (*exec.Cmd, error) {
	return func(p *peer, _ string) (*exec.Cmd, error) {
		if len(p.protos) == 2 {
			p.at["stomp"] = p.at["mqtt"]
		}
		this, err := os.Executable()
		return exec.Command(this, "-mode", mode, "-addr", p.at[proto]), err
	}
}

// start runs the peer with files of its own until it listens.
func (p *peer) start(parent string) error {
	ports, err := freePorts(len(p.protos))
	if err != nil {
		return err
	}
	p.at = map[string]string{}
	for i, proto := range p.protos {
		p.at[proto] = "127.0.0.1:" + ports[i]
	}
	dir, err := os.MkdirTemp(parent, p.name+"-")
	if err != nil {
		return err
	}
	if p.cmd, err = p.config(p, dir); err != nil {
		return err
	}
	p.log = filepath.Join(dir, "output")
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer log.Close()
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	p.ended = ended
	go func() {
		_ = p.cmd.Wait()
		close(ended)
	}()
	return p.listens()
}

// listens waits until it does, for a minute.
func (p *peer) listens() error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		open := 0
		for _, at := range p.at {
			if c, err := net.Dial("tcp", at); err == nil {
				c.Close()
				open++
			}
		}
		if open == len(p.at) {
			return nil
		}
		select {
		case <-p.ended:
		default:
			if time.Now().Before(end) {
				continue
			}
		}
		text, _ := os.ReadFile(p.log)
		return fmt.Errorf("%s does not listen: %s", p.name, text[max(0, len(text)-1000):])
	}
}

func (p *peer) pid() int { return p.cmd.Process.Pid }

// signal sends a signal to the process and all that it has started.
func (p *peer) signal(s syscall.Signal) {
	for _, pid := range descendants(p.pid()) {
		_ = syscall.Kill(pid, s) // it may have ended
	}
}

func (p *peer) freeze() { p.signal(syscall.SIGSTOP) }
func (p *peer) thaw()   { p.signal(syscall.SIGCONT) }

// stop ends the process and all that it has started, and removes its files.
func (p *peer) stop() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	p.thaw()
	all := append(descendants(p.pid()), p.left()...)
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
	}
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.ended
	_ = os.RemoveAll(filepath.Dir(p.log))
	p.cmd = nil
}

// left are daemons of the peer that have detached themselves: RabbitMQ's port
// mapper.
func (p *peer) left() (pids []int) {
	if p.mapper == "" {
		return nil
	}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		dir := filepath.Dir(f)
		name, _ := os.ReadFile(filepath.Join(dir, "comm"))
		env, err := os.ReadFile(f)
		if err == nil && string(name) == "epmd\n" && slices.Contains(strings.Split(string(env), "\x00"), p.mapper) {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			pids = append(pids, pid)
		}
	}
	return pids
}

// descendants are a process and what it has started, as far as it lives.
func descendants(pid int) (all []int) {
	all = []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for _, field := range bytes.Fields(text) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				all = append(all, descendants(child)...)
			}
		}
	}
	return all
}

// freePorts finds ports of this machine that nobody listens on.
func freePorts(n int) (ports []string, err error) {
	for range n {
		l, e := net.Listen("tcp", "127.0.0.1:0")
		if e != nil {
			return nil, cmp.Or(err, e)
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		ports = append(ports, port(l.Addr().String()))
	}
	return ports, nil
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}
