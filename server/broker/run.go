package broker

import (
	"sync"
	"unsafe"

	"mwm/server/netx"
)

// maxRun is how many messages a batch holds at most.
const maxRun = 1024

// runSizes are the capacities of the slices that a batch is gathered in. Most
// reads bring a message or two; and when thousands of publishers wait at a time,
// each holds its slice.
var runSizes = [...]int{4, 64, maxRun}

// runPools keep slices that no publisher is busy with: an idle connection holds
// none.
var runPools [len(runSizes)]sync.Pool

// run is a slice for a batch.
type run struct {
	msgs  []Message
	class int // its capacity is runSizes[class]
}

// takeRun returns an empty run.
func takeRun(class int) *run {
	netx.Book(runSizes[class] * messageSize)
	if r, ok := runPools[class].Get().(*run); ok {
		return r
	}
	return &run{make([]Message, 0, runSizes[class]), class}
}

// give puts a run back that was emptied and cleared.
func (r *run) give() {
	netx.Unbook(runSizes[r.class] * messageSize)
	runPools[r.class].Put(r)
}

// messageSize is what a message takes in a run, in bytes.
const messageSize = int(unsafe.Sizeof(Message{}))

// begin makes room in the batch for the first message after a flush: as much as
// was needed the last time.
func (p *Publisher) begin() {
	p.run = takeRun(p.class)
	p.batch.Messages = p.run.msgs
}

// enlarge moves the batch to a larger slice. False: it is as large as it may be.
func (p *Publisher) enlarge() bool {
	old := p.run
	if old.class+1 == len(runSizes) || old.class > 0 && netx.Pressed() {
		return false
	}
	p.run = takeRun(old.class + 1)
	p.class = p.run.class
	msgs := p.batch.Messages
	p.batch.Messages = append(p.run.msgs, msgs...)
	clear(msgs)
	old.give()
	return true
}

// end gives the batch's slice back, and notes how large the next one has to be.
func (p *Publisher) end() {
	if p.class > 0 && p.most <= runSizes[p.class-1] {
		p.class--
	}
	p.most = 0
	p.batch.Messages = nil
	p.run.give()
	p.run = nil
}
