package broker

import (
	"fmt"
	"testing"

	"mwm/server/netx"
)

// A sender is told the worst that befell its message, in whatever order: that one
// who keeps it is full may pass for taken, that the server is short of memory never.
func TestConfirmationTellsTheWorst(t *testing.T) {
	full := fmt.Errorf("%w: /queue/a", ErrQueueFull)
	short := fmt.Errorf("%w: %w", ErrQueueFull, netx.ErrMemory)
	for _, c := range []struct {
		outcomes []error
		want     error
	}{
		{[]error{nil, nil}, nil},
		{[]error{full, nil}, full},
		{[]error{full, short, nil}, short},
		{[]error{short, full}, short},
		{[]error{ErrConsumed, short, full}, ErrConsumed}, // the first of two that are no less than the other
	} {
		told := 0
		sum := confirmation{done: func(err error) {
			if told++; err != c.want {
				t.Errorf("%v ended as %v, not as %v", c.outcomes, err, c.want)
			}
		}}
		sum.waits.Store(int32(len(c.outcomes)))
		for _, err := range c.outcomes {
			sum.release(err)
		}
		if told != 1 {
			t.Errorf("%v was told %d times", c.outcomes, told)
		}
	}
	if !Full(full) || Full(short) || Full(netx.ErrMemory) || Full(nil) {
		t.Error("Full takes a shortage of memory for a full queue, or the reverse")
	}
}
