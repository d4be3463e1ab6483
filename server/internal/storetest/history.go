// Package storetest holds the tests that every store must pass.
package storetest

import (
	"reflect"
	"testing"

	"mwm/server/history"
)

// History tests a store of tracks; open returns an empty one.
func History(t *testing.T, open func(t *testing.T) history.Store) {
	for _, c := range []struct {
		name, explanation string
		test              func(*testing.T, history.Store)
	}{
		{"chunks", "the chunks of an hour come back in the order in which they were saved, those of others do not", testChunks},
		{"hours", "chunks of one hour are summed up, and of more hours than asked for the last are given", testHours},
		{"drop", "the oldest go first: by age, by size, and never more than the limit", testDrop},
		{"drop what is dated ahead", "chunks from a clock that was ahead go when those behind them are too old", testDropAhead},
		{"drop a device", "its oldest chunks go first, never more than the limit, and those of others stay", testDropDevice},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, open(t))
			if t.Failed() {
				t.Log("expected: ", c.explanation)
			}
		})
	}
}

func chunk(device, hour int64, data string) history.Chunk {
	return history.Chunk{
		Device: device, Hour: hour, First: hour*3_600_000 + int64(len(data)), Last: hour*3_600_000 + 1000*int64(len(data)),
		Points: len(data), Written: hour, Data: []byte(data),
	}
}

func save(t *testing.T, s history.Store, chunks ...history.Chunk) {
	t.Helper()
	if err := s.SaveHistory(&history.Changes{Chunks: chunks}); err != nil {
		t.Fatal(err)
	}
}

func data(t *testing.T, s history.Store, device, hour int64) (all []string) {
	t.Helper()
	blobs, err := s.TrackChunks(t.Context(), device, hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		all = append(all, string(b))
	}
	return all
}

func testChunks(t *testing.T, s history.Store) {
	save(t, s, chunk(1, 5, "b"), chunk(2, 5, "other device"), chunk(1, -6, "before 1970"))
	save(t, s, chunk(1, 5, "a"), chunk(1, 6, "other hour"), chunk(1, 5, "c"))
	if got, want := data(t, s, 1, 5), []string{"b", "a", "c"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := data(t, s, 1, -6), []string{"before 1970"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := data(t, s, 3, 5); got != nil {
		t.Errorf("of a device without a history: %q", got)
	}
}

func testHours(t *testing.T, s history.Store) {
	save(t, s, chunk(1, 7, "xx"), chunk(1, 5, "x"), chunk(2, 5, "x"), chunk(1, 7, "xxxxx"), chunk(1, 9, "x"))
	for _, c := range []struct {
		from, to int64
		limit    int
		want     []int64
	}{
		{5, 9, 10, []int64{5, 7, 9}}, {6, 8, 10, []int64{7}}, {5, 9, 2, []int64{7, 9}}, {10, 20, 10, nil}, {-1 << 40, 1 << 40, 10, []int64{5, 7, 9}},
	} {
		hours, err := s.TrackHours(t.Context(), 1, c.from, c.to, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, h := range hours {
			got = append(got, h.Hour)
			want := history.Hour{Hour: 7, First: 7*3_600_000 + 2, Last: 7*3_600_000 + 5000, Points: 7}
			if h.Hour == 7 && h != want {
				t.Errorf("got %+v, want %+v", h, want)
			}
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("from %d to %d, at most %d: %d, want %d", c.from, c.to, c.limit, got, c.want)
		}
	}
}

func testDrop(t *testing.T, s history.Store) {
	one := chunk(1, 1, "x").Size()
	for h := range int64(10) {
		save(t, s, chunk(1, h, "x"))
	}
	for _, c := range []struct {
		what          string
		before, bytes int64
		limit         int
		want, oldest  int64
	}{
		{"nothing", 0, 0, 10, 0, 0},
		{"by age", 2, 0, 10, 2, 2},
		{"by size", 0, 2*one - 1, 10, 2, 4},
		{"by age and size", 5, 3 * one, 10, 3, 7},
		{"no more than the limit", 100, 0, 1, 1, 8},
		{"everything", 100, 0, 10, 2, 10},
		{"nothing left", 100, 1 << 40, 10, 0, 10},
	} {
		u, err := s.DropChunks(history.DropRule{Before: c.before, Now: 1000, Bytes: c.bytes, Limit: c.limit})
		if want := (history.Usage{Chunks: c.want, Points: c.want, Bytes: c.want * one}); err != nil || u != want {
			t.Errorf("%s: %+v, %v, want %+v", c.what, u, err, want)
		}
		for h := range int64(10) {
			if there := data(t, s, 1, h) != nil; there != (h >= c.oldest) {
				t.Errorf("%s: hour %d is there: %t", c.what, h, there)
			}
		}
	}
}

// The clock was ahead when the first 50 chunks were written, then right.
func testDropAhead(t *testing.T, s history.Store) {
	for h := range int64(50) {
		c := chunk(1, h, "x")
		c.Written = 1_000_000 + h
		save(t, s, c)
	}
	for h := int64(50); h < 100; h++ {
		save(t, s, chunk(1, h, "x"))
	}
	drop := func(what string, want int64, rule history.DropRule) {
		t.Helper()
		u, err := s.DropChunks(rule)
		if err != nil || u.Chunks != want {
			t.Errorf("%s: %d chunks, %v, want %d", what, u.Chunks, err, want)
		}
	}
	drop("nobody knows how old they are", 0, history.DropRule{Before: 50, Now: 1000, Limit: 10})
	drop("those behind them are not too old", 0, history.DropRule{Before: 50, Now: 1000, Limit: 200})
	drop("they are too much", 1, history.DropRule{Before: 50, Now: 1000, Bytes: 1, Limit: 10})
	drop("one far behind them is too old", 10, history.DropRule{Before: 100, Now: 1000, Limit: 10})
	drop("again", 10, history.DropRule{Before: 100, Now: 1000, Limit: 10})
	drop("the next behind them is too old", 30, history.DropRule{Before: 51, Now: 1000, Limit: 200})
	drop("what is left", 49, history.DropRule{Before: 100, Now: 1000, Limit: 200})
}

func testDropDevice(t *testing.T, s history.Store) {
	size := chunk(1, 1, "x").Size()
	for h := range int64(5) {
		save(t, s, chunk(1, h, "x"), chunk(2, h, "y"))
	}
	for _, want := range []int64{3, 2, 0} {
		u, err := s.DropDevice(1, 3)
		if want := (history.Usage{Chunks: want, Points: want, Bytes: want * size}); err != nil || u != want {
			t.Errorf("%+v, %v, want %+v", u, err, want)
		}
	}
	for h := range int64(5) {
		if mine, others := data(t, s, 1, h), data(t, s, 2, h); mine != nil || len(others) != 1 {
			t.Errorf("hour %d: %q of the device, %q of another", h, mine, others)
		}
	}
	u, err := s.DropChunks(history.DropRule{Before: 100, Now: 1000, Limit: 10})
	if want := (history.Usage{Chunks: 5, Points: 5, Bytes: 5 * size}); err != nil || u != want {
		t.Errorf("of the other: %+v, %v, want %+v", u, err, want)
	}
}
