package server

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Of one message so many lines are logged at once, and then one each interval:
// peers decide how often most things happen, and a log that they can fill is of no
// use to who reads it.
const (
	sparingBurst    = 50
	sparingInterval = time.Second
)

// sparing is a handler that leaves out lines of which there are too many. The last
// line before that, and the first one after, say so. What is logged for debugging
// it leaves alone. Messages are constants of the program, so that few are counted.
type sparing struct {
	slog.Handler
	counts *lineCounts
}

// lineCounts is what the handlers that came out of one share.
type lineCounts struct {
	mu     sync.Mutex
	byText map[string]*lineCount
}

// lineCount is what of one message may still be logged, and what was not.
type lineCount struct {
	tokens  float64
	since   time.Time
	leftOut int
}

func newSparing(h slog.Handler) slog.Handler {
	return sparing{h, &lineCounts{byText: map[string]*lineCount{}}}
}

func (h sparing) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		pass, last, leftOut := h.counts.take(r.Message, time.Now())
		switch {
		case !pass:
			return nil
		case last:
			r.AddAttrs(slog.String("further", "left out while there are so many"))
		}
		if leftOut > 0 {
			r.AddAttrs(slog.Int("leftOut", leftOut))
		}
	}
	return h.Handler.Handle(ctx, r)
}

// take asks for one line: whether there may be one, whether it is the last one for
// a while, and how many before it were left out.
func (c *lineCounts) take(text string, now time.Time) (pass, last bool, leftOut int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.byText[text]
	if n == nil {
		n = &lineCount{tokens: sparingBurst, since: now}
		c.byText[text] = n
	}
	n.tokens = min(n.tokens+float64(now.Sub(n.since))/float64(sparingInterval), sparingBurst)
	n.since = now
	if n.tokens < 1 {
		n.leftOut++
		return false, false, 0
	}
	n.tokens--
	leftOut, n.leftOut = n.leftOut, 0
	return true, n.tokens < 1, leftOut
}

func (h sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sparing{h.Handler.WithAttrs(attrs), h.counts}
}

func (h sparing) WithGroup(name string) slog.Handler {
	return sparing{h.Handler.WithGroup(name), h.counts}
}
