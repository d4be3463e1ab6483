package broker

import (
	"testing"
	"time"
)

func TestID(t *testing.T) {
	var id ID
	id.init(1_000_042, time.UnixMilli(1_234_999_999_999_998))
	for _, want := range []string{"000042-999999999998", "000042-999999999999", "000042-000000000000"} {
		if got := id.String(); got != want || id[IDLen-1] != '\n' {
			t.Errorf("ID = %q, want %q and LF", id[:], want)
		}
		id.next()
	}
}
