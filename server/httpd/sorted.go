package httpd

import (
	"math"
	"slices"
	"strings"

	"mwm/server/broker"
)

// columns are what a list can be sorted by; a nil function stands for the order
// that it has anyhow.
type columns[T any] map[string]func(a, b *T) int

// sorting is how a list is asked for that is read by position and not page by
// page: sorted, and from an offset on. nil: it is read page by page.
type sorting[T any] struct {
	compare       func(a, b *T) int
	down          bool
	offset, limit int
}

// orderOf reads the parameters sort, a column with "-" before it for the greatest
// first, and offset.
func orderOf[T any](q *query, by columns[T]) *sorting[T] {
	column, down := strings.CutPrefix(q.text("sort"), "-")
	offset := q.number("offset", 0, 0, 1<<30)
	if column == "" {
		if offset > 0 || down {
			q.fail("sort", "a column, if there is an offset")
		}
		return nil
	}
	compare, known := by[column]
	if !known {
		q.fail("sort", "a column of the list, with - before it for the greatest first")
	}
	return &sorting[T]{compare, down, offset, q.limit()}
}

// all returns the page that has to be picked: to be sorted, a list must be whole.
func (o *sorting[T]) all(p broker.Page) broker.Page {
	if o != nil {
		p.After, p.Limit = "", math.MaxInt
	}
	return p
}

// part sorts a list and returns a copy of the part that was asked for, so that the
// whole one is not kept. Equal entries stay in the order that the list had.
func (o *sorting[T]) part(list []T) []T {
	if o == nil {
		return list
	}
	switch {
	case o.compare != nil && o.down:
		slices.SortStableFunc(list, func(a, b T) int { return o.compare(&b, &a) })
	case o.compare != nil:
		slices.SortStableFunc(list, func(a, b T) int { return o.compare(&a, &b) })
	case o.down:
		slices.Reverse(list)
	}
	from := min(o.offset, len(list))
	return slices.Clone(list[from:min(from+o.limit, len(list))])
}

// counted adds to an answer how many entries the whole list has, if that is known.
func (o *sorting[T]) counted(answer map[string]any, matching int) map[string]any {
	if o != nil {
		answer["matching"] = matching
	}
	return answer
}

// order compares what is or is not so.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
