package topic

import "strings"

// Tree holds values under filters and finds those whose filter matches a name.
// The zero value is empty and ready. It is not safe for concurrent use.
type Tree[V comparable] struct{ root node[V] }

type node[V comparable] struct {
	values []V
	next   map[string]*node[V]
}

// Add puts v under the filter, which must be valid.
func (t *Tree[V]) Add(filter string, v V) {
	n := &t.root
	for level := range strings.SplitSeq(filter, ".") {
		child := n.next[level]
		if child == nil {
			child = &node[V]{}
			if n.next == nil {
				n.next = map[string]*node[V]{}
			}
			n.next[level] = child
		}
		n = child
	}
	n.values = append(n.values, v)
}

// Remove takes one v under the filter away and reports whether there was one.
func (t *Tree[V]) Remove(filter string, v V) bool {
	removed, _ := t.root.remove(filter, true, v)
	return removed
}

// remove also reports whether the node has become empty.
func (n *node[V]) remove(filter string, more bool, v V) (removed, empty bool) {
	if !more {
		for i, x := range n.values {
			if x == v {
				last := len(n.values) - 1
				copy(n.values[i:], n.values[i+1:])
				clear(n.values[last:])
				n.values = n.values[:last]
				removed = true
				break
			}
		}
		return removed, len(n.values) == 0 && len(n.next) == 0
	}
	level, rest, more := strings.Cut(filter, ".")
	child := n.next[level]
	if child == nil {
		return false, false
	}
	removed, empty = child.remove(rest, more, v)
	if empty {
		delete(n.next, level)
	}
	return removed, len(n.values) == 0 && len(n.next) == 0
}

// Match calls yield for every value whose filter matches the name.
func (t *Tree[V]) Match(name string, yield func(V)) {
	t.root.match(name, true, len(name) > 0 && name[0] == '$', yield)
}

func (n *node[V]) match(name string, more, noWild bool, yield func(V)) {
	if len(n.next) == 0 && more {
		return
	}
	if !noWild {
		// ">" matches the parent level too, so it is looked up at the end also.
		if rest := n.next[">"]; rest != nil {
			rest.each(yield)
		}
	}
	if !more {
		n.each(yield)
		return
	}
	level, rest, more := strings.Cut(name, ".")
	if !noWild {
		if one := n.next["*"]; one != nil {
			one.match(rest, more, false, yield)
		}
	}
	if child := n.next[level]; child != nil {
		child.match(rest, more, false, yield)
	}
}

func (n *node[V]) each(yield func(V)) {
	for _, v := range n.values {
		yield(v)
	}
}

// Names holds one value under each name and finds those that a filter matches:
// the opposite direction of [Tree]. The zero value is empty and ready. It is
// not safe for concurrent use.
type Names[V any] struct {
	root  leaf[V]
	count int
}

type leaf[V any] struct {
	value V
	set   bool
	next  map[string]*leaf[V]
}

// Len is the number of names.
func (t *Names[V]) Len() int { return t.count }

// Get returns the value under a name.
func (t *Names[V]) Get(name string) (v V, ok bool) {
	n := &t.root
	for level := range strings.SplitSeq(name, ".") {
		if n = n.next[level]; n == nil {
			return v, false
		}
	}
	return n.value, n.set
}

// Set puts v under the name, in place of what was there.
func (t *Names[V]) Set(name string, v V) {
	n := &t.root
	for level := range strings.SplitSeq(name, ".") {
		child := n.next[level]
		if child == nil {
			child = &leaf[V]{}
			if n.next == nil {
				n.next = map[string]*leaf[V]{}
			}
			n.next[level] = child
		}
		n = child
	}
	if !n.set {
		t.count++
	}
	n.value, n.set = v, true
}

// Delete takes the name away and reports whether it was there.
func (t *Names[V]) Delete(name string) bool {
	deleted, _ := t.root.delete(name, true)
	if deleted {
		t.count--
	}
	return deleted
}

func (n *leaf[V]) delete(name string, more bool) (deleted, empty bool) {
	if !more {
		deleted = n.set
		var zero V
		n.value, n.set = zero, false
		return deleted, len(n.next) == 0
	}
	level, rest, more := strings.Cut(name, ".")
	child := n.next[level]
	if child == nil {
		return false, false
	}
	deleted, empty = child.delete(rest, more)
	if empty {
		delete(n.next, level)
	}
	return deleted, !n.set && len(n.next) == 0
}

// All calls yield for the value of every name.
func (t *Names[V]) All(yield func(V)) { t.root.all(false, yield) }

// Match calls yield for the value of every name that the filter matches.
func (t *Names[V]) Match(filter string, yield func(V)) {
	t.root.match(filter, true, true, yield)
}

func (n *leaf[V]) match(filter string, more, first bool, yield func(V)) {
	if !more {
		if n.set {
			yield(n.value)
		}
		return
	}
	level, rest, more := strings.Cut(filter, ".")
	switch level {
	case ">":
		n.all(first, yield)
	case "*":
		for name, child := range n.next {
			if !first || !strings.HasPrefix(name, "$") {
				child.match(rest, more, false, yield)
			}
		}
		return
	default:
		child := n.next[level]
		if child == nil {
			return
		}
		child.match(rest, more, false, yield)
	}
}

// all yields everything at and below n.
func (n *leaf[V]) all(first bool, yield func(V)) {
	if n.set {
		yield(n.value)
	}
	for name, child := range n.next {
		if !first || !strings.HasPrefix(name, "$") {
			child.all(false, yield)
		}
	}
}
