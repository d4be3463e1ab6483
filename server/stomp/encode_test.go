package stomp

import (
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"mwm/server/broker"
	"mwm/server/stomp/frame"
)

// What a message takes up is never more than Size says, whoever sent it: chunks are
// filled to the brim.
func TestSizeIsABound(t *testing.T) {
	hostile := strings.Repeat("\\\n:\r", 10)
	for _, m := range []broker.Message{
		{},
		{Name: "a", Persistent: true, Retain: true},
		{Name: hostile, Persistent: true, Retain: true, Timestamp: math.MaxInt64, Expires: math.MaxInt64},
		{Name: "a", Persistent: true, Retain: true, Properties: &broker.Properties{ContentType: hostile, ResponseTopic: hostile,
			CorrelationData: []byte(hostile), User: []broker.Property{{Name: hostile, Value: hostile}, {Name: "x"}}}},
		{Name: "a", Head: []byte("destination:/topic/a\nx:" + strings.Repeat(`\\\c\n\r`, 10) + "\n"), Timestamp: math.MaxInt64, Expires: math.MaxInt64},
	} {
		m.Body = []byte("body")
		for _, d := range frame.Dialects {
			e := newEncoder(d, hostile, broker.QueueKind, new(atomic.Uint64))
			if p, size := e.Append(nil, &m), e.Size(&m); len(p) > size {
				t.Errorf("STOMP %s: %d bytes, Size says %d: %q", d.Version, len(p), size, p)
			}
		}
	}
}
