package netx

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rate is how much may be sent in a second, on average. The zero value is no
// limit, nor is a zero field.
type Rate struct {
	Messages int
	Bytes    int
}

// burst is how long a sender that was quiet may go beyond its rate: what it
// saved up in that time.
const burst = 5 * time.Second

var errRate = errors.New(`a rate is "MESSAGES", "MESSAGES,BYTES" or ",BYTES" a second, such as 200 or 200,1MiB; empty or 0 for none`)

// UnmarshalText reads "200", "200,1MiB" or ",64KiB".
func (r *Rate) UnmarshalText(text []byte) error {
	var out Rate
	messages, bytes, _ := strings.Cut(strings.TrimSpace(string(text)), ",")
	for _, f := range []struct {
		text string
		into *int
	}{{messages, &out.Messages}, {bytes, &out.Bytes}} {
		n, err := parseSize(strings.TrimSpace(f.text))
		if err != nil {
			return errRate
		}
		*f.into = n
	}
	*r = out
	return nil
}

// String writes what UnmarshalText reads.
func (r Rate) String() string {
	switch {
	case r.Bytes == 0 && r.Messages == 0:
		return ""
	case r.Bytes == 0:
		return strconv.Itoa(r.Messages)
	case r.Messages == 0:
		return fmt.Sprintf(",%d", r.Bytes)
	}
	return fmt.Sprintf("%d,%d", r.Messages, r.Bytes)
}

func parseSize(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	unit := 1
	for suffix, n := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = strings.TrimSpace(rest), n
			break
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || int64(n) > min(1<<40, math.MaxInt)/int64(unit) {
		return 0, errRate
	}
	return n * unit, nil
}

// Meter holds a sender to a rate. What it takes is never refused: it says how
// long to wait before more is read, so that the sender feels it as a slow
// connection and loses nothing. One meter may serve many connections; a nil one
// has no limit. It is safe for concurrent use.
type Meter struct {
	rate Rate

	mu       sync.Mutex
	messages time.Duration // the time that what was taken is worth
	bytes    time.Duration
	at       time.Time // when they were true
}

// NewMeter returns a meter for the rate, nil for no limit.
func NewMeter(r Rate) *Meter {
	if r.Messages <= 0 && r.Bytes <= 0 {
		return nil
	}
	return &Meter{rate: r}
}

// Take books what has been read and returns how long to wait before reading on.
func (m *Meter) Take(now time.Time, messages, bytes int) time.Duration {
	if m == nil {
		return 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if passed := now.Sub(m.at); passed > 0 {
		m.messages = max(0, m.messages-passed)
		m.bytes = max(0, m.bytes-passed)
		m.at = now
	}
	m.messages += worth(messages, m.rate.Messages)
	m.bytes += worth(bytes, m.rate.Bytes)
	return max(0, max(m.messages, m.bytes)-burst)
}

// worth is how long n may take at a rate.
func worth(n, rate int) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(n) / float64(rate) * float64(time.Second))
}

// Meters are those that a connection is held to: its own, that of whom it
// belongs to, that of all.
type Meters [3]*Meter

// Take books with all of them and returns the longest wait.
func (m *Meters) Take(now time.Time, messages, bytes int) (wait time.Duration) {
	for _, x := range m {
		if x != nil {
			wait = max(wait, x.Take(now, messages, bytes))
		}
	}
	return wait
}

// None reports whether there is no limit at all.
func (m *Meters) None() bool { return m[0] == nil && m[1] == nil && m[2] == nil }
