// Package proctest runs programs for tests. What a test starts ends with it, even
// when the test itself is killed.
package proctest

import (
	"bytes"
	"os/exec"
	"sync"
)

// Output is what a program has written so far, to both of its outputs.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Tail is the end of it, for a failure.
func (o *Output) Tail() string {
	s := o.String()
	return s[max(0, len(s)-4000):]
}

// Start starts a program in a process group of its own, which has its number. The
// channel is closed when the program has ended; its state tells how.
func Start(cmd *exec.Cmd, out *Output) (ended <-chan struct{}, err error) {
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	over := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(over)
	}()
	return over, nil
}

// Over reports whether the program has ended.
func Over(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return true
	default:
		return false
	}
}
