package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// comparison runs cases against peers in turns.
type comparison struct {
	rounds  int
	cases   string
	only    string
	quick   bool
	out     string
	program string // mwm

	dir     string // of the peers
	self    string
	peers   []*peer // those that run
	lines   io.Writer
	results []result
	syncs   []float64 // of the disk, in seconds
	failed  []string
}

func (c *comparison) flags(fs *flag.FlagSet) {
	fs.IntVar(&c.rounds, "rounds", 3, "compare: how often each case is run")
	fs.StringVar(&c.cases, "cases", "", "compare: which, with commas; default: all but open")
	fs.StringVar(&c.only, "peers", "", "compare: which, with commas; default: all that are installed")
	fs.BoolVar(&c.quick, "quick", false, "compare: so little that it only shows that everything works")
	fs.StringVar(&c.out, "out", "", "compare: a file that results are appended to as JSON lines")
	fs.StringVar(&c.program, "mwm", "mwm", "compare: the program")
}

// run compares.
func (c *comparison) run() (err error) {
	chosen, err := c.choose()
	if err != nil {
		return err
	}
	if c.self, err = os.Executable(); err != nil {
		return err
	}
	if c.program, err = exec.LookPath(c.program); err == nil {
		c.program, err = filepath.Abs(c.program)
	}
	if err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "mwm-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(c.dir)) }()
	c.lines = io.Discard
	if c.out != "" {
		f, err := os.OpenFile(c.out, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		c.lines = f
	}
	defer c.stop()
	skipped, err := c.start(chosen)
	if err != nil {
		return err
	}
	c.warm(chosen)
	for round := range c.rounds {
		for _, k := range chosen {
			if round == 0 || !k.once {
				c.round(k, round)
			}
		}
	}
	return c.conclude(chosen, skipped)
}

// choose returns the cases that are asked for.
func (c *comparison) choose() (chosen []runCase, err error) {
	names := strings.FieldsFunc(c.cases, func(r rune) bool { return r == ',' || r == ' ' })
	var all []string
	for _, k := range cases() {
		all = append(all, k.name)
		if slices.Contains(names, k.name) || len(names) == 0 && k.name != "open" {
			chosen = append(chosen, k)
		}
	}
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, fmt.Errorf("there is no case %q, but %s", n, strings.Join(all, ", "))
		}
	}
	return chosen, nil
}

// start starts the peers that take part and says which are not there.
func (c *comparison) start(chosen []runCase) (skipped []string, err error) {
	names := strings.FieldsFunc(c.only, func(r rune) bool { return r == ',' || r == ' ' })
	for _, p := range allPeers() {
		p.program = c.program
		if len(names) > 0 && !slices.Contains(names, p.name) ||
			!slices.ContainsFunc(chosen, func(k runCase) bool { return k.takes(p) }) {
			continue
		}
		if _, err := os.Stat(p.needs); p.needs != "" && err != nil {
			skipped = append(skipped, p.name+" (not installed)")
			continue
		}
		if err := p.start(c.dir); err != nil {
			p.stop()
			if strings.HasPrefix(p.name, "mwm") {
				return nil, err
			}
			skipped = append(skipped, fmt.Sprintf("%s (%v)", p.name, err))
			continue
		}
		c.peers = append(c.peers, p)
	}
	for _, p := range c.peers {
		p.freeze()
	}
	return skipped, nil
}

func (c *comparison) stop() {
	for _, p := range c.peers {
		p.stop()
	}
}

// takes reports whether a peer takes part in a case.
func (k *runCase) takes(p *peer) bool {
	if len(k.peers) > 0 {
		return slices.Contains(k.peers, p.name)
	}
	return !p.variant && p.name != k.nobody && !(k.asks && p.name == "relay")
}

// warm lets compilers at run time see their work before it counts.
func (c *comparison) warm(chosen []runCase) {
	if c.quick || !slices.ContainsFunc(chosen, func(k runCase) bool { return !k.once }) {
		return
	}
	for _, p := range c.peers {
		if p.name != "activemq" && p.name != "rabbitmq" {
			continue
		}
		p.thaw()
		for _, mode := range []string{"pairs", "queue"} {
			_, _ = c.measure(p, "stomp", []string{"-mode", mode, "-n", "20", "-window", "640", "-time", "4s"})
		}
		p.freeze()
	}
}

