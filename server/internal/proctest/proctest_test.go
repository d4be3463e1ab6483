package proctest

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A test that is killed takes with it what it has started: here this program
// itself is the test that is killed.
func TestEndsWithItsParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can do that")
	}
	if os.Getenv("PROCTEST_PARENT") != "" {
		cmd := exec.Command("sleep", "1000")
		if _, err := Start(cmd, new(Output)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stdout.WriteString("child " + strconv.Itoa(cmd.Process.Pid) + "\n"); err != nil {
			t.Fatal(err)
		}
		select {}
	}
	parent, out := exec.Command(os.Args[0], "-test.run=^TestEndsWithItsParent$"), new(Output)
	parent.Env = append(os.Environ(), "PROCTEST_PARENT=1")
	ended, err := Start(parent, out)
	if err != nil {
		t.Fatal(err)
	}
	defer parent.Process.Kill()
	child := 0
	within(t, "the child runs", func() bool {
		_, rest, _ := strings.Cut(out.String(), "child ")
		number, _, whole := strings.Cut(rest, "\n")
		child, _ = strconv.Atoi(number)
		return whole
	})
	if Over(ended) {
		t.Fatalf("the parent has ended: %s", out.Tail())
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	within(t, "the child has ended", func() bool {
		state, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		return err != nil || strings.Contains(string(state), ") Z ") || syscall.Kill(child, 0) != nil
	})
}

func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
