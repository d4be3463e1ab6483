package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"mwm/server"
)

// target is a kind of machine.
type target struct {
	name string
	env  []string
}

var targets = []target{
	{"linux-amd64", []string{"GOARCH=amd64", "GOAMD64=v1"}},
	{"linux-arm64", []string{"GOARCH=arm64", "GOARM64=v8.0"}},
	{"linux-armv7", []string{"GOARCH=arm", "GOARM=7"}},
}

func version() string { return server.Version }

// environment is what a build may see of the one that it runs in: nothing that
// changes its bytes.
func (t target) environment(more ...string) []string {
	env := append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=")
	return append(append(env, t.env...), more...)
}

// build makes a static program. It does not ask git itself, for where there is no
// repository, as in an image, the bytes would be others.
func build(root, out string, t target, commit string, more ...string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X mwm/server.commit="+commit, "-o", out, "./cmd/mwm")
	cmd.Dir, cmd.Env = root, t.environment(more...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", t.name, err, text)
	}
	return nil
}

// commitOf names what is built; a tree that differs from its commit is marked.
func commitOf(root string) (string, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		out, err := cmd.Output()
		return string(bytes.TrimSpace(out)), err
	}
	commit, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "", fmt.Errorf("git: %w", err)
	}
	changes, err := git("status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", fmt.Errorf("git: %w", err)
	}
	if changes != "" {
		commit += "-modified"
	}
	return commit, nil
}

// module is a library that is linked in.
type module struct{ path, version, dir string }

// modules are those of a target's program, but our own.
func modules(root string, t target) (all []module, err error) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}", "./cmd/mwm")
	cmd.Dir, cmd.Env, cmd.Stderr = root, t.environment(), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) == 3 && f[0] != "mwm" && !seen[f[0]] {
			seen[f[0]] = true
			all = append(all, module{f[0], f[1], f[2]})
		}
	}
	return all, nil
}