// round runs a case once against each of its peers.
func (c *comparison) round(k runCase, round int) {
	for _, run := range k.runs {
		for _, proto := range run.protos {
			c.say("%s, round %d of %d, %s: %s", k.name, round+1, c.rounds, proto, k.about)
			for _, p := range c.peers {
				if k.takes(p) && slices.Contains(p.protos, proto) {
					c.turn(k, run, p, proto)
				}
			}
		}
	}
	if k.name == "queue" {
		c.sync()
	}
}

// turn thaws a peer and measures it.
func (c *comparison) turn(k runCase, run runArgs, p *peer, proto string) {
	if k.fresh {
		p.stop()
		if err := p.start(c.dir); err != nil {
			c.fail(k, p, err)
			return
		}
	}
	p.thaw()
	defer p.freeze()
	args := run.args
	if c.quick {
		args = run.quickly()
	}
	if p.fixed && run.wild {
		args = append(slices.Clone(args), "-fixed")
	}
	if k.load {
		stop, err := c.devices(p)
		defer stop()
		if err != nil {
			c.fail(k, p, err)
			return
		}
		args = append(slices.Clone(args), "-settle", "0s")
	}
	r, err := c.measure(p, proto, args)
	if err != nil {
		c.fail(k, p, err)
		return
	}
	if len(k.peers) > 0 && k.name != r.Mode { // variants of us, which do what other cases do
		r.Case = k.name + ": " + r.Case
	}
	c.results = append(c.results, *r)
	if err := json.NewEncoder(c.lines).Encode(r); err != nil {
		c.fail(k, p, err)
	}
	fmt.Println(r.human())
}

// measure runs this program once more, so that no run sees the memory of another.
func (c *comparison) measure(p *peer, proto string, args []string) (*result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	args = append([]string{"-json", "-label", p.name, "-proto", proto, "-addr", p.at[proto], "-pid", strconv.Itoa(p.pid())}, args...)
	cmd := exec.CommandContext(ctx, c.self, append(args, p.flags...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	r := new(result)
	return r, json.Unmarshal(out, r)
}

// devices lets 10,000 of them report to a peer until stop.
func (c *comparison) devices(p *peer) (stop func(), err error) {
	n := "10000"
	if c.quick {
		n = "100"
	}
	args := append([]string{"-mode", "devices", "-proto", "stomp", "-addr", p.at["stomp"], "-n", n}, p.flags...)
	cmd := exec.Command(c.self, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return func() {}, err
	}
	time.Sleep(time.Second) // until they are all on their way
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}, nil
}

// sync measures how long the disk takes to keep a page: what a receipt waits for.
func (c *comparison) sync() {
	f, err := os.Create(filepath.Join(c.dir, "sync"))
	if err != nil {
		return
	}
	defer f.Close()
	page := make([]byte, 4096)
	for range 200 {
		began := time.Now()
		if _, err := f.Write(page); err != nil || syscall.Fdatasync(int(f.Fd())) != nil {
			return
		}
		c.syncs = append(c.syncs, time.Since(began).Seconds())
	}
}

func (c *comparison) fail(k runCase, p *peer, err error) {
	c.failed = append(c.failed, fmt.Sprintf("%s, %s: %v", k.name, p.name, err))
	c.say("%s", c.failed[len(c.failed)-1])
}

func (c *comparison) say(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// conclude prints the tables and what there is to say about them.
func (c *comparison) conclude(chosen []runCase, skipped []string) error {
	if err := tabulate(c.results, os.Stdout); err != nil {
		return err
	}
	fmt.Println()
	for _, k := range chosen {
		fmt.Printf("%-10s %s\n", k.name, k.about)
	}
	if len(c.syncs) > 0 {
		slices.Sort(c.syncs)
		fmt.Printf("\nThe disk takes %.2f ms to sync a page (median of %d; 99 %% within %.2f ms).\n",
			1000*c.syncs[len(c.syncs)/2], len(c.syncs), 1000*c.syncs[len(c.syncs)*99/100])
	}
	if len(skipped) > 0 {
		fmt.Printf("\nSkipped: %s.\n", strings.Join(skipped, ", "))
	}
	if len(c.failed) > 0 {
		return fmt.Errorf("%d runs failed:\n%s", len(c.failed), strings.Join(c.failed, "\n"))
	}
	return nil
}
