package broker

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A search finds what matches in the order of delivery, piece by piece, whatever a
// consumer has taken out.
func TestFind(t *testing.T) {
	b := New(Options{})
	fill(b, "q", 3*looks, 4, 9, 0)
	if _, err := b.Discard(Ref{Queue: "q"}, []Place{{9, 2}}); err != nil { // "1", the first one
		t.Fatal(err)
	}
	ends := func(m *Message) bool { return bytes.HasSuffix(m.Body, []byte("00")) }
	var got []string
	var after *Place
	for calls := 0; ; calls++ {
		page, next, err := b.Find(Ref{Queue: "q"}, after, ends, 7, time.Minute)
		if err != nil || len(page) > 7 || calls > 10 {
			t.Fatal(len(page), calls, err)
		}
		for _, x := range page {
			got = append(got, string(x.Message.Body))
			if all, _, err := b.Browse(Ref{Queue: "q"}, x.Position, nil, 1); err != nil || string(all[0].Message.Body) != string(x.Message.Body) {
				t.Errorf("%s is not at %d: %v", x.Message.Body, x.Position, err)
			}
		}
		if after = next; next == nil {
			break
		}
	}
	var want []string
	for _, rest := range []int{1, 0, 2} { // of the priorities 9, 4, 0
		for i := range 3 * looks {
			if i%3 == rest && i%100 == 0 && i > 0 {
				want = append(want, fmt.Sprint(i))
			}
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("found %v, want %v", got, want)
	}
	page, next, err := b.Find(Ref{Queue: "q"}, nil, func(*Message) bool { return false }, 7, 0)
	if len(page) > 0 || next == nil || err != nil {
		t.Errorf("out of time it goes on later: %v %v %v", page, next, err)
	}
	if _, _, err := b.Find(Ref{Queue: "none"}, nil, ends, 1, 0); !errors.Is(err, ErrNoQueue) {
		t.Errorf("a queue that is not there: %v", err)
	}
}
