package broker

import "strings"

// pastQueues remember the counts of queues that have become empty and are gone:
// whoever looks at the console wants to see what has happened to them.
type pastQueues struct {
	counts map[string]QueueCounts
	order  []string       // in which they went
	again  map[string]int // how often a name stands in order
}

// maxPast is how many queues are remembered.
const maxPast = 10_000

// put remembers a queue.
func (p *pastQueues) put(name string, c QueueCounts) {
	if c == (QueueCounts{}) || len(name) > longName || strings.HasPrefix(name, "$") { // a temporary one will not come again
		return
	}
	if p.counts == nil {
		p.counts, p.again = map[string]QueueCounts{}, map[string]int{}
	}
	p.counts[name] = c
	p.again[name]++
	p.order = append(p.order, name)
	for len(p.counts) > maxPast || len(p.order) > 2*maxPast {
		first := p.order[0]
		p.order = p.order[1:]
		if p.again[first]--; p.again[first] == 0 { // it did not go again later
			delete(p.again, first)
			delete(p.counts, first)
		}
	}
}

// take forgets a queue and returns its counts.
func (p *pastQueues) take(name string) QueueCounts {
	c := p.counts[name]
	delete(p.counts, name)
	return c
}
