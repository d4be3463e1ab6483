package live

import (
	"fmt"
	"testing"
	"time"

	"mwm/server/fleet"
	"mwm/server/telemetry"
)

// BenchmarkTick is a tick's work, whoever looks: gathering and encoding 5,000
// moves, as ten times a second at 50,000 reports a second.
func BenchmarkTick(b *testing.B) {
	const devices, moves = 50_000, 5_000
	f, err := fleet.New(fleet.Options{})
	if err != nil {
		b.Fatal(err)
	}
	h, err := New(Options{Fleet: f})
	if err != nil {
		b.Fatal(err)
	}
	h.browsers[&browser{wake: make(chan struct{}, 1)}] = struct{}{}
	ids, payloads := make([]string, devices), make([][]byte, devices)
	for i := range ids {
		ids[i] = fmt.Sprint("truck", i)
		payloads[i] = telemetry.AppendLocation(nil, telemetry.Location{DeviceID: ids[i], Lat: 42, Lng: 1, Speed: telemetry.Some(9), Heading: telemetry.Some(9)})
		f.Location(ids[i], payloads[i], time.Now(), false)
	}
	var batch fleet.Batch
	h.tick(&batch, nil)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		b.StopTimer()
		for range moves {
			f.Location(ids[n%devices], payloads[n%devices], time.Now(), false)
			n++
		}
		b.StartTimer()
		h.tick(&batch, nil)
	}
}
