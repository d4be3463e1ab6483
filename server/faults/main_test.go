package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a condition may take to come true. The machine may be slow
// and shared; what is not true by then never will be.
const patience = 60 * time.Second

// program is mwm, as it is shipped.
var program string

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "mwm-faults-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program = filepath.Join(dir, "mwm")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", program, "mwm/cmd/mwm") // as it is shipped
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return 1, fmt.Errorf("building the program: %w", err)
	}
	if code = m.Run(); code != 0 {
		return code, nil
	}
	return code, goleak.Find()
}

// number is a number from the environment, for the long form of a test.
func number(t *testing.T, name string, short int) int {
	t.Helper()
	text, ok := os.LookupEnv(name)
	if !ok {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n <= 0 {
		t.Fatalf("%s is %q, not a number", name, text)
	}
	return n
}

// await waits for a time, or until ctx ends.
func await(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}
