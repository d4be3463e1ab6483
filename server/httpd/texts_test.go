package httpd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mwm/server/broker"
	"mwm/server/netx"
	"mwm/server/telemetry"
)

// Every reason has a code, and the document names all codes.
func TestRefusalCodes(t *testing.T) {
	var codes []string
	for _, reason := range []struct {
		err  error
		code string
	}{
		{telemetry.CheckID("a.b"), "bad-id"},
		{fmt.Errorf("%w: it holds 3 messages", broker.ErrQueueFull), "queue-full"},
		{fmt.Errorf("%w: 3 exist", broker.ErrQueues), "too-many-queues"},
		{fmt.Errorf("%w: %w", broker.ErrQueueFull, netx.ErrMemory), "short-of-memory"},
		{fmt.Errorf("%w: no space", broker.ErrDisk), "disk"},
		{errors.New("the moon is full"), "other"},
	} {
		if got := refusalCode(reason.err); got != reason.code {
			t.Errorf("%v: %s, want %s", reason.err, got, reason.code)
		}
		codes = append(codes, reason.code)
	}
	_, after, _ := strings.Cut(string(openAPI), `"code": {"type": "string", "enum": ["`)
	enum, _, _ := strings.Cut(after, `"]`)
	if documented := strings.Split(enum, `", "`); !slices.Equal(documented, codes) {
		t.Errorf("documented are %q, not %q", documented, codes)
	}
}
