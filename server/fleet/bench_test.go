package fleet

import (
	"fmt"
	"testing"
	"time"

	"mwm/server/telemetry"
)

// BenchmarkLocation is one report and its share of a tick, with 10,000 devices
// that all move.
func BenchmarkLocation(b *testing.B) {
	const devices = 10_000
	f, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	ids, payloads := make([]string, devices), make([][2][]byte, devices)
	for i := range ids {
		ids[i] = fmt.Sprintf("truck-%05d", i)
		for j := range payloads[i] {
			payloads[i][j] = telemetry.AppendLocation(nil, telemetry.Location{
				DeviceID: ids[i], Lat: 42.5 + float64(j)*0.0002, Lng: 1.5, TS: start, Speed: telemetry.Some(12.5), Heading: telemetry.Some(90),
			})
		}
	}
	var batch Batch
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		i := n % devices
		f.Location(ids[i], payloads[i][n/devices%2], start, false)
		if n++; n%5000 == 0 {
			f.Tick(&batch)
		}
	}
}

// BenchmarkSince is what a browser costs that comes to 50,000 devices.
func BenchmarkSince(b *testing.B) {
	f, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 50_000 {
		id := fmt.Sprintf("truck-%05d", i)
		f.Location(id, telemetry.AppendLocation(nil, telemetry.Location{DeviceID: id, Lat: 42, Lng: 1}), time.Now(), false)
	}
	var batch Batch
	for b.Loop() {
		f.Since(0, &batch)
	}
}
