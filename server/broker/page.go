package broker

import (
	"container/heap"
	"slices"
	"strings"

	"mwm/server/topic"
)

// Page is a part of a list in the order of names.
type Page struct {
	After string // only names behind it; "" for all
	Limit int
	Match string // only names that contain it, in any case, or that it matches as a filter with wildcards; "" for all
}

// Matcher returns what tells whether a name is on a page's list.
func Matcher(match string) func(name string) bool {
	if match == "" {
		return func(string) bool { return true }
	}
	if topic.IsWild(match) && topic.CheckFilter(match) == nil {
		return func(name string) bool { return topic.Match(match, name) }
	}
	match = strings.ToLower(match)
	return func(name string) bool { return strings.Contains(strings.ToLower(name), match) }
}

// Picker picks the names of a page from many, in any order: it holds no more
// than the page.
type Picker struct {
	page  Page
	match func(name string) bool
	names nameHeap // the greatest first
	have  map[string]struct{}
	more  bool
}

// NewPicker returns a picker that has been offered nothing.
func NewPicker(p Page) *Picker {
	return &Picker{page: p, match: Matcher(p.Match), have: map[string]struct{}{}}
}

// Add offers a name; the same may come again.
func (p *Picker) Add(name string) {
	if name <= p.page.After && p.page.After != "" {
		return
	}
	full := len(p.names) >= p.page.Limit
	if full && (len(p.names) == 0 || name > p.names[0]) && p.more {
		return // most names of a long list end here
	}
	if _, again := p.have[name]; again || !p.match(name) {
		return
	}
	if !full {
		p.have[name] = struct{}{}
		heap.Push(&p.names, name)
		return
	}
	p.more = true
	if len(p.names) > 0 && name < p.names[0] {
		delete(p.have, p.names[0])
		p.have[name] = struct{}{}
		p.names[0] = name
		heap.Fix(&p.names, 0)
	}
}

// Picked returns the names in their order, and whether there are more.
func (p *Picker) Picked() (names []string, more bool) {
	slices.Sort(p.names)
	return p.names, p.more
}

type nameHeap []string

func (h nameHeap) Len() int           { return len(h) }
func (h nameHeap) Less(i, j int) bool { return h[i] > h[j] }
func (h nameHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *nameHeap) Push(x any)        { *h = append(*h, x.(string)) }
func (h *nameHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
