package history

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// What is deleted is gone at once and for good, also what only the log holds and
// what is written meanwhile, and what comes afterwards is kept.
func TestDelete(t *testing.T) {
	store := newDisk()
	o := Options{Store: store, All: true}
	r := newRecorder(t, o)
	points := drive(begin, 3*chunkPoints, rand.New(rand.NewPCG(1, 1)))
	ctx, stop := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	ended.Go(func() { // as Run, but faster
		for ctx.Err() == nil {
			if err := errors.Join(r.flush(false), r.dropGone(ctx)); err != nil && !errors.Is(err, errBroken) {
				t.Error(err)
			}
			runtime.Gosched()
		}
	})
	remove := func(id string) {
		t.Helper()
		if err := r.Delete(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if got := track(t, r, id, begin, begin+hourMs); len(got) > 0 {
			t.Errorf("%d points of %s are left", len(got), id)
		}
	}
	for i, p := range points {
		r.Add("BBB", p)
		r.Add("AAA", p)
		if i == 300 || i == 310 { // with a chunk in the store, and with none
			remove("BBB")
		}
	}
	remove("nobody")
	store.broken.Store(true)
	for err := error(nil); err == nil; err = r.Delete(t.Context(), "AAA") { // until it has seen that the store is broken
		r.Add("AAA", points[0])
	}
	store.broken.Store(false)
	remove("AAA")
	want := points[311:]
	if got := track(t, r, "BBB", begin, begin+hourMs); !slices.Equal(got, want) {
		t.Errorf("%d points, want %d", len(got), len(want))
	}
	stop()
	ended.Wait()
	again := newRecorder(t, o) // after a crash
	for id, want := range map[string][]Point{"AAA": nil, "BBB": want} {
		if got := track(t, again, id, begin, begin+hourMs); !slices.Equal(got, want) {
			t.Errorf("after a crash: %d points of %s, want %d", len(got), id, len(want))
		}
	}
	again.Add("CCC", points[0])
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if got := track(t, newRecorder(t, o), "CCC", begin, begin+hourMs); !slices.Equal(got, points[:1]) {
		t.Errorf("a device that came later has %d points", len(got))
	}
	if got, _ := store.TrackChunks(t.Context(), 1, hourOf(begin)); len(got) > 0 {
		t.Errorf("%d chunks are left", len(got))
	}
}

// What the log holds of a deleted device is nobody's, also after two crashes: its
// number is not given to the next one.
func TestDeletedPointsAreNobodys(t *testing.T) {
	o := Options{Store: newDisk(), All: true}
	r := newRecorder(t, o)
	points := drive(begin, 20, rand.New(rand.NewPCG(1, 1)))
	for _, p := range points {
		r.Add("AAA", p) // whose chunk stays open, and keeps the log
		r.Add("BBB", p)
	}
	flush := func() {
		t.Helper()
		if err := r.flush(false); err != nil {
			t.Fatal(err)
		}
	}
	flush()
	done := make(chan error)
	go func() { done <- r.Delete(t.Context(), "BBB") }()
	<-r.wake
	flush()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r = newRecorder(t, o)
	r.Add("CCC", points[0])
	flush()
	r = newRecorder(t, o)
	for id, want := range map[string][]Point{"AAA": points, "BBB": nil, "CCC": points[:1]} {
		if got := track(t, r, id, begin, begin+hourMs); !slices.Equal(got, want) {
			t.Errorf("%d points of %s, want %d", len(got), id, len(want))
		}
	}
}
