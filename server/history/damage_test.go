package history

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is damaged is not taken for a track: it ends where the damage is, and says so.
func TestDamagedChunk(t *testing.T) {
	store := newDisk()
	r := newRecorder(t, Options{Store: store, All: true})
	for k := range int64(3) {
		r.Add("BBB", At(begin+k*hourMs, 1, float64(k)))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	second := store.Memory.devices[1][hourOf(begin)+1][0]
	whole := second.Data
	for what, data := range map[string][]byte{
		"nothing": {}, "another version": slices.Concat([]byte{chunkVersion + 1}, whole[1:]), "cut off": whole[:len(whole)-1],
		"a point of another hour": encode(hourOf(begin)+1, []Point{At(begin+2*hourMs, 1, 1)}), "half a point more": append(slices.Clone(whole), 0x80),
	} {
		second.Data = data
		var points []Point
		err := r.Track(t.Context(), "BBB", time.UnixMilli(begin), time.UnixMilli(begin+3*hourMs), func(p []Point) error {
			points = append(points, p...)
			return nil
		})
		if !errors.Is(err, errChunk) || !strings.Contains(err.Error(), `"BBB", hour 2024-10-04T01Z`) || len(points) != 1 {
			t.Errorf("%s: %v, after %d points", what, err, len(points))
		}
	}
}

// A log that cannot be read is no reason to begin without what it holds.
func TestDamagedLog(t *testing.T) {
	store := newDisk()
	r := newRecorder(t, Options{Store: store, All: true})
	r.Add("BBB", At(begin, 1, 1))
	if err := r.flush(false); err != nil || len(store.log) != 1 {
		t.Fatal(err, len(store.log))
	}
	whole := store.log[0].Data
	for what, data := range map[string][]byte{"nothing": nil, "another version": slices.Concat([]byte{logVersion + 1}, whole[1:]), "cut off": whole[:len(whole)-1]} {
		store.log[0].Data = data
		if _, err := New(context.Background(), Options{Store: store}); !errors.Is(err, errLog) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
