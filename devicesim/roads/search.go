package roads

import "math"

// region is where a driver keeps to.
type region struct{ x, y, radius float64 }

func (r *region) contains(n *node) bool {
	return math.Hypot(float64(n.x)-r.x, float64(n.y)-r.y) <= r.radius
}

// search is the working memory of one A* run. Entries are valid when their stamp is
// the run's, so nothing needs clearing.
type search struct {
	run   uint32
	stamp []uint32
	cost  []float32
	via   []int32 // the edge that leads here
	heap  []entry
}

type entry struct {
	estimate float32
	node     Node
}

func newSearch(nodes int) *search {
	return &search{stamp: make([]uint32, nodes), cost: make([]float32, nodes), via: make([]int32, nodes)}
}

// search finds the cheapest edges from one node to another by A*. The straight line at
// MaxSpeed, a little less for rounding, is never more than the cost. Edges that leave
// the region are costly, not forbidden.
func (g *Graph) search(from, to Node, within *region) ([]int32, bool) {
	const leaving = 8
	s := g.searches.Get().(*search)
	defer g.searches.Put(s)
	s.begin()
	goal := &g.nodes[to]
	ahead := func(n *node) float32 {
		dx, dy := n.x-goal.x, n.y-goal.y
		return float32(math.Sqrt(float64(dx*dx+dy*dy))) * (0.99 / MaxSpeed)
	}
	s.reach(from, 0, -1, ahead(&g.nodes[from]))
	for len(s.heap) > 0 {
		at := s.pop()
		n := &g.nodes[at.node]
		if at.node == to {
			return s.path(g, from, to), true
		}
		cost := s.cost[at.node]
		if at.estimate > cost+ahead(n)+1e-3 {
			continue // reached more cheaply since
		}
		for i := n.edges[0]; i < n.edges[1]; i++ {
			e := &g.edges[i]
			m := &g.nodes[e.to]
			c := e.cost
			if within != nil && !within.contains(m) {
				c *= leaving
			}
			s.reach(e.to, cost+c, i, ahead(m))
		}
	}
	return nil, false
}

func (s *search) begin() {
	s.heap = s.heap[:0]
	if s.run++; s.run == 0 { // stamps of 2³² runs ago would look new
		clear(s.stamp)
		s.run = 1
	}
}

// reach notes a way to a node if it is the cheapest so far.
func (s *search) reach(n Node, cost float32, via int32, ahead float32) {
	if s.stamp[n] == s.run && s.cost[n] <= cost {
		return
	}
	s.stamp[n], s.cost[n], s.via[n] = s.run, cost, via
	s.push(entry{cost + ahead, n})
}

func (s *search) path(g *Graph, from, to Node) []int32 {
	n := 0
	for at := to; at != from; at = g.edges[s.via[at]].from {
		n++
	}
	out := make([]int32, n)
	for at := to; at != from; at = g.edges[s.via[at]].from {
		n--
		out[n] = s.via[at]
	}
	return out
}

// push and pop keep a binary heap; container/heap would box every entry.
func (s *search) push(e entry) {
	s.heap = append(s.heap, e)
	i := len(s.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if s.heap[parent].estimate <= e.estimate {
			break
		}
		s.heap[i] = s.heap[parent]
		i = parent
	}
	s.heap[i] = e
}

func (s *search) pop() entry {
	top := s.heap[0]
	last := s.heap[len(s.heap)-1]
	s.heap = s.heap[:len(s.heap)-1]
	n := len(s.heap)
	if n == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		if child+1 < n && s.heap[child+1].estimate < s.heap[child].estimate {
			child++
		}
		if s.heap[child].estimate >= last.estimate {
			break
		}
		s.heap[i] = s.heap[child]
		i = child
	}
	s.heap[i] = last
	return top
}
